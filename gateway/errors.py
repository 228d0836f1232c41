"""`/errors/<code>`: what each problem means and what to do, for people and, by Accept, for programs."""

import json
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from gateway import pages
from shared import problems
from shared.catalogue import CATALOGUE, Text
from shared.errors import Fault, Law, NotFound, Refusal

router = APIRouter(prefix="/errors", tags=["errors"])
_CACHE = "public, max-age=300"
_REQUEST_ID = "req_019aa7c3f0e57d1e8c2f4b6a90d31e55"
# What an example shows beyond the fields that every problem has.
_MORE: dict[str, dict[str, Any]] = {
    "invalid_request": {"faults": [Fault("/birth_date", "unknown_field")]},
    "illegal_move": {"allowed_actions": ["accept", "decline"]},
    "refused_by_law": {"law": Law("R5", "LM 112"), "allowed_actions": ["request_lodging"]},
    "stale_version": {"current": '"v3"'},
}


@router.get("", summary="List every problem that an answer may name")
async def index(request: Request) -> Response:
    if pages.wants_json(request.headers.get("accept", "")):
        return JSONResponse({"items": [_summary(code) for code in CATALOGUE]}, headers=_headers())
    rows = "".join(
        f'<tr><td>{problem.status}</td><td><a href="/errors/{code}"><code>{code}</code></a></td>'
        f"<td>{pages.prose(problem.title)}</td></tr>"
        for code, problem in sorted(CATALOGUE.items(), key=lambda pair: (pair[1].status, pair[0]))
    )
    return pages.page(Text("Errors", "Errores"), f"<table>{rows}</table>", cache=_CACHE)


@router.get("/{code}", summary="Read what a problem means and what to do")
async def show(code: str, request: Request) -> Response:
    if code not in CATALOGUE:
        raise NotFound
    if pages.wants_json(request.headers.get("accept", "")):
        return JSONResponse(_whole(code), headers=_headers())
    problem = CATALOGUE[code]
    example = json.dumps(_example(code), indent=2, ensure_ascii=False)
    body = (
        f"<p><code>{code}</code> · HTTP {problem.status}</p>"
        f'<h2>Causa · <span lang="en">Cause</span></h2>{pages.prose(problem.cause)}'
        f'<h2>Qué hacer · <span lang="en">What to do</span></h2>{pages.prose(problem.fix)}'
        f'<h2>Ejemplo · <span lang="en">Example</span></h2><pre>{pages.escaped(example)}</pre>'
    )
    return pages.page(problem.title, body, cache=_CACHE)


def _summary(code: str) -> dict[str, Any]:
    problem = CATALOGUE[code]
    return {"code": code, "type": f"/errors/{code}", "status": problem.status, "title": problem.title._asdict()}


def _whole(code: str) -> dict[str, Any]:
    problem = CATALOGUE[code]
    texts = {"cause": problem.cause._asdict(), "fix": problem.fix._asdict()}
    return _summary(code) | texts | {"example": _example(code)}


def _example(code: str) -> dict[str, Any]:
    return problems.document(Refusal(code=code, **_MORE.get(code, {}))) | {"request_id": _REQUEST_ID}


def _headers() -> dict[str, str]:
    return {"Cache-Control": _CACHE, "Vary": "Accept"}
