"""A child's case passes to another state: its authorities read the child from then on, the former ones no longer."""

from pathlib import Path

import pytest

from services.intake.cases.store import standing
from shared import ids
from tests.conftest import migrated_sqlite
from tests.unit.intake.cases import brought, told
from tests.unit.intake.test_matches import MATCHES, twice
from tests.unit.intake.world import CHILDREN, ENCOUNTERS, World, again, assert_problem, encounter
from tests.unit.referral import world as referral
from tests.unit.referral.test_transfers import arrival, departed, step

AUNT = {"tie": "CUSTOMARY_CARE", "relation": "AUNT_OR_UNCLE", "identity": {"given_names": "Ficticia"}}


async def readers(world: World, child_id: str) -> dict[str, int]:
    """Who reads the child, of the authorities of both states and the federal ones."""
    who = [(kind, state) for state in ("MX-CHP", "MX-TAB", None) for kind in ("INM", "PP")]
    return {
        f"{kind} {state}": (await world.get(f"{CHILDREN}/{child_id}", kind=kind, state=state)).status_code
        for kind, state in who
    }


def only(state: str) -> dict[str, int]:
    return {
        f"{kind} {each}": 200 if each in (state, None) else 404
        for each in ("MX-CHP", "MX-TAB", None)
        for kind in ("INM", "PP")
    }


async def test_the_new_territory_reads_the_child_and_the_former_one_does_no_longer(world: World) -> None:
    met = await world.met(encounter(adult=AUNT))
    assert await readers(world, met["child_id"]) == only("MX-CHP")
    await told(world, met["child_id"], 4, state="MX-TAB")
    assert await readers(world, met["child_id"]) == only("MX-TAB")
    path = f"{ENCOUNTERS}/{met['id']}"
    assert (await world.get(f"{path}/adult", state="MX-TAB")).json()["identity"]["given_names"] == "Ficticia"
    assert_problem(await world.get(f"{path}/adult"), 404, "not_found")
    assert (await world.get(path, kind="PP", state="MX-TAB")).status_code == 200
    assert (await world.get(path)).status_code == 200  # it happened there: the event, and nobody's name
    assert (await world.get(path, state="MX-OAX")).status_code == 404
    body = again(met["child_id"], place={"state": "MX-TAB"})
    assert (await world.met(body, state="MX-TAB"))["child_id"] == met["child_id"]
    assert_problem(await world.post(again(met["child_id"])), 404, "not_found")
    (row,) = await world.rows("child")
    assert (row["state"], row["met_state"]) == ("MX-TAB", "MX-CHP")
    (entry,) = [each for each in await world.rows("audit_entry") if each["action"] == "move"]
    assert (entry["resource_id"], entry["agency"]) == (met["child_id"], "intake")


async def test_what_comes_late_or_twice_moves_nobody(world: World) -> None:
    child_id = (await world.met())["child_id"]
    await told(world, child_id, 9, state="MX-TAB")
    await told(world, child_id, 4, state="MX-OAX")  # sent before, and late
    await told(world, child_id, 9, state="MX-VER")
    assert await readers(world, child_id) == only("MX-TAB")
    await told(world, child_id, 12)  # back again
    assert await readers(world, child_id) == only("MX-CHP")
    (row,) = await world.rows("child")
    assert row["met_state"] == "MX-CHP"
    await told(world, ids.new("chd"), 1)  # erased here meanwhile
    assert len(await world.rows("case_standing", "child_id")) == 1
    async with world.runtime.database.work(write=False) as session:
        held = await standing(session, child_id)
    assert held is not None
    assert (held.version, held.state, held.closed_at) == (12, "MX-CHP", None)


async def test_the_matches_of_a_child_move_with_it(world: World) -> None:
    first, second = await twice(world, state="MX-OAX")
    match = second["possible_matches"][0]["match_id"]
    await told(world, first["child_id"], 3, state="MX-TAB")
    shown = (await world.get(f"{MATCHES}/{match}", state="MX-TAB")).json()
    assert {side["child_id"] for side in shown["children"]} == {first["child_id"], None}
    assert_problem(await world.get(f"{MATCHES}/{match}"), 404, "not_found")
    shown = (await world.get(f"{MATCHES}/{match}", state="MX-OAX")).json()
    assert {side["child_id"] for side in shown["children"]} == {second["child_id"], None}


@pytest.mark.parametrize("database_kind", ["sqlite"])
async def test_a_confirmed_arrival_in_referral_moves_the_reading_here(
    world: World, run_folder: Path, tmp_path: Path
) -> None:
    """Through both services: the transfer of a territory there, and who may read here."""
    child_id = (await world.met())["child_id"]
    (tmp_path / "referral").mkdir()
    url = migrated_sqlite("services.referral", run_folder, tmp_path / "referral")
    async with referral.World.open(url, tmp_path / "referral") as other:
        territory = {"kind": "TERRITORY", "recipient": "pp-tab", "officer": "pp-0001"}
        made = await departed(other, "pp-chp", **territory)
        assert [each.type for each in await other.sent("service:intake") if each.type == "case.moved"] == []
        await step(other, made, "pp-tab", "arrive", arrival())
        (event,) = [each for each in await other.sent("service:intake") if each.type == "case.moved"]
        case = await other.get("pp-fed", f"/cases/{made['case_id']}")
    assert event.data == {
        "child_id": case["child_id"], "version": case["version"], "state": "MX-TAB", "closed_at": None,
    }  # fmt: skip
    assert event.case_key == case["child_id"]
    for _ in range(2):
        await brought(world, event.data | {"child_id": child_id})
    assert await readers(world, child_id) == only("MX-TAB")
