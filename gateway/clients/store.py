"""Every SQL statement about clients. Only administrators and the token endpoint read them."""

from collections.abc import Sequence

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.clients.models import Client


async def find(session: AsyncSession, client_id: str, *, lock: bool = False) -> Client | None:
    """Return a client, disabled ones too."""
    return await session.get(Client, client_id, with_for_update=lock or None)


async def everyone(session: AsyncSession) -> Sequence[Client]:
    """Return all clients by id."""
    return (await session.exec(select(Client).order_by(col(Client.id)))).all()
