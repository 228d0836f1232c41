"""What intake tells of kinds of encounters and of screenings: the guard closes in the transaction that confirms it."""

from typing import Any

from sqlmodel import col

from services.referral.cases.models import Case
from services.referral.protection.models import Guard, Indication, Release
from services.referral.referrals.models import Referral
from shared import ids
from tests.unit.referral.protection_world import as_service, facts_of, release_in, tell
from tests.unit.referral.world import World, fact, together

FOUND: dict[str, Any] = {"state": "MX-CHP", "screened_by": "inm-chp", "screened_at": "2026-01-05T10:00:00Z"}


async def kinds_of(world: World, child_id: str) -> set[tuple[str, str, str]]:
    rows = await world.rows(Referral, col(Referral.child_id) == child_id)
    return {(row.kind.value, row.recipient, row.sender) for row in rows}


# -- kinds of encounters -----------------------------------------------------------------------------

BOTH = {("PP_NOTICE", "pp-chp", "inm-chp"), ("DIF_HANDOVER", "dif-chp", "inm-chp")}


ORDERED: list[tuple[str, list[str], set[tuple[str, str, str]]]] = [
    ("FOREIGN_MET", ["PP", "DIF"], BOTH),
    ("MEXICAN_RETURNED", ["PP", "DIF"], BOTH),
    ("BETA_MET", ["PP", "DIF"], BOTH),
    ("ANNOUNCED", ["PP"], {("PP_NOTICE", "pp-chp", "inm-chp")}),  # an adult told of it (LM 98)
    ("A_KIND_TO_COME", ["PP", "DIF", "A_BODY_TO_COME"], BOTH),
    ("A_KIND_TO_COME", ["A_BODY_TO_COME"], BOTH),  # what is not understood opens what LM 112 orders
    ("A_KIND_TO_COME", [], BOTH),
]


async def test_an_encounter_opens_what_it_names(world: World) -> None:
    for kind, referrals, opened in ORDERED:
        child = ids.new("chd")
        data = fact(child, kind=kind, referrals=referrals, carer_with_child=True)
        assert (await world.event("encounter.recorded", data)).status_code == 200
        assert await kinds_of(world, child) == opened, (kind, referrals)


async def test_who_was_announced_and_is_met_is_handed_to_dif_too(world: World) -> None:
    child = ids.new("chd")
    await world.event("encounter.recorded", fact(child, kind="ANNOUNCED", referrals=["PP"]))
    notice = await world.opened(child, "PP_NOTICE")
    await world.post("pp-chp", f"/referrals/{notice['id']}/receive", status=200)
    await world.encounter(child)
    assert await kinds_of(world, child) == BOTH
    assert [event.data["duty"] for event in await world.sent("service:intake")] == ["D1", "D1"]


async def test_a_returned_mexican_child_leads_to_no_consulate(world: World) -> None:
    case = await world.channelled()
    await tell(world, case["child_id"], nationalities=["MEX"])
    for nationality in ("MEX", "USA"):
        refused = await world.post("inm-chp", "/releases", release_in(case["id"], nationality=nationality))
        assert (refused.status_code, refused.json()["rule"]) == (409, "R20")
    assert "COMAR_NOTICE" not in {kind for kind, _, _ in await kinds_of(world, case["child_id"])}


# -- screenings --------------------------------------------------------------------------------------


async def test_what_a_screening_found_closes_the_guard_and_tells_comar(world: World) -> None:
    case = await world.channelled()
    child = case["child_id"]
    await tell(world, child)
    made = (await world.post("inm-chp", "/releases", release_in(case["id"]), 201)).json()
    await tell(world, child, version=2, indicators=["FEAR_OF_RETURN", "TRAFFICKING"], **FOUND)
    (guard,) = await world.rows(Guard, col(Guard.child_id) == child)
    assert guard.blocked_at is not None
    rows = await world.rows(Indication, col(Indication.child_id) == child)
    assert {(row.code.value, row.told_by.value, row.agency, row.case_id) for row in rows} == {
        ("FEAR_OF_RETURN", "OFFICER", "inm-chp", case["id"]), ("TRAFFICKING", "OFFICER", "inm-chp", case["id"]),
    }  # fmt: skip
    assert ("COMAR_NOTICE", "comar", "inm-chp") in await kinds_of(world, child)
    (release,) = await world.rows(Release, col(Release.id) == made["id"])
    assert release.state.value == "stopped"


async def test_what_is_told_again_is_one_indication(world: World) -> None:
    child = (await world.channelled())["child_id"]
    for version in (2, 3):
        await tell(world, child, version=version, indicators=["PERSECUTION"], **FOUND)
    await tell(world, child, version=4, indicators=["PERSECUTION", "OTHER"], **FOUND)
    await together(*(tell(world, child, version=5, indicators=["OTHER", "TRAFFICKING"], **FOUND) for _ in range(3)))
    rows = await world.rows(Indication, col(Indication.child_id) == child)
    assert sorted(row.code.value for row in rows) == ["OTHER", "PERSECUTION", "TRAFFICKING"]
    assert len([kind for kind, _, _ in await kinds_of(world, child) if kind == "COMAR_NOTICE"]) == 1


async def test_a_sign_that_comes_before_the_encounter_counts(world: World) -> None:
    child = ids.new("chd")
    await tell(world, child, version=2, indicators=["ASKS_FOR_REFUGE"], **FOUND)
    assert {kind for kind, _, _ in await kinds_of(world, child)} == {"COMAR_NOTICE"}
    await world.encounter(child)
    assert len(await world.rows(Case)) == 1
    assert {kind for kind, _, _ in await kinds_of(world, child)} == {"COMAR_NOTICE", "PP_NOTICE", "DIF_HANDOVER"}
    (guard,) = await world.rows(Guard, col(Guard.child_id) == child)
    assert guard.blocked_at is not None


async def test_a_sign_in_facts_that_are_old_counts_too(world: World) -> None:
    child = (await world.channelled())["child_id"]
    await tell(world, child, version=5, nationalities=["SLV"])
    await tell(world, child, version=2, indicators=["OTHER"], **FOUND)
    (guard,) = await world.rows(Guard, col(Guard.child_id) == child)
    assert (guard.nationalities, guard.facts_version) == (["SLV"], 5)
    assert guard.blocked_at is not None


async def test_a_screening_that_found_nothing_opens_nothing(world: World) -> None:
    child = (await world.channelled())["child_id"]
    await tell(world, child, version=2, indicators=[], **FOUND)
    assert await world.rows(Indication) == []
    (guard,) = await world.rows(Guard, col(Guard.child_id) == child)
    assert guard.blocked_at is None


TOLD: list[tuple[dict[str, Any], int]] = [
    ({"a_fact_to_come": 1}, 200),  # of an intake that is newer
    ({"indicators": ["OTHER"]}, 422),  # found by nobody, nowhere
    ({"indicators": ["OTHER"], "state": "MX-CHP"}, 422),
    (FOUND | {"indicators": ["A_CODE_TO_COME"]}, 422),  # never taken for nothing
]


async def test_facts_say_who_found_a_sign_and_where(world: World) -> None:
    for more, status in TOLD:
        child = ids.new("chd")
        body = facts_of(child) | more
        answer = await as_service(world, "intake", "PUT", f"/internal/facts/{child}", body, "facts:write")
        assert answer.status_code == status, more
