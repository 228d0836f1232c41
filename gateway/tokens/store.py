"""Every SQL statement about used assertions."""

from datetime import datetime

from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.tokens.models import UsedAssertion


async def use(session: AsyncSession, used: UsedAssertion) -> bool:
    """Note that an assertion is used. False when it already was: a rival waits here for the first."""
    try:
        async with session.begin_nested():
            session.add(used)
    except IntegrityError:
        return False
    return True


async def prune(session: AsyncSession, now: datetime) -> None:
    """Forget the assertions that nobody could use any more."""
    await session.exec(delete(UsedAssertion).where(col(UsedAssertion.expires_at) < now))
