"""Lists: every row once, cursors that fit one list and one agency, limits that refuse."""

import asyncio
import base64

import pytest

from shared import ids
from shared.testing import key
from tests.unit.shared.world import CANARY, Memo, World

PATH = "/v1/referral/memos"


async def write(world: World, count: int) -> list[str]:
    made = [Memo(id=ids.new("mem"), words="hola") for _ in range(count)]
    async with world.database.work() as session:
        session.add_all(made)
    return [each.id for each in made]


async def test_a_walk_meets_every_row_once_though_others_come_in_between(world: World) -> None:
    there = await write(world, 250)
    seen: list[str] = []
    cursor: str | None = ""
    async with world.as_() as inm:
        while cursor is not None:
            page = (await inm.get(PATH, params={"limit": 40} | ({"cursor": cursor} if cursor else {}))).json()
            seen += [item["id"] for item in page["items"]]
            cursor = page["next"]
            await write(world, 3)
    assert seen == sorted(there, reverse=True)


@pytest.mark.parametrize("database_kind", ["sqlite"])
async def test_the_last_page_says_so(world: World) -> None:
    async with world.as_() as inm:
        assert (await inm.get(PATH)).json() == {"items": [], "next": None}
        await write(world, 100)
        assert (await inm.get(PATH, params={"limit": 100})).json()["next"] is None
        assert len((await inm.get(PATH)).json()["items"]) == 50
        await write(world, 1)
        assert (await inm.get(PATH, params={"limit": 100})).json()["next"] is not None


@pytest.mark.parametrize("database_kind", ["sqlite"])
async def test_a_limit_out_of_range_is_refused(world: World) -> None:
    async with world.as_() as inm:
        for limit in ("0", "-1", "101", "1000000000", "x", "", "1.5", "9" * 5000):
            assert (await inm.get(PATH, params={"limit": limit})).status_code == 422, limit


@pytest.mark.parametrize("database_kind", ["sqlite"])
async def test_a_cursor_fits_one_list_of_one_agency(world: World) -> None:
    there = await write(world, 3)
    async with world.as_() as inm, world.as_(agency="dif-chp", agency_kind="DIF") as dif:
        cursor = (await inm.get(PATH, params={"limit": 1})).json()["next"]
        assert (await inm.get(PATH, params={"cursor": cursor})).json()["items"][0]["id"] == there[1]
        changed = cursor[:-2] + ("a" if cursor[-2] != "a" else "b") + cursor[-1]
        own = base64.urlsafe_b64encode(b"\0" * 12 + there[0].encode()).decode()
        asked = [
            dif.get(PATH, params={"cursor": cursor}),
            inm.get(PATH + "/others", params={"cursor": cursor}),
            *(inm.get(PATH, params={"cursor": odd}) for odd in (changed, own, "", "é", "a", "====", CANARY)),
        ]
        for answer in await asyncio.gather(*asked):
            assert (answer.status_code, answer.json()["code"]) == (400, "bad_cursor")
        assert (await inm.get(PATH, params={"cursor": "a" * 201})).status_code == 422


@pytest.mark.parametrize("database_kind", ["sqlite"])
async def test_a_cursor_does_not_need_a_row_that_is_still_there(world: World) -> None:
    async with world.as_() as inm:
        for _ in range(3):
            await inm.post(PATH, json={"words": "a"}, headers=key())
        page = (await inm.get(PATH, params={"limit": 1})).json()
        async with world.database.work() as session:
            await session.delete(await session.get_one(Memo, page["items"][0]["id"]))
        assert len((await inm.get(PATH, params={"cursor": page["next"]})).json()["items"]) == 2
