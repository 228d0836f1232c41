"""A route is found by the segments of its path, and it is the one that trying all of them in order would find."""

from fastapi import APIRouter
from hypothesis import given
from hypothesis import strategies as some
from starlette.routing import BaseRoute, Match
from starlette.types import Scope

from shared.edge.finder import Finder

PATHS = (
    "/cases", "/cases/{case_id}", "/cases/closed", "/cases/{case_id}/timeline", "/cases/{case_id}/{part}",
    "/cases/{case_id}/timeline/last", "/{kind}/{name}", "/actas/{acta_id}", "/actas/{acta_id}.pdf", "/", "",
    "/files/{whole:path}",
)  # fmt: skip
METHODS = ("GET", "POST", "PATCH")
WORDS = ("cases", "closed", "timeline", "last", "actas", "files", "x", "x.pdf", ".pdf", "", "{case_id}", "ñ", "..")


def made() -> list[BaseRoute]:
    """Return one route for each path and some methods, one of another method before one that fits."""

    async def answer() -> None:
        """Answer nothing."""

    router = APIRouter()
    for number, path in enumerate(PATHS):
        if path:
            for method in METHODS[number % 3 :]:
                router.add_api_route(path, answer, methods=[method])
    return list(router.routes)


ROUTES = made()
FINDER = Finder()
FINDER.learn(ROUTES[:7])
FINDER.learn(ROUTES[7:])


def in_turn(scope: Scope) -> tuple[Match, Scope]:
    """Try every route, as the router does."""
    partial: tuple[Match, Scope] = (Match.NONE, {})
    for route in ROUTES:
        match, found = route.matches(scope)
        if match is Match.FULL:
            return match, found
        if match is Match.PARTIAL and partial[0] is Match.NONE:
            partial = match, found
    return partial


def asked(path: str, method: str = "GET") -> Scope:
    return {"type": "http", "method": method, "path": path, "headers": []}


def test_words_come_before_parameters_only_where_they_were_said_first() -> None:
    _, found = FINDER.matches(asked("/cases/closed", "PATCH"))
    assert found["route"].path == "/cases/{case_id}"
    _, found = FINDER.matches(asked("/cases/cas_1/timeline", "PATCH"))
    assert (found["route"].path, found["path_params"]) == ("/cases/{case_id}/timeline", {"case_id": "cas_1"})


@given(some.lists(some.sampled_from(WORDS), max_size=5), some.sampled_from((*METHODS, "DELETE", "HEAD")))
def test_it_finds_what_trying_all_of_them_finds(words: list[str], method: str) -> None:
    scope = asked("/" + "/".join(words), method)
    expected = in_turn(scope)
    if expected[0] is not Match.NONE and ":path}" in expected[1]["route"].path:
        return  # the router's own, after the finder
    assert FINDER.matches(scope) == expected


def test_what_is_no_request_is_none_of_its() -> None:
    assert FINDER.matches({"type": "lifespan"}) == (Match.NONE, {})
