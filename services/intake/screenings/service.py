"""Use cases: record a screening, which referral confirms first; read a child's."""

from sqlmodel.ext.asyncio.session import AsyncSession

from services.intake.children import service as children
from services.intake.children.service import Opened
from services.intake.screenings import rules, store
from services.intake.screenings.models import Screening
from services.intake.screenings.schemas import ScreeningIn, ScreeningOut, ScreeningRead, Screenings
from shared import audit, clock, ids, jsons
from shared.auth import Caller
from shared.runtime import Runtime

_TABLE = "screening"


async def record(
    session: AsyncSession, runtime: Runtime, caller: Caller, child_id: str, body: ScreeningIn
) -> ScreeningOut:
    """Record a screening. Raises Unavailable, and records nothing, unless referral goes by it from now on."""
    child = await children.get(session, caller, child_id, lock=True)
    known = await children.opened(children.keyring_of(runtime), child)
    row_id = ids.new("scr")
    row = Screening(
        id=row_id, child_id=child.id, screened_at=body.screened_at, screened_in=body.screened_in,
        interpreter=body.interpreter, officer=body.officer, agency=caller.agency,
        indicators=_sealed(known, sorted(set(body.indicators)), table=_TABLE, row=row_id), recorded_at=clock.now(),
    )  # fmt: skip
    session.add(row)
    found = sorted({*known.indicators(), *rules.told(body.indicators)})
    if child.screened_at is None or child.screened_at <= body.screened_at:
        child.screened_at, child.screened_by = body.screened_at, caller.agency
    child.indicators = _sealed(known, found, table="child", row=child.id)
    children.changed(session, caller, known, {}, fields=["screening"])
    audit.wrote(session, caller, "screen", "child", child.id, screening=row.id, officer=body.officer)
    await children.confirm(session, runtime, known)
    return ScreeningOut.model_validate(row)


def _sealed(known: Opened, codes: list[str], *, table: str, row: str) -> bytes:
    return known.seal(jsons.canonical(codes), table=table, column="indicators", row=row)


async def index(session: AsyncSession, runtime: Runtime, caller: Caller, child_id: str) -> Screenings:
    """Return a child's screenings to the Procuraduría, which represents it. The reading is recorded."""
    child = await children.get(session, caller, child_id)
    known = await children.opened(children.keyring_of(runtime), child)
    audit.read(session, caller, "screenings", child_id)
    return Screenings(items=[_show(known, row) for row in await store.of_child(session, caller, child_id)])


def _show(known: Opened, row: Screening) -> ScreeningRead:
    found = jsons.loads(known.unseal(row.indicators, table=_TABLE, column="indicators", row=row.id))
    return ScreeningRead(indicators=found, **row.model_dump(exclude={"indicators"}))
