"""A table with its labels, written as CSV (RFC 4180) or XLSX, with HXL tags in its second row."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

Value = str | int | float | bool | None

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
"""What a spreadsheet takes for the beginning of a formula."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column: what people read above it, and its HXL tag (hxlstandard.org)."""

    label: str
    tag: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table as people get it."""

    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Value]]


def harmless(value: Value) -> Value:
    """Return a value that no spreadsheet will take for a formula (OWASP, CSV injection)."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def csv_of(sheet: Sheet) -> bytes:
    """Return a table as CSV in UTF-8."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([column.label for column in sheet.columns])
    writer.writerow([column.tag for column in sheet.columns])
    for row in sheet.rows:
        writer.writerow([_word(harmless(value)) for value in row])
    return text.getvalue().encode()


def _word(value: Value) -> Value:
    return str(value).lower() if isinstance(value, bool) else value


def xlsx_of(sheet: Sheet) -> bytes:
    """Return a table as a workbook, whose rows are written as they come."""
    import xlsxwriter  # only this needs it, and few ask for it

    content = io.BytesIO()
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(content, options) as book:
        book.set_properties({"title": sheet.title})
        page = book.add_worksheet()
        heading = book.add_format({"bold": True})
        for place, column in enumerate(sheet.columns):
            page.write_string(0, place, column.label, heading)
        for place, column in enumerate(sheet.columns):
            page.write_string(1, place, column.tag)
        for line, row in enumerate(sheet.rows, 2):
            for place, value in enumerate(row):
                page.write(line, place, harmless(value))
        page.freeze_panes(2, 0)
    return content.getvalue()
