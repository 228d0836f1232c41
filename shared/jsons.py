"""JSON as we accept it: RFC 8259 without the corners where parsers disagree."""

import json
import math
import re
from typing import Any, NoReturn

MAX_DEPTH = 32
_OPENING = re.compile(rb"[\[{]")


class BadJson(ValueError):
    """The text is not acceptable JSON. The message never quotes the text."""


def loads(text: bytes) -> Any:
    """Parse strictly: UTF-8, no repeated key, no NaN or Infinity (1e999 either), no NUL, no lone surrogate.

    Raises BadJson, and nothing else, whatever the text.
    """
    try:
        value = _DECODER.decode(text.decode("utf-8"))
    except BadJson:
        raise
    except UnicodeDecodeError:
        raise BadJson("not UTF-8") from None
    except (ValueError, RecursionError):
        raise BadJson("not JSON") from None
    # A text with few brackets cannot be deep, and one without \u cannot hold what UTF-8 cannot.
    if len(_OPENING.findall(text)) > MAX_DEPTH:
        _check_depth(value)
    if b"\\u" in text:
        _check_characters(value)
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise BadJson("a key is repeated")
    return found


def _constant(_: str) -> NoReturn:
    raise BadJson("NaN and Infinity are not JSON")


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):  # 1e999: another parser may take it for its largest number
        raise BadJson("a number beyond all numbers")
    return value


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_constant, parse_float=_finite)
"""Built once: that cost a third of each parsing."""


def _children(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [child for parent in level for child in _children(parent) if isinstance(child, dict | list)]
        if not level:
            return
    raise BadJson(f"nested deeper than {MAX_DEPTH} levels")


def _check_characters(value: Any) -> None:
    waiting = [value]
    while waiting:
        current = waiting.pop()
        waiting.extend(_children(current))
        if isinstance(current, dict):
            waiting.extend(current)
        elif isinstance(current, str):
            if "\0" in current:
                raise BadJson("a NUL character")
            try:
                current.encode("utf-8")
            except UnicodeEncodeError:
                raise BadJson("half a surrogate pair") from None


_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def canonical(value: Any) -> bytes:
    """Return the one text of `value`: sorted keys, no spaces, UTF-8. What is hashed and signed."""
    return _ENCODER.encode(value).encode()
