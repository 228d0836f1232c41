"""Who represents the child, who is never without somebody (R26), and how much harm threatens it."""

from datetime import datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from services.referral.agencies import service as agencies
from services.referral.agencies.rules import Kind
from services.referral.agencies.service import competent
from services.referral.cases import store
from services.referral.cases.models import Case, CaseRepresentation, CaseRisk
from services.referral.cases.rules import Representation, RepresentativeEnd
from services.referral.cases.schemas import (
    RepresentationEndIn,
    RepresentationIn,
    RepresentationOut,
    RiskIn,
    RiskOut,
)
from services.referral.cases.service import changed, enter, tell_intake
from shared import audit, clock, ids, jsons
from shared.auth import Caller
from shared.crypto import Vault
from shared.errors import Conflict, Fault, Invalid


async def represent(session: AsyncSession, vault: Vault, caller: Caller, case: Case, body: RepresentationIn) -> None:
    """Let a legal representative represent the child from now on, in the place of whoever did."""
    former = await _representing(session, case)
    if body.body is not None and body.body not in agencies.here(caller):
        raise Invalid("The directory has no such body.", faults=[Fault("/body", "unknown")])
    row_id = ids.new("rep")
    sealed = vault.seal(jsons.canonical([body.name, body.contact]), "case_representation", case.id)
    following = CaseRepresentation(
        id=row_id, case_id=case.id, kind=Representation.LEGAL_REPRESENTATIVE, procuraduria=case.representative,
        identity=sealed, body=body.body, document=body.document, reference=body.reference, since=clock.now(),
        recorded_by=f"{caller.agency}/{body.officer}",
    )  # fmt: skip
    _succeed(session, caller, case, former, following, RepresentativeEnd.REPLACED)


async def end_representation(session: AsyncSession, caller: Caller, case: Case, body: RepresentationEndIn) -> None:
    """End a legal representation: the Procuraduría represents the child en suplencia, from the same moment."""
    former = await _representing(session, case)
    if former.kind is Representation.PP_EN_SUPLENCIA:
        raise Conflict("The Procuraduría represents the child, and does so always.", allowed_actions=[])
    following = _suplencia(case, clock.now(), f"{caller.agency}/{body.officer}")
    _succeed(session, caller, case, former, following, body.reason)


async def move_to(session: AsyncSession, caller: Caller, case: Case, state: str) -> None:
    """Put a case under the authorities of another state: its Procuraduría stands by the child from now on (R26)."""
    former = await _representing(session, case)
    case.state, case.representative = state, competent(Kind.PP, state).id
    await store.join(session, case.id, former.procuraduria, clock.now())
    if former.kind is Representation.PP_EN_SUPLENCIA:
        following = _suplencia(case, clock.now(), None)
    else:
        same = former.model_dump(exclude={"id", "until", "ended", "procuraduria", "since"})
        following = CaseRepresentation(id=ids.new("rep"), procuraduria=case.representative, since=clock.now(), **same)
    _succeed(session, caller, case, former, following, RepresentativeEnd.TERRITORY)
    audit.wrote(session, caller, "move", "case", case.id, state=state)
    await tell_intake(session, case)


async def representations(session: AsyncSession, vault: Vault, case: Case) -> list[RepresentationOut]:
    """Return everybody who has represented the child of a case, oldest first."""
    rows = list(await store.representations(session, case.id)) or [_first(case)]
    return [_told(vault, row) for row in rows]


def _told(vault: Vault, row: CaseRepresentation) -> RepresentationOut:
    name, contact = None, None
    if row.identity is not None:
        name, contact = jsons.loads(vault.open(row.identity, "case_representation", row.case_id))
    return RepresentationOut(name=name, contact=contact, **row.model_dump(include=_TOLD))


_TOLD = set(RepresentationOut.model_fields) - {"name", "contact"}


async def _representing(session: AsyncSession, case: Case) -> CaseRepresentation:
    """Return who represents the child of a locked case. There is always somebody."""
    rows = await store.representations(session, case.id)
    return rows[-1] if rows else _first(case)


def _first(case: Case) -> CaseRepresentation:
    return _suplencia(case, case.created_at, None)


def _suplencia(case: Case, since: datetime, recorded_by: str | None) -> CaseRepresentation:
    return CaseRepresentation(
        id=ids.new("rep"), case_id=case.id, kind=Representation.PP_EN_SUPLENCIA, procuraduria=case.representative,
        since=since, recorded_by=recorded_by,
    )  # fmt: skip


def _succeed(
    session: AsyncSession, caller: Caller, case: Case, former: CaseRepresentation, following: CaseRepresentation,
    reason: RepresentativeEnd,
) -> None:  # fmt: skip
    """Let one representation follow on another, at one moment."""
    former.until, former.ended = following.since, reason
    session.add_all((former, following))
    case.representation = following.kind
    changed(session, case)
    audit.wrote(session, caller, "represent", "case", case.id, kind=following.kind.value, reason=reason.value)
    enter(session, case, code="case.represented", subject=following.id, agency=caller.agency)


async def assess(session: AsyncSession, vault: Vault, caller: Caller, case: Case, body: RiskIn) -> RiskOut:
    """Take down how much harm threatens the child."""
    row_id = ids.new("rsk")
    row = CaseRisk(
        id=row_id, case_id=case.id, level=body.level, reason=body.reason,
        note=vault.seal(body.note.encode(), "case_risk", row_id) if body.note else None,
        assessed_by=f"{caller.agency}/{body.officer}", assessed_at=clock.now(),
    )  # fmt: skip
    session.add(row)
    case.risk = body.level
    changed(session, case)
    audit.wrote(session, caller, "assess_risk", "case", case.id, level=body.level.value)
    enter(session, case, code="case.risk_assessed", subject=row.id, agency=caller.agency)
    return _assessed(vault, row)


async def risks(session: AsyncSession, vault: Vault, case: Case) -> list[RiskOut]:
    """Return the assessments of a case, oldest first."""
    return [_assessed(vault, row) for row in await store.risks(session, case.id)]


def _assessed(vault: Vault, row: CaseRisk) -> RiskOut:
    note = vault.open(row.note, "case_risk", row.id).decode() if row.note is not None else None
    return RiskOut(note=note, **row.model_dump(include=set(RiskOut.model_fields) - {"note"}))
