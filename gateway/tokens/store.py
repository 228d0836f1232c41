"""Every SQL statement about used assertions and revoked tokens."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.tokens.models import RevokedToken, UsedAssertion


async def use(session: AsyncSession, used: UsedAssertion) -> bool:
    """Note that an assertion is used. False when it already was: a rival waits here for the first."""
    return await _insert(session, used)


async def revoke(session: AsyncSession, token: RevokedToken) -> bool:
    """Note that a token counts no more. False when that was known."""
    return await _insert(session, token)


async def _insert(session: AsyncSession, row: UsedAssertion | RevokedToken) -> bool:
    try:
        async with session.begin_nested():
            session.add(row)
    except IntegrityError:
        return False
    return True


async def revoked(session: AsyncSession, now: datetime) -> Sequence[bytes]:
    """Return the digests of the revoked tokens that would count otherwise, in order."""
    statement = select(RevokedToken.jti_digest).where(col(RevokedToken.expires_at) >= now)
    return sorted((await session.exec(statement)).all())


async def prune(session: AsyncSession, now: datetime) -> None:
    """Forget the assertions and tokens that nobody could use any more."""
    await session.exec(delete(UsedAssertion).where(col(UsedAssertion.expires_at) < now))
    await session.exec(delete(RevokedToken).where(col(RevokedToken.expires_at) < now))
