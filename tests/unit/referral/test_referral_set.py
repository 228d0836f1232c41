"""The minimum referral set: need-to-know fields, what is withheld, sealed words, parts, appointments."""

from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import update
from sqlmodel import col

from services.referral.agencies.service import SYSTEM
from services.referral.cases import service as cases
from services.referral.referrals import service as referrals
from services.referral.referrals.models import Referral
from services.referral.referrals.rules import ReferralKind
from shared import clock
from shared.audit import AuditEntry
from shared.clocks.models import Clock
from shared.clocks.rules import ClockState
from shared.db import run
from shared.errors import RefusedByLaw
from tests.unit.referral.consents_world import consented
from tests.unit.referral.world import World, service_in


@pytest.fixture
def database_kind() -> str:
    """On one engine: what each step writes is tested on both elsewhere."""
    return "sqlite"


@pytest.fixture
async def case_id(world: World) -> str:
    file = await world.file(await world.encounter())
    return str(file["id"])


async def readings(world: World, referral: str, agency: str) -> list[Any]:
    return [
        row.details["fields"]
        for row in await world.rows(AuditEntry, col(AuditEntry.resource_id) == referral, AuditEntry.action == "read")
        if row.agency == agency
    ]


async def test_words_are_sealed_shown_in_a_single_reading_alone_and_each_reading_is_recorded(
    world: World, case_id: str
) -> None:
    referral = await world.service(case_id, note="Teme a su tío", safe_contact="Por el albergue")
    (row,) = await world.rows(Referral, col(Referral.id) == referral["id"])
    assert row.note is None
    assert b"tio" not in row.sealed_note + row.sealed_contact
    listed = (await world.get("unicef", "/referrals"))["items"][0]
    assert (listed["note"], listed["has_note"], listed["safe_contact"]) == (None, True, None)
    assert await readings(world, referral["id"], "unicef") == []
    read = await world.get("unicef", f"/referrals/{referral['id']}")
    assert (read["note"], read["safe_contact"]) == ("Teme a su tío", "Por el albergue")
    assert await readings(world, referral["id"], "unicef") == [["note", "safe_contact"]]
    await world.post("unicef", f"/referrals/{referral['id']}/accept", status=200)
    done = await world.post("unicef", f"/referrals/{referral['id']}/complete", {"note": "Ya", "outcome": "PROVIDED"})
    assert (done.json()["answer_note"], done.json()["outcome"]) == ("Ya", "PROVIDED")


async def test_notes_of_before_are_read_as_they_are(world: World, case_id: str) -> None:
    referral = await world.service(case_id)
    async with world.runtime.database.work() as session:
        old = update(Referral).where(col(Referral.id) == referral["id"])
        await run(session, old.values(note="De antes", answer_note="También"))
    read = await world.get("unicef", f"/referrals/{referral['id']}")
    assert (read["note"], read["answer_note"]) == ("De antes", "También")


@pytest.mark.parametrize(
    ("step", "body", "shown"),
    [
        ("hold", {"reason": "CHILD_UNWELL"}, {"hold_reason": "CHILD_UNWELL", "outcome": None}),
        ("complete", {"outcome": "NOT_NEEDED"}, {"outcome": "NOT_NEEDED", "end_reason": None}),
        ("not-achieve", {"reason": "NO_CONTACT"}, {"end_reason": "NO_CONTACT", "outcome": None}),
    ],
)
async def test_each_step_has_its_coded_reason(
    world: World, case_id: str, step: str, body: Any, shown: dict[str, str | None]
) -> None:
    referral = await world.service(case_id)
    await world.post("unicef", f"/referrals/{referral['id']}/accept", status=200)
    done = (await world.post("unicef", f"/referrals/{referral['id']}/{step}", body, 200)).json()
    assert {name: done[name] for name in shown} == shown
    await world.post("unicef", f"/referrals/{referral['id']}/{step}", {"reason": "X"}, 422)


async def test_from_whom_it_is_withheld_does_not_see_it_whatever_its_role(world: World, case_id: str) -> None:
    referral = await world.service(case_id, "unicef", "inm-chp", withheld_from=["pp-chp"])
    await world.get("pp-chp", f"/referrals/{referral['id']}", 404)
    assert referral["id"] not in [each["id"] for each in (await world.get("pp-chp", "/referrals"))["items"]]
    await world.get("pp-fed", f"/referrals/{referral['id']}")
    part = await sub(world, referral, "iom")
    assert part["withheld_from"] == ["pp-chp"]
    refused = await world.post("unicef", "/referrals", service_in(case_id, "pp-chp", parent_id=referral["id"]), 409)
    assert refused.json()["rule"] == "R29"
    for unfit in ("pp-fed", "inm-chp", "nobody"):
        await world.post("inm-chp", "/referrals", service_in(case_id, "iom", withheld_from=[unfit]), 422)


async def test_the_senders_own_id_is_shown_to_the_sender_alone(world: World, case_id: str) -> None:
    referral = await world.service(case_id, external_id="X-1")
    assert referral["external_id"] == "X-1"
    assert (await world.get("unicef", f"/referrals/{referral['id']}"))["external_id"] is None


# -- parts -----------------------------------------------------------------------------------------------


async def sub(world: World, parent: Any, recipient: str, sender: str = "unicef", **more: Any) -> Any:
    """Accept a referral, where that is still to do, and ask another for a part of it."""
    await world.post(sender, f"/referrals/{parent['id']}/accept")
    return await world.service(parent["case_id"], recipient, sender, parent_id=parent["id"], **more)


async def test_a_part_lists_no_more_than_its_parent_does(world: World, case_id: str) -> None:
    parent = await world.service(case_id, fields=["child.sex", "child.languages"])
    part = await sub(world, parent, "iom", fields=["child.sex"])
    assert (part["parent_id"], part["fields"]) == (parent["id"], ["child.sex"])
    more = service_in(case_id, "iom", parent_id=parent["id"], fields=["child.sex", "identity.curp"])
    refused = await world.post("unicef", "/referrals", more, 409)
    assert refused.json()["rule"] == "R29"
    silent = await world.service(case_id)
    await world.post("unicef", f"/referrals/{silent['id']}/accept", status=200)
    nothing_listed = service_in(case_id, "iom", parent_id=silent["id"], fields=["child.sex"])
    await world.post("unicef", "/referrals", nothing_listed, 409)
    await world.post("pp-chp", "/referrals", service_in(case_id, fields=["identity.shoe_size"]), 422)


async def test_only_who_has_accepted_asks_for_parts_and_not_too_deep(world: World, case_id: str) -> None:
    parent = await world.service(case_id)
    waiting = service_in(case_id, "iom", parent_id=parent["id"])
    await world.post("unicef", "/referrals", waiting, 409)
    await world.post("pp-chp", "/referrals", waiting, 409)
    last, chain = parent, ["unicef", "iom", "unhcr", "icrc"]
    for sender, recipient in pairwise(chain):
        last = await sub(world, last, recipient, sender)
    await world.post("icrc", f"/referrals/{last['id']}/accept", status=200)
    deep = await world.post("icrc", "/referrals", service_in(case_id, "comar", parent_id=last["id"]), 409)
    assert "deep" in deep.json()["detail"]


async def test_a_parent_ends_after_its_parts_or_with_them(world: World, case_id: str) -> None:
    parent = await world.service(case_id)
    part = await sub(world, parent, "iom")
    below = await sub(world, part, "unhcr", "iom")
    path = f"/referrals/{parent['id']}/complete"
    refused = await world.post("unicef", path, {}, 409)
    assert refused.json()["rule"] == "PARTS-FIRST"
    done = await world.post("unicef", path, {"with_parts": True}, 200)
    assert done.json()["state"] == "completed"
    for each in (part, below):
        seen = await world.get("pp-chp", f"/referrals/{each['id']}")
        assert (seen["state"], seen["end_reason"]) == ("withdrawn", "PARENT_CLOSED")
    read = await world.get("unicef", f"/referrals/{parent['id']}")
    assert [each["id"] for each in read["parts"]] == [part["id"]]


# -- when the service begins -----------------------------------------------------------------------------


async def running(world: World, referral: str) -> dict[str, ClockState]:
    found = await world.rows(Clock, col(Clock.resource_id) == referral)
    return {each.rule: each.state for each in found if not each.rule.startswith("ACK")}


async def test_after_acceptance_the_service_is_due_to_begin(world: World, case_id: str) -> None:
    referral = await world.service(case_id, urgency="3h")
    done = (await world.post("unicef", f"/referrals/{referral['id']}/accept", status=200)).json()
    assert done["serve_by"] is not None
    assert await running(world, referral["id"]) == {"START_SERVICE_3H": ClockState.RUNNING}
    await world.post("unicef", f"/referrals/{referral['id']}/start", status=200)
    assert await running(world, referral["id"]) == {"START_SERVICE_3H": ClockState.MET}


async def test_an_agreed_appointment_takes_the_place_of_that_and_may_be_moved(world: World, case_id: str) -> None:
    referral = await world.service(case_id)
    await world.post("unicef", f"/referrals/{referral['id']}/accept", status=200)
    soon, at = (clock.now() + timedelta(days=days) for days in (3, 5))
    for each in (soon, at):
        done = await world.post("unicef", f"/referrals/{referral['id']}/agree", {"at": each.isoformat()}, 200)
        assert (done.json()["state"], done.json()["appointment_at"]) == (
            "accepted",
            each.isoformat().replace("+00:00", "Z"),
        )
    assert await running(world, referral["id"]) == {
        "START_SERVICE_1D": ClockState.CANCELLED, "APPOINTMENT": ClockState.RUNNING,
    }  # fmt: skip
    (due,) = await world.rows(Clock, col(Clock.resource_id) == referral["id"], col(Clock.rule) == "APPOINTMENT")
    assert due.due_at == at + timedelta(hours=2)


async def test_a_hold_for_a_reason_stops_the_clock_of_the_beginning(world: World, case_id: str) -> None:
    referral = await world.service(case_id)
    await world.post("unicef", f"/referrals/{referral['id']}/accept", status=200)
    await world.post("unicef", f"/referrals/{referral['id']}/hold", {"reason": "WAITING_FOR_PLACE"}, 200)
    (held,) = await world.rows(Clock, col(Clock.resource_id) == referral["id"], col(Clock.rule) == "START_SERVICE_1D")
    assert (held.pause_reason, held.next_at) == ("WAITING_FOR_PLACE", None)


async def test_no_referral_goes_to_a_body_of_a_foreign_state_by_whatever_way(world: World, case_id: str) -> None:
    abroad = "child-protection-hnd"
    asked = await world.post("pp-chp", "/referrals", service_in(case_id, abroad), 422)
    assert asked.json()["errors"] == [{"pointer": "/recipient", "reason": "unknown"}]  # as of nobody (the guard)
    part = await world.service(case_id)
    await world.post("unicef", f"/referrals/{part['id']}/accept", status=200)
    await world.post("unicef", "/referrals", service_in(case_id, abroad, parent_id=part["id"]), 422)
    await consented(world, case_id)
    hers = await world.service(case_id, lawful_basis="CONSENT", fields=["child.languages"])
    await world.post("unicef", f"/referrals/{hers['id']}/decline", {"reason": "NO_CAPACITY"}, 200)
    (task,) = [each for each in (await world.get("pp-chp", "/referrals"))["items"] if each["kind"] == "PP_FIND"]
    await world.post("pp-chp", f"/referrals/{task['id']}/hand-on", {"recipient": abroad}, 422)
    async with world.runtime.database.work() as session:
        row = await cases.find(session, SYSTEM, case_id, lock=True)
        with pytest.raises(RefusedByLaw) as refused:
            await referrals.open_referral(
                session, SYSTEM, case=row, kind=ReferralKind.SERVICE, recipient_id=abroad, reason="NEED_ASSESSED"
            )
    law = refused.value.law
    assert law is not None
    assert (law.rule, "LRPCAP" in law.source) == ("R16-ABROAD", True)
    assert await world.rows(Referral, col(Referral.recipient) == abroad) == []
