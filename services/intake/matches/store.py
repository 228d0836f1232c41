"""Every SQL statement of matching."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime
from functools import cache, lru_cache
from typing import Any

from sqlalchemy import TextClause, delete, insert, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import SQLModel, col, false, or_, select, true
from sqlmodel.ext.asyncio.session import AsyncSession

from services.intake.children.models import Child, ChildChange
from services.intake.children.store import AUTHORITIES
from services.intake.matches.models import Match, MatchChild, MatchKey, MatchProgress, PersonLink
from services.intake.matches.rules import OPEN, Status
from shared import jsons
from shared.auth import Caller
from shared.db import run

SIZE = "size"
_NOBODY = -1
_AT_ONCE, _STEP = 240, 8  # SQLite takes 500 parts of a statement
FREQUENT = 64
"""A key that more children than this have, beside the one who is searched for, tells too little."""
_DESCRIBED = (
    Child.id, Child.key_id, Child.identity, Child.sex, Child.nationalities, Child.languages, Child.state,
    Child.met_state, Child.created_at,
)  # fmt: skip


def readable(caller: Caller) -> Any:
    """Select the matches with a child of the caller's state; a federal office's are all (R37)."""
    if caller.agency_kind not in AUTHORITIES:
        return select(Match).where(false())
    return select(Match).where(_of(caller.state))


def _of(state: str | None) -> Any:
    return or_(col(Match.state_a) == state, col(Match.state_b) == state) if state else true()


async def get(session: AsyncSession, caller: Caller, match_id: str, *, lock: bool = False) -> Match | None:
    """Return a match that the caller may know of."""
    statement = readable(caller).where(Match.id == match_id)
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    found: Match | None = (await session.exec(statement)).first()
    return found


def waiting(caller: Caller) -> Any:
    """Select the matches on which the caller's office acts next."""
    statement = readable(caller).where(col(Match.status).in_(OPEN))
    if caller.state is None:
        return statement
    mine = or_(col(Match.confirmed_by_state).is_(None), col(Match.confirmed_by_state) != caller.state)
    return statement.where(mine)


async def open_of(session: AsyncSession, child_ids: Collection[str]) -> Sequence[Match]:
    """Return the matches of these children that wait for somebody."""
    either = or_(col(Match.child_a).in_(child_ids), col(Match.child_b).in_(child_ids))
    return (await session.exec(select(Match).where(either, col(Match.status).in_(OPEN)))).all()


async def undecided(session: AsyncSession, child_id: str) -> Sequence[Match]:
    """Return the matches of a child on which nobody has decided, lapsed ones included, locked."""
    either = or_(col(Match.child_a) == child_id, col(Match.child_b) == child_id)
    statement = select(Match).where(either, col(Match.status).in_([*OPEN, Status.LAPSED]))
    return (await session.exec(statement.with_for_update())).all()


async def child(session: AsyncSession, child_id: str) -> Child | None:
    """Return a child for the worker, which has no territory, locked."""
    return (await session.exec(select(Child).where(Child.id == child_id).with_for_update())).first()


# -- keys and candidates -----------------------------------------------------------------------------------------


@lru_cache(maxsize=64)
def _lookup(keys: int, is_postgresql: bool) -> TextClause:
    """Return one row for each key that somebody has: who has it, joined by commas, or nobody if too many have."""
    joined = "string_agg" if is_postgresql else "group_concat"
    one = (
        "SELECT {0}, CASE WHEN count(*) <= {1} THEN {2}(child_id, ',') END"
        " FROM (SELECT child_id FROM match_key WHERE key = :k{0} LIMIT {3}) AS t{0}"
    )
    parts = [one.format(n, FREQUENT + 1, joined, FREQUENT + 2) for n in range(keys)]
    return text(" UNION ALL ".join([*parts, "SELECT -1, position FROM match_progress WHERE name = :size"]))


async def holders(session: AsyncSession, keys: Collection[int]) -> tuple[dict[int, list[str]], int | None]:
    """Return which children have each of these keys, but for keys that too many have.

    With it comes how many children the last sweep counted, if one has ended.
    """
    found: dict[int, list[str]] = {}
    size = None
    everything = list(keys)
    for first in range(0, len(everything), _AT_ONCE):
        asked = everything[first : first + _AT_ONCE]
        slots = -(-len(asked) // _STEP) * _STEP  # few different statements, so that each stays prepared
        values = {f"k{n}": asked[n] if n < len(asked) else None for n in range(slots)}
        for n, those in await run(session, _lookup(slots, _is_postgresql(session)), {"size": SIZE, **values}):
            if n == _NOBODY:
                size = int(those) if those else None
            elif those:
                found[asked[n]] = those.split(",")
    return found, size


def _is_postgresql(session: AsyncSession) -> bool:
    return session.get_bind().dialect.name == "postgresql"


_ONE_PARAMETER = {  # however many ids: a list of parameters would be another statement for each length
    True: "child.id = ANY(CAST(:ids AS text[]))",
    False: "child.id IN (SELECT value FROM json_each(:ids))",
}


async def described(session: AsyncSession, child_ids: Collection[str]) -> Sequence[Any]:
    """Return what matching reads of these children, sealed identity included. Blocked ones are left alone."""
    is_postgresql = _is_postgresql(session)
    ids = list(child_ids) if is_postgresql else jsons.canonical(list(child_ids)).decode()
    found: Sequence[Any] = (await run(session, _described(is_postgresql), {"ids": ids})).all()
    return found


@cache
def _described(is_postgresql: bool) -> Any:
    those = text(_ONE_PARAMETER[is_postgresql])
    return select(*_DESCRIBED).where(those, col(Child.blocked_at).is_(None))  # type: ignore[call-overload]  # select() of SQLModel is typed for four columns


async def keys_in_use(session: AsyncSession, names: Collection[str]) -> list[str]:
    """Return which of these keys of the vault any child's match keys were made with."""
    found = []
    for name in names:
        if (await session.exec(select(MatchChild.key_id).where(MatchChild.key_id == name).limit(1))).first():
            found.append(name)
    return found


async def rekey(session: AsyncSession, made: MatchChild, keys: Sequence[int], old: Sequence[int]) -> None:
    """Give a child other match keys."""
    await _drop(session, made.child_id, old)
    await session.merge(made)
    await session.flush()
    if keys:
        rows = [{"key": key, "child_id": made.child_id} for key in keys]
        await run(session, _insert(session, MatchKey).on_conflict_do_nothing(), rows)


async def forget(session: AsyncSession, held: MatchChild, old: Sequence[int]) -> None:
    """Delete a child's match keys."""
    await _drop(session, held.child_id, old)
    await session.delete(held)


async def _drop(session: AsyncSession, child_id: str, keys: Sequence[int]) -> None:
    if keys:
        await run(session, delete(MatchKey).where(col(MatchKey.child_id) == child_id, col(MatchKey.key).in_(keys)))


async def held(session: AsyncSession, child_id: str) -> MatchChild | None:
    """Return which keys a child has."""
    return await session.get(MatchChild, child_id)


def _insert(session: AsyncSession, model: type[SQLModel]) -> Any:
    kind = postgresql if _is_postgresql(session) else sqlite
    return kind.insert(model)


async def add(session: AsyncSession, match: Match) -> bool:
    """Add a match unless the two children have one. Says whether it was added."""
    done = await run(session, _insert(session, Match).on_conflict_do_nothing(), match.model_dump())
    return bool(done.rowcount)


# -- persons -----------------------------------------------------------------------------------------------------


async def person_of(session: AsyncSession, child_ids: Collection[str]) -> dict[str, str]:
    """Return the person of each of these children. Who is linked to nobody is a person of its own."""
    rows = (await session.exec(select(PersonLink).where(col(PersonLink.child_id).in_(child_ids)))).all()
    return {child: child for child in child_ids} | {row.child_id: row.person_id for row in rows}


async def together(session: AsyncSession, persons: Collection[str]) -> set[str]:
    """Return every child of these persons."""
    rows = await session.exec(select(PersonLink.child_id).where(col(PersonLink.person_id).in_(persons)))
    return {*rows.all(), *persons}


async def links(session: AsyncSession, child_ids: Collection[str]) -> list[tuple[str, str]]:
    """Return which of these children are linked with which."""
    rows = await session.exec(
        select(Match.child_a, Match.child_b).where(
            col(Match.child_a).in_(child_ids), col(Match.child_b).in_(child_ids), Match.status == Status.LINKED
        )
    )
    return [(one, other) for one, other in rows.all()]


async def regroup(session: AsyncSession, persons: dict[str, str]) -> None:
    """Write down which person each of these children is."""
    await run(session, delete(PersonLink).where(col(PersonLink.child_id).in_(persons)))
    counted: dict[str, int] = defaultdict(int)
    for person in persons.values():
        counted[person] += 1
    rows = [{"child_id": child, "person_id": who} for child, who in persons.items() if counted[who] > 1]
    if rows:
        await run(session, insert(PersonLink), rows)


# -- the worker --------------------------------------------------------------------------------------------------


async def progress(session: AsyncSession, name: str) -> MatchProgress:
    """Return how far a loop has come, locked: also what makes links one after another."""
    await run(session, _insert(session, MatchProgress).on_conflict_do_nothing(), {"name": name, "position": ""})
    found = await session.exec(select(MatchProgress).where(MatchProgress.name == name).with_for_update())
    return found.one()


async def position(session: AsyncSession, name: str) -> str:
    """Return how far a loop has come."""
    return (await session.exec(select(MatchProgress.position).where(MatchProgress.name == name))).first() or ""


async def begun(session: AsyncSession, name: str) -> datetime | None:
    """Return when a loop last began anew."""
    return (await session.exec(select(MatchProgress.started_at).where(MatchProgress.name == name))).first()


async def arrived(session: AsyncSession, after: str, before: datetime, limit: int) -> Sequence[str]:
    """Return children who came after one and before a moment."""
    statement = select(Child.id).where(col(Child.id) > after, col(Child.created_at) <= before)
    return (await session.exec(statement.order_by(col(Child.id)).limit(limit))).all()


async def changed(session: AsyncSession, after: str, before: datetime, limit: int) -> Sequence[tuple[str, str]]:
    """Return the changes after one and before a moment, and whose they are."""
    statement = select(ChildChange.id, ChildChange.child_id).where(
        col(ChildChange.id) > after, col(ChildChange.at) <= before
    )
    return (await session.exec(statement.order_by(col(ChildChange.id)).limit(limit))).all()


async def all_after(session: AsyncSession, after: str, limit: int) -> Sequence[Any]:
    """Return children after one: id, data key, version, and with which key and of which version theirs were made."""
    columns: Any = (
        Child.id, col(Child.key_id).label("data_key"), Child.version, MatchChild.key_id,
        col(MatchChild.version).label("keyed_version"), MatchChild.generation,
    )  # fmt: skip
    statement = (
        select(*columns)
        .join(MatchChild, col(MatchChild.child_id) == col(Child.id), isouter=True)
        .where(col(Child.id) > after)
    )
    found: Sequence[Any] = (await session.exec(statement.order_by(col(Child.id)).limit(limit))).all()
    return found
