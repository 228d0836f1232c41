"""Local days: the law and the official tables count days where they happen, storage counts UTC."""

import csv
from datetime import date, datetime
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo


@cache
def zone(state: str) -> ZoneInfo:
    """Return the time zone of a state's capital (ISO 3166-2 code)."""
    return ZoneInfo(_zones()[state])


@cache
def _zones() -> dict[str, str]:
    text = (files("shared") / "states.csv").read_text(encoding="utf-8")
    return {row["code"]: row["zone"] for row in csv.DictReader(text.splitlines())}


def local_day(moment: datetime, state: str) -> date:
    """Return the calendar day that a moment fell on in a state."""
    return moment.astimezone(zone(state)).date()
