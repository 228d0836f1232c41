"""A withdrawal travels: whoever read under what ended is told, and says in time what it did."""

from collections import defaultdict
from collections.abc import Sequence, Set
from dataclasses import dataclass, field

from sqlmodel.ext.asyncio.session import AsyncSession

from services.referral.agencies.service import SYSTEM
from services.referral.cases import service as cases
from services.referral.cases.models import Case
from services.referral.cases.rules import Seen
from services.referral.consents import rules, store
from services.referral.consents.codes import PURPOSE_OF
from services.referral.consents.coverage import grants, kind_of
from services.referral.consents.models import Consent, Disclosure, Override, WithdrawalNotice
from services.referral.consents.rules import (
    ConsentState,
    Cut,
    Grant,
    NoticeAction,
    NoticeState,
    OverrideState,
    Part,
)
from services.referral.consents.schemas import AcknowledgeIn, ConsentWithdrawn, WithdrawalNoticeOut
from services.referral.referrals import service as referrals
from services.referral.referrals.models import Referral
from shared import audit, clock, etags, ids
from shared.auth import Caller
from shared.clocks import service as clocks
from shared.clocks import store as clock_store
from shared.delivery import service as delivery
from shared.errors import NotFound

Read = dict[str, tuple[set[str], set[str]]]
"""Agency → the fields that it knows and that are taken back, the referrals by which."""


@dataclass(frozen=True, slots=True)
class Ended:
    """What a consent or an override lets through no longer."""

    id: str
    recorded_by: str
    fields: frozenset[str]
    cut: Cut = field(default_factory=Cut)


def of_consent(row: Consent, cut: Cut | None = None) -> Ended:
    """Return what a consent lets through no longer: all of it, or what a withdrawal takes."""
    return Ended(row.id, row.agency, frozenset(row.fields), cut or Cut())


def of_override(row: Override) -> Ended:
    """Return what an override lets through no longer."""
    return Ended(row.id, row.agency, frozenset(row.fields))


async def tell(session: AsyncSession, caller: Caller, case: Case, ended: Ended, live: Sequence[Grant] = ()) -> None:
    """Open a notice for every agency that knows what a locked case no longer lets it know, and tell them.

    What one of `live` covers is none of that.
    """
    reached = await _reached(session, case, ended, live)
    told: dict[str, set[str]] = defaultdict(set)
    for each in await store.notices(session, ended.id):
        told[each.agency] |= set(each.fields)
    for agency, (fields, by) in sorted(reached.items()):
        if fields - told[agency]:
            await _open(session, caller, case, (ended.id, ended.recorded_by, agency), fields - told[agency], by)


async def tell_over(session: AsyncSession, caller: Caller, case: Case) -> None:
    """Tell whoever read under what expired in a locked case, as far as nothing that followed covers it any more."""
    consents = [each for each in await store.consents(session, case.id) if each.state is ConsentState.EXPIRED]
    overrides = [each for each in await store.overrides(session, case.id) if each.state in _OVER]
    over = [*map(of_consent, consents), *map(of_override, overrides)]
    live = await grants(session, case.id) if over else []
    for each in over:
        await tell(session, caller, case, each, live)


_OVER = (OverrideState.LAPSED, OverrideState.EXPIRED)


async def _reached(session: AsyncSession, case: Case, ended: Ended, live: Sequence[Grant]) -> Read:
    """Return who read under a grant what is taken back, and to whom they passed it on by a sub-referral."""
    found: Read = defaultdict(lambda: (set(), set()))
    whole = {each.id: each for each in await referrals.of_case(session, case.id)}
    for each in await store.readings(session, case.id, ended.id):
        fields = ended.cut.of(ended.fields & set(each.fields))
        if not fields or not ended.cut.takes(each.agency, kind_of(each.agency)):
            continue
        _add(found, each.agency, fields - _rest(live, whole[each.referral_id], each.agency), each.referral_id)
        for part in _under(list(whole.values()), each):
            _add(found, part.recipient, (fields & set(part.fields or ())) - _rest(live, part, part.recipient), part.id)
    return found


def _rest(live: Sequence[Grant], referral: Referral, agency: str) -> set[str]:
    """Return the fields that still rest on a consent for who read by a referral."""
    if referral.service is None:
        return set()
    return {*rules.covered(live, agency, kind_of(agency), PURPOSE_OF[referral.service], clock.now())}


def _add(found: Read, agency: str, fields: Set[str], referral_id: str) -> None:
    if not fields:
        return
    known, by = found[agency]
    known |= fields
    by.add(referral_id)


def _under(whole: Sequence[Referral], reading: Disclosure) -> list[Referral]:
    """Return the referrals under the one that was read by, which their recipients have taken in."""
    above, parts = {reading.referral_id}, []
    for each in whole:  # oldest first: a part comes after what it is part of
        if each.parent_id in above:
            above.add(each.id)
            if each.acknowledged_at is not None or each.read_at is not None:
                parts.append(each)
    return parts


async def _open(
    session: AsyncSession, caller: Caller, case: Case, ends: tuple[str, str, str], fields: set[str], by: set[str]
) -> None:
    grant_id, recorded_by, agency = ends
    now, notice_id = clock.now(), ids.new("wdn")
    running = clocks.started(rules.ACKNOWLEDGE, case=case.id, resource_id=notice_id, agency=agency, at=now)
    session.add(
        WithdrawalNotice(
            id=notice_id, grant_id=grant_id, case_id=case.id, child_id=case.child_id, agency=agency,
            recorded_by=recorded_by, fields=sorted(fields), referrals=sorted(by), opened_at=now, due_at=running.due_at,
        )
    )  # fmt: skip
    session.add(running)
    audit.wrote(session, caller, "open", "withdrawal_notice", notice_id, agency=agency, grant=grant_id)
    cases.enter(
        session, case, code="withdrawal.told", subject=notice_id, agency=caller.agency, seen=Seen.PARTIES,
        parties=(agency, recorded_by),
    )  # fmt: skip
    await delivery.publish(
        session, ConsentWithdrawn.TYPE, case=case.id, subject=notice_id, audience=[agency],
        data=ConsentWithdrawn(withdrawal_notice_id=notice_id).model_dump(mode="json"),
    )  # fmt: skip


async def find(session: AsyncSession, caller: Caller, notice_id: str, *, lock: bool = False) -> WithdrawalNotice:
    """Return a notice that the caller may read. Raises NotFound."""
    statement = store.readable_notices(caller).where(WithdrawalNotice.id == notice_id)
    found: WithdrawalNotice | None = await store.one(session, statement, lock=lock)
    if found is None:
        raise NotFound
    return found


async def acknowledge(
    session: AsyncSession, caller: Caller, notice_id: str, body: AcknowledgeIn, if_match: str | None
) -> WithdrawalNotice:
    """Take in what a recipient did; its clock is locked first. Raises NotFound, Stale, IllegalMove or RefusedByLaw."""
    seen = await find(session, caller, notice_id)
    await clock_store.find(session, rules.ACKNOWLEDGE.id, seen.id)
    notice = await find(session, caller, notice_id, lock=True)
    if if_match is not None:
        etags.must_match(if_match, notice.version)
    notice.state = NoticeState(rules.move(notice.state, NoticeAction.ACKNOWLEDGE, parts(caller, notice)))
    rules.check_done(body.done, body.article)
    notice.acknowledged_at, notice.done, notice.officer = clock.now(), body.done, body.officer
    notice.article = body.article
    notice.version += 1
    await clocks.meet(session, rules.ACKNOWLEDGE.id, notice.id, notice.acknowledged_at)
    audit.wrote(session, caller, "acknowledge", "withdrawal_notice", notice.id, done=body.done.value)
    case = await cases.find(session, SYSTEM, notice.case_id)
    cases.enter(
        session, case, code="withdrawal.acknowledged", subject=notice.id, agency=caller.agency, seen=Seen.PARTIES,
        parties=(notice.agency, notice.recorded_by),
    )  # fmt: skip
    return notice


def parts(caller: Caller, notice: WithdrawalNotice) -> set[Part]:
    """Return what the caller is to a notice."""
    return {Part.RECIPIENT} if caller.agency == notice.agency else set()


_SHOWN = set(WithdrawalNoticeOut.model_fields) - {"overdue", "allowed_actions"}


def show(caller: Caller, notice: WithdrawalNotice) -> WithdrawalNoticeOut:
    """Return a notice as its reader sees it."""
    return WithdrawalNoticeOut.model_validate(
        notice.model_dump(include=_SHOWN)
        | {
            "overdue": notice.state is NoticeState.OPEN and notice.due_at <= clock.now(),
            "allowed_actions": rules.allowed(notice.state, parts(caller, notice)),
        }
    )
