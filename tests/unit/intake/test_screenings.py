"""A screening counts once referral has closed the guard by it, and only the Procuraduría reads what it found."""

from datetime import datetime
from typing import Any

import pytest

from services.intake.screenings.rules import TOLD_AS, Indicator
from shared import clock
from tests.unit.intake.world import CHILDREN, Row, World, ago, assert_problem, encounter, girl

FOUND = ["FEAR_OF_RETURN", "TRAFFICKING_DEBT", "OTHER_TRAFFICKING"]
GUARD_KNOWS = {
    "FEAR_OF_RETURN", "PERSECUTION", "GENERALISED_VIOLENCE", "FAMILY_VIOLENCE", "FORCED_RECRUITMENT", "TRAFFICKING",
    "ASKS_FOR_REFUGE", "CHILD_ASKS_FOR_NO_CONTACT", "OTHER",
}  # fmt: skip
"""The codes of the guard's own list: the two services share no code, so the list stands here too."""


def screening(*indicators: str, **changes: Any) -> Row:
    return {
        "screened_at": ago(minutes=20), "screened_in": "spa", "officer": "opi-0417", "indicators": list(indicators),
    } | changes  # fmt: skip


async def facts_of(world: World, child_id: str, query: str = "?screening=true") -> Row:
    async with world.service("referral", "facts:read") as referral:
        return dict((await referral.get(f"/internal/children/{child_id}/facts{query}")).json())


@pytest.mark.parametrize("indicator", list(Indicator))
def test_every_sign_is_told_as_the_guard_knows_it(indicator: Indicator) -> None:
    assert TOLD_AS[indicator] in GUARD_KNOWS
    assert ("TRAFFICKING" in indicator) == (TOLD_AS[indicator] == "TRAFFICKING")


async def test_what_is_found_is_confirmed_by_referral_first(world: World) -> None:
    child_id = (await world.met())["child_id"]
    answer = await world.add(child_id, "screenings", screening(*FOUND))
    assert answer.status_code == 201, answer.text
    assert "indicators" not in answer.json()
    ((_, _, told),) = world.referral.facts
    assert told | {
        "version": 2, "state": "MX-CHP", "screened_by": "inm-chp", "indicators": ["FEAR_OF_RETURN", "TRAFFICKING"],
        "nationalities": ["HND"],
    } == told  # fmt: skip
    assert "FEAR_OF_RETURN" not in repr(await world.everything())
    assert "TRAFFICKING" not in repr(await world.everything())


@pytest.mark.parametrize("status", [404, 422, 503])
async def test_what_nobody_confirms_is_not_recorded(world: World, status: int) -> None:
    child_id = (await world.met())["child_id"]
    before = await world.everything()
    world.referral.status = status
    assert_problem(await world.add(child_id, "screenings", screening(*FOUND)), 503, "unavailable")
    assert_problem(await world.without_referral().add(child_id, "screenings", screening()), 503, "unavailable")
    assert await world.everything() == before


async def test_a_later_screening_takes_nothing_back(world: World) -> None:
    child_id = (await world.met())["child_id"]
    latest = screening(screened_at=ago(minutes=1))
    for body in (screening("PERSECUTION"), latest, screening("ASKS_FOR_NO_CONTACT", screened_at=ago(minutes=30))):
        assert (await world.add(child_id, "screenings", body)).status_code == 201
    told = world.referral.facts[-1][2]
    assert told["indicators"] == ["CHILD_ASKS_FOR_NO_CONTACT", "PERSECUTION"]
    assert told["screened_at"][:19] == latest["screened_at"][:19]
    assert await facts_of(world, child_id) == told
    assert (await world.patch(child_id, {"nationalities": ["SLV"]}, '"v4"')).status_code == 200
    assert world.referral.facts[-1][2]["indicators"] == told["indicators"]  # with every correction


async def test_a_referral_that_knows_of_no_screening_is_told_what_it_knows(world: World) -> None:
    child_id = (await world.met())["child_id"]
    old = {"child_id", "version", "nationalities", "residence", "stateless_doubt", "languages", "relatives"}
    assert (await facts_of(world, child_id, "")).keys() == old
    assert (await facts_of(world, child_id)).keys() == {
        *old,
        "state",
        "screened_at",
        "screened_by",
        "indicators",
        "majority_month",
    }
    await world.patch(child_id, {"nationalities": ["SLV"]})
    assert world.referral.facts[-1][2].keys() == old


async def test_only_the_procuraduria_reads_what_was_found(world: World) -> None:
    child_id = (await world.met())["child_id"]
    await world.add(child_id, "screenings", screening(*FOUND), kind="PP")
    path = f"{CHILDREN}/{child_id}/screenings"
    (item,) = (await world.get(path, kind="PP")).json()["items"]
    assert (set(item["indicators"]), item["agency"], item["officer"]) == (set(FOUND), "pp-chp", "opi-0417")
    assert_problem(await world.get(path), 403, "forbidden")
    assert_problem(await world.get(path, kind="PP", state="MX-OAX"), 404, "not_found")
    read = [row["resource"] for row in await world.rows("audit_entry") if row["action"] == "read"]
    assert read == ["screenings"]


async def test_the_history_says_that_a_screening_was_done_and_not_what_it_found(world: World) -> None:
    child_id = (await world.met())["child_id"]
    await world.add(child_id, "screenings", screening(*FOUND))
    answer = await world.get(f"{CHILDREN}/{child_id}/history")
    assert [each["fields"] for each in answer.json()["items"]] == [["screening"]]
    assert "TRAFFICKING" not in answer.text


@pytest.mark.parametrize(
    ("child", "month"),
    [
        ({"birth_date": "2012-03-05"}, "2030-03"),
        ({"birth_date": "2012-02-29"}, "2030-03"),  # of age on 1 March of a common year
        ({"birth_date": None, "estimated_age": {"low": 13, "high": 15, "basis": "dental"}}, "2028-05"),
        ({"birth_date": None, "estimated_age": {"low": 16, "high": 19, "basis": "dental"}}, "2026-05"),
    ],
)
async def test_referral_learns_the_month_of_the_18th_birthday_and_no_day(world: World, child: Row, month: str) -> None:
    with clock.at(datetime.fromisoformat("2026-05-20T12:00:00Z")):
        child_id = (await world.met(encounter(child=girl(**child))))["child_id"]
    told = await facts_of(world, child_id)
    assert told["majority_month"] == month
    assert not {"birth_date", "estimated_age", "identity"} & told.keys()


async def test_a_corrected_birth_date_is_announced_to_referral_and_needs_no_answer(world: World) -> None:
    child_id = (await world.met())["child_id"]
    body = {"identity": {"given_names": "Inés", "birth_date": "2013-11-29"}}
    assert (await world.without_referral().patch(child_id, body)).status_code == 200
    told = [row for row in await world.rows("event") if row["type"] == "facts.changed"]
    assert [child_id in str(row["data"]) for row in told] == [True]
    assert (await facts_of(world, child_id))["majority_month"] == "2031-11"
    await world.patch(child_id, {"identity": body["identity"] | {"given_names": "Irma"}}, '"v2"')  # the same age
    assert len([row for row in await world.rows("event") if row["type"] == "facts.changed"]) == 1
