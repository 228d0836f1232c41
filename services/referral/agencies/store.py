"""The directory as it ships: `data/agencies.csv`, read once (docs/data-sources.md).

A file and not yet a table: a hundred rows, public, the same at every installation, and changed
by review of their sources. What differs between installations (duty contacts, live capacity)
will be a table beside it.
"""

import csv
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from services.referral.agencies.rules import Agency, Kind, Service
from shared.auth import Caller


def readable(_: Caller) -> Mapping[str, Agency]:
    """Return what the caller may read, by id: all of it, since the directory is public."""
    return directory()


@cache
def directory() -> Mapping[str, Agency]:
    """Return every body by id, in the order of the ids."""
    text = (files("services.referral.agencies") / "data" / "agencies.csv").read_text("utf-8")
    rows = sorted(csv.DictReader(text.splitlines()), key=lambda row: row["id"])
    return {row["id"]: _agency(row) for row in rows}


def _agency(row: Mapping[str, str]) -> Agency:
    return Agency(
        id=row["id"],
        kind=Kind(row["kind"]),
        name_es=row["name_es"],
        name_en=row["name_en"],
        state=row["state"] or None,
        territory=frozenset(row["territory"].split(";")),
        services=tuple(Service(code) for code in row["services"].split(";") if code),
        parent=row["parent"] or None,
        source=row["source"],
        verified=row["verified"] == "true",
    )
