"""What a file of encounters may look like. Pure."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

BATCH = 250
"""Lines of one transaction: large enough that the commit costs little, small enough that memory stays small."""

MAX_ERRORS = 10_000
"""Of one upload, kept with their places. Beyond it lines are still counted."""


class LoadState(StrEnum):
    """Where an upload stands."""

    RUNNING = "running"  # or broken off: then send it again, whole, with the same key
    FINISHED = "finished"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of CSV: where its cell goes in an encounter, and whether the cell holds several values."""

    path: tuple[str, ...]
    several: bool = False
    number: bool = False
    truth: bool = False


COLUMNS: dict[str, Column] = {
    "external_id": Column(("external_id",)),
    "kind": Column(("kind",)),
    "occurred_at": Column(("occurred_at",)),
    "state": Column(("place", "state")),
    "municipality": Column(("place", "municipality")),
    "point": Column(("place", "point")),
    "outcome": Column(("outcome",)),
    "return_point": Column(("return_point",)),
    "returned_from": Column(("returned_from",)),
    "state_of_origin": Column(("state_of_origin",)),
    "announced_by": Column(("announced_by",)),
    "announcing_agency": Column(("announcing_agency",)),
    "announcing_country": Column(("announcing_country",)),
    "announcement_id": Column(("announcement_id",)),
    "tie": Column(("adult", "tie")),
    "tie_proofs": Column(("adult", "proofs"), several=True),
    "adult_relation": Column(("adult", "relation")),
    "child_id": Column(("child_id",)),
    "given_names": Column(("child", "given_names")),
    "first_surname": Column(("child", "first_surname")),
    "second_surname": Column(("child", "second_surname")),
    "name_form": Column(("child", "name_form")),
    "birth_date": Column(("child", "birth_date")),
    "age_low": Column(("child", "estimated_age", "low"), number=True),
    "age_high": Column(("child", "estimated_age", "high"), number=True),
    "age_basis": Column(("child", "estimated_age", "basis")),
    "curp": Column(("child", "curp")),
    "sex": Column(("child", "sex")),
    "nationalities": Column(("child", "nationalities"), several=True),
    "residence": Column(("child", "residence")),
    "stateless_doubt": Column(("child", "stateless_doubt"), truth=True),
    "languages": Column(("child", "languages"), several=True),
}
"""Every column of CSV that is known. An empty cell leaves its field out; `|` parts several values."""

NEEDED = frozenset({"external_id", "occurred_at", "state", "tie"})
"""What a header must name."""

_TRUTHS = {"true": True, "false": False}


def from_cells(names: list[str], values: list[str]) -> dict[str, Any]:
    """Return the encounter that a line of CSV says. What is not of its type stays text, for the shape to refuse."""
    body: dict[str, Any] = {}
    for name, text in zip(names, values, strict=True):
        column = COLUMNS[name]
        if text.strip() == "":
            continue
        part = body
        for step in column.path[:-1]:
            part = part.setdefault(step, {})
        part[column.path[-1]] = _value(column, text.strip())
    if "child" in body:  # a list that may be empty has no empty cell of its own
        body["child"].setdefault("nationalities", [])
    return body


def _value(column: Column, text: str) -> Any:
    if column.several:
        return [each.strip() for each in text.split("|")]
    if column.number and text.isdecimal() and len(text) < 4:
        return int(text)
    return _TRUTHS.get(text, text) if column.truth else text


_PLACES = {"/" + "/".join(column.path): name for name, column in COLUMNS.items()}


def column_of(pointer: str) -> str:
    """Return where in the line a fault lies: `/` and the column, for a pointer into the encounter."""
    parts = pointer.split("/")
    for end in range(len(parts), 1, -1):
        if (name := _PLACES.get("/".join(parts[:end]))) is not None:
            return f"/{name}"
    return pointer
