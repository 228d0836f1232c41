"""Whom to call: hours, exceptions, zones, and who may know."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from services.referral.agencies import store as directory
from services.referral.agencies.rules import Kind
from services.referral.duty import rules
from services.referral.duty.models import DutyRoster
from services.referral.duty.rules import WEEK, Contact, DutyRole, Hours, Weekday, may_see, on_duty
from shared import clock
from tests.unit.referral.directory_world import CAS, put, sheltered
from tests.unit.referral.world import World


@pytest.fixture(autouse=True)
def _put_back() -> Iterator[None]:
    yield
    directory._Shelf.held = None


WEEKDAYS = frozenset(WEEK[:5])
DESK = Contact(
    DutyRole.DUTY_DESK, ZoneInfo("America/Mexico_City"), ((WEEKDAYS, Hours(time(8), time(20))),),
    exceptions=((date(2026, 11, 16), None), (date(2026, 11, 21), Hours(time(10), time(12)))),
)  # fmt: skip
NIGHT = replace(DESK, week=((frozenset({Weekday.FR}), Hours(time(20), time(6))),), exceptions=())
ALWAYS = replace(DESK, week=((frozenset(WEEK), Hours(time(0), time(0))),), exceptions=())


@pytest.mark.parametrize(
    ("contact", "local", "answers"),
    [
        (DESK, "2026-11-17T08:00", True),
        (DESK, "2026-11-17T07:59", False),
        (DESK, "2026-11-17T19:59", True),
        (DESK, "2026-11-17T20:00", False),
        (DESK, "2026-11-16T12:00", False),  # a Monday off
        (DESK, "2026-11-21T11:00", True),  # a Saturday on duty
        (DESK, "2026-11-22T11:00", False),
        (NIGHT, "2026-11-20T20:00", True),
        (NIGHT, "2026-11-21T05:59", True),  # Friday's night
        (NIGHT, "2026-11-21T06:00", False),
        (NIGHT, "2026-11-21T21:00", False),
        (NIGHT, "2026-11-20T05:00", False),
        (ALWAYS, "2026-11-22T00:00", True),
        (ALWAYS, "2026-11-22T23:59", True),
        (replace(ALWAYS, valid_from=date(2026, 11, 23)), "2026-11-22T12:00", False),
        (replace(ALWAYS, valid_from=date(2026, 11, 22)), "2026-11-22T12:00", True),
        (replace(ALWAYS, valid_to=date(2026, 11, 22)), "2026-11-22T12:00", False),
        (replace(NIGHT, valid_to=date(2026, 11, 21)), "2026-11-21T05:00", True),  # the night it ends with
    ],
)
def test_somebody_answers_in_the_hours(contact: Contact, local: str, answers: bool) -> None:
    assert on_duty(contact, datetime.fromisoformat(local).replace(tzinfo=contact.zone)) is answers


@pytest.mark.parametrize(("zone", "answers"), [("America/Tijuana", False), ("America/Cancun", True), ("UTC", True)])
def test_hours_are_those_of_the_contacts_own_zone(zone: str, answers: bool) -> None:
    moment = datetime(2026, 11, 17, 15, 0, tzinfo=UTC)  # 7:00 in Tijuana, 10:00 in Cancún
    assert on_duty(replace(DESK, zone=ZoneInfo(zone)), moment) is answers


def test_the_day_on_which_the_clocks_change_has_its_hours() -> None:
    border = replace(ALWAYS, zone=ZoneInfo("America/Tijuana"), week=((frozenset(WEEK), Hours(time(8), time(20))),))
    assert on_duty(border, datetime(2026, 3, 8, 15, tzinfo=UTC))  # 8:00, the first summer day
    assert not on_duty(border, datetime(2026, 3, 7, 15, tzinfo=UTC))


SHELTER = replace(directory.shipped()["dif-chp"], id=CAS, kind=Kind.CAS)
OFFICE = directory.shipped()["pp-chp"]
CHP, TAM, WHOLE = frozenset({"MX-CHP"}), frozenset({"MX-TAM"}), frozenset({"MX"})


@pytest.mark.parametrize(
    ("body", "kind", "territory", "more", "sees"),
    [
        (OFFICE, "INM", CHP, {}, True),
        (OFFICE, "INM", TAM, {}, False),
        (OFFICE, "UNICEF", WHOLE, {}, True),
        (OFFICE, "NGO", frozenset(), {}, False),
        (OFFICE, "OPERATOR", frozenset(), {}, False),
        (OFFICE, "CHILD_PROTECTION_ABROAD", frozenset({"HND"}), {}, False),
        (directory.shipped()["comar"], "PP", TAM, {}, True),
        (SHELTER, "PP", CHP, {}, True),
        (SHELTER, "INM", CHP, {}, False),
        (SHELTER, "INM", CHP, {"protects": True}, True),
        (SHELTER, "CAS", TAM, {}, False),
        (SHELTER, "CAS", TAM, {"own": True}, True),
    ],
)
def test_who_acts_in_the_territory_knows_whom_to_call(
    body: Any, kind: str, territory: frozenset[str], more: dict[str, bool], sees: bool
) -> None:
    assert may_see(body, kind=kind, territory=territory, **({"protects": False, "own": False} | more)) is sees


def contact(**more: Any) -> dict[str, Any]:
    return {
        "role": "DUTY_DESK", "telephone": "+529615550100", "zone": "America/Mexico_City",
        "week": [{"days": list(WEEK), "opens": "00:00", "closes": "00:00"}],
    } | more  # fmt: skip


async def test_a_body_says_whom_to_call_and_its_territory_reads_it(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    path = "/agencies/pp-chp/contacts"
    none = await world.get("dif-chp", path)
    assert (none["contacts"], none["version"]) == ([], 0)
    night = contact(role="LEGAL", telephone=None, email="guardia@example.org",
                    week=[{"days": ["MO"], "opens": "22:00", "closes": "06:00"}])  # fmt: skip
    done = await put(world, "pp-chp", path, {"contacts": [contact(), night]})
    assert (done["version"], len(done["contacts"])) == (1, 2)
    with clock.at(datetime(2026, 11, 17, 11, tzinfo=UTC)):  # Tuesday, 5:00: Monday's night
        assert [each["on_duty"] for each in (await world.get("inm-chp", path))["contacts"]] == [True, True]
        found = (await world.get("comar", "/duty?state=MX-CHP"))["items"]
        assert [(each["agency_id"], each["role"]) for each in found] == [("pp-chp", "DUTY_DESK"), ("pp-chp", "LEGAL")]
    with clock.at(datetime(2026, 11, 17, 12, tzinfo=UTC)):
        assert [each["on_duty"] for each in (await world.get("inm-chp", path))["contacts"]] == [True, False]
        assert len((await world.get("comar", "/duty?state=MX-CHP&kind=PP&role=LEGAL"))["items"]) == 0
    await world.get("pp-tam", path, 404, state="MX-TAM")
    await world.get("observatory", path, 404, agency_kind="NGO")
    assert (await world.get("pp-tam", "/duty?state=MX-CHP", state="MX-TAM"))["items"] == []
    assert (await put(world, "dif-chp", path, {"contacts": []}, 409))["rule"] == "OWN-CONTACTS"
    assert (await put(world, "pp-tam", path, {"contacts": []}, 404, state="MX-TAM"))["code"] == "not_found"
    (row,) = await world.rows(DutyRoster)
    assert b"529615550100" not in row.contacts
    assert "529615550100" not in caplog.text
    assert "guardia@" not in caplog.text


async def test_no_enforcement_calls_a_shelter_and_no_shelter_is_public(world: World) -> None:
    await sheltered(world)
    path = f"/agencies/{CAS}/contacts"
    public = await put(world, CAS, path, {"contacts": [contact(public=True)]}, 422)
    assert public["errors"] == [{"pointer": "/contacts/0/public", "reason": "never_of_a_shelter"}]
    await put(world, "dif-chp", path, {"contacts": [contact()]})
    await world.get("inm-chp", path, 404)
    assert (await world.get("inm-chp", "/duty?state=MX-CHP"))["items"] == []
    assert (await world.get("inm-chp", path, role="opi"))["contacts"][0]["telephone"] == "+529615550100"


@pytest.mark.parametrize(
    "wrong",
    [
        {"telephone": None},
        {"telephone": "961 555 0100"},
        {"zone": "Europe/Madrid"},
        {"week": []},
        {"week": [{"days": ["MO"], "opens": "24:00", "closes": "06:00"}]},
        {"exceptions": [{"day": "2026-12-25"}, {"day": "2026-12-25"}]},
        {"exceptions": [{"day": "2026-12-25", "opens": "08:00"}]},
        {"valid_from": "2026-12-25", "valid_to": "2026-12-25"},
    ],
)
@pytest.mark.asyncio(loop_scope="module")
async def test_a_contact_that_is_none_is_refused(one_world: World, wrong: dict[str, Any]) -> None:
    await put(one_world, "pp-chp", "/agencies/pp-chp/contacts", {"contacts": [contact(**wrong)]}, 422)


def test_every_role_is_called_something() -> None:
    assert set(rules.ROLES) == set(DutyRole)
