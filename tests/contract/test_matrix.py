"""Every place of every route that takes an id × everybody else × every method: what a nonexistent id gets.

The requests are made out of the routes, so what a new slice adds is covered by itself; where its object
is missing, the test says what to add.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from fastapi.routing import APIRoute

from shared.migrate import upgrade
from shared.openapi.describe import api_routes
from shared.routing import body_model_of, guards_of, methods_of
from tests import postgres
from tests.contract import stories, withheld
from tests.contract.law import EVERYBODY, KINDS, READERS, SISTERS
from tests.contract.matrix import EVERY_SCOPE, METHODS, SERVICES, Asked, Place, asked, foreign, plain, readers

_STORIES = {
    "intake": stories.intake_place,
    "referral": stories.referral_place,
    "consular": stories.consular_place,
}
pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(240),  # a guard against hanging alone: places and stories grow with every slice
]


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=SERVICES)
async def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Place]:
    """One service with its story, on SQLite."""
    folder = tmp_path_factory.mktemp(request.param)
    url = f"sqlite+aiosqlite:///{folder / 'data.db'}"
    await upgrade(f"services.{request.param}", url)
    async with _STORIES[request.param](url, folder) as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=SERVICES)
async def postgres_place(
    request: pytest.FixtureRequest, postgres_server: postgres.Server, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Place]:
    """The same on PostgreSQL, whose SQL differs."""
    url = postgres_server.create()
    await upgrade(f"services.{request.param}", url)
    async with _STORIES[request.param](url, tmp_path_factory.mktemp(request.param)) as made:
        yield made
    postgres_server.drop(url)


def objects_of(place: Place, request: Asked) -> list[str]:
    found = place.situations(request.kind)
    assert found, f"{request}: let a story of tests/contract/stories.py make a {request.kind}, and say who may read it."
    return found


async def test_who_may_not_read_an_object_gets_what_a_nonexistent_one_gets(place: Place) -> None:
    before = await everything(place)
    for who in (*KINDS, *SISTERS):
        async with place.as_(who) as caller:
            for request in asked(place):
                hidden = [name for name in objects_of(place, request) if who not in readers(name)]
                # One situation is enough where the service would find the object by the same function anyway.
                kept = hidden if request.method == "GET" else hidden[:1]
                if not kept:
                    continue
                unknown = foreign(request.kind, place.objects[kept[0]])
                nobody = plain(await caller.request(**request.made(unknown, place.beside)))
                for name in kept:
                    value = place.objects[name]
                    answer = plain(await caller.request(**request.made(value, place.beside)))
                    assert answer == nobody, f"{who} can tell that there is a {name}: {request}"
                    listed = request.place == "query" and answer[0] == 200 and answer[2]["items"] == []
                    assert answer[0] in (403, 404) or listed, f"{who}: {request} of a {name} is {answer[0]}"
    assert await everything(place) == before, "somebody who may not even read it has changed it"


async def test_who_may_read_an_object_can(place: Place) -> None:
    await reads_are_the_law(place, others=False)  # they have had their turn above


async def test_who_may_read_an_object_can_on_postgresql_and_nobody_else(postgres_place: Place) -> None:
    await reads_are_the_law(postgres_place, others=True)


async def reads_are_the_law(place: Place, *, others: bool) -> None:
    for who in (*KINDS, *SISTERS):
        async with place.as_(who) as caller:
            for request in asked(place):
                is_feed = request.kind == "indications" or request.kind.endswith(":feed")
                if request.method != "GET" or not (request.place == "path" or is_feed):
                    continue
                for name in objects_of(place, request):
                    if who not in readers(name) and not others:
                        continue
                    answer = await caller.request(**request.made(place.objects[name], place.beside))
                    assert (answer.status_code == 200) == (who in readers(name)), f"{who}: {request} of a {name}"


async def test_a_method_that_a_route_does_not_have_tells_nothing(place: Place) -> None:
    paths: dict[str, set[str]] = {}
    requests = [request for request in asked(place) if request.place == "path"]
    for request in requests:
        paths.setdefault(request.route.path_format, set()).add(request.method)
    for who in ("pp-chp", "con-hnd-tapachula", "casa-refugio"):
        async with place.as_(who) as caller:
            for request in requests:
                name = objects_of(place, request)[0]
                for method in set(METHODS) - paths[request.route.path_format]:
                    answers = [
                        plain(await caller.request(**request.made(value, place.beside) | {"method": method}))
                        for value in (place.objects[name], foreign(request.kind, place.objects[name]))
                    ]
                    assert answers[0] == answers[1], f"{who}: {method} {request}"
                    assert answers[0][0] == 405, f"{who}: {method} {request}"


async def test_the_law_names_nothing_that_is_not_there(place: Place) -> None:
    for name in place.objects:
        assert readers(name) <= EVERYBODY, name


async def everything(place: Place) -> list[object]:
    """Return every object as those who may read it see it."""
    seen: list[object] = []
    for request in asked(place):
        if (request.method, request.place) != ("GET", "path") or request.kind == "disclosed":
            continue  # each reading of a disclosure is one of its own
        for name in objects_of(place, request):
            for who in sorted(readers(name))[:1]:
                async with place.as_(who) as caller:
                    answer = await caller.request(**request.made(place.objects[name], place.beside))
                seen.append((name, plain(answer)))
    return seen


# -- lists, bodies, scopes, connections --------------------------------------------------------------------


async def test_who_runs_the_system_reads_nothing_about_a_child() -> None:
    """No purpose opens it: operators see endpoints, deliveries and directories, and the matrix holds them to that."""
    theirs = {kind for kind, readers in READERS.items() if "ruta-operations" in readers}
    webhooks = {kind for kind in READERS if kind.partition(":")[2] in ("endpoint", "key", "delivery", "alarm")}
    assert theirs == webhooks | {"agency", "cas", "location", "consulate", "calendar_suspension", "return_point"}


async def test_a_list_holds_what_its_reader_may_read_and_nothing_else(place: Place) -> None:
    for who in KINDS:
        async with place.as_(who) as caller:
            for path in lists(place):
                answer = await caller.get(path, params={"limit": 100})
                if answer.status_code == 403:
                    continue
                assert answer.status_code == 200, f"{who}: {path} {answer.text}"
                found = {item["id"] for item in answer.json()["items"]}
                for name in listed(place, path):
                    assert (place.objects[name] in found) == (who in readers(name)), f"{who}: {name}"


async def test_a_kept_agency_sees_nothing_of_a_case_but_what_the_law_itself_orders(place: Place) -> None:
    """R29: a withheld-from list wins over every role, in every slice of referral."""
    if place.name != "referral":
        return  # cases are referral's
    for who in ("inm-chp", "dif-chp", "dif-nacional"):
        assert await withheld.shown(place, who)  # else it would prove nothing
    async with withheld.everything_kept(place):
        for who in withheld.KEPT:
            assert withheld.unlawful(who, await withheld.shown(place, who)) == set()


async def test_a_filter_only_narrows_a_list(place: Place) -> None:
    described = place.inner.openapi()
    for path in lists(place):
        for each in described["paths"][path]["get"].get("parameters", []):
            for value in _choices(each, described):
                for who in ("pp-chp", "dif-chp", "con-hnd-tapachula"):
                    async with place.as_(who) as caller:
                        whole = await caller.get(path, params={"limit": 100})
                        part = await caller.get(path, params={"limit": 100, each["name"]: value})
                    if whole.status_code == 200:
                        names = [{item["id"] for item in one.json()["items"]} for one in (part, whole)]
                        assert names[0] <= names[1], f"{who}: {path}?{each['name']}={value}"


async def test_a_cursor_of_another_agency_is_a_broken_cursor(place: Place) -> None:
    path, mine, other = {
        "intake": ("/v1/intake/encounters", "inm-chp", "pp-chp"),
        "referral": ("/v1/referral/cases", "pp-chp", "inm-chp"),
        "consular": ("/v1/consular/notices", "inm-chp", "pp-chp"),
    }[place.name]
    async with place.as_(mine) as first, place.as_(other) as second:
        cursor = (await first.get(path, params={"limit": 1})).json()["next"]
        assert cursor, "the story needs a second page"
        stolen = plain(await second.get(path, params={"limit": 1, "cursor": cursor}))
        elsewhere = plain(await first.get(path.rpartition("/")[0] + "/nothing", params={"cursor": cursor}))
        broken = plain(await second.get(path, params={"limit": 1, "cursor": "AAAA" + cursor[4:]}))
    assert stolen == broken
    assert (stolen[0], stolen[2]["code"], elsewhere[0]) == (400, "bad_cursor", 404)


async def test_no_body_says_who_the_caller_is_or_where_a_thing_stands(place: Place) -> None:
    for route, method, body in bodies(place):
        who = acting(place, guards_of(route)[0].kinds)
        async with place.as_(who) as caller:
            for name in ("agency", "agency_kind", "role", "status", "owner", "id", "client_id", "sealed"):
                if name in body_model_of(route).model_fields:  # type: ignore[union-attr]  # it has a body
                    continue
                sent = place.filled(route, body | {name: "pp-chp"})
                answer = await caller.request(method, **sent)
                problem = answer.json()
                assert (answer.status_code, problem["code"]) == (422, "invalid_request"), f"{method} {route.path}"
                assert problem["errors"][0] == {"pointer": "", "reason": "unknown_field"}


async def test_what_may_not_be_changed_is_refused_and_nothing_is(place: Place) -> None:
    before = await everything(place)
    for route, method, body in bodies(place):
        if method != "PATCH":
            continue
        shown = route.response_model.model_fields
        for name in shown.keys() - body_model_of(route).model_fields.keys():  # type: ignore[union-attr]  # as above
            async with place.as_(acting(place, guards_of(route)[0].kinds)) as caller:
                answer = await caller.request(method, **place.filled(route, body | {name: None}))
                assert answer.status_code == 422, f"{route.path} took {name}"
    assert await everything(place) == before


async def test_a_scope_that_a_token_lacks_is_lacking_whatever_the_object(place: Place) -> None:
    for request in asked(place):
        if request.place != "path":
            continue
        (guard,) = guards_of(request.route)
        rest = " ".join(scope for scope in EVERY_SCOPE.split() if scope != guard.scope)
        name = objects_of(place, request)[0]
        async with place.as_(acting(place, guard.kinds), scope=rest) as caller:
            answers = [
                plain(await caller.request(**request.made(value, place.beside)))
                for value in (place.objects[name], foreign(request.kind, place.objects[name]))
            ]
        assert answers[0] == answers[1], str(request)
        assert answers[0][0] == 403, str(request)


async def test_a_connection_carries_nothing_from_one_caller_to_the_next(postgres_place: Place) -> None:
    """A thousand reads in the three services, interleaved; some fail: each caller sees its own and no other's."""
    place = postgres_place
    name, base = {
        "intake": ("child", "/v1/intake/children"),
        "referral": ("case/girl", "/v1/referral/cases"),
        "consular": ("notice/received", "/v1/consular/notices"),
    }[place.name]

    async def read(number: int) -> None:
        is_reader, is_known = number % 2 == 0, number % 5 != 0
        path = f"{base}/{place.objects[name] if is_known else 'no-id-at-all'}"
        status = (await (one if is_reader else two).get(path)).status_code
        assert (status == 200) == (is_reader and is_known), number
        assert status in (200, 403, 404), number

    async with place.as_("pp-chp") as one, place.as_("pp-tam") as two:
        for start in range(0, 340, 20):
            await asyncio.gather(*(read(start + number) for number in range(20)))


def lists(place: Place) -> list[str]:
    """Return the addresses of a service's lists of objects that have readers."""
    return [
        route.path_format
        for route in api_routes(place.inner)
        if methods_of(route) == {"GET"} and route.response_model is not None and listed(place, route.path_format)
    ]


def listed(place: Place, path: str) -> list[str]:
    """Return the objects that a list may hold, by the list's last word: `cases` holds every `case`."""
    singular = {"children": "child", "deliveries": "delivery", "releases": "release", "families": "family"}
    singular |= {"lodging": "stay", "inquiries": "inquiry", "cas-reports": "report", "plan-items": "item"}
    word = path.rpartition("/")[2]
    kind = singular.get(word, word.removesuffix("s"))
    kind = f"{place.name}:{kind}" if kind in ("endpoint", "delivery", "alarm") else kind
    return [] if "{" in path or kind in ("agency", "consulate", "indication") else place.situations(kind)


def bodies(place: Place) -> list[tuple[APIRoute, str, Any]]:
    """Return every route that takes a body of JSON, with the example of the description."""
    described = place.inner.openapi()
    found = []
    for route in api_routes(place.inner):
        for method in methods_of(route):
            operation = described["paths"][route.path_format][method.lower()]
            content = operation.get("requestBody", {}).get("content", {}).get("application/json")
            if content is not None:
                found.append((route, method, content["example"]))
    return found


def acting(place: Place, kinds: tuple[str, ...]) -> str:
    """Return a caller whom a route's guard lets in."""
    wanted = kinds or ("CONSULATE" if place.name == "consular" else "PP",)
    return next(who for who, claims in KINDS.items() if claims["agency_kind"] in wanted)


def _choices(parameter: Any, described: Any) -> list[str]:
    """Return the values that a filter may have, where it is a choice."""
    options = parameter["schema"].get("anyOf", [parameter["schema"]])
    shapes = [described["components"]["schemas"].get(each.get("$ref", "").rpartition("/")[2], each) for each in options]
    return [value for shape in shapes for value in shape.get("enum", [])][:4]
