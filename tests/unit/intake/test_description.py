"""What intake says of itself: its OpenAPI description, and the tables that its migrations make."""

from typing import Any

import pytest

from tests.unit.intake.world import World

OPERATIONS = {
    "get /v1/intake/encounters": "intake:read",
    "post /v1/intake/encounters": "intake:write",
    "get /v1/intake/encounters/{encounter_id}": "intake:read",
    "get /v1/intake/children/{child_id}": "intake:read",
    "patch /v1/intake/children/{child_id}": "intake:write",
    "get /v1/intake/encounters/{encounter_id}/adult": "intake:read",
    "get /v1/intake/encounters/{encounter_id}/attendances": "intake:read",
    "post /v1/intake/encounters/{encounter_id}/attendances": "intake:write",
    "post /v1/intake/encounters/{encounter_id}/presentation": "intake:write",
    "get /v1/intake/encounters/{encounter_id}/procedures": "intake:read",
    "post /v1/intake/encounters/{encounter_id}/procedures": "intake:write",
    "post /v1/intake/encounters/bulk": "intake:write",
    "get /v1/intake/bulk-loads/{load_id}": "intake:read",
    "get /v1/intake/bulk-loads/{load_id}/errors": "intake:read",
    "get /v1/intake/children/{child_id}/history": "intake:read",
    "get /v1/intake/children/{child_id}/age-decisions": "intake:read",
    "post /v1/intake/children/{child_id}/age-decisions": "intake:write",
    "get /v1/intake/children/{child_id}/external-ids": "intake:read",
    "post /v1/intake/children/{child_id}/external-ids": "intake:write",
    "get /v1/intake/children/{child_id}/screenings": "intake:read",
    "post /v1/intake/children/{child_id}/screenings": "intake:write",
    "post /v1/intake/children/{child_id}/corrections": "intake:write",
    "get /v1/intake/corrections": "intake:read",
    "get /v1/intake/corrections/{correction_id}": "intake:read",
    "post /v1/intake/corrections/{correction_id}/apply": "intake:write",
    "post /v1/intake/corrections/{correction_id}/refuse": "intake:write",
    "get /v1/intake/assistance": "intake:read",
    "post /v1/intake/assistance": "intake:write",
    "get /v1/intake/statistics/comparison": "statistics:read",
    "get /v1/intake/statistics/breakdown": "statistics:read",
    "get /v1/intake/statistics/releases": "statistics:read",
    "post /v1/intake/statistics/releases": "intake:write",
    "get /v1/intake/matches": "intake:read",
    "get /v1/intake/matches/{match_id}": "intake:read",
    "post /v1/intake/matches/{match_id}/link": "intake:write",
    "post /v1/intake/matches/{match_id}/reject": "intake:write",
    "post /v1/intake/matches/{match_id}/unlink": "intake:write",
    "get /v1/intake/families": "intake:read",
    "post /v1/intake/families": "intake:write",
    "get /v1/intake/families/{family_id}": "intake:read",
    "post /v1/intake/families/{family_id}/children": "intake:write",
    "post /v1/intake/families/{family_id}/carers": "intake:write",
    "post /v1/intake/families/{family_id}/separate": "intake:write",
    "post /v1/intake/families/{family_id}/reunite": "intake:write",
    "post /v1/intake/families/{family_id}/remove": "intake:write",
    "get /v1/intake/families/{family_id}/findings": "intake:read",
    "post /v1/intake/families/{family_id}/findings": "intake:write",
    "post /v1/intake/children/{child_id}/tracings": "intake:write",
    "get /v1/intake/tracings": "intake:read",
    "get /v1/intake/tracings/{tracing_id}": "intake:read",
    "post /v1/intake/tracings/{tracing_id}/find": "intake:write",
    "post /v1/intake/tracings/{tracing_id}/give-up": "intake:write",
    "post /v1/intake/tracings/{tracing_id}/withdraw": "intake:write",
    "post /v1/intake/tracings/{tracing_id}/reopen": "intake:write",
    "get /v1/intake/children/{child_id}/contacts": "intake:read",
    "post /v1/intake/children/{child_id}/contacts": "intake:write",
    "get /v1/intake/children/{child_id}/interviews": "intake:read",
    "post /v1/intake/children/{child_id}/interviews": "intake:write",
    "get /v1/intake/interviews/{interview_id}": "intake:read",
    "get /v1/intake/sndif-register": "intake:read",
    "get /v1/intake/codes": "intake:read",
    "get /v1/intake/codes/{list_name}": "intake:read",
    "get /v1/intake/orientation/actions": "intake:read",
    "post /v1/intake/orientation/actions": "intake:write",
    "get /v1/intake/orientation/inquiries": "intake:read",
    "post /v1/intake/orientation/inquiries": "intake:write",
    "get /v1/intake/orientation/inquiries/{inquiry_id}": "intake:read",
    "post /v1/intake/orientation/inquiries/{inquiry_id}/forward": "intake:write",
    "post /v1/intake/orientation/inquiries/{inquiry_id}/resolve": "intake:write",
    "post /v1/intake/orientation/inquiries/{inquiry_id}/withdraw": "intake:write",
    "get /v1/intake/permits": "intake:read",
    "post /v1/intake/permits": "intake:write",
    "get /v1/intake/permits/{permit_id}": "intake:read",
    "post /v1/intake/permits/{permit_id}/end": "intake:write",
    "post /v1/intake/permits/{permit_id}/link-carer": "intake:write",
    "post /v1/intake/permits/{permit_id}/exclude-carer": "intake:write",
    "post /v1/intake/permits/{permit_id}/restore-carer": "intake:write",
    "get /v1/intake/lodging": "intake:read",
    "post /v1/intake/lodging": "intake:write",
    "get /v1/intake/lodging/unknown": "intake:read",
    "get /v1/intake/lodging/{stay_id}": "intake:read",
    "post /v1/intake/lodging/{stay_id}/end": "intake:write",
    "post /v1/intake/lodging/{stay_id}/void": "intake:write",
    "get /v1/intake/statistics/{table}": "statistics:read",
    "get /v1/intake/rules": "intake:read",
}


async def description(world: World) -> Any:
    async with world.calling() as anybody:
        return (await anybody.get("/v1/intake/openapi.json")).json()


async def operations(world: World) -> dict[str, Any]:
    paths = (await description(world))["paths"]
    return {f"{method} {path}": each for path, methods in paths.items() for method, each in methods.items()}


def step(operation: dict[str, Any]) -> bool:
    """Whether an operation changes something that is there: it names the version that it starts from."""
    return "if-match" in {item["name"].lower() for item in operation.get("parameters", [])}


async def test_every_operation_is_described(world: World) -> None:
    found = await operations(world)
    assert found.keys() == OPERATIONS.keys()
    for name, each in found.items():
        assert each["summary"], name
        assert each["tags"], name
        assert each["security"] == [{"oauth2": [OPERATIONS[name]]}], name
        assert each["responses"]["422"] == {"$ref": "#/components/responses/Problem422"}, name
        problem = each["responses"]["default"]["content"]["application/problem+json"]["schema"]
        assert problem == {"$ref": "#/components/schemas/Problem"}, name
        (answer,) = [code for code in each["responses"] if code.startswith("2")]
        assert answer == ("201" if name.startswith("post") and not step(each) else "200"), name
        assert "$ref" in each["responses"][answer]["content"]["application/json"]["schema"], name


async def test_what_changes_something_names_its_header(world: World) -> None:
    for name, each in (await operations(world)).items():
        headers = {item["name"].lower() for item in each.get("parameters", []) if item["in"] == "header"}
        expected = {"post": {"idempotency-key"}, "patch": {"if-match"}, "get": set()}[name.split()[0]]
        assert headers == expected | ({"if-match"} if step(each) else set()), name
        assert ("requestBody" in each) == (not name.startswith("get")), name


async def test_internal_routes_are_not_described(world: World) -> None:
    assert not [path for path in (await description(world))["paths"] if "internal" in path]


@pytest.mark.parametrize("address", ["/livez", "/readyz", "/metrics", "/status"])
async def test_the_service_says_how_it_is(world: World, address: str) -> None:
    async with world.calling() as anybody:
        assert (await anybody.get(address)).status_code == 200
