"""Refusals rendered as problem documents (RFC 9457). The only place that knows of HTTP statuses.

No answer holds a value that the caller sent, nor the name of a field that we do not know.
"""

from collections.abc import Mapping
from typing import Any, cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from pydantic_core import to_json
from starlette.exceptions import HTTPException
from starlette.responses import Response

from shared import telemetry
from shared.catalogue import CATALOGUE
from shared.db import is_lost
from shared.errors import Fault, Invalid, NotFound, Refusal, Unauthenticated, Unavailable

MEDIA_TYPE = "application/problem+json"
_STATUS_CODES = {404: "not_found", 405: "method_not_allowed", 413: "too_large", 415: "unsupported_media_type"}


def document(refusal: Refusal) -> dict[str, Any]:
    """Return the problem document of a refusal."""
    problem = CATALOGUE[refusal.code]
    body: dict[str, Any] = {
        "type": f"/errors/{refusal.code}",
        "title": problem.title.en,
        "status": problem.status,
        "code": refusal.code,
        "detail": refusal.detail or problem.cause.en,
        "fix": problem.fix.en,
        "request_id": telemetry.request_id(),
    }
    if refusal.law:
        body |= {"rule": refusal.law.rule, "source": refusal.law.source}
    if refusal.allowed_actions is not None:
        body["allowed_actions"] = list(refusal.allowed_actions)
    if refusal.current is not None:
        body["current"] = refusal.current
    if refusal.faults:
        body["errors"] = [{"pointer": fault.pointer, "reason": fault.reason} for fault in refusal.faults]
    return body


def render(refusal: Refusal, headers: Mapping[str, str] | None = None) -> Response:
    """Return the HTTP answer of a refusal."""
    body = document(refusal)
    telemetry.note(code=refusal.code)
    answer = Response(to_json(body), body["status"], dict(headers or {}), MEDIA_TYPE)
    if isinstance(refusal, Unauthenticated):
        answer.headers["WWW-Authenticate"] = refusal.challenge
    if refusal.retry_after is not None:
        answer.headers["Retry-After"] = str(refusal.retry_after)
    return answer


def faults(error: ValidationError | RequestValidationError) -> list[Fault]:
    """Translate validation errors into pointers and reasons, without any value."""
    # A hundred faults say no more than ten, and cost the reader more.
    details = (
        error.errors()
        if isinstance(error, RequestValidationError)
        else error.errors(include_url=False, include_context=False, include_input=False)
    )
    return [_fault(detail) for detail in list(details)[:10]]


def _fault(detail: Mapping[str, Any]) -> Fault:
    place = [str(part) for part in detail["loc"]]
    if detail["type"] == "extra_forbidden":
        place = place[:-1]  # the name is the caller's own and may hold anything
    pointer = "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in place)
    return Fault(pointer, _REASONS.get(detail["type"], detail["type"]))


_REASONS = {"extra_forbidden": "unknown_field", "value_error": "not_acceptable"}


def install(app: FastAPI) -> None:
    """Render every failure of `app` as a problem document."""

    async def refused(_: Request, error: Exception) -> Response:
        return render(cast("Refusal", error))

    async def invalid(_: Request, error: Exception) -> Response:
        wrong = cast("RequestValidationError", error)
        if any(detail["loc"][0] == "path" for detail in wrong.errors()):
            return render(NotFound())  # an id of another form is nobody's id
        return render(Invalid(faults=faults(wrong)))

    async def http(_: Request, error: Exception) -> Response:
        status, headers = cast("HTTPException", error).status_code, cast("HTTPException", error).headers
        code = _STATUS_CODES.get(status, "invalid_request" if status < 500 else "internal_error")
        return render(Refusal(code=code), headers)

    async def broken(request: Request, error: Exception) -> Response:
        telemetry.failed(error)
        request.app.state.runtime.database.note(error)  # the hot path asks the driver itself, unseen by the engine
        return render(Unavailable(retry_after=2) if is_lost(error) else Refusal())

    app.add_exception_handler(Refusal, refused)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http)
    # Starlette raises what this one has answered again, values included; telemetry.Edge keeps it from the log.
    app.add_exception_handler(Exception, broken)
