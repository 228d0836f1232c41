"""Use cases of withholding: keep a case from an agency or a class, whatever its role (R29), and end that."""

from collections.abc import Sequence

from sqlmodel.ext.asyncio.session import AsyncSession

from services.referral.agencies import store as directory
from services.referral.agencies.rules import Kind
from services.referral.cases import service as cases
from services.referral.cases.models import Case, CaseWithheld
from services.referral.cases.recipients import RecipientClass, kept_from
from services.referral.cases.rules import Part as CasePart
from services.referral.cases.rules import Seen
from services.referral.consents import rules, store
from services.referral.consents.schemas import WithholdIn, WithholdingOut
from services.referral.consents.service import check_agencies, seal
from services.referral.measures import store as measures
from services.referral.referrals import service as referrals
from services.referral.referrals import steps
from services.referral.referrals import store as referral_store
from services.referral.referrals.codes import WithdrawReason
from services.referral.referrals.models import Referral
from services.referral.referrals.rules import LIVE, Action, Party, ReferralKind
from services.referral.referrals.steps import Said
from shared import audit, clock, ids
from shared.auth import Caller
from shared.crypto import Vault
from shared.errors import Conflict, NotFound

WORDS = "case_withheld_words"


async def withhold(session: AsyncSession, vault: Vault, caller: Caller, body: WithholdIn) -> CaseWithheld:
    """Keep a case from somebody from now on. Services that were asked of it are withdrawn in the same transaction.

    What the law orders still goes there: codes, and no identity. Raises NotFound, Invalid, Conflict or RefusedByLaw.
    """
    seen = await cases.reads(session, caller, body.case_id, CasePart.PP_HERE)
    if body.agency is not None:
        check_agencies(caller, [body.agency], "/agency")
    whom = body.agency or (body.recipient_class or RecipientClass.FAMILY).value
    await referrals.hold(session, seen.id)
    asked = await _asked_of(session, seen.id, whom)
    case = await cases.find(session, caller, seen.id, lock=True)
    _check(case, whom)
    await _check_housed(session, case, whom)
    await _check_moving(session, case, whom)
    if await store.withholding(session, case.id, whom) is not None:
        raise Conflict("It is withheld already.", allowed_actions=[])
    await _withdraw(session, vault, caller, asked)
    row_id = ids.new("wth")
    row = CaseWithheld(
        id=row_id, case_id=case.id, whom=whom, reason=body.reason.value, agency=caller.agency, officer=body.officer,
        sealed_words=seal(vault, WORDS, row_id, body.note), since=clock.now(),
    )  # fmt: skip
    session.add(row)
    audit.wrote(session, caller, "withhold", "case", case.id, whom=whom, reason=row.reason)
    cases.enter(session, case, code="case.withheld", subject=row.id, agency=caller.agency, seen=Seen.PP)
    await session.flush()
    return row


def _check(case: Case, whom: str) -> None:
    """Raise RefusedByLaw for whom the law makes know of the child."""
    known = directory.directory().get(whom)
    kind = known.kind if known is not None else None
    if kind is Kind.PP or whom == RecipientClass.AUTHORITIES:
        raise rules.WITHHELD.refuse("The Procuraduría represents the child.", allowed_actions=["name_an_agency"])
    if case.dif is not None and kept_from({whom}, case.dif, Kind.DIF):
        raise rules.WITHHELD.refuse("It has the child in care.", allowed_actions=["transfer"])
    if kind is Kind.INM and not case.channelled:
        raise rules.WITHHELD.refuse("INM channels the child first.", allowed_actions=["issue_acta"])


async def _check_housed(session: AsyncSession, case: Case, whom: str) -> None:
    """Raise RefusedByLaw for the centre that the child is in."""
    admission = await measures.present(session, case.id)
    if admission is None:
        return
    centre = directory.directory().get(admission.cas)
    if kept_from({whom}, admission.cas, centre.kind if centre is not None else ""):
        raise rules.WITHHELD.refuse("The child is in its care.", allowed_actions=["discharge"])


async def _check_moving(session: AsyncSession, case: Case, whom: str) -> None:
    """Raise Conflict while the child is on the way there."""
    known = directory.directory()
    for each in await store.moving(session, case.id):
        if kept_from({whom}, each.recipient, known[each.recipient].kind):
            raise Conflict("A transfer to it is under way: withdraw that first.", allowed_actions=["withdraw"])


async def _asked_of(session: AsyncSession, case_id: str, whom: str) -> list[Referral]:
    """Return the services that were asked of somebody, locked in one order. The clocks of the case are held."""
    known = directory.directory()
    return [
        await referral_store.locked(session, each.id)
        for each in await referrals.of_case(session, case_id)
        if each.kind is ReferralKind.SERVICE
        and kept_from({whom}, each.recipient, known[each.recipient].kind if each.recipient in known else "")
    ]


async def _withdraw(session: AsyncSession, vault: Vault, caller: Caller, asked: Sequence[Referral]) -> None:
    """Withdraw what was asked of somebody who must not know any more, and what hangs under it."""
    said = Said(reason=WithdrawReason.CONSENT_WITHDRAWN.value, with_parts=True)
    for referral in asked:
        if referral.state in LIVE:
            await steps.take(session, vault, caller, referral, Action.WITHDRAW, {Party.SENDER}, said)


async def end(session: AsyncSession, caller: Caller, withholding_id: str, officer: str) -> CaseWithheld:
    """Let somebody know of a case again. Raises NotFound or Conflict."""
    statement = store.readable_withholdings(caller).where(CaseWithheld.id == withholding_id)
    seen: CaseWithheld | None = await store.one(session, statement)
    if seen is None:
        raise NotFound
    case = await cases.find(session, caller, seen.case_id, lock=True)
    row: CaseWithheld = await store.one(session, statement, lock=True)
    if row.until is not None:
        raise Conflict("It has ended.", allowed_actions=[])
    row.until, row.ended_by = clock.now(), f"{caller.agency}/{officer}"
    audit.wrote(session, caller, "end_withholding", "case", case.id, whom=row.whom)
    cases.enter(session, case, code="case.withholding_ended", subject=row.id, agency=caller.agency, seen=Seen.PP)
    return row


_SHOWN = set(WithholdingOut.model_fields) - {"allowed_actions"}


def show(row: CaseWithheld) -> WithholdingOut:
    """Return a withholding as the Procuraduría sees it."""
    steps_left = ["end"] if row.until is None else []
    return WithholdingOut.model_validate(row.model_dump(include=_SHOWN) | {"allowed_actions": steps_left})
