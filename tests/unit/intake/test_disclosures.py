"""Intake gives listed fields of a child to referral alone, for one reader, and records the reading (R29, R34)."""

from typing import Any

import pytest

from services.intake.children.models import Child
from shared import clock
from tests.unit.intake.test_interviews import interview
from tests.unit.intake.test_lodging import LODGING, stay
from tests.unit.intake.world import Row, World, assert_problem, encounter, estimated, girl

REFERRAL = "ref_019aa7c3f0e57d1e8c2f4b6a90d31e48"
ONE = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)


def question(*fields: str, **more: Any) -> Row:
    body = {"referral_id": REFERRAL, "reader": "unicef", "reader_kind": "UNICEF", "reader_role": "officer"}
    return body | {"fields": list(fields)} | more


async def asked(world: World, child_id: str, *fields: str, by: str = "referral", **more: Any) -> Any:
    async with world.service(by, "disclosures:read") as caller:
        return await caller.post(f"/internal/children/{child_id}/disclosure", json=question(*fields, **more))


async def told(world: World, child_id: str, *fields: str, **more: Any) -> Row:
    answer = await asked(world, child_id, *fields, **more)
    assert answer.status_code == 200, answer.text
    return dict(answer.json()["values"])


async def test_only_what_is_asked_for_is_given_and_the_reading_is_recorded(world: World) -> None:
    child = (await world.met())["child_id"]
    assert await told(world, child, "identity.given_names", "child.languages") == {
        "identity.given_names": ["Ana"], "child.languages": ["spa"],
    }  # fmt: skip
    (row,) = [each for each in await world.rows("audit_entry") if "reader" in str(each["details"])]
    assert (row["action"], row["resource_id"], row["agency"]) == ("read", child, "urn:ruta:referral")
    assert "unicef" in str(row["details"])
    assert "Ana" not in str(row["details"])


@ONE
async def test_every_group_of_fields_has_its_source(world: World) -> None:
    alerts = {"disabilities": ["SEEING"], "health": ["ALLERGY"]}
    met = await world.met(
        encounter(child=girl(alerts=alerts, curp="PEXF120305MCSXXXA4", second_surname="Paz", residence="GTM"),
                  assistance=[{"code": "FOOD", "given_at": encounter()["occurred_at"]}])
    )  # fmt: skip
    child = met["child_id"]
    await world.send(LODGING, stay(child), kind="DIF")
    await world.add(child, "interviews", interview("MEDICAL_NEEDS", "PROTECTION_NEEDS", "IDENTITY"))
    values = await told(
        world, child, "identity.second_surname", "identity.curp", "child.sex", "child.nationalities", "child.residence",
        "alerts.disabilities", "alerts.health", "encounter.travel_condition", "encounter.place", "lodging.facility",
        "assistance.given", "interviews.needs", "identity.estimated_age", "family.members", "encounter.occurred_at",
        "identity.first_surname", "identity.birth_date",
    )  # fmt: skip
    assert values.pop("encounter.occurred_at")
    assert values.pop("identity.birth_date")
    assert values == {
        "identity.first_surname": ["Flores"], "identity.second_surname": ["Paz"],
        "identity.curp": ["PEXF120305MCSXXXA4"], "child.sex": ["F"], "child.nationalities": ["HND"],
        "child.residence": ["GTM"], "alerts.disabilities": ["SEEING"], "alerts.health": ["ALLERGY"],
        "encounter.travel_condition": ["UNACCOMPANIED"], "encounter.place": ["MX-CHP", "Tapachula"],
        "lodging.facility": ["CAS_PUBLIC", "MX-CHP", "Casa Nochecanary", "Tapachula"], "assistance.given": ["FOOD"],
        "interviews.needs": ["Dijo canary MEDICAL_NEEDS", "Dijo canary PROTECTION_NEEDS"],
        "identity.estimated_age": None, "family.members": None,
    }  # fmt: skip


@ONE
async def test_what_is_not_recorded_or_does_not_exist_is_null(world: World) -> None:
    child = (await world.met(encounter(child=estimated(13, 15))))["child_id"]
    values = await told(
        world, child, "identity.estimated_age", "identity.birth_date", "identity.shoe_size", "moon.phase"
    )
    assert values == {
        "identity.estimated_age": ["13", "15"], "identity.birth_date": None, "identity.shoe_size": None,
        "moon.phase": None,
    }  # fmt: skip


@ONE
async def test_enforcement_learns_neither_which_shelter_nor_what_the_child_fears(world: World) -> None:
    child = (await world.met())["child_id"]
    await world.send(LODGING, stay(child, kind="CIVIL_SOCIETY_SHELTER"), kind="DIF")
    await world.add(child, "interviews", interview("MEDICAL_NEEDS", "PROTECTION_NEEDS"))
    fields = ("lodging.facility", "interviews.needs")
    inm = await told(world, child, *fields, reader="inm-chp", reader_kind="INM")
    assert inm["lodging.facility"] == ["CIVIL_SOCIETY_SHELTER", "MX-CHP"]
    assert "Dijo canary PROTECTION_NEEDS" not in (inm["interviews.needs"] or [])
    assert "Casa Nochecanary" in (await told(world, child, *fields))["lodging.facility"]


@ONE
async def test_no_other_sister_and_no_agency_asks_and_nobody_of_an_erased_child(world: World) -> None:
    child = (await world.met())["child_id"]
    assert_problem(await asked(world, child, "child.sex", by="consular"), 404, "not_found")
    async with world.service("referral", "facts:read") as caller:
        answer = await caller.post(f"/internal/children/{child}/disclosure", json=question("child.sex"))
    assert_problem(answer, 403, "forbidden")
    async with world.calling("PP") as caller:
        answer = await caller.post(f"/internal/children/{child}/disclosure", json=question("child.sex"))
    assert_problem(answer, 403, "forbidden")
    async with world.runtime.database.work() as session:
        row = await session.get(Child, child)
        assert row is not None
        row.blocked_at = clock.now()
    assert_problem(await asked(world, child, "child.sex"), 404, "not_found")
