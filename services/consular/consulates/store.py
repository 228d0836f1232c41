"""Every SQL statement of the directory."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import delete, func
from sqlmodel import col, select, text
from sqlmodel.ext.asyncio.session import AsyncSession

from services.consular.consulates.models import Consulate, ConsulateVersion, Jurisdiction
from services.consular.consulates.rules import PostKind, PostStatus
from shared.auth import Caller

_LOCK = 0xD1EC  # PostgreSQL advisory lock: one process at a time loads or changes the directory


def readable(_: Caller) -> Any:
    """Select every post: where a state has consulates is public."""
    return select(Consulate)


def serving(state: str) -> Any:
    """Return the condition that a post has, or has had, this state in its jurisdiction."""
    return col(Consulate.id).in_(select(Jurisdiction.consulate_id).where(Jurisdiction.state == state))


async def find(session: AsyncSession, caller: Caller, consulate_id: str) -> Consulate | None:
    found: Consulate | None = (await session.exec(readable(caller).where(Consulate.id == consulate_id))).first()
    return found


async def of_id(session: AsyncSession, consulate_id: str) -> Consulate:
    """Return a post that a notice names, for the service itself."""
    return (await session.exec(select(Consulate).where(Consulate.id == consulate_id))).one()


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
    """Wait until no other process loads or changes the directory. On SQLite the transaction itself is the lock."""
    if not session.info["database"].is_sqlite:
        await (await session.connection()).execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})


async def replace(session: AsyncSession, posts: Sequence[Consulate], rows: Sequence[Jurisdiction]) -> None:
    """Bring in the posts of an edition, and its jurisdictions instead of the former ones.

    What this installation has entered or changed stays as it is.
    """
    # All by one query, and held: merge then finds them without asking for each.
    former = {post.id: post for post in (await session.exec(select(Consulate))).all()}
    own = {key for key, post in former.items() if post.own}
    session.add_all(post for post in posts if post.id not in former)
    for post in posts:
        if post.id in former and post.id not in own:
            await session.merge(post)
    await session.exec(delete(Jurisdiction).where(col(Jurisdiction.consulate_id).not_in(own)))
    await session.flush()
    last = (await session.exec(select(func.max(Jurisdiction.id)))).one() or 0
    kept = [row for row in rows if row.consulate_id not in own]
    for number, row in enumerate(kept, start=last + 1):
        row.id = number
    session.add_all(kept)


# -- versions ----------------------------------------------------------------------------------------


async def everything(session: AsyncSession) -> tuple[Sequence[Consulate], Sequence[Jurisdiction]]:
    """Return the whole directory, by id: for coverage, export and import."""
    posts = (await session.exec(select(Consulate).order_by(col(Consulate.id)))).all()
    order = (
        col(Jurisdiction.consulate_id),
        col(Jurisdiction.state),
        col(Jurisdiction.valid_from),
        col(Jurisdiction.id),
    )
    return posts, (await session.exec(select(Jurisdiction).order_by(*order))).all()


async def locked(session: AsyncSession, consulate_id: str) -> Consulate | None:
    """Return a post that is about to be changed. `lock` has been called."""
    statement = select(Consulate).where(Consulate.id == consulate_id).execution_options(populate_existing=True)
    return (await session.exec(statement)).first()


async def history(session: AsyncSession, consulate_id: str) -> Sequence[ConsulateVersion]:
    """Return the versions of a post, which everybody may read, oldest first."""
    statement = select(ConsulateVersion).where(ConsulateVersion.consulate_id == consulate_id)
    return (await session.exec(statement.order_by(col(ConsulateVersion.version)))).all()


async def write(session: AsyncSession, content: dict[str, Any], version: ConsulateVersion) -> None:
    """Let a post be what `content` says, and keep that as a version. Former versions stay."""
    values = {name: value for name, value in content.items() if name not in ("id", "states")}
    values |= {name: _day(values[name]) for name in ("valid_from", "valid_to")}
    values |= {"kind": PostKind(values["kind"]), "status": PostStatus(values["status"])}
    post = await locked(session, content["id"])
    if post is None:
        post = Consulate(id=content["id"], **values, edition=0)
        session.add(post)
    for name, value in values.items():
        setattr(post, name, value)
    post.version, post.own = version.version, True
    await session.flush()
    session.add(version)
    await session.exec(delete(Jurisdiction).where(col(Jurisdiction.consulate_id) == post.id))
    last = (await session.exec(select(func.max(Jurisdiction.id)))).one() or 0
    for number, row in enumerate(content["states"], start=last + 1):
        days = {name: _day(row[name]) for name in ("valid_from", "valid_to")}
        session.add(Jurisdiction(**row | days, id=number, consulate_id=post.id))
    await session.flush()


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
