"""Clock, ids, zones, shapes, settings: small things that everything stands on."""

import asyncio
import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from shared import clock, ids, testing, zones
from shared.settings import Settings, UnsafeSettings
from shared.shapes import Country, Id, Language, Line, Note, Past, Slug, State
from shared.testing import Keys

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


# -- time ------------------------------------------------------------------------------------------------


def test_time_can_be_held_and_moved() -> None:
    with clock.at(NOW):
        clock.advance(timedelta(hours=1))
        assert clock.now() == NOW + timedelta(hours=1)
        with clock.at(NOW):
            assert clock.now() == NOW
        assert clock.now() == NOW + timedelta(hours=1)
    assert clock.now() > NOW - timedelta(days=365)
    assert clock.now().tzinfo is UTC


def test_time_that_runs_cannot_be_moved() -> None:
    with pytest.raises(RuntimeError, match="hold it"):
        clock.advance(timedelta(1))


async def test_a_task_inherits_the_held_time() -> None:
    async def tell() -> datetime:
        return clock.now()

    with clock.at(NOW):
        assert await asyncio.create_task(tell()) == NOW


def test_ids_sort_by_the_time_they_were_made() -> None:
    made = []
    with clock.at(NOW):
        for step in (1, 3, 900, 1000, 5000, 10**6, 10**9):
            clock.advance(timedelta(microseconds=step))
            made.append(ids.new("enc"))
    assert made == sorted(made)


def test_ids_are_of_version_7_and_never_alike() -> None:
    with clock.at(NOW):
        made = {ids.new("enc") for _ in range(1000)}
    assert len(made) == 1000
    for each in made:
        assert re.fullmatch(ids.PATTERN, each)
        digits = each.partition("_")[2]
        assert digits[12] == "7"
        assert digits[16] in "89ab"
        assert int(digits[:12], 16) == int(NOW.timestamp() * 1000)


def test_an_opaque_id_says_nothing_of_its_time() -> None:
    with clock.at(NOW):
        made = [ids.opaque("rel") for _ in range(64)]
    assert all(re.fullmatch(ids.PATTERN, each) for each in made)
    assert len({each[:8] for each in made}) > 32
    assert len(ids.token()) == 43


# -- zones -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("moment", "state", "day"),
    [
        ("2026-07-01T05:59:59Z", "MX-CMX", date(2026, 6, 30)),  # no summer time since 2022: 6 hours behind
        ("2026-07-01T06:00:00Z", "MX-CMX", date(2026, 7, 1)),
        ("2022-07-01T05:00:00Z", "MX-CMX", date(2022, 7, 1)),  # there was one before
        ("2026-07-01T06:00:00Z", "MX-CHP", date(2026, 7, 1)),
        ("2026-07-01T04:59:59Z", "MX-ROO", date(2026, 6, 30)),  # 5 behind all year
        ("2026-07-01T05:00:00Z", "MX-ROO", date(2026, 7, 1)),
        ("2026-07-01T06:59:59Z", "MX-SON", date(2026, 6, 30)),  # 7 behind all year
        ("2026-07-01T06:59:59Z", "MX-BCN", date(2026, 6, 30)),  # 7 behind in the border's summer
        ("2026-07-01T07:00:00Z", "MX-BCN", date(2026, 7, 1)),
        ("2026-12-01T07:59:59Z", "MX-BCN", date(2026, 11, 30)),  # 8 behind in its winter
        ("2026-12-01T08:00:00Z", "MX-BCN", date(2026, 12, 1)),
        ("2026-12-01T06:00:00Z", "MX-CHH", date(2026, 12, 1)),  # the capital, not Ciudad Juárez
    ],
)
def test_a_day_is_counted_where_it_happens(moment: str, state: str, day: date) -> None:
    assert zones.local_day(datetime.fromisoformat(moment), state) == day


def test_every_state_has_a_zone() -> None:
    assert {zones.zone(state).key.partition("/")[0] for state in State} == {"America"}


# -- shapes ----------------------------------------------------------------------------------------------


def reads(shape: Any, value: str) -> bool:
    try:
        TypeAdapter(shape).validate_json(value, strict=True)
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize(
    ("shape", "good", "bad"),
    [
        (Past, ['"2020-01-01T00:00:00Z"', '"2020-01-01T00:00:00.5-06:00"', '"2026-11-22T12:00:00Z"'],
         ['"2026-11-22T12:00:01Z"', '"2026-11-22T13:00:00+00:30"', '"2020-01-01T00:00:00"', '"2020-01-01"', "0", "null",
          '"0001-01-01T00:00:00+14:00"', '"9999-12-31T23:59:59-12:00"', '"now"', "1577836800"]),
        (Country, ['"HND"', '"MEX"', '"SLV"', '"GTM"'], ['"hnd"', '"XXX"', '"HN"', '"HNDX"', '"340"', '"HND "', "7"]),
        (Language, ['"spa"', '"tzh"', '"tzo"', '"quc"', '"mam"'], ['"SPA"', '"es"', '"qqq"', '"xxx"', "null"]),
        (State, ['"MX-CHP"', '"MX-CMX"'], ['"CHP"', '"MX-DIF"', '"mx-chp"', '"MX-"']),
        (Line, ['"a"', '"María José"', '"\\u2028"'],
         ['""', '"a\\nb"', '"\\u0000"', '"\\u007f"', '"' + "a" * 201 + '"']),
        (Note, ['"a\\nb"'], ['""', '"' + "a" * 4001 + '"']),
        (Id, ['"enc_' + "0" * 32 + '"'],
         ['"enc_"', '"enc_' + "0" * 31 + '"', '"enc_' + "G" * 32 + '"',
          '"enc_' + "0" * 32 + '\\n"', '"x_' + "0" * 32 + '"']),
        (Slug, ['"pp-chp"'], ['"PP"', '"a"', '"a b"', '"pp-chp\\n"', '"' + "a" * 49 + '"']),
    ],
)  # fmt: skip
def test_a_shape_takes_and_refuses(shape: Any, good: list[str], bad: list[str]) -> None:
    with clock.at(NOW):
        assert [value for value in good if not reads(shape, value)] == []
        assert [value for value in bad if reads(shape, value)] == []


# -- settings --------------------------------------------------------------------------------------------


def production(folder: Path, **change: Any) -> Settings:
    made = testing.settings("intake", folder, Keys(), "postgresql://db/intake", keyring_url="postgresql://db/keyring")
    safe = {
        "environment": "production", "allow_loopback_webhooks": False, "impact_assessment_date": date(2026, 1, 2),
        "issuer": "https://ruta.example",
    }  # fmt: skip
    return made.model_copy(update=safe | change)


def test_production_starts_when_everything_is_safe(tmp_path: Path) -> None:
    production(tmp_path).refuse_unsafe()
    production(tmp_path, database_url="sqlite:///a", keyring_url="sqlite:///b", single_node=True).refuse_unsafe()
    production(tmp_path, service="gateway", event_secrets_file=None, keyring_url="").refuse_unsafe()


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"database_url": "sqlite+aiosqlite:///a"}, "RUTA_DATABASE_URL"),
        ({"keyring_url": "sqlite:///a"}, "RUTA_KEYRING_URL"),
        ({"keyring_url": ""}, "RUTA_KEYRING_URL"),
        ({"allow_loopback_webhooks": True}, "RUTA_ALLOW_LOOPBACK_WEBHOOKS"),
        ({"impact_assessment_date": None}, "RUTA_IMPACT_ASSESSMENT_DATE"),
        ({"event_secrets_file": None}, "RUTA_EVENT_SECRETS_FILE"),
        ({"gateway_url": ""}, "RUTA_GATEWAY_URL"),
        ({"issuer": "http://ruta.example"}, "RUTA_ISSUER"),
        ({"kek_file": Path("/nowhere/kek")}, "/nowhere/kek"),
        ({"signing_key_file": Path("/nowhere/key")}, "/nowhere/key"),
        ({"trust_file": Path("/nowhere/trust")}, "/nowhere/trust"),
    ],
)
def test_production_refuses_to_start_unsafe(tmp_path: Path, change: dict[str, Any], named: str) -> None:
    with pytest.raises(UnsafeSettings, match=named) as caught:
        production(tmp_path, **change).refuse_unsafe()
    assert str(caught.value).count("\n- ") == 1
    production(tmp_path, **change, environment="sandbox").refuse_unsafe()


def test_every_reason_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(UnsafeSettings) as caught:
        production(tmp_path, issuer="x", impact_assessment_date=None).refuse_unsafe()
    assert str(caught.value).count("\n- ") == 2


def test_a_setting_that_is_wrong_does_not_show_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUTA_DATABASE_URL", "postgresql://u:hunter2@db/x")
    monkeypatch.setenv("RUTA_PORT", "hunter3")
    with pytest.raises(ValidationError) as caught:
        Settings()
    assert "hunter" not in str(caught.value)
