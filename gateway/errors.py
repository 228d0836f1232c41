"""`/errors/<code>`: what each problem means and what to do, for people and, by Accept, for programs."""

import json
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from gateway import pages
from shared.catalogue import CATALOGUE, Text
from shared.errors import NotFound
from shared.openapi import problems
from shared.shapes import Out

router = APIRouter(prefix="/errors", tags=["errors"])
_CACHE = "public, max-age=300"


class Said(Out):
    """One text in the two languages that readers have."""

    en: str
    es: str


class ProblemSummary(Out):
    """A kind of problem."""

    code: str
    type: str
    status: int
    title: Said


class ProblemPage(ProblemSummary):
    """What a problem means and what to do."""

    cause: Said
    fix: Said
    example: dict[str, Any]


class ProblemIndex(Out):
    """Every kind of problem."""

    items: list[ProblemSummary]


@router.get(
    "", summary="List every problem that an answer may name", response_model=ProblemIndex, responses=pages.AS_PAGE
)
async def index(request: Request) -> Response:
    if pages.wants_json(request.headers.get("accept", "")):
        return JSONResponse({"items": [_summary(code) for code in CATALOGUE]}, headers=_headers())
    rows = "".join(
        f'<tr><td>{problem.status}</td><td><a href="/errors/{code}"><code>{code}</code></a></td>'
        f"<td>{pages.prose(problem.title)}</td></tr>"
        for code, problem in sorted(CATALOGUE.items(), key=lambda pair: (pair[1].status, pair[0]))
    )
    return pages.page(Text("Errors", "Errores"), f"<table>{rows}</table>", cache=_CACHE)


@router.get(
    "/{code}", summary="Read what a problem means and what to do", response_model=ProblemPage, responses=pages.AS_PAGE
)
async def show(code: str, request: Request) -> Response:
    if code not in CATALOGUE:
        raise NotFound
    if pages.wants_json(request.headers.get("accept", "")):
        return JSONResponse(_whole(code), headers=_headers())
    problem = CATALOGUE[code]
    example = json.dumps(problems.example(code), indent=2, ensure_ascii=False)
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
    return _summary(code) | texts | {"example": problems.example(code)}


def _headers() -> dict[str, str]:
    return {"Cache-Control": _CACHE, "Vary": "Accept"}
