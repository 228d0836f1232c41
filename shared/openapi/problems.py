"""Which problems an operation may answer with, read from what the route is; one response for each status."""

from collections.abc import Iterator
from typing import Any, get_args

from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from shared import etags, paging
from shared.catalogue import CATALOGUE
from shared.errors import Fault, Law, Refusal
from shared.problems import MEDIA_TYPE, document
from shared.routing import Route, body_model_of, guards_of, methods_of

_ANYWHERE = (
    "invalid_request", "bad_host", "too_large", "headers_too_large", "rate_limited", "internal_error", "unavailable",
)  # fmt: skip
_GUARDED = ("unauthenticated", "forbidden", "upstream_unavailable", "upstream_timeout")
_CHANGING = ("conflict", "illegal_move", "refused_by_law")
_KEYED = ("idempotency_key_required", "idempotency_key_reused")
_WITH_BODY = ("malformed_json", "unsupported_media_type")
_UPDATING = ("precondition_required", "stale_version")

PRECONDITION = get_args(etags.IfMatch)[1].dependency
_PAGES = get_args(paging.Pages)[1].dependency

_REQUEST_ID = "req_019aa7c3f0e57d1e8c2f4b6a90d31e55"
# What an example shows beyond the fields that every problem has.
_MORE: dict[str, dict[str, Any]] = {
    "invalid_request": {"faults": [Fault("/birth_date", "unknown_field")]},
    "illegal_move": {"allowed_actions": ["accept", "decline"]},
    "refused_by_law": {"law": Law("R5", "LM 112"), "allowed_actions": ["request_lodging"]},
    "stale_version": {"current": '"v3"'},
}


def example(code: str) -> dict[str, Any]:
    """Return the problem document that a code's page shows."""
    return document(Refusal(code=code, **_MORE.get(code, {}))) | {"request_id": _REQUEST_ID}


def statuses_of(route: APIRoute) -> list[str]:
    """Return the statuses of all the problems that an operation may answer with, in order."""
    return sorted({str(CATALOGUE[code].status) for code in _codes_of(route)})


def _codes_of(route: APIRoute) -> Iterator[str]:
    methods = methods_of(route)
    yield from _ANYWHERE  # at the edge, at the gateway, at a database that does not serve
    if guards_of(route):
        yield from _GUARDED
    if route.dependant.path_params or any(each.name.endswith("_id") for each in route.dependant.query_params):
        yield "not_found"
    if methods & {"POST", "PUT", "PATCH", "DELETE"} and isinstance(route, Route):
        yield from _CHANGING
    if "POST" in methods and isinstance(route, Route) and route.keyed:
        yield from _KEYED
    if isinstance(route, Route) and body_model_of(route) is not None:
        yield from _WITH_BODY
        yield "not_found"  # what a body names may be nobody's
    if depends_on(route.dependant, PRECONDITION):
        yield from _UPDATING
    elif any(each.alias.lower() == "if-match" for each in route.dependant.header_params):
        yield "stale_version"
    if depends_on(route.dependant, _PAGES):
        yield "bad_cursor"


def depends_on(dependant: Dependant, call: Any) -> bool:
    """Whether a route rests on a dependency."""
    return dependant.call is call or any(depends_on(child, call) for child in dependant.dependencies)


def name_of(status: str) -> str:
    """Return what the response of a status is called among the components: not by its phrase, which Python changes."""
    return f"Problem{status}"


def responses() -> dict[str, Any]:
    """Return one response for each status of the catalogue, with an example of each of its codes."""
    found: dict[str, Any] = {}
    for code, problem in sorted(CATALOGUE.items()):
        response = found.setdefault(name_of(str(problem.status)), _response())
        shown = {"summary": problem.title.en, "value": example(code)}
        response["content"][MEDIA_TYPE]["examples"][code] = shown
        response["description"] = "; ".join(
            f"`{each}`: {CATALOGUE[each].title.en}" for each in response["content"][MEDIA_TYPE]["examples"]
        )
        if problem.status in (429, 503):
            response["headers"] = {"Retry-After": {"schema": {"type": "integer"}, "description": "seconds to wait"}}
        if problem.status == 401:
            response["headers"] = {"WWW-Authenticate": {"schema": {"type": "string"}, "description": "RFC 6750, 3"}}
    return found


def _response() -> dict[str, Any]:
    content = {"schema": {"$ref": "#/components/schemas/Problem"}, "examples": {}}
    return {"description": "", "content": {MEDIA_TYPE: content}}


def problem_schema() -> dict[str, Any]:
    """Return the shape of a problem document (RFC 9457)."""
    text = {"type": "string"}
    fault = {
        "type": "object",
        "required": ["pointer", "reason"],
        "additionalProperties": False,
        "properties": {
            "pointer": text | {"description": "JSON pointer (RFC 6901) to the field"},
            "reason": text | {"description": "code: what is wrong with it; never its value"},
        },
    }
    properties = {
        "type": text | {"description": "the page of this problem, in Spanish and English"},
        "title": text | {"description": "the kind of problem, for people"},
        "status": {"type": "integer", "description": "the HTTP status"},
        "code": text | {"enum": sorted(CATALOGUE), "description": "the kind of problem, for programs; never renamed"},
        "detail": text | {"description": "this problem, for people; never a value that was sent"},
        "fix": text | {"description": "what to do"},
        "request_id": {"type": ["string", "null"], "description": "names this request in every log and audit"},
        "rule": text | {"description": "the rule of the route that refused"},
        "source": text | {"description": "where that rule is written"},
        "current": text | {"description": "the ETag that counts now"},
        "allowed_actions": {"type": "array", "items": text, "description": "what the caller may do instead"},
        "errors": {"type": "array", "items": fault, "description": "which fields are wrong"},
    }
    required = ["type", "title", "status", "code", "detail", "fix", "request_id"]
    return {
        "type": "object", "title": "Problem", "description": "A refusal (RFC 9457).", "required": required,
        "additionalProperties": False, "properties": properties, "examples": [example("not_found")],
    }  # fmt: skip
