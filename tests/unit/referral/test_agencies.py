"""The directory: who is competent where, and how partners look it up."""

import pytest

from services.referral.agencies.rules import Kind, competent
from services.referral.agencies.store import directory
from shared.shapes import State
from tests.unit.referral.world import World

ALL = directory().values()


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("kind", [Kind.PP, Kind.DIF, Kind.INM])
def test_every_state_has_its_own_body_of_the_first_hour(kind: Kind, state: State) -> None:
    found = competent(kind, state, ALL)
    assert found is not None
    assert found.state == state


def test_the_federal_body_steps_in_where_a_state_has_none() -> None:
    federal_only = [agency for agency in ALL if agency.id == "pp-fed"]
    assert competent(Kind.PP, "MX-CHP", federal_only) is federal_only[0]
    assert competent(Kind.COMAR, "MX-CHP", ALL) is directory()["comar"]
    assert competent(Kind.PP, "MX-CHP", []) is None


def test_an_unverified_body_is_competent_all_the_same() -> None:
    found = competent(Kind.UNICEF, "MX-CHP", ALL)
    assert found is not None
    assert not found.verified


async def test_partners_read_the_directory(world: World) -> None:
    page = await world.get("unicef", "/agencies?kind=DIF&state=MX-CHP")
    assert [agency["id"] for agency in page["items"]] == ["dif-chp", "dif-nacional"]
    assert [agency["id"] for agency in (await world.get("unicef", "/agencies?service=REFUGE"))["items"]] == ["comar"]
    one = await world.get("unicef", "/agencies/pp-chp")
    assert (one["kind"], one["state"], one["verified"]) == ("PP", "MX-CHP", True)
    await world.get("unicef", "/agencies/pp-nowhere", 404)


async def test_the_pages_of_the_directory_join_up(world: World) -> None:
    found, cursor = [], ""
    while True:
        page = await world.get("unicef", f"/agencies?limit=20{cursor}")
        found += [agency["id"] for agency in page["items"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert found == sorted(directory())
