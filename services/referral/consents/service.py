"""Use cases of consents: give one, review it, take it back; what the consents of a case let an agency read."""

from collections.abc import Sequence
from datetime import datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from services.referral.agencies import store as directory
from services.referral.cases import service as cases
from services.referral.cases.models import Case
from services.referral.cases.rules import Part as CasePart
from services.referral.cases.rules import Seen
from services.referral.cases.schemas import held
from services.referral.consents import rules, store, travel
from services.referral.consents.codes import Giver
from services.referral.consents.coverage import consented, cut_of
from services.referral.consents.coverage import covered as covered
from services.referral.consents.models import Consent, Withdrawal
from services.referral.consents.rules import ConsentAction, Part
from services.referral.consents.schemas import ConsentIn, ConsentOut, NarrowIn, WithdrawalOut, WithdrawIn
from services.referral.referrals import permission
from shared import audit, clock, etags, ids
from shared.auth import Caller
from shared.clocks import service as clocks
from shared.crypto import Vault
from shared.errors import Fault, Invalid, NotFound

WORDS, WITHDRAWAL_WORDS = "consent_words", "consent_withdrawal_words"


async def give(session: AsyncSession, vault: Vault, caller: Caller, body: ConsentIn) -> Consent:
    """Record a consent, and start the clock of its review. Raises NotFound, Invalid or RefusedByLaw."""
    case = await cases.find(session, caller, body.case_id, lock=True)
    now = clock.now()
    since = body.valid_from or now
    until = body.expires_at or since + rules.LONGEST / 2
    await _may_give(session, caller, case, body.given_by)
    rules.check_assent(body.assent, body.given_by)
    rules.check_form(body.form, body.fields)
    rules.check_term(since, until)
    if until <= max(since, now):
        raise Invalid("It would be over before it began.", faults=[Fault("/expires_at", "past")])
    check_agencies(caller, body.agencies)
    consent_id = ids.new("cst")
    consent = Consent(
        id=consent_id, case_id=case.id, child_id=case.child_id, agency=caller.agency, valid_from=since,
        expires_at=until,
        sealed_words=seal(vault, WORDS, consent_id, body.note), created_at=now, updated_at=now,
        **body.model_dump(mode="json", include={"purposes", "agencies", "classes", "fields"}),
        **body.model_dump(include=_TAKEN),
    )  # fmt: skip
    session.add(consent)
    session.add(
        clocks.started(rules.REVIEW, case=case.id, resource_id=consent.id, agency=case.representative, at=now)
    )  # fmt: skip
    audit.wrote(session, caller, "give", "consent", consent.id, given_by=body.given_by.value, fields=consent.fields)
    note(session, caller, case, "consent.given", consent.id)
    await session.flush()
    return consent


_TAKEN = {
    "officer", "given_by", "assent", "language", "explained_at", "form", "evidence_digest", "evidence_reference",
}  # fmt: skip


async def _may_give(session: AsyncSession, caller: Caller, case: Case, giver: Giver) -> None:
    """Raise RefusedByLaw unless this one may consent for the child now, and the caller may record it."""
    row = await store.representation(session, case.id)
    may = rules.givers(case.representation, row.document if row is not None else None, of_age=_of_age(case))
    if giver not in may:
        raise rules.GIVER.refuse("Another one consents for this child.", allowed_actions=sorted(may))
    if giver is Giver.PP_EN_SUPLENCIA and CasePart.PP_HERE not in held(caller, case):
        raise rules.GIVER.refuse("The Procuraduría itself records what it consents to.", allowed_actions=[])


def _of_age(case: Case) -> bool:
    return case.majority_month is not None and case.majority_month < clock.now().strftime("%Y-%m")


def check_agencies(caller: Caller, agencies: Sequence[str], place: str = "/agencies") -> None:
    """Raise Invalid unless the directory has all of them."""
    if not set(agencies) <= directory.readable(caller).keys():
        raise Invalid("The directory has no such body.", faults=[Fault(place, "unknown")])


async def find(session: AsyncSession, caller: Caller, consent_id: str, *, lock: bool = False) -> Consent:
    """Return a consent that the caller may read. Raises NotFound."""
    found: Consent | None = await store.one(session, store.readable(caller).where(Consent.id == consent_id), lock=lock)
    if found is None:
        raise NotFound
    return found


async def _taken(session: AsyncSession, caller: Caller, consent_id: str, if_match: str | None) -> tuple[Case, Consent]:
    """Return a case and its consent, locked in one order: the case's clocks, the case, the consent."""
    seen = await find(session, caller, consent_id)
    case = await cases.find_with_clocks(session, caller, seen.case_id)
    consent = await find(session, caller, consent_id, lock=True)
    consent.state = state_of(consent)
    if if_match is not None:
        etags.must_match(if_match, consent.version)
    return case, consent


async def review(session: AsyncSession, caller: Caller, consent_id: str, officer: str, if_match: str | None) -> Consent:
    """Say that a consent still stands as it was given: its review is due anew. Raises NotFound, Stale, IllegalMove."""
    case, consent = await _taken(session, caller, consent_id, if_match)
    consent.state = rules.ConsentState(rules.move(consent.state, ConsentAction.REVIEW, {Part.KEEPER}))
    consent.reviewed_at = clock.now()
    await clocks.restart(session, rules.REVIEW, consent.id)
    _changed(consent)
    audit.wrote(session, caller, "review", "consent", consent.id, officer=officer)
    note(session, caller, case, "consent.reviewed", consent.id)
    return consent


async def withdraw(
    session: AsyncSession, vault: Vault, caller: Caller, consent_id: str, body: WithdrawIn, if_match: str | None
) -> Consent:
    """Take a consent back, whole or (NarrowIn) in part: from this moment on nothing goes out under what is taken.

    Whoever read under it is told in the same transaction. Raises NotFound, Stale, IllegalMove or Invalid.
    """
    case, consent = await _taken(session, caller, consent_id, if_match)
    part = body if isinstance(body, NarrowIn) else None
    action = ConsentAction.WITHDRAW if part is None else ConsentAction.NARROW
    consent.state = rules.ConsentState(rules.move(consent.state, action, {Part.KEEPER}))
    _changed(consent)
    row = _withdrawal(vault, caller, consent, body, part)
    session.add(row)
    if part is None:
        consent.ended_at = row.at
        await clocks.cancel(session, rules.REVIEW.id, consent.id)
    audit.wrote(session, caller, action.value, "consent", consent.id, reason=row.reason, withdrawal=row.id)
    note(session, caller, case, "consent.withdrawn" if part is None else "consent.narrowed", consent.id)
    await travel.tell(session, caller, case, travel.of_consent(consent, cut_of(row)))
    await travel.tell_over(session, caller, case)
    await session.flush()
    return consent


def _withdrawal(vault: Vault, caller: Caller, consent: Consent, body: WithdrawIn, part: NarrowIn | None) -> Withdrawal:
    row_id = ids.new("cwd")
    return Withdrawal(
        id=row_id, consent_id=consent.id, case_id=consent.case_id, agency=caller.agency, officer=body.officer,
        withdrawn_by=body.withdrawn_by, reason=body.reason.value,
        fields=[each.value for each in part.fields] if part else [],
        agencies=part.agencies if part else [], classes=[each.value for each in part.classes] if part else [],
        sealed_words=seal(vault, WITHDRAWAL_WORDS, row_id, body.note), at=clock.now(),
    )  # fmt: skip


def _changed(consent: Consent) -> None:
    consent.version += 1
    consent.updated_at = clock.now()


def note(session: AsyncSession, caller: Caller, case: Case, code: str, subject: str, *others: str) -> None:
    """Enter what happened in the timeline, for whoever did it, the others named, and the Procuraduría."""
    cases.enter(
        session, case, code=code, subject=subject, agency=caller.agency, seen=Seen.PARTIES,
        parties=(caller.agency, *others),
    )  # fmt: skip


def seal(vault: Vault, place: str, row_id: str, text: str | None) -> bytes | None:
    """Return what somebody said, sealed for its place."""
    return None if text is None else vault.seal(text.encode(), place, row_id)


permission.install(consented)


# -- shown -----------------------------------------------------------------------------------------------


def state_of(consent: Consent) -> rules.ConsentState:
    """Return where a consent stands at this moment, also where the system has not moved it yet."""
    over = consent.state is rules.ConsentState.ACTIVE and clock.now() >= consent.expires_at
    return rules.ConsentState.EXPIRED if over else consent.state


def is_live(consent: Consent, at: datetime) -> bool:
    """Whether a consent lets anything through."""
    return consent.state is rules.ConsentState.ACTIVE and consent.valid_from <= at < consent.expires_at


_MADE = {"live", "note", "withdrawals", "allowed_actions"}
_SHOWN = set(ConsentOut.model_fields) - _MADE


def words(session: AsyncSession, vault: Vault, caller: Caller, consent: Consent) -> str | None:
    """Return what was said with a consent. The reading is recorded (R34)."""
    if consent.sealed_words is None:
        return None
    audit.read(session, caller, "consent", consent.id, fields=["note"])
    return vault.open(consent.sealed_words, WORDS, consent.id).decode()


async def show(session: AsyncSession, consents: Sequence[Consent], said: str | None = None) -> list[ConsentOut]:
    """Return consents as their readers see them; `said` belongs to the only one."""
    now = clock.now()
    taken = await store.withdrawals(session, [each.id for each in consents])
    return [
        ConsentOut.model_validate(
            each.model_dump(include=_SHOWN)
            | {
                "live": is_live(each, now), "note": said, "state": state_of(each),
                "allowed_actions": rules.allowed(state_of(each), {Part.KEEPER}),
                "withdrawals": [_taken_back(row) for row in taken if row.consent_id == each.id],
            }
        )
        for each in consents
    ]  # fmt: skip


def _taken_back(row: Withdrawal) -> WithdrawalOut:
    return WithdrawalOut.model_validate(row.model_dump(include=set(WithdrawalOut.model_fields)))
