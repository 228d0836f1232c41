"""The worker's part: whoever came or was changed without a search is searched for; once a day everybody is checked."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from services.intake.children import service as children
from services.intake.matches import service, store
from services.intake.matches.marks import GENERATION
from shared import clock
from shared.runtime import Runtime

SETTLED = timedelta(minutes=1)
"""What is older has been committed: ids sort by when they were made, not by when they were committed."""
DAY = timedelta(days=1)
_BATCH = 20
_CHECKED = 500
_ARRIVED, _CHANGED, _SWEEP, _COUNTED = "arrived", "changed", "sweep", "counted"
_START = "chd"
"""Before every id of a child."""


async def turn(runtime: Runtime) -> int:
    """Do a little of each. Returns how many children were looked at; 0 when there is nothing to do."""
    return await arrived(runtime) + await changed(runtime) + await sweep(runtime)


async def arrived(runtime: Runtime) -> int:
    """Search for children who are new: loaded in bulk, or two of them recorded in the same moment."""
    async with runtime.database.work(write=False) as session:
        after = await store.position(session, _ARRIVED)
        new = await store.arrived(session, after, clock.now() - SETTLED, _BATCH)
    await _refresh(runtime, _ARRIVED, [(child, child) for child in new])
    return len(new)


async def changed(runtime: Runtime) -> int:
    """Search anew for children whose record was corrected."""
    async with runtime.database.work(write=False) as session:
        after = await store.position(session, _CHANGED)
        new = await store.changed(session, after, clock.now() - SETTLED, _BATCH)
    await _refresh(runtime, _CHANGED, new)
    return len(new)


async def _refresh(runtime: Runtime, name: str, new: Sequence[tuple[str, str]]) -> None:
    for place, child in new:
        async with runtime.database.work() as session:
            await service.refresh(session, runtime, child)
            await _reached(session, name, place)


async def _reached(session: AsyncSession, name: str, place: str) -> None:
    progress = await store.progress(session, name)
    progress.position = max(progress.position, place)


async def sweep(runtime: Runtime) -> int:
    """Check some of all children: old keys, none, or keys of an identity that is erased. Begins anew each day."""
    async with runtime.database.work(write=False) as session:
        begun, position = await store.begun(session, _SWEEP), await store.position(session, _SWEEP)
    if position == "" and begun is not None and clock.now() - begun < DAY:
        return 0
    position = position or await _begin(runtime)
    async with runtime.database.work(write=False) as session:
        rows = await store.all_after(session, position, _CHECKED)
    alive = await children.keyring_of(runtime).find(*(row.data_key for row in rows))
    for row in rows:
        fresh = (row.key_id, row.keyed_version, row.generation) == (runtime.vault.current, row.version, GENERATION)
        if not fresh if row.data_key in alive else row.key_id is not None:
            async with runtime.database.work() as session:
                await service.refresh(session, runtime, row.id)
    async with runtime.database.work() as session:
        await _swept(session, position, rows)
    return len(rows)


async def _begin(runtime: Runtime) -> str:
    async with runtime.database.work() as session:
        progress = await store.progress(session, _SWEEP)
        progress.position, progress.started_at = _START, clock.now()
        (await store.progress(session, _COUNTED)).position = "0"
    return _START


async def _swept(session: AsyncSession, position: str, rows: Sequence[Any]) -> None:
    """Go on behind these children, unless another worker has; at the end, say how many there are."""
    progress = await store.progress(session, _SWEEP)
    if progress.position != position:
        return
    counted = await store.progress(session, _COUNTED)
    counted.position = str(int(counted.position) + len(rows))
    progress.position = rows[-1].id if len(rows) == _CHECKED else ""
    if progress.position == "":
        (await store.progress(session, store.SIZE)).position = counted.position
