"""The audit trail: chained by one sealer, and whoever touches it afterwards is found out."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import col, select

from shared import audit, clock, jwt, sealer
from shared.audit import GENESIS, AuditCheckpoint, AuditEntry, first_broken
from shared.auth import Caller
from shared.errors import Conflict
from tests.unit.shared.world import World

CALLER = Caller("c", "inm-chp", "INM", "officer", frozenset(), office="chp-1")


async def act(world: World, count: int) -> None:
    async with world.database.work() as session:
        for n in range(count):
            audit.wrote(session, CALLER, "record", "encounter", f"enc_{n}", field="name", n=n, nested={"b": [1, None]})


async def seal(world: World) -> int:
    return await sealer.seal(world.database, world.runtime.signer)


async def chain(world: World) -> list[AuditEntry]:
    async with world.database.work(write=False) as session:
        statement = select(AuditEntry).where(col(AuditEntry.seq).is_not(None)).order_by(col(AuditEntry.seq))
        return list((await session.exec(statement)).all())


async def checkpoints(world: World) -> list[AuditCheckpoint]:
    async with world.database.work(write=False) as session:
        return list((await session.exec(select(AuditCheckpoint).order_by(col(AuditCheckpoint.seq)))).all())


async def test_rows_are_numbered_and_chained_once_they_are_committed(world: World) -> None:
    assert await seal(world) == 0
    await act(world, 3)
    assert await chain(world) == []
    assert await seal(world) == 3
    await act(world, 2)
    assert (await seal(world), await seal(world)) == (2, 0)
    rows = await chain(world)
    assert [row.seq for row in rows] == [1, 2, 3, 4, 5]
    assert first_broken(rows) is None
    assert first_broken(rows[2:], rows[1].digest or "", 2) is None
    assert first_broken([]) is None


async def test_a_refused_request_leaves_no_audit_row(world: World) -> None:
    async def refuse() -> None:
        async with world.database.work() as session:
            audit.wrote(session, CALLER, "record", "encounter", "enc_1")
            await session.flush()
            raise Conflict

    with pytest.raises(Conflict):
        await refuse()
    assert await world.count("audit_entry") == 0


def edit(**values: Any) -> Callable[[list[AuditEntry]], None]:
    def change(rows: list[AuditEntry]) -> None:
        for name, value in values.items():
            setattr(rows[2], name, value)

    return change


def delete(rows: list[AuditEntry]) -> None:
    del rows[2]


def insert(rows: list[AuditEntry]) -> None:
    forged = rows[2].model_copy(update={"id": "aud_forged", "action": "read"})
    forged.seq = 3
    forged.digest = audit.link(rows[1].digest or "", forged, 3)
    rows.insert(2, forged)


def reorder(rows: list[AuditEntry]) -> None:
    rows[2], rows[3] = rows[3], rows[2]


def renumber(rows: list[AuditEntry]) -> None:
    del rows[2]
    for place, row in enumerate(rows, 1):
        row.seq = place


CHANGES: list[tuple[str, Callable[[list[AuditEntry]], None], int]] = [
    ("who", edit(client_id="d"), 3),
    ("whose", edit(agency="dif-chp"), 3),
    ("where", edit(office=None), 3),
    ("what", edit(action="read"), 3),
    ("on what", edit(resource_id="enc_9"), 3),
    ("in which request", edit(request_id="req_x"), 3),
    ("the details", edit(details={"field": "birth_date"}), 3),
    ("the details, and the salt away", edit(salt=None), 3),
    ("the commitment", edit(details=None, salt=None, commitment="0" * 64), 3),
    ("the digest", edit(digest="0" * 64), 3),
    ("the number", edit(seq=7), 3),
    ("one deleted", delete, 3),
    ("one deleted and the rest renumbered", renumber, 3),
    ("one inserted", insert, 4),
    ("two swapped", reorder, 3),
]


@pytest.mark.parametrize("database_kind", ["sqlite"])
async def test_the_first_row_that_was_touched_is_named(world: World) -> None:
    await act(world, 5)
    await seal(world)
    for name, change, broken in CHANGES:
        rows = await chain(world)
        change(rows)
        assert first_broken(rows) == broken, name
    rows = await chain(world)
    rows[2].at += timedelta(microseconds=1)
    assert first_broken(rows) == 3
    assert first_broken(await chain(world), "1" * 64) == 1


async def test_details_can_be_erased_and_the_chain_stays_whole(world: World) -> None:
    await act(world, 3)
    await seal(world)
    async with world.database.work() as session:
        row = (await session.exec(select(AuditEntry).where(AuditEntry.seq == 2))).one()
        row.details = row.salt = None
    assert first_broken(await chain(world)) is None


async def test_several_sealers_never_number_twice(world: World) -> None:
    for _ in range(4):
        await act(world, 20)
        await asyncio.gather(*(seal(world) for _ in range(4)))
    while await seal(world):
        pass
    rows = await chain(world)
    assert [row.seq for row in rows] == list(range(1, 81))
    assert first_broken(rows) is None


@pytest.mark.parametrize("database_kind", ["sqlite"])
async def test_a_long_absence_is_caught_up_in_parts(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealer, "_BATCH", 4)
    await act(world, 10)
    assert [await seal(world) for _ in range(4)] == [4, 4, 2, 0]
    assert first_broken(await chain(world)) is None


async def test_a_checkpoint_a_minute_is_signed_for_auditors(world: World) -> None:
    with clock.at(clock.now()):
        for _ in range(3):
            await act(world, 2)
            await seal(world)
            clock.advance(timedelta(seconds=40))
        stated = await checkpoints(world)
        assert [each.seq for each in stated] == [2, 6]
        clock.advance(timedelta(seconds=60))
        await seal(world)
        assert len(await checkpoints(world)) == 2  # nothing was sealed since
        claims = jwt.verify(
            stated[-1].statement, jwt.public_key(world.runtime.signer.public_jwk()), typ=sealer.CHECKPOINT_TYPE,
            issuer="urn:ruta:referral", audience="auditors", longest=timedelta(days=36525), required=frozenset({"seq"}),
        )  # fmt: skip
    assert (claims["seq"], claims["digest"]) == (6, (await chain(world))[-1].digest)


async def test_the_last_rows_get_their_checkpoint_though_nothing_follows(world: World) -> None:
    with clock.at(clock.now()):
        await act(world, 1)
        await seal(world)
        clock.advance(timedelta(seconds=10))
        await act(world, 1)
        await seal(world)
        assert [each.seq for each in await checkpoints(world)] == [1]
        clock.advance(timedelta(seconds=50))
        assert await seal(world) == 0
        assert [each.seq for each in await checkpoints(world)] == [1, 2]


def test_a_chain_starts_from_nothing() -> None:
    row = audit.entry(CALLER, "a", "b", "c", {})
    assert audit.link(GENESIS, row, 1) != audit.link(GENESIS, row, 2)
    assert audit.commit_to({}, b"1") != audit.commit_to({}, b"2")
