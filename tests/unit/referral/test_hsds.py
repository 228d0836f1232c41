"""The export is HSDS as its schemas have it, and leads nobody to a shelter."""

import json
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import pytest_asyncio
from sqlmodel import col, update

from services.referral.agencies import store as directory
from services.referral.agencies.rules import SERVICES, Service
from services.referral.hsds import rules
from services.referral.places.models import BodyLocation
from shared import clock
from tests.conftest import migrated_sqlite
from tests.unit.referral.directory_world import CAS, put, room, sheltered
from tests.unit.referral.world import World

pytestmark = pytest.mark.asyncio(loop_scope="module")
SCHEMAS = Path(__file__).parents[2] / "schemas" / "hsds-3.0"
ORGANIZATION = json.loads((SCHEMAS / "organization.json").read_text("utf-8"))
CAPACITY = json.loads((SCHEMAS / "service_capacity.3.1-dev.json").read_text("utf-8"))
_UNIT = {
    "type": "object",
    "required": ["id", "name"],
    "properties": {"id": {"format": "uuid"}, "name": {"type": "string"}},
}
_DRAFT = {"capacities"}
"""What the draft of 3.1 adds to a service of 3.0."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def standing(run_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """An office and a shelter that have said everything about themselves."""
    folder = tmp_path_factory.mktemp("hsds")
    async with World.open(migrated_sqlite("services.referral", run_folder, folder), folder) as world:
        await sheltered(world)
        await put(world, CAS, f"/agencies/{CAS}/capacity", room((clock.now() - timedelta(hours=1)).isoformat()))
        address = {"street": "Avenida Secreta 7", "municipality": "Tapachula", "postal_code": "30700"}
        desk = {
            "role": "DUTY_DESK", "telephone": "+529615550100", "zone": "America/Mexico_City",
            "week": [{"days": ["TU", "MO"], "opens": "08:00", "closes": "20:00"}],
        }  # fmt: skip
        inner = desk | {"role": "SUPERVISOR", "telephone": "+529615550999"}
        await put(world, CAS, f"/agencies/{CAS}/location", address)
        await put(world, CAS, f"/agencies/{CAS}/contacts", {"contacts": [inner]})
        await put(world, "pp-chp", "/agencies/pp-chp/location", address | {"street": "Calle Pública 1", "public": True})
        await put(world, "pp-chp", "/agencies/pp-chp/contacts", {"contacts": [desk | {"public": True}, inner]})
        await put(world, "dif-chp", "/agencies/dif-chp/location", address | {"street": "Calle Cerrada 2"})
        async with world.runtime.database.work() as session:  # a mistake that nothing of ours makes
            await session.exec(update(BodyLocation).where(col(BodyLocation.body_id) == CAS).values(public=True))
        yield world
    directory._Shelf.held = None


async def exported(world: World, agency: str = "pp-chp", query: str = "", **claims: Any) -> dict[str, Any]:
    found = await world.get(agency, f"/agencies/hsds{query}", **claims)
    return {each["organization_identifiers"][0]["identifier"]: each for each in found["organizations"]}


async def test_every_organization_is_what_the_schema_says_and_has_no_field_of_its_own(standing: World) -> None:
    validator = jsonschema_rs.Draft202012Validator(ORGANIZATION, validate_formats=True)
    found = await exported(standing)
    assert set(found) == set(directory.directory())
    for name, organization in found.items():
        assert [error.message for error in validator.iter_errors(organization)] == [], name
        assert list(strange(organization, ORGANIZATION)) == [], name


async def test_free_places_are_what_the_draft_says(standing: World) -> None:
    schema = CAPACITY | {"properties": CAPACITY["properties"] | {"unit": _UNIT, "attributes": {}, "metadata": {}}}
    validator = jsonschema_rs.Draft202012Validator(schema, validate_formats=True)
    (service,) = (await exported(standing))[CAS]["services"]
    assert [(each["description"], each["available"], each["maximum"]) for each in service["capacities"]] == [
        ("ANY 6-11", 0, 2), ("ANY FAMILY", 0, 1), ("F 12-17", 1, 4), ("M 12-17", 1, 4),
    ]  # fmt: skip
    for each in service["capacities"]:
        assert [error.message for error in validator.iter_errors(each)] == []
    for agency in ("inm-chp", "unicef"):
        assert (await exported(standing, agency))[CAS]["services"][0]["capacities"] == []
    with clock.at(clock.now() + timedelta(hours=24)):
        assert (await exported(standing))[CAS]["services"][0]["capacities"] == []


def strange(value: Any, schema: Any, path: str = "") -> Iterator[str]:
    """Yield the fields that a schema does not name: it forbids none by itself."""
    if isinstance(value, list):
        for each in value:
            yield from strange(each, schema["items"], path)
    elif isinstance(value, dict):
        for name, inner in value.items():
            if name in _DRAFT:
                continue
            if name not in schema["properties"]:
                yield f"{path}/{name}"
            else:
                yield from strange(inner, schema["properties"][name], f"{path}/{name}")


async def test_no_shelters_address_or_number_goes_out_whoever_asks(standing: World) -> None:
    for agency in (CAS, "pp-chp", "dif-chp", "inm-chp", "unicef"):
        text = json.dumps(await exported(standing, agency), ensure_ascii=False)
        for secret in ("Avenida Secreta", "Calle Cerrada", "+529615550999"):
            assert secret not in text, agency
        assert "Calle Pública 1" in text
        assert "+529615550100" in text
    found = (await exported(standing))[CAS]
    assert (found["locations"], found["services"][0]["phones"]) == ([], [])


async def test_an_office_goes_out_with_what_it_made_public(standing: World) -> None:
    office = (await exported(standing))["pp-chp"]
    (address,) = office["locations"][0]["addresses"]
    assert (address["city"], address["state_province"], address["country"]) == ("Tapachula", "MX-CHP", "MX")
    service = office["services"][0]
    (schedule,) = service["schedules"]
    assert (schedule["byday"], schedule["opens_at"], schedule["timezone"]) == ("MO,TU", "08:00", -6.0)
    assert [phone["number"] for phone in service["phones"]] == ["+529615550100"]
    assert service["service_areas"][0]["extent"] == "MX-CHP"
    assert office["id"] == (await exported(standing, "unicef"))["pp-chp"]["id"] == rules.uid("pp-chp")
    here = await exported(standing, query="?state=MX-TAM")
    assert "pp-chp" not in here
    assert "comar" in here


@pytest.mark.parametrize("service", Service)
async def test_every_service_has_a_term(service: Service) -> None:
    taxonomy, name = rules.term(service)
    assert (taxonomy == rules.OPEN_ELIGIBILITY) == (SERVICES[service].open_eligibility is not None)
    assert name
