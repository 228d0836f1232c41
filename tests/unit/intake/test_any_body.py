"""Whatever JSON-like body comes, intake records it or says what is wrong. It never breaks."""

import copy
import json
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.testing import key
from tests.unit.intake.world import ENCOUNTERS, World, ago, encounter

_TEXTS = st.text(st.characters(exclude_categories=()), max_size=20)  # lone surrogates and NUL included
_CODES = st.sampled_from(["MX-CHP", "HND", "spa", "NOBODY", "FOOD", "F", "chd_" + "0" * 32])
_TIMES = st.dates().map(str) | st.datetimes().map(lambda at: f"{at.isoformat()}Z")
_LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | _TEXTS | _CODES | _TIMES
ANYTHING = st.recursive(
    _LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXTS, inner, max_size=4), max_leaves=10
)
_PLACES = [
    (), ("kind",), ("occurred_at",), ("place",), ("place", "municipality"), ("adult",), ("adult", "tie"),
    ("adult", "proofs"), ("child",), ("child", "given_names"), ("child", "birth_date"), ("child", "estimated_age"),
    ("child", "estimated_age", "low"), ("child", "estimated_age", "high"), ("child", "sex"), ("child", "languages"),
    ("child", "nationalities"), ("child", "relatives"), ("child", "relatives", 0), ("assistance",), ("assistance", 0),
    ("assistance", 0, "given_at"), ("assistance", 0, "code"),
]  # fmt: skip
ANSWERS = {201, 400, 409, 422}
BOUNDED = settings(
    max_examples=60,
    deadline=timedelta(seconds=20),
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def altered(place: tuple[Any, ...], value: Any) -> Any:
    """A good body in which one value is another one."""
    body: Any = copy.deepcopy(encounter(assistance=[{"code": "FOOD", "given_at": ago(minutes=5)}]))
    body["child"]["relatives"] = ["chd_" + "1" * 32]
    if "estimated_age" in place:
        del body["child"]["birth_date"]
        body["child"]["estimated_age"] = {"low": 12, "high": 14, "basis": "dental"}
    if not place:
        return value
    part = body
    for name in place[:-1]:
        part = part[name]
    part[place[-1]] = value
    return body


async def answer_to(world: World, body: Any) -> int:
    async with world.calling() as officer:
        answer = await officer.post(
            ENCOUNTERS, content=json.dumps(body), headers=key() | {"content-type": "application/json"}
        )
    if answer.status_code != 201:
        assert answer.headers["content-type"] == "application/problem+json"
    return int(answer.status_code)


@BOUNDED
@given(place=st.sampled_from(_PLACES), value=ANYTHING)
async def test_any_value_anywhere_is_recorded_or_refused(world: World, place: tuple[Any, ...], value: Any) -> None:
    assert await answer_to(world, altered(place, value)) in ANSWERS


@BOUNDED
@given(low=st.integers(-1, 31), high=st.integers(-1, 31))
async def test_any_estimate_is_recorded_or_refused(world: World, low: int, high: int) -> None:
    body = altered(("child", "estimated_age"), {"low": low, "high": high, "basis": "x"})
    expected = 422 if not 0 <= low <= high <= 30 else 409 if low >= 18 else 201
    assert await answer_to(world, body) == expected


@BOUNDED
@given(at=st.datetimes(), offset=st.integers(-14 * 60, 14 * 60), born=st.dates())
async def test_any_moment_and_birth_date_are_recorded_or_refused(world: World, at: Any, offset: int, born: Any) -> None:
    sign, minutes = "-+"[offset >= 0], abs(offset)
    body = altered(("occurred_at",), f"{at.isoformat()}{sign}{minutes // 60:02}:{minutes % 60:02}")
    body["child"]["birth_date"] = born.isoformat()
    assert await answer_to(world, body) in ANSWERS
