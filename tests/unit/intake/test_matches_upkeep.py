"""Match keys over time: made for whoever came without, made anew after a correction, rotated, and gone when erased."""

from itertools import combinations
from random import Random
from typing import Any

from sqlalchemy import text

from services.intake.matches import rules, service, store, upkeep
from services.intake.matches.marks import GENERATION
from shared.crypto import Vault
from shared.db import run
from tests.unit.intake.test_matches import HEARD, SAME, act, clock_at, keys, persons, strip, twice
from tests.unit.intake.world import World, encounter, eventually, girl


async def test_children_who_came_without_a_search_are_found_by_the_worker(world: World) -> None:
    first, second = await twice(world)
    await strip(world, "child_match", "match_key", "match_child")
    assert await upkeep.arrived(world.runtime) == 0  # whoever is still being written is left alone
    with clock_at(minutes=2):
        assert await upkeep.arrived(world.runtime) == 2
        assert await upkeep.arrived(world.runtime) == 0
    assert set(await keys(world)) == {first["child_id"], second["child_id"]}
    (match,) = await world.rows("child_match")
    assert {match["child_a"], match["child_b"]} == {first["child_id"], second["child_id"]}


async def test_a_correction_brings_other_keys_and_other_matches(world: World) -> None:
    first, second = await twice(world)
    before = await keys(world)
    corrected = {"given_names": "Rosa", "first_surname": "Cucul", "birth_date": girl()["birth_date"]}
    assert (await world.patch(second["child_id"], {"identity": corrected})).status_code == 200
    with clock_at(minutes=2):
        await upkeep.changed(world.runtime)
        assert await upkeep.changed(world.runtime) == 0
    after = await keys(world)
    assert after[first["child_id"]] == before[first["child_id"]]
    assert not set(after[second["child_id"]]) & set(before[second["child_id"]])
    stored = {(row["key"], row["child_id"]) for row in await world.rows("match_key", "key")}
    assert stored == {(each, child) for child, own in after.items() for each in own}
    (match,) = await world.rows("child_match")
    assert match["status"] == "lapsed"
    await world.patch(second["child_id"], {"identity": {**SAME, "birth_date": girl()["birth_date"]}}, '"v2"')
    with clock_at(minutes=2):
        await upkeep.changed(world.runtime)
    (match,) = await world.rows("child_match")
    assert (match["status"], match["reasons"]) != ("lapsed", None)


async def test_keys_go_with_the_identity_and_what_was_decided_stays(world: World) -> None:
    first, second = await twice(world)
    await world.keyring.erase((await world.rows("child"))[0]["key_id"])
    await upkeep.sweep(world.runtime)
    gone = (await world.rows("child"))[0]["id"]
    assert gone in (first["child_id"], second["child_id"])
    assert gone not in await keys(world)
    assert gone not in {row["child_id"] for row in await world.rows("match_key", "key")}
    assert [row["status"] for row in await world.rows("child_match")] == ["lapsed"]
    assert (await world.met(encounter(child=girl(**SAME))))["possible_matches"] != []  # the other one is still found


async def test_match_keys_rotate_with_the_vault_and_nobody_is_missed_meanwhile(world: World) -> None:
    first = await world.met(encounter(child=girl(**SAME)))
    before = await keys(world)
    held = world.runtime.vault
    rotated = Vault("k2", {"k1": held._keys["k1"], "k2": b"2" * 32})  # what an operator's new key file says
    world.runtime.vault = world.keyring.vault = rotated
    second = await world.met(encounter(child=girl(**HEARD)))
    assert len(second["possible_matches"]) == 1
    await upkeep.sweep(world.runtime)
    after = await keys(world)
    assert not set(after[first["child_id"]]) & set(before[first["child_id"]])
    assert {row["key_id"] for row in await world.rows("match_child", "child_id")} == {"k2"}
    stored = {(row["key"], row["child_id"]) for row in await world.rows("match_key", "key")}
    assert stored == {(each, child) for child, own in after.items() for each in own}


async def test_the_daily_sweep_goes_on_where_it_stopped_and_counts(world: World, monkeypatch: Any) -> None:
    monkeypatch.setattr(upkeep, "_CHECKED", 2)
    for name in ("Ana", "Rosa", "Marta"):
        await world.met(encounter(child=girl(given_names=name)))
    await strip(world, "match_key", "match_child")
    assert [await upkeep.sweep(world.runtime) for _ in range(3)] == [2, 1, 0]
    assert len(await keys(world)) == 3
    async with world.runtime.database.work(write=False) as session:
        assert await store.holders(session, [1]) == ({}, 3)
    with clock_at(hours=25):
        assert await upkeep.sweep(world.runtime) == 2


async def test_a_blocked_child_is_not_opened(world: World) -> None:
    await world.met(encounter(child=girl(**SAME)))
    async with world.runtime.database.work() as session:
        await run(session, text("UPDATE child SET blocked_at = '2026-01-01 00:00:00'"))
    assert (await world.met(encounter(child=girl(**HEARD))))["possible_matches"] == []


async def test_a_key_that_too_many_share_brings_no_candidates_and_a_rarer_one_does(
    world: World, monkeypatch: Any
) -> None:
    monkeypatch.setattr(store, "FREQUENT", 3)
    store._lookup.cache_clear()
    first = await world.met(encounter(child=girl(**SAME)))
    born = girl()["birth_date"]
    for later in (1, 2, 3, 4):  # namesakes of other ages: the names alone say nothing any more
        await world.met(encounter(child=girl(**SAME, birth_date=f"{int(born[:4]) + later}-06-15")))
    async with world.runtime.database.work(write=False) as session:
        own = await keys(world)
        found, _ = await store.holders(session, own[first["child_id"]])
        names = [key for key in own[first["child_id"]] if sum(key in each for each in own.values()) == 5]
        assert names
        assert await store.holders(session, names) == ({}, None)
    assert found
    assert all(len(those) <= 4 for those in found.values())
    store._lookup.cache_clear()


async def test_keys_made_of_older_marks_are_made_anew_by_the_sweep(world: World) -> None:
    first = await world.met(encounter(child=girl(**SAME)))
    made = await keys(world)
    async with world.runtime.database.work() as session:
        await run(session, text("UPDATE match_child SET generation = NULL, keys = :none"), {"none": b""})
    with clock_at(hours=1):
        assert await upkeep.sweep(world.runtime)
    assert await keys(world) == made
    assert [row["generation"] for row in await world.rows("match_child", "child_id")] == [GENERATION]
    assert first["child_id"] in made


async def test_more_keys_than_one_statement_takes_are_looked_up_in_several(world: World) -> None:
    first = await world.met(encounter(child=girl(**SAME)))
    own = (await keys(world))[first["child_id"]]
    async with world.runtime.database.work(write=False) as session:
        found, _ = await store.holders(session, [*range(1, 600), *own])
    assert found == {key: [first["child_id"]] for key in own}


async def test_the_worker_of_intake_runs_it(world: World) -> None:
    first, _ = await twice(world)
    await strip(world, "match_key", "match_child")
    async with world.working():
        await eventually(lambda: _keyed(world, first["child_id"]))


async def _keyed(world: World, child_id: str) -> bool:
    return child_id in await keys(world)


async def test_whatever_is_linked_unlinked_and_corrected_persons_are_those_who_hang_together(world: World) -> None:
    chance = Random(7)
    children = [(await world.met(encounter(child=girl(**SAME))))["child_id"] for _ in range(4)]
    matches = {(row["child_a"], row["child_b"]): row["id"] for row in await world.rows("child_match")}
    assert set(matches) == set(combinations(sorted(children), 2))
    versions, linked = dict.fromkeys(matches, 1), set[tuple[str, str]]()
    for _ in range(24):
        pair = chance.choice(list(matches))
        step, code = ("unlink", "NEW_EVIDENCE") if pair in linked else ("link", "DOCUMENTS")
        answer = await act(world, matches[pair], step, code, f'"v{versions[pair]}"')
        assert answer.status_code == 200, answer.text
        versions[pair] += 1
        linked ^= {pair}
        if chance.random() < 0.2:
            async with world.runtime.database.work() as session:
                await service.refresh(session, world.runtime, chance.choice(children))
        assert await persons(world, *children) == rules.components(children, linked)
