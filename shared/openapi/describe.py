"""Completes what FastAPI generates: names, words, examples, curls, security, every problem that may come back."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute

from shared.auth import Guard
from shared.openapi import deprecation, problems
from shared.openapi.curl import Asking
from shared.openapi.examples import Examples
from shared.openapi.words import Words
from shared.routing import Route, guards_of, methods_of

_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "description": "A fresh key of yours; the same one when you repeat the request.",
    "schema": {"type": "string", "pattern": "^[A-Za-z0-9._:-]{1,64}$"},
}
_SHAPES = "#/components/schemas/"
_JSON = "application/json"
_FORM = "application/x-www-form-urlencoded"
_LONG = re.compile(r"(?P<path>[a-z_]+)__(?P<name>[A-Z]\w*)")


def describe(app: FastAPI, package: str) -> None:
    """Complete the description of an app whose words are in `package`."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _Description(app, _renamed(generate()), Words.of(package)).complete()
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way to extend it


def api_routes(app: FastAPI) -> Iterator[APIRoute]:
    """Yield every route that partners may call."""
    for router in app.state.routers:
        for route in router.routes:
            if isinstance(route, APIRoute) and route.include_in_schema:
                yield route


class _Description:
    """One description on its way to being complete."""

    def __init__(self, app: FastAPI, schema: dict[str, Any], words: Words) -> None:
        self.app = app
        self.schema = schema
        self.words = words
        components = schema.setdefault("components", {})
        self.shapes: dict[str, Any] = components.setdefault("schemas", {})
        self.examples = Examples(self.shapes, words)

    def complete(self) -> dict[str, Any]:
        for name in ("HTTPValidationError", "ValidationError"):  # FastAPI's own, which we never answer with
            self.shapes.pop(name, None)
        components = self.schema["components"]
        for name, shape in self.shapes.items():
            self._put_into_words(name, shape)
        self.shapes["Problem"] = problems.problem_schema()
        scopes = {guard.scope for route in api_routes(self.app) for guard in guards_of(route)} - {""}
        if scopes:
            named = {scope: scope.replace(":", ": ") for scope in sorted(scopes)}
            flows = {"clientCredentials": {"tokenUrl": "/oauth/token", "scopes": named}}
            components["securitySchemes"] = {"oauth2": {"type": "oauth2", "flows": flows}}
        for route in api_routes(self.app):
            for method in sorted(methods_of(route)):
                self._operation(route, method, self.schema["paths"][route.path_format][method.lower()])
        used = {problems.name_of(status) for route in api_routes(self.app) for status in problems.statuses_of(route)}
        components["responses"] = {name: each for name, each in problems.responses().items() if name in used}
        return self.schema

    def _put_into_words(self, shape: str, schema: dict[str, Any]) -> None:
        for name, field in schema.get("properties", {}).items():
            _untitle(field)
            word = self.words.find(shape, name)
            if word is not None and "description" not in field:
                field["description"] = word.text

    def _operation(self, route: APIRoute, method: str, operation: dict[str, Any]) -> None:
        guards = guards_of(route)
        operation["operationId"] = _operation_id(route)
        operation["security"] = [{"oauth2": _scopes(guards)}] if guards else []
        for parameter in operation.get("parameters", []):
            self._parameter(route, parameter)
        keyed = method == "POST" and isinstance(route, Route) and route.keyed
        if keyed:
            operation.setdefault("parameters", []).append(_KEY)
        operation["responses"].pop("422", None)
        for answer in operation["responses"].values():
            if answer.get("content", {}).get(_JSON, {}).get("schema") == {}:  # FastAPI's word for "no model"
                del answer["content"]
        for status in problems.statuses_of(route):
            component = f"#/components/responses/{problems.name_of(status)}"
            operation["responses"].setdefault(status, {"$ref": component})
        operation["responses"]["default"] = _anything_else()
        self._show(operation)
        if (marked := deprecation.of(route.endpoint)) is not None:
            operation["deprecated"] = True
            operation["description"] = f"{operation.get('description', '')}\n\n{marked.text}".strip()
        asking = self._asking(route, method, operation, keyed=keyed)
        operation["x-codeSamples"] = [{"lang": "Shell", "label": "curl", "source": asking.curl(_whom(guards))}]

    def _parameter(self, route: APIRoute, parameter: dict[str, Any]) -> None:
        _untitle(parameter["schema"])
        _there_or_not(parameter["schema"])
        word = self.words.find(parameter["in"], parameter["name"])
        if word is not None:
            parameter.setdefault("description", word.text)
        if parameter["name"].lower() == "if-match":
            parameter["example"] = '"v1"'
            if problems.depends_on(route.dependant, problems.PRECONDITION):
                parameter |= {"required": True, "schema": {"type": "string"}}
        else:
            shown = self.examples.of(parameter["schema"], parameter["in"], parameter["name"])
            if shown is not None and (parameter["required"] or (word is not None and word.example is not ...)):
                parameter.setdefault("example", shown)

    def _show(self, operation: dict[str, Any]) -> None:
        """Give an example of what is sent and of every answer that is no refusal."""
        of = self.examples.of
        told = [answer for status, answer in operation["responses"].items() if status.startswith("2")]
        for message, make in [(operation.get("requestBody", {}), self.examples.sent), *((each, of) for each in told)]:
            for media_type, content in message.get("content", {}).items():
                if media_type == _FORM:
                    self._show_form(content)
                elif media_type == _JSON and "example" not in content and "examples" not in content:
                    content["example"] = make(content["schema"])

    def _show_form(self, content: dict[str, Any]) -> None:
        """Give an example of a form: what it must have, and what has a word of its own among the forms."""
        fields = content["schema"]["properties"]
        for name, field in fields.items():
            if (word := self.words.find("form", name)) is not None:
                field.setdefault("description", word.text)
        words = {name: self.words.named("form", name) for name in fields}
        shown = {name for name, word in words.items() if word is not None and word.example is not ...}
        chosen = [name for name in fields if name in shown.union(content["schema"]["required"])]
        content["example"] = {name: self.examples.of(fields[name], "form", name) for name in chosen}

    def _asking(self, route: APIRoute, method: str, operation: Mapping[str, Any], *, keyed: bool) -> Asking:
        parameters = operation.get("parameters", [])
        content = operation.get("requestBody", {}).get("content", {})
        return Asking(
            method, route.path_format, self.words,
            authenticated=bool(guards_of(route)),
            keyed=keyed,
            preconditioned=any(each["name"].lower() == "if-match" and each["required"] for each in parameters),
            values={each["name"]: each["example"] for each in parameters if each["in"] == "path"},
            query={each["name"]: each["example"] for each in parameters if each["in"] == "query" and each["required"]},
            negotiated=any(len(answer.get("content", {})) > 1 for answer in operation["responses"].values()),
            shape=content.get(_JSON, {}).get("schema", {}).get("$ref", "").rpartition("/")[2],
            body=content.get(_JSON, {}).get("example"),
            form=content.get(_FORM, {}).get("example"),
            file=next(((kind, each["example"]) for kind, each in content.items() if kind not in (_JSON, _FORM)), None),
        )  # fmt: skip


def _operation_id(route: APIRoute) -> str:
    """Return a name that says where and what, such as `referral_cases_index`: programs made of it read well."""
    parts = [part for part in route.path_format.split("/") if part and not part.startswith("{")]
    places = [re.sub(r"\W+", "_", part).strip("_") for part in parts if part != "v1"]
    if places[-1] == route.name:
        places.pop()
    return "_".join([*places, route.name])


def _untitle(schema: Any) -> None:
    """Take out the titles that a library makes of the fields' names."""
    if isinstance(schema, dict):
        schema.pop("title", None)
        for part in ("items", "additionalProperties"):
            _untitle(schema.get(part))
        for option in schema.get("anyOf", []):
            _untitle(option)


def _there_or_not(schema: dict[str, Any]) -> None:
    """Take null out of a parameter's choices: it is there or it is not, and the text `null` is no value."""
    options = [each for each in schema.pop("anyOf", []) if each.get("type") != "null"]
    if len(options) == 1:
        schema.update({**options[0], **schema})
    elif options:
        schema["anyOf"] = options


def _anything_else() -> dict[str, Any]:
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {"description": "Any other problem document (RFC 9457); its page is at /errors/{code}", "content": content}


def _scopes(guards: list[Guard]) -> list[str]:
    """Return what a token must hold. An empty scope asks for none: any client may."""
    return [guard.scope for guard in guards if guard.scope]


def _whom(guards: list[Guard]) -> str:
    """Say whose token a curl needs."""
    scopes, kinds = _scopes(guards), [kind for guard in guards for kind in guard.kinds]
    told = f"a client with the scope {' '.join(scopes)}" if scopes else "any client"
    return told + (f", of an agency of kind {' or '.join(kinds)}" if kinds else "")


def _renamed(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a description whose shapes have names that people can read, whatever the libraries call them."""
    shapes = schema.get("components", {}).get("schemas", {})
    names = {old: _readable(old, shapes) for old in shapes}
    for old, new in names.items():
        if any(each == new and shapes[other] != shapes[old] for other, each in names.items()):
            raise ValueError(f"Two shapes would both be called {new}: give one of the classes another name.")
    moved: dict[str, Any] = _moved(schema, {f"{_SHAPES}{old}": f"{_SHAPES}{new}" for old, new in names.items()})
    if shapes:
        moved["components"]["schemas"] = {names[old]: shape for old, shape in moved["components"]["schemas"].items()}
    return moved


def _readable(name: str, shapes: Mapping[str, Any]) -> str:
    if name.startswith("Page_"):
        within = [part for part in name.removeprefix("Page_").removeprefix("Union_").split("_") if part]
        return "PageOf" + "Or".join(within)
    if found := _LONG.fullmatch(name):  # two classes of one name: what is the kernel's keeps it
        parts = found["path"].split("__")
        return found["name"] if parts[0] == "shared" else parts[-2].title() + found["name"]
    plain, _, mode = name.partition("-")
    if mode:  # one class, as it is read and as it is written
        twins = [other for other in shapes if other.endswith(f"__{plain}") and shapes[other] == shapes[name]]
        return _readable(twins[0], shapes) if twins else plain + ("In" if mode == "Input" else "")
    return name


def _moved(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: names.get(each, each) if key == "$ref" else _moved(each, names) for key, each in value.items()}
    return [_moved(each, names) for each in value] if isinstance(value, list) else value
