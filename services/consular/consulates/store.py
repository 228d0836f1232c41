"""Every SQL statement of the directory."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, func
from sqlmodel import col, select, text
from sqlmodel.ext.asyncio.session import AsyncSession

from services.consular.consulates.models import Consulate, Jurisdiction
from shared.auth import Caller

_LOCK = 0xD1EC  # PostgreSQL advisory lock: one process at a time loads the directory


def readable(_: Caller) -> Any:
    """Select every post: where a state has consulates is public."""
    return select(Consulate)


def serving(state: str) -> Any:
    """Return the condition that a post has, or has had, this state in its jurisdiction."""
    return col(Consulate.id).in_(select(Jurisdiction.consulate_id).where(Jurisdiction.state == state))


async def find(session: AsyncSession, caller: Caller, consulate_id: str) -> Consulate | None:
    found: Consulate | None = (await session.exec(readable(caller).where(Consulate.id == consulate_id))).first()
    return found


async def of_country(session: AsyncSession, country: str) -> Sequence[Consulate]:
    """Return the posts of a country, for routing."""
    return (await session.exec(select(Consulate).where(Consulate.country == country))).all()


async def jurisdictions(session: AsyncSession, consulate_ids: Sequence[str]) -> Sequence[Jurisdiction]:
    """Return what these posts serve, past and present."""
    statement = (
        select(Jurisdiction)
        .where(col(Jurisdiction.consulate_id).in_(consulate_ids))
        .order_by(col(Jurisdiction.state), col(Jurisdiction.id))
    )
    return (await session.exec(statement)).all()


async def edition(session: AsyncSession) -> int:
    """Return the edition that the database holds; 0 when it holds none."""
    return (await session.exec(select(func.max(Consulate.edition)))).one() or 0


async def lock(session: AsyncSession) -> None:
    """Wait until no other process loads the directory. On SQLite the transaction itself is the lock."""
    if not session.info["database"].is_sqlite:
        await (await session.connection()).execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})


async def replace(session: AsyncSession, posts: Sequence[Consulate], rows: Sequence[Jurisdiction]) -> None:
    """Bring in the posts of an edition, and its jurisdictions instead of the former ones."""
    # All by one query, and held: merge then finds them without asking for each.
    former = {post.id: post for post in (await session.exec(select(Consulate))).all()}
    session.add_all(post for post in posts if post.id not in former)
    for post in posts:
        if post.id in former:
            await session.merge(post)
    await session.exec(delete(Jurisdiction))
    await session.flush()
    session.add_all(rows)
