"""What people read at the gateway: errors, status, documentation. In process, without a service behind it."""

import asyncio
import html
import json
import re
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from gateway import openapi
from gateway.main import api
from shared import testing
from shared.catalogue import CATALOGUE
from shared.runtime import Runtime
from shared.settings import Settings

OUTSIDE = re.compile(r"""(?:src|href|action|url)\s*[=(:]\s*["']?(?:https?:)?//""")


class Peers:
    """Services that answer from a table; what is not in it hangs or is down."""

    def __init__(self, answers: Mapping[str, Any]) -> None:
        self.answers = dict(answers)
        self.asked: list[str] = []

    async def fetch(self, url: str) -> Mapping[str, Any]:
        self.asked.append(url)
        answer = self.answers.get(url)
        if answer is None:
            raise ConnectionError
        if answer == "hang":
            await asyncio.sleep(60)
        return dict(answer)

    async def close(self) -> None:
        """Nothing to close."""


@pytest.fixture
async def ready(stored: Settings) -> AsyncIterator[Runtime]:
    """A gateway whose database is migrated."""
    made = testing.runtime(stored)
    await made.peers.close()
    yield made
    await made.close()


@pytest.fixture
def peers(ready: Runtime) -> Peers:
    well = {"/livez": {"status": "ok"}, "/status": {"status": "up", "missing": ["never shown"]}}
    answers = {
        f"http://{name}.test{path}": answer
        for name in ("intake", "referral", "consular")
        for path, answer in well.items()
    }
    made = Peers(answers)
    ready.peers = made  # type: ignore[assignment]  # all that is asked of it here
    return made


async def get(runtime: Runtime, path: str, accept: str = "*/*") -> Any:
    async with testing.client(api(runtime)) as client:
        return await client.get(path, headers={"Accept": accept})


@pytest.mark.parametrize("code", CATALOGUE)
async def test_every_problem_has_a_page_in_both_languages(runtime: Runtime, code: str) -> None:
    page = await get(runtime, f"/errors/{code}", "text/html,*/*;q=0.8")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    problem = CATALOGUE[code]
    plain = re.sub(r"</?code>", "`", page.text)
    for text in (*problem.title, *problem.cause, *problem.fix):
        assert html.escape(text) in plain
    assert not OUTSIDE.search(page.text)
    assert "script" not in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]


@pytest.mark.parametrize("code", CATALOGUE)
async def test_every_problem_is_there_for_programs_too(runtime: Runtime, code: str) -> None:
    answer = (await get(runtime, f"/errors/{code}", "application/json")).json()
    assert answer["status"] == CATALOGUE[code].status
    assert answer["title"] == CATALOGUE[code].title._asdict()
    assert answer["example"]["type"] == answer["type"] == f"/errors/{code}"
    assert answer["example"]["code"] == code


async def test_the_index_lists_every_problem(runtime: Runtime) -> None:
    page = await get(runtime, "/errors", "text/html")
    items = (await get(runtime, "/errors", "application/json")).json()["items"]
    assert [item["code"] for item in items] == list(CATALOGUE)
    assert all(f'href="/errors/{code}"' in page.text for code in CATALOGUE)


async def test_a_problem_that_does_not_exist_is_one(runtime: Runtime) -> None:
    answer = await get(runtime, "/errors/<script>")
    assert answer.status_code == 404
    assert answer.json()["code"] == "not_found"
    assert "script" not in answer.text


async def test_the_status_is_up_when_every_service_says_so(ready: Runtime, peers: Peers) -> None:
    answer = await get(ready, "/status")
    names = ("gateway", "intake", "referral", "consular")
    assert answer.json() == {"status": "up", "services": dict.fromkeys(names, "up")}


async def test_a_service_that_is_down_slow_or_behind_is_degraded_and_no_more_is_said(
    ready: Runtime, peers: Peers
) -> None:
    peers.answers["http://intake.test/status"] = {"status": "degraded", "missing": ["referral"], "count": 7}
    peers.answers["http://referral.test/livez"] = "hang"
    del peers.answers["http://consular.test/livez"]
    started = asyncio.get_running_loop().time()
    answer = await get(ready, "/status")
    assert asyncio.get_running_loop().time() - started < 1.5
    assert answer.json() == {
        "status": "degraded",
        "services": {"gateway": "up", "intake": "degraded", "referral": "degraded", "consular": "degraded"},
    }


async def test_the_status_is_asked_at_most_every_two_seconds(ready: Runtime, peers: Peers) -> None:
    async with testing.client(api(ready)) as client:
        answers = await asyncio.gather(*(client.get("/status") for _ in range(20)))
        page = await client.get("/status", headers={"Accept": "text/html"})
    assert {answer.json()["status"] for answer in answers} == {"up"}
    assert len(peers.asked) == 6
    assert "Todo en servicio" in page.text
    assert "never shown" not in page.text + answers[0].text


async def test_operators_see_metrics_and_nobody_from_outside_does(runtime: Runtime) -> None:
    async with testing.client(api(runtime)) as client:
        for path in ("/metrics", "/livez", "/readyz"):
            assert (await client.get(path)).status_code in (200, 503)
            for header in ("X-Forwarded-For", "Forwarded"):
                assert (await client.get(path, headers={header: "192.0.2.1"})).status_code == 404


async def test_the_root_leads_to_the_documentation_which_needs_no_outside_host(runtime: Runtime) -> None:
    root = await get(runtime, "/")
    assert root.headers["location"] == "/docs"
    page = await get(runtime, "/docs")
    assert not OUTSIDE.search(page.text)
    assert "script-src 'self'" in page.headers["content-security-policy"]
    for path in re.findall(r'(?:src|href)="([^"]+)"', page.text):
        found = await get(runtime, path)
        assert found.status_code == 200
        assert found.headers["cache-control"] == "public, max-age=3600"
    assert (await get(runtime, "/docs/static/../../main.py")).status_code == 404
    assert (await get(runtime, "/docs/static/%2e%2e/core.py")).status_code == 404


async def test_the_description_holds_every_service_that_answers_and_names_the_others(
    ready: Runtime, peers: Peers
) -> None:
    peers.answers["http://intake.test/v1/intake/openapi.json"] = service("intake")
    peers.answers["http://consular.test/v1/consular/openapi.json"] = service("consular")
    answer = (await get(ready, "/openapi.json")).json()
    assert {"/oauth/token", "/v1/intake/things", "/v1/consular/things", "/errors/{code}", "/status"} <= set(
        answer["paths"]
    )
    assert answer["info"]["description"].endswith("left out: referral.")
    schemes = answer["components"]["securitySchemes"]["oauth2"]["flows"]["clientCredentials"]
    assert schemes["tokenUrl"] == "/oauth/token"
    assert {"consular:read", "gateway:admin", "intake:read"} <= schemes["scopes"].keys()
    token = answer["paths"]["/oauth/token"]["post"]
    assert [each["name"] for each in token["parameters"]] == ["DPoP"]
    assert list(token["requestBody"]["content"]) == ["application/x-www-form-urlencoded"]


def service(name: str) -> dict[str, Any]:
    """Return a small description: `Same` is everywhere alike, `Thing` is not, `Page` leads to it."""

    def ref(shape: str) -> dict[str, str]:
        return {"$ref": f"#/components/schemas/{shape}"}

    return {
        "openapi": "3.1.0", "info": {"title": name, "version": "1"},
        "paths": {f"/v1/{name}/things": {"get": {"tags": ["things"], "responses": {"200": ref("Page")}}}},
        "components": {
            "schemas": {"Same": {"type": "string"}, "Thing": {"title": name}, "Page": {"items": ref("Thing")}},
            "securitySchemes": {"oauth2": {"flows": {"clientCredentials": {"scopes": {f"{name}:read": ""}}}}},
        },
    }  # fmt: skip


def test_shapes_that_differ_are_kept_apart_and_those_that_lead_to_them_too() -> None:
    merged = openapi.merged({"info": {}, "paths": {}}, {name: service(name) for name in ("intake", "referral")})
    schemas = merged["components"]["schemas"]
    assert set(schemas) == {"Same", "IntakeThing", "ReferralThing", "IntakePage", "ReferralPage"}
    assert schemas["IntakePage"] == {"items": {"$ref": "#/components/schemas/IntakeThing"}}
    operation = merged["paths"]["/v1/referral/things"]["get"]
    assert operation["responses"]["200"] == {"$ref": "#/components/schemas/ReferralPage"}
    assert operation["tags"] == ["referral: things"]


def test_merging_changes_nothing_that_it_was_given() -> None:
    own: dict[str, Any] = {"info": {}, "paths": {}}
    given = {"intake": service("intake")}
    before = json.dumps([own, given])
    openapi.merged(own, given)
    assert json.dumps([own, given]) == before
