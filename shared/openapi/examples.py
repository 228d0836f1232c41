"""Examples, composed from the shapes: a shape's own, else one of each of its fields."""

from collections.abc import Callable, Mapping
from typing import Any

from shared import ids
from shared.openapi.words import Words

_PREFIX = "#/components/schemas/"
_MOMENT, _DAY = "2026-11-20T15:04:05Z", "2026-11-20"
_PLAIN: dict[str, Any] = {"boolean": False, "integer": 1, "number": 1.5, "string": "text", "null": None}


class Examples:
    """Composes examples for one description. The same description always gives the same ones."""

    def __init__(self, schemas: Mapping[str, Any], words: Words) -> None:
        self._schemas = schemas
        self._words = words
        self._sparing = False

    def sent(self, schema: Mapping[str, Any]) -> Any:
        """Return an example of what a caller sends: a shape's own, else no more than what it must have."""
        self._sparing = True
        try:
            return self.of(schema)
        finally:
            self._sparing = False

    def of(self, schema: Mapping[str, Any], shape: str = "", name: str = "") -> Any:
        """Return an example of a schema: of the field `name` of `shape`, or of a whole shape."""
        if found := schema.get("examples"):
            return found[0]
        if name and (word := self._words.find(shape, name)) is not None and word.example is not ...:
            return word.example
        for key, make in _WAYS.items():
            if key in schema:
                return make(self, schema, shape, name)
        kind = schema.get("type", "null")
        if schema.get("pattern") == ids.PATTERN:
            return f"{name[:3] or 'abc'}_019aa7c3f0e57d1e8c2f4b6a90d31e7f"
        if kind == "string":
            return {"date-time": _MOMENT, "date": _DAY}.get(schema.get("format", ""), _PLAIN["string"])
        if kind == "integer":
            return schema.get("minimum", _PLAIN["integer"])
        return {} if kind == "object" else [] if kind == "array" else _PLAIN[kind]

    def _referred(self, schema: Mapping[str, Any], shape: str, name: str) -> Any:
        target = schema["$ref"].removeprefix(_PREFIX)
        whole = self._words.named(target, "")
        return self.of(self._schemas[target], shape=target) if whole is None else whole.example

    def _chosen(self, schema: Mapping[str, Any], shape: str, name: str) -> Any:
        options = schema.get("anyOf") or schema["oneOf"]
        return self.of(next(each for each in options if each.get("type") != "null"), shape, name)

    def _listed(self, schema: Mapping[str, Any], shape: str, name: str) -> Any:
        return [self.of(schema["items"], shape, "")]

    def _whole(self, schema: Mapping[str, Any], shape: str, name: str) -> Any:
        needed = schema.get("required", ()) if self._sparing else schema["properties"]
        return {each: self.of(value, shape, each) for each, value in schema["properties"].items() if each in needed}


_WAYS: dict[str, Callable[[Examples, Mapping[str, Any], str, str], Any]] = {
    "$ref": Examples._referred,
    "const": lambda _, schema, __, ___: schema["const"],
    "enum": lambda _, schema, __, ___: schema["enum"][0],
    "anyOf": Examples._chosen,
    "oneOf": Examples._chosen,
    "items": Examples._listed,
    "properties": Examples._whole,
}
"""What a schema holds, and how an example of it is made; the first that fits."""
