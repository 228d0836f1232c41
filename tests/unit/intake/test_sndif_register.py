"""SNDIF's register (LGDNNA 99, R32): unaccompanied children from abroad, on change, for SNDIF alone, readings kept."""

import json
from typing import Any

import pytest

from services.intake.register import service
from shared import sealer
from tests.unit.intake.test_statistics import ONE
from tests.unit.intake.world import Row, World, again, assert_problem, encounter, girl

SNDIF: Row = {"kind": "DIF", "state": None, "scope": "intake:read"}
PATH = "/v1/intake/sndif-register"


async def changed(world: World, after: str | None = None, limit: int = 50) -> Any:
    """What SNDIF reads, once what was committed has been sealed."""
    while await sealer.seal(world.runtime.database, world.runtime.signer):
        pass
    answer = await world.get(f"{PATH}?limit={limit}" + (f"&after={after}" if after else ""), **SNDIF)
    assert answer.status_code == 200, answer.text
    return answer.json()


def ids(found: Any) -> list[str]:
    return [each["child_id"] for each in found["items"]]


async def test_sndif_gets_who_is_new_and_who_has_changed_and_nobody_twice(world: World) -> None:
    alone = (await world.met())["child_id"]
    await world.met(encounter(adult={"tie": "PARENTAL_AUTHORITY"}))
    await world.met(encounter(adult={"tie": "CUSTOMARY_CARE"}))
    other = (await world.met())["child_id"]
    first = await changed(world)
    assert (ids(first), first["more"]) == ([alone, other], False)
    nothing = await changed(world, first["next"])
    assert (nothing["items"], nothing["more"]) == ([], False)  # to be read is no change
    assert (await world.patch(other, {"languages": ["spa", "mam"]})).status_code == 200
    await world.met(again(alone, adult={"tie": "PARENTAL_AUTHORITY"}))
    then = await changed(world, nothing["next"])
    assert ids(then) == [other, alone]
    assert then["items"][0]["languages"] == ["spa", "mam"]
    assert [each["travel_condition"] for each in then["items"][1]["transit"]] == ["UNACCOMPANIED", "ACCOMPANIED"]
    assert ids(await changed(world, first["next"])) == [other, alone]  # the same again, as often as it is asked


@ONE
async def test_an_entry_has_the_fields_of_the_law_that_intake_holds(world: World) -> None:
    sister = (await world.met())["child_id"]
    body = encounter(
        adult={"tie": "OTHER_ADULT", "proofs": ["CHILD_STATEMENT"]}, child=girl(relatives=[sister], residence="GTM")
    )
    met = await world.met(body)
    (entry,) = [each for each in (await changed(world))["items"] if each["child_id"] == met["child_id"]]
    identity = entry.pop("identity")
    assert (identity["given_names"], identity["first_surname"]) == ("Ana", "Flores")
    (transit,) = entry.pop("transit")
    assert entry == {
        "child_id": met["child_id"], "version": 1, "sex": "F", "nationalities": ["HND"], "residence": "GTM",
        "stateless_doubt": False, "languages": ["spa"], "relatives": [sister],
    }  # fmt: skip
    assert transit == {
        "encounter_id": met["id"], "kind": "FOREIGN_MET", "occurred_at": transit["occurred_at"], "state": "MX-CHP",
        "municipality": "Tapachula", "point": None, "tie": "OTHER_ADULT", "tie_proofs": ["CHILD_STATEMENT"],
        "travel_condition": "UNACCOMPANIED", "age_group": "ADOLESCENT", "age_presumed": False,
    }  # fmt: skip


@ONE
async def test_a_page_goes_on_where_the_one_before_ended(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = [(await world.met())["child_id"] for _ in range(5)]
    monkeypatch.setattr(service, "SCANNED", 2)
    pages: list[Any] = [{"next": None, "more": True, "items": []}]
    while pages[-1]["more"]:
        pages.append(await changed(world, pages[-1]["next"], limit=1))
    assert [name for page in pages for name in ids(page)] == wanted
    assert len(pages) > 5


@ONE
async def test_every_reading_is_recorded_and_no_identity_with_it(world: World) -> None:
    child = (await world.met())["child_id"]
    await changed(world)
    (read,) = [row for row in await world.rows("audit_entry") if row["action"] == "read"]
    details = read["details"] if isinstance(read["details"], dict) else json.loads(read["details"])
    assert (read["agency"], read["resource"], read["resource_id"]) == ("dif-federal", "child", child)
    assert details == {"purpose": "register"}
    assert "Flores" not in repr(await world.everything())


@ONE
async def test_an_erased_child_has_no_identity_left(world: World) -> None:
    child = (await world.met())["child_id"]
    (row,) = await world.rows("child")
    await world.keyring.erase(row["key_id"])
    (entry,) = (await changed(world))["items"]
    assert (entry["child_id"], entry["identity"]) == (child, None)


@pytest.mark.asyncio(loop_scope="module")
async def test_the_dif_of_a_state_is_told_by_which_rule_it_does_not_read_the_register(standing_world: World) -> None:
    refused = assert_problem(await standing_world.get(PATH, **(SNDIF | {"state": "MX-CHP"})), 403, "forbidden")
    assert (refused["rule"], refused["source"].endswith("arts. 99 and 100")) == ("R32", True)
    assert (await standing_world.get(PATH, **SNDIF)).status_code == 200


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    "who",
    [{"state": "MX-CHP"}, {"kind": "INM"}, {"kind": "PP"}, {"kind": "UPM"}, {"kind": "UNICEF"}, {"kind": "CONSULATE"},
     {"scope": "statistics:read"}],
    ids=str,
)  # fmt: skip
async def test_nobody_else_reads_the_register(standing_world: World, who: Row) -> None:
    assert_problem(await standing_world.get(PATH, **(SNDIF | who)), 403, "forbidden")


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("after", ["x", "AAAA", "é", "A" * 64])
async def test_a_cursor_is_one_that_was_given(standing_world: World, after: str) -> None:
    assert_problem(await standing_world.get(f"{PATH}?after={after}", **SNDIF), 400, "bad_cursor")
