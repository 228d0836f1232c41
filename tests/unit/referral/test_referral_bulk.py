"""Many referrals at once: row errors by line, safe to send again."""

import json
from typing import Any

import pytest
from sqlmodel import col

from services.referral.referrals import uploads
from services.referral.referrals.models import Referral
from shared.testing import key
from tests.unit.referral.world import V1, World, service_in, together

NDJSON = {"Content-Type": "application/x-ndjson"}


@pytest.fixture
async def case_id(world: World) -> str:
    file = await world.file(await world.encounter())
    return str(file["id"])


def line(case_id: str, name: str | None, **more: Any) -> str:
    body = service_in(case_id, **more) | ({} if name is None else {"external_id": name})
    return json.dumps(body)


async def upload(world: World, text: str, headers: dict[str, str] | None = None, status: int = 201) -> Any:
    async with world.agency("pp-chp") as caller:
        answer = await caller.post(f"{V1}/referrals/bulk", content=text.encode(), headers=(headers or key()) | NDJSON)
    assert answer.status_code == status, answer.text
    return answer.json()


async def test_each_line_is_a_referral_and_a_bad_one_leaves_the_others_alone(world: World, case_id: str) -> None:
    text = "\n".join([
        line(case_id, "a"), "{", line(case_id, None), line(case_id, "b", recipient="nobody"),
        line(case_id, "c", service="X"), line(case_id, "d", recipient="pp-chp"), line("cas_" + "0" * 32, "e"),
        line(case_id, "f", parent_id="ref_" + "0" * 32), line(case_id, "g", recipient="iom"), line(case_id, "a"),
    ])  # fmt: skip
    done = await upload(world, text)
    assert (done["opened"], done["known"], done["refused"], done["last_line"]) == (2, 1, 7, 10)
    assert done["finished_at"] is not None
    faults = (await world.get("pp-chp", f"/bulk-loads/{done['id']}/errors"))["items"]
    assert [(each["line"], each["code"], each["pointer"]) for each in faults] == [
        (2, "malformed_json", ""), (3, "invalid_request", "/external_id"), (4, "invalid_request", "/recipient"),
        (5, "invalid_request", "/service"), (6, "conflict", ""), (7, "not_found", ""),
        (8, "invalid_request", "/parent_id"),
    ]  # fmt: skip
    assert len(await world.rows(Referral, col(Referral.external_id).is_not(None))) == 2
    await world.get("unicef", f"/bulk-loads/{done['id']}", 404)


async def test_sent_again_whole_it_changes_nothing(world: World, case_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "BATCH", 2)
    again = key()
    text = "\n".join(line(case_id, name) for name in "abcde")
    first = await upload(world, text, again)
    second = await upload(world, text + "\n" + line(case_id, "f"), again)
    assert (first["id"], first["opened"]) == (second["id"], 5)
    assert (second["attempts"], second["opened"], second["known"]) == (2, 1, 5)
    other = await upload(world, text)
    assert (other["opened"], other["known"]) == (0, 5)


async def test_two_uploads_of_the_same_lines_at_once_open_each_once(world: World, case_id: str) -> None:
    text = "\n".join(line(case_id, name) for name in "abc")
    await together(*(upload(world, text, key()) for _ in range(2)))
    assert len(await world.rows(Referral, col(Referral.external_id).is_not(None))) == 3


async def test_an_id_of_the_senders_that_is_there_already_is_a_conflict(world: World, case_id: str) -> None:
    await world.service(case_id, external_id="a")
    await world.post("pp-chp", "/referrals", service_in(case_id, "iom", external_id="a"), 409)
    await world.service(case_id, "iom", "unicef", external_id="a")  # another sender's own
