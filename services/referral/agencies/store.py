"""The directory: `data/agencies.csv` as it ships (docs/data-sources.md), and the rows of this installation over it.

Every process holds it whole, so that who is competent costs no query. It is exchanged whole: by the commit of a change
made here, by a look at `directory_state` every second, and by whoever misses a body. What a rule must be exact about
(certificates, places) is never taken from here but read in the transaction that goes by it.
"""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from functools import cache
from importlib.resources import files
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import event
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.referral.agencies.models import Body, BodyVersion, DirectoryState
from services.referral.agencies.rules import Agency, Kind, Service
from shared import clock
from shared.auth import Caller
from shared.db import Database, run

_FEDERAL = ZoneInfo("America/Mexico_City")


@dataclass(frozen=True, slots=True)
class _Held:
    """What this process goes by: one version of the directory of one database."""

    database: Database | None
    version: int
    bodies: Mapping[str, Agency]


class _Shelf:
    """Where the directory lies."""

    held: _Held | None = None
    current: tuple[date, Mapping[str, Agency], Mapping[str, Agency]] | None = None


def readable(_: Caller) -> Mapping[str, Agency]:
    """Return what the caller may read, by id: every body in force today, since the directory is public."""
    whole, day = directory(), clock.now().astimezone(_FEDERAL).date()
    kept = _Shelf.current
    if kept is None or kept[0] != day or kept[1] is not whole:
        found = {name: agency for name, agency in whole.items() if agency.in_force(day)}
        kept = _Shelf.current = day, whole, found
    return kept[2]


def directory() -> Mapping[str, Agency]:
    """Return every body by id, former ones too, in the order of the ids."""
    return _Shelf.held.bodies if _Shelf.held is not None else shipped()


@cache
def shipped() -> Mapping[str, Agency]:
    """Return the bodies of the file."""
    text = (files("services.referral.agencies") / "data" / "agencies.csv").read_text("utf-8")
    rows = sorted(csv.DictReader(text.splitlines(), strict=True), key=lambda row: row["id"])
    return {row["id"]: _agency(row) for row in rows}


def _agency(row: Mapping[str, str]) -> Agency:
    return Agency(
        id=row["id"],
        kind=Kind(row["kind"]),
        name_es=row["name_es"],
        name_en=row["name_en"],
        state=row["state"] or None,
        territory=frozenset(row["territory"].split(";")),
        services=tuple(Service(code) for code in row["services"].split(";") if code),
        parent=row["parent"] or None,
        bound_to=row["bound_to"] or None,
        source=row["source"],
        verified=row["verified"] == "true",
    )


async def fresh(session: AsyncSession) -> Mapping[str, Agency]:
    """Return the directory as it is committed. The version is read first: rows that are newer are fetched again."""
    database, held = session.info["database"], _Shelf.held
    version = await _version(session)
    if held is None or held.database is not database or held.version < version:
        _take(_Held(database, version, await _all(session)))
    return directory()


async def claim(session: AsyncSession) -> tuple[int, Mapping[str, Agency]]:
    """Begin a change: others wait until it is committed. Returns the version that it makes, and what is there now."""
    insert = sqlite.insert if session.info["database"].is_sqlite else postgresql.insert
    statement = (
        insert(DirectoryState)
        .values(id=1, version=1)
        .on_conflict_do_update(index_elements=["id"], set_={"version": col(DirectoryState.version) + 1})
        .returning(col(DirectoryState.version))
    )
    version: int = (await run(session, statement)).scalar_one()
    return version, await _all(session)


async def adopt(session: AsyncSession, version: int) -> None:
    """End a change: this process goes by it from the moment of its commit on, the others within a second."""
    await session.flush()
    held = _Held(session.info["database"], version, await _all(session))

    def committed(done: Any) -> None:
        if not done.in_nested_transaction():
            _take(held)

    event.listen(session.sync_session, "after_commit", committed)


def _take(new: _Held) -> None:
    held = _Shelf.held
    if held is None or held.database is not new.database or held.version < new.version:
        _Shelf.held = new


async def _version(session: AsyncSession) -> int:
    return (await session.exec(select(DirectoryState.version))).first() or 0


async def _all(session: AsyncSession) -> Mapping[str, Agency]:
    rows = (await session.exec(select(Body).execution_options(populate_existing=True))).all()
    whole = {**shipped(), **{row.id: agency_of(row) for row in rows}}
    return {name: whole[name] for name in sorted(whole)}


def agency_of(row: Body) -> Agency:
    """Return a row as the rules know bodies."""
    return Agency(
        id=row.id, kind=row.kind, name_es=row.name_es, name_en=row.name_en, state=row.state,
        territory=frozenset(row.territory), services=tuple(Service(code) for code in row.services),
        parent=row.parent, bound_to=row.bound_to, source=row.source, verified=row.verified,
        valid_from=row.valid_from, valid_to=row.valid_to, version=row.version,
    )  # fmt: skip


async def write(session: AsyncSession, agency: Agency, by: str, now: datetime) -> None:
    """Write a body, new or changed, and what it is now into its history."""
    values = asdict(agency) | {"territory": sorted(agency.territory), "services": list(agency.services)}
    row = await session.get(Body, agency.id)
    if row is None:
        session.add(Body(**values, created_at=now, updated_at=now))
    else:
        for name, value in values.items():
            setattr(row, name, value)
        row.updated_at = now
    days = {name: values[name].isoformat() if values[name] else None for name in ("valid_from", "valid_to")}
    await session.flush()
    session.add(
        BodyVersion(body_id=agency.id, version=agency.version, content=values | days, changed_by=by, changed_at=now)
    )


async def history(session: AsyncSession, agency_id: str) -> Sequence[BodyVersion]:
    """Return what this installation has made of a body, whom everybody may read, oldest first."""
    statement = select(BodyVersion).where(BodyVersion.body_id == agency_id).order_by(col(BodyVersion.version))
    return (await session.exec(statement)).all()
