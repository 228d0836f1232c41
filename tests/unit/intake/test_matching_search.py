"""The search in two rounds, over a handful of records; and the register of bench, whose rows are the service's own."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from bench import register
from bench.people import TUNING_SEED
from services.intake.matches.blind import packed
from services.intake.matches.compare import Described
from services.intake.matches.marks import marks
from services.intake.matches.records import Records
from services.intake.matches.search import Search
from tests.unit.intake.test_matching_rules import aged, child
from tests.unit.intake.world import World, encounter, girl


class Row(NamedTuple):
    """What stands unsealed of a record."""

    id: str
    state: str
    sex: str
    nationalities: frozenset[str]
    languages: frozenset[str]
    day: Any


class Shelf:
    """A few records that lie open."""

    def __init__(self, **records: Described) -> None:
        self.records = records
        self.opened: list[str] = []
        self.having: dict[int, list[str]] = defaultdict(list)
        for name, each in records.items():
            for key in self.keys(each):
                self.having[key].append(name)

    def keys(self, child: Described) -> list[int]:
        return [hash(mark) for mark in marks(child)]

    async def holders(self, keys: Collection[int]) -> tuple[dict[int, list[str]], int | None]:
        return {key: self.having[key] for key in keys if key in self.having}, None

    async def rows(self, child_ids: Collection[str]) -> Sequence[Row]:
        those = [(name, self.records[name]) for name in child_ids]
        return [Row(name, "MX-CHP", each.sex, each.nationalities, each.languages, each.day) for name, each in those]

    async def open(self, rows: Sequence[Row]) -> dict[str, Described]:
        self.opened += [row.id for row in rows]
        return {row.id: self.records[row.id] for row in rows}


SHORT = aged(13, 15, second_surname=None)
WHOLE = child()
OTHER = child(given_names="Xiomara", first_surname="De León", second_surname=None)


async def found_of(shelf: Shelf, name: str) -> dict[str, dict[str, str]]:
    search = Search(shelf, name, shelf.records[name])
    return {each.child_id: each.reasons for each in await search.run()}


async def test_two_records_that_have_nothing_in_common_are_found_through_a_third() -> None:
    assert not set(marks(SHORT)) & set(marks(OTHER))
    assert await found_of(Shelf(short=SHORT, other=OTHER), "short") == {}
    found = await found_of(Shelf(short=SHORT, other=OTHER, whole=WHOLE), "short")
    assert found["other"]["through"] == "a third record"
    assert "through" not in found["whole"]


async def test_a_twin_is_not_found_through_a_third_either() -> None:
    twin = child(given_names="Rosa Elvira")
    shelf = Shelf(girl=child(), same=child(given_names="Xiomara"), twin=twin)
    assert set(await found_of(shelf, "girl")) == {"same"}
    assert await found_of(shelf, "twin") == {}


async def test_two_given_names_that_differ_are_found_where_a_third_record_has_both() -> None:
    first, second = child(given_names="Xiomara"), child(given_names="Belén")
    found = await found_of(Shelf(first=first, second=second, both=child()), "first")
    assert found["second"]["given_names"] == "differ"
    assert found["second"]["through"] == "a third record with both names"
    assert await found_of(Shelf(first=first, second=second), "first") == {}


async def test_a_sister_who_shares_the_second_name_is_not_found_so() -> None:
    shelf = Shelf(girl=child(given_names="Xiomara"), both=child(), sister=child(given_names="Rosa Belén"))
    assert set(await found_of(shelf, "girl")) == {"both"}


async def test_no_record_is_opened_twice_and_never_the_one_that_is_searched_for() -> None:
    shelf = Shelf(short=SHORT, other=OTHER, whole=WHOLE, again=child(given_names="Xiomara"))
    await found_of(shelf, "short")
    assert sorted(shelf.opened) == ["again", "other", "whole"]


# -- the register of bench ---------------------------------------------------------------------------------------


async def test_the_loader_of_bench_writes_what_the_service_would_write(world: World) -> None:
    """Of the same kind in every column, to be opened by the same keys, with the same match keys."""
    await world.met(encounter(child=girl(sex="F", nationalities=["HND"])))
    before = {name: await world.rows(name, order) for name, order in _TABLES.items()}
    loaded = await register.load(world.runtime.database, world.keyring, world.runtime.vault, TUNING_SEED, 20, workers=0)
    assert len(loaded.labels) >= 20
    for name, order in _TABLES.items():
        old = before[name]
        new = [row for row in await world.rows(name, order) if row not in old]
        assert new
        for row in new:
            assert {column: type(value) for column, value in row.items()} == {
                column: type(value) for column, value in old[0].items()
            }, name
    kept = {row["child_id"]: row["keys"] for row in await world.rows("match_child", "child_id")}
    async with world.runtime.database.work(write=False) as session:
        records = await Records.of(session, world.keyring, world.runtime.vault)
        rows = await records.rows([label.child_id for label in loaded.labels])
        opened = await records.open(rows)
    for label in loaded.labels:
        assert opened[label.child_id].given == label.described.given
        assert opened[label.child_id].surnames == label.described.surnames
        assert packed(records.kept(label.described)) == kept[label.child_id]


_TABLES = {"child": "id", "match_child": "child_id", "match_key": "child_id"}
