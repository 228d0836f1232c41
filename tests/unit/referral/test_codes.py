"""Code lists: every code has its text in both languages, and is published."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from services.referral.codes.rules import LISTED
from tests.unit.referral.world import World


@pytest.fixture
def database_kind() -> str:
    """No list is in a database."""
    return "sqlite"


def test_every_code_has_a_text_in_both_languages() -> None:
    for each in LISTED:
        assert set(each.texts) == set(each.codes), each.name
        assert all(text.en and text.es for text in each.texts.values())


async def test_the_lists_are_published(world: World) -> None:
    lists = (await world.get("unicef", "/codes"))["items"]
    assert [each["name"] for each in lists] == sorted(each.name for each in LISTED)
    one = await world.get("unicef", "/codes/decline-reasons")
    assert one["codes"][0] == {
        "code": "NO_CAPACITY", "text_en": "No place or no staff", "text_es": "Sin lugar o sin personal",
    }  # fmt: skip
    assert one["source"]
    await world.get("unicef", "/codes/nothing", 404)


ELSEWHERE = {"AskedKind", "Channel", "MapList", "Scheme", "State", "System", "Way", "Weekday"}
"""What may be asked and is always refused; technical (how events are sent, of which list a mapping is); somebody else's
standard (ISO 3166-2, iCalendar)."""


def asked_for(path_prefix: str) -> Iterator[tuple[str, frozenset[str]]]:
    """Yield every closed list of codes that a request of the service may hold, by the name of its shape."""
    described = json.loads((Path(__file__).parents[3] / "docs" / "openapi.json").read_text(encoding="utf-8"))
    shapes, seen = described["components"]["schemas"], set[str]()

    def walk(value: Any) -> Iterator[tuple[str, frozenset[str]]]:
        if isinstance(value, list):
            for each in value:
                yield from walk(each)
        elif isinstance(value, dict):
            name = str(value.get("$ref", "")).rpartition("/")[2]
            if name and name not in seen:
                seen.add(name)
                if "enum" in shapes[name]:
                    yield name, frozenset(shapes[name]["enum"])
                yield from walk(shapes[name])
            for key, each in value.items():
                if key != "$ref":
                    yield from walk(each)

    for path, operations in described["paths"].items():
        if path.startswith(path_prefix):
            for operation in operations.values():
                yield from walk(operation.get("requestBody", {}) if isinstance(operation, dict) else {})


def test_every_code_that_a_request_may_hold_is_in_a_published_list() -> None:
    published = [{str(code) for code in each.texts} for each in LISTED]
    found = dict(asked_for("/v1/referral/"))
    assert len(found) > 50
    assert {name for name, codes in found.items() if not any(codes <= each for each in published)} == ELSEWHERE
