"""Use cases of the directory: load it, read it, find the post for a notice.

The CSV files beside this module are where a person corrects a row (docs/data-sources.md), but the
database is what routes. Read straight from the package, two versions of this service that run side
by side during an upgrade would send notices by two directories; the table is one for all of them,
a notice can refer to it, and the newest edition stays even when an older process starts after it.
"""

import csv
from collections.abc import Sequence
from datetime import date
from importlib.resources import files

from sqlmodel.ext.asyncio.session import AsyncSession

from services.consular.consulates import rules, store
from services.consular.consulates.models import Consulate, Jurisdiction
from services.consular.consulates.rules import PostKind, PostStatus
from services.consular.consulates.schemas import ConsulateOut, JurisdictionOut
from shared import clock
from shared.auth import Caller
from shared.errors import NotFound, Unavailable
from shared.runtime import Runtime
from shared.zones import local_day

EDITION = 1
"""Raise it with every change of the files: a test holds the digest of each edition."""


async def load(_: Runtime, session: AsyncSession) -> None:
    """Bring the directory of the database to this edition, unless it has that or a newer one."""
    await store.lock(session)
    if await store.edition(session) < EDITION:
        await store.replace(session, *read())


def read() -> tuple[list[Consulate], list[Jurisdiction]]:
    """Read the files of this edition."""
    posts = [
        Consulate(
            id=row["id"],
            country=row["country"],
            city=row["city"],
            state=row["state"],
            kind=PostKind(row["kind"]),
            status=PostStatus(row["status"]),
            valid_from=_day(row["valid_from"]),
            valid_to=_day(row["valid_to"]),
            source=row["source"],
            verified=row["verified"] == "true",
            edition=EDITION,
        )
        for row in _rows("consulates.csv")
    ]
    jurisdictions = [
        Jurisdiction(
            id=number,
            consulate_id=row["consulate_id"],
            state=row["state"],
            valid_from=_day(row["valid_from"]),
            valid_to=_day(row["valid_to"]),
            source=row["source"],
            verified=row["verified"] == "true",
        )
        for number, row in enumerate(_rows("jurisdictions.csv"), start=1)
    ]
    return posts, jurisdictions


def _rows(name: str) -> list[dict[str, str]]:
    text = (files("services.consular.consulates") / "data" / name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines(), strict=True))


def _day(cell: str) -> date | None:
    return date.fromisoformat(cell) if cell else None


async def show(session: AsyncSession, caller: Caller, consulate_id: str) -> ConsulateOut:
    """Return one post with the states that it serves. Raises NotFound."""
    found = await store.find(session, caller, consulate_id)
    if found is None:
        raise NotFound
    return (await complete(session, [found]))[0]


async def complete(session: AsyncSession, posts: Sequence[Consulate]) -> list[ConsulateOut]:
    """Return posts with the states that they serve, by one further query."""
    rows = await store.jurisdictions(session, [post.id for post in posts])
    return [
        ConsulateOut(
            **post.model_dump(exclude={"edition"}),
            states=[JurisdictionOut.model_validate(row) for row in rows if row.consulate_id == post.id],
        )
        for post in posts
    ]


async def route(session: AsyncSession, nationality: str, state: str) -> Consulate | None:
    """Return the post that a notice goes to today, or None: then a person must find a way (R19).

    Raises Unavailable while the directory is not loaded, which looks like a world without consulates.
    """
    posts = await store.of_country(session, nationality)
    if not posts and await store.edition(session) == 0:
        raise Unavailable("The directory of consulates is not loaded yet.")
    rows = await store.jurisdictions(session, [post.id for post in posts])
    return rules.route(nationality, state, local_day(clock.now(), state), posts, rows)


async def embassy(session: AsyncSession, country: str, state: str) -> Consulate | None:
    """Return the country's open embassy today, by the calendar of a Mexican state, or None."""
    posts = await store.of_country(session, country)
    return rules.embassy(country, local_day(clock.now(), state), posts)
