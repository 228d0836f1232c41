"""Indications: anybody's word that a child may need protection closes the guard, at once and for everything."""

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.referral.agencies import service as agencies
from services.referral.agencies.rules import Kind, Service
from services.referral.agencies.service import SYSTEM, competent
from services.referral.cases import service as cases
from services.referral.cases import store as case_store
from services.referral.cases.models import Case
from services.referral.cases.rules import Seen
from services.referral.protection import lifting, lifts, releases, reviews, store, waiting
from services.referral.protection.knowing import enter, held, lock, named
from services.referral.protection.lifting import ReviewSubject
from services.referral.protection.models import Guard, Indication
from services.referral.protection.rules import IndicationCode, ToldBy
from services.referral.protection.schemas import CorrectionIn, IndicationIn, IndicationOut, IndicationRead
from services.referral.referrals import service as referrals
from services.referral.referrals.models import Referral
from services.referral.referrals.rules import ReferralKind
from shared import audit, clock, ids
from shared.auth import Caller
from shared.crypto import Vault
from shared.errors import NotFound

_NOTE, _CORRECTION = "indication", "indication_correction"


async def indicate(session: AsyncSession, vault: Vault, caller: Caller, body: IndicationIn) -> IndicationOut:
    """Record an indication: the guard closes, COMAR is told, whatever was on its way is named (R15)."""
    case = await held(session, caller, body.case_id)
    guard = await lock(session, case.child_id)
    return await close(session, caller, case, guard, build(vault, caller, case, body, clock.now()))


async def found(session: AsyncSession, vault: Vault, caller: Caller, case_id: str, code: str) -> None:
    """Take in that an assessment found what points to a need of protection (R15)."""
    await indicate(
        session, vault, caller, IndicationIn(case_id=case_id, code=IndicationCode(code), told_by=ToldBy.OFFICER)
    )


async def close(
    session: AsyncSession, caller: Caller, case: Case, guard: Guard, indication: Indication
) -> IndicationOut:
    """Close a locked guard by an indication, and do everything that follows from it."""
    now = indication.recorded_at
    guard.blocked_at = guard.blocked_at or now
    session.add(indication)
    audit.wrote(session, caller, "indicate", "case", case.id, indication=indication.id, code=indication.code.value)
    enter(session, case, "protection.indicated", indication.id, caller.agency, Seen.PP)
    await _shut(session, case)
    permits = await store.open_permits(session, [case.child_id, *await store.family(session, case.child_id)], now)
    comar = await _tell(session, caller, case, ReferralKind.COMAR_NOTICE, "comar")
    verification = await _verify(session, caller, case) if permits else None
    trafficked = indication.code is IndicationCode.TRAFFICKING
    mp = await _tell_mp(session, caller, case) if trafficked else None
    return IndicationOut(
        id=indication.id,
        case_id=case.id,
        code=indication.code,
        told_by=indication.told_by,
        agency=caller.agency,
        recorded_at=now,
        comar_referral_id=comar.id,
        open_permits=[permit.id for permit in permits],
        verification_referral_id=verification.id if verification else None,
        mp_referral_id=mp.id if mp else None,
        assistance=_assistance(case.state) if trafficked else [],
    )


async def _shut(session: AsyncSession, case: Case) -> None:
    """Stop whatever goes by an open guard, and set the date at which the bar is reviewed."""
    for lift in await store.open_lifts(session, case.child_id):
        await lifts.end(session, SYSTEM, case, lift)
    for each in await store.live_releases(session, case.child_id):
        await releases.stop(session, case, each)
    await reviews.begin(session, case, ReviewSubject.BAR, case.id)
    await waiting.settle(session, case)


def build(vault: Vault | None, caller: Caller, case: Case, body: IndicationIn, now: datetime) -> Indication:
    """Return the row of an indication, its words sealed."""
    indication_id = ids.new("ind")
    return Indication(
        id=indication_id,
        case_id=case.id,
        child_id=case.child_id,
        code=body.code,
        told_by=body.told_by,
        note=vault.seal(body.note.encode(), _NOTE, indication_id) if vault and body.note else None,
        agency=caller.agency,
        recorded_at=now,
    )


async def _tell(session: AsyncSession, caller: Caller, case: Case, kind: ReferralKind, recipient: str) -> Referral:
    return await referrals.open_once(
        session, SYSTEM, case=case, kind=kind, recipient_id=recipient, reason="INDICATION", sender_id=caller.agency
    )


async def _tell_mp(session: AsyncSession, caller: Caller, case: Case) -> Referral:
    """Tell the public prosecution of what may be trafficking (D16)."""
    return await _tell(session, caller, case, ReferralKind.MP_NOTICE, competent(Kind.MP, case.state).id)


def _assistance(state: str) -> list[str]:
    """Return who offers victims of trafficking help there, apart from authorities. Nobody is told by itself."""
    kinds = (Kind.IOM, Kind.CSO)
    able = [*agencies.offering(Service.PSYCHOSOCIAL, state), *agencies.offering(Service.LEGAL_AID, state)]
    return list(dict.fromkeys(each.id for each in able if each.kind in kinds))


async def _verify(session: AsyncSession, caller: Caller, case: Case) -> Referral:
    """Open the Procuraduría's task to see what the sends did that had been allowed a moment before."""
    return await referrals.open_referral(
        session, SYSTEM, case=case, kind=ReferralKind.PP_VERIFY, recipient_id=case.representative,
        reason="PERMIT_OPEN", sender_id=caller.agency,
    )  # fmt: skip


async def correct(
    session: AsyncSession, vault: Vault, caller: Caller, indication_id: str, body: CorrectionIn
) -> IndicationRead:
    """Mark an indication as entered in error. It opens nothing: a lift does. Raises NotFound, RefusedByLaw."""
    represented = select(Case.id).where(case_store.represented(caller))
    row = await store.indication(session, represented, indication_id)
    if row is None:
        raise NotFound
    if row.corrected_at is not None:
        raise lifting.CORRECTION.refuse("It was corrected before.", allowed_actions=[])
    row.corrected_at, row.corrected_by, row.correction = clock.now(), named(caller, body.officer), body.reason
    row.correction_note = vault.seal(body.note.encode(), _CORRECTION, row.id)
    audit.wrote(session, caller, "correct", "indication", row.id, officer=body.officer, reason=body.reason.value)
    case = await cases.find(session, caller, row.case_id)
    enter(session, case, "protection.corrected", row.id, caller.agency, Seen.PP)
    return _opened(vault, row)


async def said(session: AsyncSession, case_id: str) -> Sequence[Indication]:
    """Return the indications of a case, oldest first, for the system's own use."""
    return await store.indications(session, case_id)


async def index(session: AsyncSession, vault: Vault, caller: Caller, case_id: str) -> list[IndicationRead]:
    """Return the indications of a case to the Procuraduría, which represents the child. The reading is recorded."""
    case = await cases.find(session, caller, case_id)
    audit.read(session, caller, "indications", case.id)
    return [_opened(vault, row) for row in await store.indications(session, case.id)]


def _opened(vault: Vault, row: Indication) -> IndicationRead:
    note = vault.open(row.note, _NOTE, row.id).decode() if row.note is not None else None
    why = vault.open(row.correction_note, _CORRECTION, row.id).decode() if row.correction_note is not None else None
    plain = row.model_dump(exclude={"note", "child_id", "correction_note"})
    return IndicationRead(note=note, correction_note=why, **plain)
