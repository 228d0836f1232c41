"""R5: no migration procedure of a child begins before the Procuraduría was notified."""

from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from services.intake.procedures.rules import check_start
from shared import clock, ids
from shared.errors import RefusedByLaw
from shared.testing import key
from tests.unit.intake.world import ENCOUNTERS, Row, World, again, ago, assert_problem, encounter

pytestmark = pytest.mark.asyncio(loop_scope="module")
NOTICE = datetime.fromisoformat("2026-03-02T15:00:00+00:00")
SOURCE = "Ley de Migración, art. 11, 95, 98 and 112, fr. II"


async def begin(world: World, encounter_id: str, kind: str = "INM", state: str = "MX-CHP", **body: Any) -> Any:
    said = {"reference": "INM/CHP/PAM/1", "officer": "opi-0417"} | body
    async with world.calling(kind, state) as caller:
        answer: httpx.Response = await caller.post(f"{ENCOUNTERS}/{encounter_id}/procedures", json=said, headers=key())
    return answer


@pytest.mark.parametrize(
    ("started", "notice", "lawful"),
    [(NOTICE, NOTICE, True), (NOTICE + timedelta(days=1), NOTICE, True), (NOTICE, None, False),
     (NOTICE - timedelta(seconds=1), NOTICE, False)],
)  # fmt: skip
async def test_a_procedure_begins_with_the_notice_at_the_earliest(
    started: datetime, notice: datetime | None, lawful: bool
) -> None:
    if lawful:
        return check_start(started, notice)
    with pytest.raises(RefusedByLaw) as said:
        check_start(started, notice)
    assert said.value.law is not None
    assert (said.value.law.rule, said.value.law.source) == ("R5", SOURCE)


async def test_no_procedure_begins_before_the_procuraduria_was_notified(standing_world: World) -> None:
    met = await standing_world.met(encounter(occurred_at=ago(hours=5)))
    problem = assert_problem(await begin(standing_world, met["id"]), 409, "refused_by_law")
    assert (problem["rule"], problem["source"], problem["allowed_actions"]) == ("R5", SOURCE, ["pp_notice"])
    await standing_world.duty_met("D2", met["child_id"])  # another duty
    assert_problem(await begin(standing_world, met["id"]), 409, "refused_by_law")
    await standing_world.duty_met("D1", met["child_id"], clock.now() - timedelta(hours=3))
    early = assert_problem(await begin(standing_world, met["id"], started_at=ago(hours=4)), 409, "refused_by_law")
    assert early["rule"] == "R5"
    assert (await standing_world.get(f"{ENCOUNTERS}/{met['id']}/procedures")).json()["items"] == []


async def test_after_the_notice_a_procedure_begins_once(standing_world: World) -> None:
    met = await standing_world.met(encounter(occurred_at=ago(hours=5)))
    await standing_world.duty_met("D1", met["child_id"], clock.now() - timedelta(hours=3))
    made = await begin(standing_world, met["id"], started_at=ago(hours=2))
    assert (made.status_code, made.json()["child_id"]) == (201, met["child_id"]), made.text
    assert_problem(await begin(standing_world, met["id"]), 409, "conflict")
    listed = (await standing_world.get(f"{ENCOUNTERS}/{met['id']}/procedures", kind="PP")).json()["items"]
    assert listed == [made.json()]
    later = await standing_world.met(again(met["child_id"]))  # a new meeting, of which nobody was notified yet
    assert_problem(await begin(standing_world, later["id"]), 409, "refused_by_law")


async def test_inm_alone_begins_a_procedure_in_its_own_state(standing_world: World) -> None:
    met: Row = await standing_world.met()
    await standing_world.duty_met("D1", met["child_id"])
    assert_problem(await begin(standing_world, met["id"], kind="PP"), 403, "forbidden")
    assert_problem(await begin(standing_world, met["id"], state="MX-OAX"), 404, "not_found")
    assert_problem(await begin(standing_world, ids.new("enc")), 404, "not_found")
    now = await begin(standing_world, met["id"])
    assert now.status_code == 201
    assert datetime.fromisoformat(now.json()["started_at"]) <= clock.now()
