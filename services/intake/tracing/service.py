"""Use cases: take down a search for a relative, move it on, read it. Nothing leaves from here (R16)."""

from collections.abc import Sequence

from sqlmodel.ext.asyncio.session import AsyncSession

from services.intake.children import service as children
from services.intake.children.service import Opened
from services.intake.tracing import rules, store
from services.intake.tracing.models import Tracing
from services.intake.tracing.rules import TracingAction
from services.intake.tracing.schemas import Relative, TracingIn, TracingItem, TracingOut
from shared import audit, clock, etags, ids, jsons
from shared.auth import Caller
from shared.clocks import copies
from shared.clocks import service as clocks
from shared.clocks import store as clock_store
from shared.clocks.schemas import ClockOut
from shared.errors import NotFound
from shared.runtime import Runtime

_TABLE, _COLUMN = "tracing", "known"


async def ask(session: AsyncSession, runtime: Runtime, caller: Caller, child_id: str, body: TracingIn) -> TracingItem:
    """Take down a search. Raises RefusedByLaw where somebody of the state of origin is to search."""
    child = await children.get(session, caller, child_id)
    rules.check_searcher(body.searcher)
    known = await children.opened(children.keyring_of(runtime), child)
    row_id = ids.new("trc")
    row = Tracing(
        id=row_id, child_id=child_id, relation=body.relation, country=body.country, searcher=body.searcher,
        known=_sealed(known, row_id, body.relative, None), asked_at=body.asked_at, officer=body.officer,
        recorded_by=caller.agency, recorded_at=clock.now(),
    )  # fmt: skip
    session.add(row)
    owed = clocks.started(
        rules.TRACING, case=child_id, resource_id=row.id, agency=caller.agency, at=body.asked_at, follower="referral"
    )
    session.add(owed)
    await copies.moved(session, owed)
    audit.wrote(session, caller, "ask", "tracing", row.id, child=child_id, searcher=body.searcher.value)
    return await _item(session, row)


async def get(session: AsyncSession, runtime: Runtime, caller: Caller, tracing_id: str) -> TracingOut:
    """Return a search and whom it is for. The reading is recorded. Raises NotFound."""
    row = await _find(session, caller, tracing_id)
    child = await children.get(session, caller, row.child_id)
    known = await children.opened(children.keyring_of(runtime), child)
    audit.read(session, caller, "tracing", row.id)
    relative, found = _told(known, row)
    return TracingOut(relative=relative, found=found, **(await _item(session, row)).model_dump())


async def move(
    session: AsyncSession,
    runtime: Runtime,
    caller: Caller,
    tracing_id: str,
    if_match: str,
    action: TracingAction,
    officer: str,
    found: str | None = None,
) -> TracingItem:
    """Take the next step of a search, with what was found, if anything. Raises IllegalMove, Stale."""
    row = await _find(session, caller, tracing_id, lock=True)
    etags.must_match(if_match, row.version)
    row.state = rules.advance(row.state, action)
    if found is not None:
        child = await children.get(session, caller, row.child_id)
        known = await children.opened(children.keyring_of(runtime), child)
        row.known = _sealed(known, row.id, _told(known, row)[0], found)
    row.moved_by, row.moved_at = f"{caller.agency}/{officer}", clock.now()
    row.version += 1
    audit.wrote(session, caller, action.value, "tracing", row.id, child=row.child_id)
    await _tick(session, action, row.id)
    return await _item(session, row)


async def _tick(session: AsyncSession, action: TracingAction, tracing_id: str) -> None:
    """Stop the clock with an answer or with the child's wish; let it run anew when the search does."""
    if action is TracingAction.REOPEN:
        await clocks.restart(session, rules.TRACING, tracing_id)
    elif action is TracingAction.WITHDRAW:
        await clocks.cancel(session, rules.TRACING.id, tracing_id)
    else:
        await clocks.meet(session, rules.TRACING.id, tracing_id)


async def _find(session: AsyncSession, caller: Caller, tracing_id: str, *, lock: bool = False) -> Tracing:
    row = await store.get(session, caller, tracing_id, lock=lock)
    if row is None:
        raise NotFound
    return row


def _sealed(known: Opened, row_id: str, relative: Relative, found: str | None) -> bytes:
    plain = jsons.canonical({"relative": relative.model_dump(), "found": found})
    return known.seal(plain, table=_TABLE, column=_COLUMN, row=row_id)


def _told(known: Opened, row: Tracing) -> tuple[Relative, str | None]:
    told = jsons.loads(known.unseal(row.known, table=_TABLE, column=_COLUMN, row=row.id))
    return Relative.model_validate(told["relative"]), told["found"]


async def _item(session: AsyncSession, row: Tracing) -> TracingItem:
    await session.flush()
    return (await items(session, [row]))[row.id]


async def items(session: AsyncSession, rows: Sequence[Tracing]) -> dict[str, TracingItem]:
    """Return searches, by id, as they stand in a list."""
    running = await clock_store.of(session, *(row.id for row in rows))
    found = {each.resource_id: ClockOut.model_validate(each) for each in running}
    return {
        row.id: TracingItem(
            allowed_actions=rules.allowed(row.state), clock=found.get(row.id), **row.model_dump(exclude={"known"})
        )
        for row in rows
    }
