"""The curl of an operation, as a partner can paste it: with `$TOKEN`, `$RUTA`, and a variable for each id."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from shared.openapi.words import Words, is_id


@dataclass(slots=True)
class Asking:
    """One request of an example: what goes into the address, the headers and the body."""

    method: str
    path: str
    words: Words
    authenticated: bool
    keyed: bool
    preconditioned: bool
    negotiated: bool
    values: Mapping[str, Any]
    query: Mapping[str, Any]
    shape: str = ""
    body: Any = None
    form: Mapping[str, str] | None = None
    file: tuple[str, str] | None = None
    """The media type of a body that is no JSON, and one."""
    sources: dict[str, str] = field(default_factory=dict)

    def curl(self, who: str) -> str:
        """Return the command, with a comment for each variable that the reader must fill."""
        address = self.path
        for name, value in self.values.items():
            address = address.replace(f"{{{name}}}", self._text("path", name, value))
        if self.query:
            address += "?" + "&".join(self._pairs("query", self.query))
        method = "" if self.method == "GET" else f"-X {self.method} "
        lines = [f'curl -s {method}"$RUTA{address}"', *(f'-H "{line}"' for line in self._headers())]
        lines += [f'--data-urlencode "{pair}"' for pair in self._pairs("form", self.form or {})]
        command = " \\\n  ".join(lines)
        if self.body is not None:
            content = json.dumps(self._filled(self.body), indent=2, ensure_ascii=False)
            command += f" \\\n  -d @- <<END\n{content}\nEND"
        if self.file is not None:
            command += f" \\\n  --data-binary @- <<END\n{self.file[1].rstrip()}\nEND"
        comments = [f"# TOKEN: of {who}"] if self.authenticated else []
        comments += [f"# {name}: {source}" for name, source in self.sources.items()]
        return "\n".join([*comments, command])

    def _headers(self) -> list[str]:
        found = ["Authorization: Bearer $TOKEN"] if self.authenticated else []
        if self.keyed:
            found.append("Idempotency-Key: $(openssl rand -hex 16)")
        if self.preconditioned:
            self.sources["ETAG"] = "the ETag of the answer in which you read it"
            found.append("If-Match: $ETAG")
        if self.negotiated:
            found.append("Accept: application/json")
        media_type = self.file[0] if self.file is not None else "application/json" if self.body is not None else ""
        return found + ([f"Content-Type: {media_type}"] if media_type else [])

    def _pairs(self, place: str, values: Mapping[str, Any]) -> list[str]:
        return [f"{name}={self._text(place, name, value)}" for name, value in values.items()]

    def _text(self, place: str, name: str, value: Any) -> str:
        """Return a value as it stands in the command: a variable, where a caller has it from an earlier answer."""
        word = self.words.find(place, name)
        source = word.source if word is not None else ""
        if not source and not is_id(value):
            return str(value)
        self.sources[name.upper()] = source or "from an earlier answer"
        return f"${name.upper()}"

    def _filled(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {name: self._text(self.shape, name, each) if isinstance(each, str) else self._filled(each)
                    for name, each in value.items()}  # fmt: skip
        if isinstance(value, list):
            return [self._filled(each) for each in value]
        if is_id(value):
            raise ValueError("An id in a list has no name to be a variable of.")
        return value
