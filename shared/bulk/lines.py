"""The lines of a long upload, one at a time: NDJSON and CSV (RFC 4180), in constant memory."""

import csv
from collections.abc import AsyncIterator

from shared.errors import Fault, Invalid

MAX_LINE = 64 * 1024
_BOM = b"\xef\xbb\xbf"
_QUOTE = b'"'


class BadLine(Exception):
    """A line that cannot be read at all. The text says why, and quotes nothing of it."""


Line = tuple[int, bytes | BadLine]
"""The number of a line as an editor counts, and its bytes without the end."""


async def lines(chunks: AsyncIterator[bytes], *, quoted: bool = False) -> AsyncIterator[Line]:
    """Yield each line that is not empty. With `quoted`, a line end between double quotes ends no line (CSV).

    A line longer than MAX_LINE is told once and skipped; it is never kept.
    """
    number, held, skipping, first = 1, b"", False, True
    async for chunk in chunks:
        *whole, rest = (held + chunk).split(b"\n")
        open_line, start = b"", number
        for each in whole:
            open_line += each + b"\n"
            number += 1
            if quoted and not skipping and open_line.count(_QUOTE) % 2 and len(open_line) <= MAX_LINE:
                continue
            if skipping:
                skipping = False
            elif line := _plain(open_line, first=first):
                yield start, line if len(line) <= MAX_LINE else BadLine("too_long")
            open_line, start, first = b"", number, False
        held = open_line + rest
        number = start
        if len(held) > MAX_LINE:
            if not skipping:
                yield number, BadLine("too_long")
            skipping, first = True, False
            held = b""
    if not skipping and (line := _plain(held, first=first)):
        yield number, line


def _plain(line: bytes, *, first: bool) -> bytes:
    return (line.removeprefix(_BOM) if first else line).rstrip(b"\r\n")


def cells(line: bytes) -> list[str]:
    """Return the cells of a line of CSV. Raises BadLine."""
    try:
        (found,) = csv.reader([line.decode("utf-8")], strict=True)
    except UnicodeDecodeError:
        raise BadLine("not_utf8") from None
    except (csv.Error, ValueError):
        raise BadLine("not_csv") from None
    if any("\0" in cell for cell in found):
        raise BadLine("not_csv")
    return found


def header(line: bytes, known: frozenset[str], needed: frozenset[str]) -> list[str]:
    """Return the columns that a header names. Raises Invalid where one is unknown, doubled or missing."""
    try:
        names = cells(line)
    except BadLine as error:
        raise Invalid("The header cannot be read.", faults=[Fault("/header", str(error))]) from None
    faults = [Fault("/header", "unknown_column")] * (not set(names) <= known)
    faults += [Fault("/header", "doubled_column")] * (len(set(names)) != len(names))
    faults += [Fault(f"/header/{name}", "missing_column") for name in sorted(needed - set(names))]
    if faults:
        raise Invalid("The first line names the columns.", faults=faults)
    return names
