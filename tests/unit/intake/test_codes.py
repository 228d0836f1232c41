"""Every code list is published whole: in two languages, with its source, its validity, and whether it is verified."""

from enum import StrEnum
from importlib import import_module
from inspect import getmembers, isclass
from pkgutil import iter_modules

import pytest

import services.intake
from services.intake.codes import rules
from services.intake.codes.rules import LISTED, BadTable, Listed, lists
from services.intake.lodging.rules import Quarters
from shared.catalogue import Text
from tests.unit.intake.world import World, assert_problem

CODES = "/v1/intake/codes"
UNPUBLISHED = {"CorrectionAction", "Action", "StayAction", "PermitAction", "InquiryAction", "TableName",
               "SeparationAction", "Start", "TracingAction"}  # fmt: skip
"""What `allowed_actions` names by itself, the tables, whose own pages describe them, and from when retention counts."""


@pytest.mark.parametrize("listed", LISTED, ids=lambda listed: listed.name)
def test_a_list_has_every_code_in_two_languages_with_its_source(listed: Listed) -> None:
    found = lists()[listed.name]
    assert [each.code for each in found.codes] == [member.value for member in listed.codes]
    for each in found.codes:
        assert each.text.en, each.code
        assert each.text.es, each.code
        assert each.source, each.code


def test_a_list_that_a_slice_has_is_published_or_said_not_to_be() -> None:
    own: set[str] = set()
    for package in iter_modules(services.intake.__path__):
        try:
            module = import_module(f"services.intake.{package.name}.rules")
        except ModuleNotFoundError:
            continue
        own |= {name for name, kind in getmembers(module, isclass) if issubclass(kind, StrEnum) and kind is not StrEnum}
    assert own - {listed.codes.__name__ for listed in LISTED} == UNPUBLISHED


def test_names_are_unlike() -> None:
    assert len(lists()) == len(LISTED)


@pytest.mark.parametrize(
    "wrong",
    [
        Listed("quarters-of-nobody", Quarters),  # no texts at all
        Listed("relations", Quarters),  # those of another list
        Listed("no-rows", Quarters, texts={Quarters.ALONE: Text("alone", "solo")}),  # too few
        Listed("quarters", Quarters, texts={each: Text("a", "b") for each in Quarters}),  # told twice
    ],
)
def test_a_code_without_a_text_keeps_the_service_from_starting(wrong: Listed) -> None:
    with pytest.raises(BadTable, match=wrong.name):
        list(rules._codes(wrong, rules._rows().get(wrong.name, {})))


def test_texts_of_no_list_keep_it_from_starting_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "LISTED", LISTED[1:3])
    with pytest.raises(BadTable, match="nobody contributes"):
        lists.__wrapped__()


async def test_lists_are_read_by_name(world: World) -> None:
    items = (await world.get(CODES, kind="DIF")).json()["items"]
    assert [each["name"] for each in items] == sorted(listed.name for listed in LISTED)
    shown = (await world.get(f"{CODES}/facility-kinds")).json()
    assert {"name": "facility-kinds", "size": len(shown["codes"])} in items
    station = next(each for each in shown["codes"] if each["code"] == "MIGRATION_STATION")
    assert station == {
        "code": "MIGRATION_STATION", "text_en": "migration station: always refused",
        "text_es": "estación migratoria: siempre se rechaza",
        "source": "Ley de Migración, art. 99 and 112, fr. I", "verified": True, "valid_from": None, "valid_to": None,
    }  # fmt: skip


async def test_what_ceased_to_be_law_and_what_nobody_verified_says_so(world: World) -> None:
    outcomes = {each["code"]: each for each in (await world.get(f"{CODES}/encounter-outcomes")).json()["codes"]}
    assert (outcomes["PRESENTED"]["valid_to"], outcomes["CHANNELLED"]["valid_to"]) == ("2021-01-10", None)
    reasons = {each["code"]: each for each in (await world.get(f"{CODES}/permit-reasons")).json()["codes"]}
    assert (reasons["MIGRANT_CHILD"]["verified"], reasons["CRIME_VICTIM"]["verified"]) == (True, False)
    assert "52" in reasons["CRIME_VICTIM"]["source"]


async def test_a_list_that_is_none_is_not_found(world: World) -> None:
    assert_problem(await world.get(f"{CODES}/nothing"), 404, "not_found")
    assert_problem(await world.get(CODES, scope="statistics:read"), 403, "forbidden")
