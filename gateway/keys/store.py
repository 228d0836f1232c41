"""Every SQL statement about signing keys."""

from collections.abc import Sequence

from sqlmodel import col, select, text
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.keys.models import SigningKey
from gateway.keys.rules import KeyState

_LOCK = 0x5167  # PostgreSQL advisory lock: one gateway switches keys at a time
_SHOWN = 50


async def alone(session: AsyncSession) -> None:
    """Let nobody else switch keys until this transaction ends. On SQLite a transaction that writes is alone."""
    if not session.info["database"].is_sqlite:
        await session.scalar(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})


async def kept(session: AsyncSession) -> Sequence[SigningKey]:
    """Return the keys that are not removed, by kid."""
    statement = select(SigningKey).where(col(SigningKey.state) != KeyState.REMOVED).order_by(col(SigningKey.kid))
    return (await session.exec(statement.execution_options(populate_existing=True))).all()


async def removed(session: AsyncSession) -> Sequence[SigningKey]:
    """Return the keys that were removed last, newest first."""
    statement = select(SigningKey).where(col(SigningKey.state) == KeyState.REMOVED)
    return (await session.exec(statement.order_by(col(SigningKey.made_at).desc()).limit(_SHOWN))).all()


async def find(session: AsyncSession, kid: str) -> SigningKey | None:
    """Return a key, removed ones too."""
    return await session.get(SigningKey, kid)
