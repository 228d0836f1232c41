"""The mapping as this version ships it: a table in the package, and FHIR's part that is our own code system."""

import csv
from collections.abc import Iterator
from datetime import date
from functools import cache
from importlib.resources import files

from services.referral.interop.rules import OURS, UNSAID, MapList, Row, System, Way
from shared.catalogue import Text

VALID_FROM = date(2026, 11, 22)
SOURCES = {
    "primero": "Primero 2.15: status of a Referral and a Transfer, time frames of a service, consent of a transition",
    "primero_services": "Primero's service types as OpenFn/primero-progres has them; an installation has its own",
    "progres": "OpenFn/primero-progres, jobs of both flows",
    "fhir": "HL7 FHIR R4 and R5, Task.status; Gravity SDOH Clinical Care",
    "R30": "Rule R30: a transfer changes who owns the case only on arrival",
    "design": "Design decision",
}
_OWN = "Ruta's own code system: the same code, under urn:ruta:code:<list>"
_SPOKEN = "~"
"""Stands in the table for a word that their form has no place for: an empty cell means that they have none."""


@cache
def shipped() -> tuple[Row, ...]:
    """Return the rows of this version."""
    return (*_written(), *_own())


def _written() -> Iterator[Row]:
    text = (files(__package__) / "data" / "mappings.csv").read_text("utf-8")
    for number, row in enumerate(csv.DictReader(text.splitlines(), strict=True), 1):
        theirs = {_SPOKEN: UNSAID, "": None}.get(row["theirs"], row["theirs"])
        yield Row(
            id=f"base-{number:03}", system=System(row["system"]), list=MapList(row["list"]), ours=row["ours"] or None,
            theirs=theirs, way=Way(row["way"]), source=SOURCES[row["source"]], verified=row["verified"] == "true",
            valid_from=VALID_FROM, note=Text(row["note_en"], row["note_es"]) if row["note_en"] else None,
        )  # fmt: skip


def _own() -> Iterator[Row]:
    """FHIR lets parties bring code systems: there our codes are theirs, but for the two lists that FHIR defines."""
    for of, known in OURS.items():
        if of in (MapList.STATE, MapList.URGENCY) or of.value.startswith("transfer"):
            continue
        for code in known:
            yield Row(
                id=f"fhir-{of.value}-{code.value}", system=System.FHIR, list=of, ours=code.value, theirs=code.value,
                way=Way.BOTH, source=_OWN, verified=True, valid_from=VALID_FROM,
            )  # fmt: skip
