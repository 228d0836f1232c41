"""The directory of consulates: loaded once per edition, readable by everybody with a token."""

import hashlib
from importlib.resources import files

import pytest
from sqlmodel import col, select

from services.consular.consulates import service
from services.consular.consulates.models import Consulate, Jurisdiction
from shared.testing import client
from tests.unit.consular.world import TAPACHULA, World

DIGESTS = {1: "90236de1e83ec0e8ae05e1404e09db8606dd085d763ba0c85703e9d4386b5828"}
"""Edition → digest of the files. After a change: raise EDITION, and add its digest here."""

BASE = "/v1/consular/consulates"


def test_every_change_of_the_files_is_an_edition() -> None:
    data = files("services.consular.consulates") / "data"
    content = b"".join((data / name).read_bytes() for name in ("consulates.csv", "jurisdictions.csv"))
    assert DIGESTS[service.EDITION] == hashlib.sha256(content).hexdigest(), "raise EDITION; see docs/data-sources.md"


async def test_the_directory_is_loaded_at_start(world: World) -> None:
    posts, jurisdictions = service.read()
    async with world.runtime.database.work(write=False) as session:
        assert len((await session.exec(select(Consulate))).all()) == len(posts)
        assert len((await session.exec(select(Jurisdiction))).all()) == len(jurisdictions)


async def test_a_newer_edition_replaces_rows_and_an_older_one_does_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def edit(edition: int, city: str) -> None:
        posts, _ = service.read()
        for post in posts:
            post.city, post.edition = city, edition
        monkeypatch.setattr(service, "EDITION", edition)
        monkeypatch.setattr(service, "read", lambda: (posts, []))
        async with world.runtime.database.work() as session:
            await service.load(world.runtime, session)

    await edit(service.EDITION + 1, "Newer")
    await edit(service.EDITION - 1, "Older")
    async with world.runtime.database.work(write=False) as session:
        assert {post.city for post in (await session.exec(select(Consulate))).all()} == {"Newer"}
        assert (await session.exec(select(Jurisdiction).where(col(Jurisdiction.id) > 0))).all() == []


async def test_a_post_is_shown_with_the_states_that_it_serves(world: World) -> None:
    async with world.agency() as inm:
        shown = (await inm.get(f"{BASE}/{TAPACHULA}")).json()
    assert (shown["country"], shown["kind"], shown["status"], shown["verified"]) == ("HND", "consulate", "open", True)
    assert [row["state"] for row in shown["states"]] == ["MX-CHP"]
    assert all(row["source"] for row in [shown, *shown["states"]])


async def test_lists_filter_by_country_and_state_and_page(world: World) -> None:
    async with world.agency() as inm:
        honduran = (await inm.get(BASE, params={"country": "HND", "limit": 100})).json()["items"]
        in_chiapas = (await inm.get(BASE, params={"state": "MX-CHP"})).json()["items"]
        both = (await inm.get(BASE, params={"country": "HND", "state": "MX-CHP"})).json()["items"]
        first = (await inm.get(BASE, params={"limit": 2})).json()
        second = (await inm.get(BASE, params={"limit": 2, "cursor": first["next"]})).json()
    assert {row["country"] for row in honduran} == {"HND"}
    assert {"con-gtm-tapachula", "con-hnd-tapachula", "con-slv-tapachula"} <= {row["id"] for row in in_chiapas}
    assert [row["id"] for row in both] == [TAPACHULA]
    assert len({row["id"] for row in first["items"] + second["items"]}) == 4


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        (f"{BASE}/con-nowhere", 404, "not_found"),
        (f"{BASE}/NOT%20A%20SLUG", 404, "not_found"),
        (f"{BASE}?country=XXX", 422, "invalid_request"),
        (f"{BASE}?state=MX-XXX", 422, "invalid_request"),
        (f"{BASE}?limit=101", 422, "invalid_request"),
        (f"{BASE}?cursor=bm8", 400, "bad_cursor"),
    ],
)
async def test_refusals_are_problem_documents(world: World, path: str, status: int, code: str) -> None:
    async with world.agency() as inm:
        answer = await inm.get(path)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"


async def test_without_a_token_nothing_is_shown(world: World) -> None:
    async with client(world.app) as nobody:
        assert (await nobody.get(BASE)).status_code == 401
