"""JSON without the corners where parsers disagree."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel
from pydantic_core import from_json

from shared import jsons
from shared.jsons import BadJson


def nested(depth: int, inside: bytes = b"") -> bytes:
    return b"[" * depth + inside + b"]" * depth


@pytest.mark.parametrize(
    "text",
    [
        b"null", b"7", b'""', b"[]", b"{}", b' {"a": [1, 2.5, "x", null, true]} ', '"ñandú 🦙"'.encode(),
        b'"\\ud83e\\udd99"', b'"\\n"', b"1e308", b"-0", b'{"a":{"a":{"a":1}}}', nested(32), nested(32, b"1"),
        b"[" + b"[]," * 100 + b"[]]", b'{"__proto__":1}', b'"\x7f"', b"1" * 4000,
    ],
)  # fmt: skip
def test_plain_json_is_what_it_says(text: bytes) -> None:
    assert jsons.loads(text) == json.loads(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"", "not JSON"), (b" ", "not JSON"), (b"{", "not JSON"), (b"{} {}", "not JSON"), (b"'a'", "not JSON"),
        (b"[1,]", "not JSON"), (b"01", "not JSON"), (b'"\n"', "not JSON"), (b'"\x00"', "not JSON"),
        (b"\xef\xbb\xbf{}", "not JSON"), (b"// a\n1", "not JSON"), (b"1" * 5000, "not JSON"), (b"True", "not JSON"),
        (b"\xff", "not UTF-8"), ("{}".encode("utf-16"), "not UTF-8"), (b'"\xed\xa0\x80"', "not UTF-8"),
        (b"NaN", "NaN"), (b"[Infinity]", "Infinity"), (b"-Infinity", "Infinity"), (b"1e999", "beyond"),
        (b'{"a":-1e999}', "beyond"), (b'{"a":1,"a":1}', "repeated"), (b'[{"b":{"a":1,"\\u0061":2}}]', "repeated"),
        (b'"\\u0000"', "NUL"), (b'{"\\u0000":1}', "NUL"), (b'"\\ud800"', "surrogate"), (b'{"\\udfff":1}', "surrogate"),
        (b'["\\udc00\\ud800"]', "surrogate"), (nested(33), "32 levels"), (nested(33, b"1"), "32 levels"),
        (b'{"a":' * 33 + b"1" + b"}" * 33, "32 levels"), (nested(1400), "levels|not JSON"),
        (b"[" * 100_000, "not JSON"),
    ],
)  # fmt: skip
def test_what_another_parser_may_read_otherwise_is_refused(text: bytes, reason: str) -> None:
    with pytest.raises(BadJson, match=reason) as caught:
        jsons.loads(text)
    assert len(str(caught.value)) < 60  # it does not quote


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
)


@given(st.binary() | values.map(lambda value: json.dumps(value).encode()) | st.text().map(str.encode))
def test_whatever_comes_is_read_like_by_everyone_or_refused(text: bytes) -> None:
    try:
        value = jsons.loads(text)
    except BadJson:
        return
    assert value == json.loads(text)
    assert from_json(text, allow_inf_nan=False) == value or isinstance(value, (int, float))


@given(values)
def test_the_canonical_text_says_the_same(value: object) -> None:
    try:
        text = jsons.canonical(value)
    except UnicodeEncodeError:
        return
    assert json.loads(text) == value
    assert jsons.canonical(json.loads(text)) == text


def test_the_canonical_text_does_not_depend_on_the_order_of_keys() -> None:
    assert jsons.canonical({"b": 1, "a": "ñ"}) == jsons.canonical({"a": "ñ", "b": 1}) == '{"a":"ñ","b":1}'.encode()


def test_what_we_accept_pydantic_reads_alike() -> None:
    class Numbers(BaseModel):
        n: float

    for text in (b'{"n":1e308}', b'{"n":-0.0}', b'{"n":1}'):
        assert Numbers.model_validate_json(text, strict=True).n == jsons.loads(text)["n"]
