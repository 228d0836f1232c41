"""The vocabulary of the API: what each field means, an example of it, and where a caller gets it from.

A field is called the same wherever it means the same, so it is described once, in a table: the
kernel's own (`words.csv` beside this module) and one for each service. A row names a field
(`officer`), the field of a shape (`CaseOut.state`) or of several (`Endpoint*.cap`), a parameter
(`query.state`), or a whole shape (`ClientChange.`) whose example does not follow from its fields.
What the shape itself says comes first.
"""

import csv
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files
from typing import Any

from shared import ids


@dataclass(frozen=True, slots=True)
class Word:
    """One row. `source` says where a caller takes the value from; then a curl has a variable in its place."""

    text: str
    example: Any
    source: str


class Words:
    """The kernel's words and those of one service.

    The service's count before the kernel's, and what names a shape before what names only a field.
    """

    def __init__(self, kernel: Mapping[str, Word], own: Mapping[str, Word]) -> None:
        self._tables = (kernel, own)

    @classmethod
    def of(cls, package: str) -> "Words":
        """Read the words of a service, such as `services.intake`. A package without a table has the kernel's."""
        return cls(_read(__package__), _read(package))

    def find(self, shape: str, name: str) -> Word | None:
        """Return what is known of a field of a shape, or of a parameter (whose shape is `query` or `path`)."""
        kernel, own = self._tables
        return self.named(shape, name) or own.get(name) or kernel.get(name)

    def named(self, shape: str, name: str) -> Word | None:
        """Return what is known of this field of this very shape."""
        for table in reversed(self._tables):
            for row, word in table.items():
                if "." in row and fnmatchcase(f"{shape}.{name}", row):
                    return word
        return None

    def rows(self) -> Iterator[str]:
        """Yield what the rows are about, so that a test finds those that nothing needs any more."""
        for table in self._tables:
            yield from table


@cache
def _read(package: str) -> Mapping[str, Word]:
    file = files(package) / "words.csv"
    if not file.is_file():
        return {}
    rows = csv.DictReader(file.read_text("utf-8").splitlines(), strict=True)
    return {row["field"]: Word(row["text"], _value(row["example"]), row["source"] or "") for row in rows}


def _value(cell: str) -> Any:
    """Return a cell's value: JSON where it is JSON, else the text itself; `...` where there is none."""
    if cell == "":
        return ...
    try:
        return json.loads(cell)
    except ValueError:
        return cell


def is_id(value: Any) -> bool:
    """Whether an example is an id: it means nothing to anybody else's system."""
    return isinstance(value, str) and re.fullmatch(ids.PATTERN, value) is not None
