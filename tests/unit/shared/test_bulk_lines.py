"""Lines of an upload are the same however its bytes arrive, and no line is ever kept that is too long."""

from collections.abc import AsyncIterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.bulk.lines import MAX_LINE, BadLine, cells, header, lines
from shared.errors import Invalid


async def read(*chunks: bytes, quoted: bool = False) -> list[tuple[int, bytes | str]]:
    async def arriving() -> AsyncIterator[bytes]:
        for chunk in chunks:
            yield chunk

    return [
        (number, str(line) if isinstance(line, BadLine) else line)
        async for number, line in lines(arriving(), quoted=quoted)
    ]


async def test_lines_are_numbered_as_an_editor_does() -> None:
    assert await read(b"\xef\xbb\xbfone\r\n\n", b"thr", b"ee\nfour") == [(1, b"one"), (3, b"three"), (4, b"four")]


async def test_an_end_between_quotes_ends_no_line() -> None:
    told = await read(b'a,"b\nc",d\ne,f\n"g', b'\n\nh"\ni', quoted=True)
    assert told == [(1, b'a,"b\nc",d'), (3, b"e,f"), (4, b'"g\n\nh"'), (7, b"i")]


@pytest.mark.parametrize("size", [100, 65_536, 1_000_000])
async def test_a_line_that_is_too_long_is_told_and_skipped(size: int) -> None:
    whole = b"one\n" + b"x" * (3 * MAX_LINE) + b"\nthree\n" + b"y" * (MAX_LINE + 1)
    chunks = [whole[start : start + size] for start in range(0, len(whole), size)]
    assert await read(*chunks) == [(1, b"one"), (2, "too_long"), (3, b"three"), (4, "too_long")]


@settings(max_examples=60, deadline=None, database=None, derandomize=True)
@given(
    st.lists(st.sampled_from([b"a", b'"', b"\n", b"\r\n", b",", b"\xc3\xb1"]), max_size=30), st.data(), st.booleans()
)
async def test_how_the_bytes_arrive_makes_no_difference(parts: list[bytes], data: st.DataObject, quoted: bool) -> None:
    whole = b"".join(parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=5)))
    chunks = [whole[start:end] for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    assert await read(*chunks, quoted=quoted) == await read(whole, quoted=quoted)


@pytest.mark.parametrize(
    ("line", "why"), [(b'"open', "not_csv"), (b'a"b"c,"d"e', "not_csv"), (b"\xff", "not_utf8"), (b"a\0", "not_csv")]
)
def test_a_line_that_is_no_csv_is_told(line: bytes, why: str) -> None:
    with pytest.raises(BadLine, match=why):
        cells(line)


def test_a_cell_may_hold_commas_quotes_and_ends() -> None:
    assert cells('ñ,"a,b","c""d","e\nf",'.encode()) == ["ñ", "a,b", 'c"d', "e\nf", ""]


def test_a_header_names_columns_that_are_known_once() -> None:
    known, needed = frozenset({"a", "b"}), frozenset({"a"})
    assert header(b"b,a", known, needed) == ["b", "a"]
    for line in (b"b", b"a,a", b"a,c", b'"', b"\xff"):
        with pytest.raises(Invalid):
            header(line, known, needed)
