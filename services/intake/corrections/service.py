"""Use cases: take down a request, apply or refuse it, read it."""

from sqlmodel.ext.asyncio.session import AsyncSession

from services.intake.children import service as children
from services.intake.children.schemas import ChildPatch
from services.intake.children.service import Opened
from services.intake.corrections import rules, store
from services.intake.corrections.models import Correction
from services.intake.corrections.rules import CorrectionAction, CorrectionRefusal
from services.intake.corrections.schemas import CorrectionIn, CorrectionItem, CorrectionOut
from shared import audit, clock, etags, ids
from shared.auth import Caller
from shared.errors import NotFound
from shared.runtime import Runtime

_TABLE = "correction"


async def ask(
    session: AsyncSession, runtime: Runtime, caller: Caller, child_id: str, body: CorrectionIn
) -> CorrectionOut:
    """Take down what the representative asks for. INM decides next."""
    child = await children.get(session, caller, child_id)
    known = await children.opened(children.keyring_of(runtime), child)
    row_id = ids.new("cor")
    plain = body.patch.model_dump_json(exclude_unset=True).encode()
    row = Correction(
        id=row_id, child_id=child_id, asked_by=body.asked_by, proof=body.proof, asked_at=body.asked_at,
        fields=sorted(body.patch.model_fields_set), patch=known.seal(plain, table=_TABLE, column="patch", row=row_id),
        recorded_by=caller.agency, recorded_at=clock.now(),
    )  # fmt: skip
    session.add(row)
    audit.wrote(session, caller, "ask", "correction", row.id, child=child_id, fields=row.fields)
    return _show(caller, known, row)


async def get(session: AsyncSession, runtime: Runtime, caller: Caller, correction_id: str) -> CorrectionOut:
    """Return a request. The reading is recorded. Raises NotFound."""
    row, known = await _find(session, runtime, caller, correction_id)
    audit.read(session, caller, "correction", row.id)
    return _show(caller, known, row)


async def apply(
    session: AsyncSession, runtime: Runtime, caller: Caller, correction_id: str, if_match: str, officer: str
) -> CorrectionOut:
    """Correct the child as asked. Facts that the guard goes by are confirmed by referral first."""
    row, known = await _find(session, runtime, caller, correction_id, lock=True)
    etags.must_match(if_match, row.version)
    _decide(session, caller, row, CorrectionAction.APPLY, officer)
    current = etags.tag(known.child.version)
    await children.correct(session, runtime, caller, row.child_id, current, _patch(known, row), request_id=row.id)
    return _show(caller, known, row)


async def refuse(
    session: AsyncSession,
    runtime: Runtime,
    caller: Caller,
    correction_id: str,
    if_match: str,
    officer: str,
    refusal: CorrectionRefusal,
) -> CorrectionOut:
    """Refuse a request, with its reason. The child stays as it is."""
    row, known = await _find(session, runtime, caller, correction_id, lock=True)
    etags.must_match(if_match, row.version)
    _decide(session, caller, row, CorrectionAction.REFUSE, officer)
    row.refusal = refusal
    return _show(caller, known, row)


async def _find(
    session: AsyncSession, runtime: Runtime, caller: Caller, correction_id: str, *, lock: bool = False
) -> tuple[Correction, Opened]:
    row = await store.get(session, caller, correction_id, lock=lock)
    if row is None:
        raise NotFound
    child = await children.get(session, caller, row.child_id, lock=lock)
    return row, await children.opened(children.keyring_of(runtime), child)


def _decide(session: AsyncSession, caller: Caller, row: Correction, action: CorrectionAction, officer: str) -> None:
    row.state = rules.advance(row.state, action)
    row.decided_by, row.decided_at = f"{caller.agency}/{officer}", clock.now()
    row.version += 1
    audit.wrote(session, caller, action.value, "correction", row.id, child=row.child_id)


def _patch(known: Opened, row: Correction) -> ChildPatch:
    plain = known.unseal(row.patch, table=_TABLE, column="patch", row=row.id)
    return ChildPatch.model_validate_json(plain)


def _show(caller: Caller, known: Opened, row: Correction) -> CorrectionOut:
    return CorrectionOut(patch=_patch(known, row), **item(caller, row).model_dump())


def item(caller: Caller, row: Correction) -> CorrectionItem:
    """Return a request as it stands in a list."""
    allowed = rules.allowed(row.state, caller.agency_kind)
    return CorrectionItem(allowed_actions=allowed, **row.model_dump(exclude={"patch"}))
