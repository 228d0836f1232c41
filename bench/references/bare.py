"""What anybody's service begins with: FastAPI and SQLModel on a file, one table, one route. No more."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from sqlalchemy.ext.asyncio import create_async_engine
from sqlmodel import Field, SQLModel, select
from sqlmodel.ext.asyncio.session import AsyncSession

engine = create_async_engine(os.environ.get("DATABASE", "sqlite+aiosqlite://"))


class Thing(SQLModel, table=True):
    """A row."""

    id: int | None = Field(default=None, primary_key=True)
    name: str


@asynccontextmanager
async def _created(_: FastAPI) -> AsyncIterator[None]:
    async with engine.begin() as connection:
        await connection.run_sync(SQLModel.metadata.create_all)
    yield


app = FastAPI(lifespan=_created)


@app.get("/livez")
async def things() -> list[Thing]:
    """List them."""
    async with AsyncSession(engine) as session:
        return list((await session.exec(select(Thing))).all())
