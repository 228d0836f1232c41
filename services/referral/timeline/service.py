"""Use cases: the file of a case, its timeline, and the timeline of a case that is older than timelines."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from services.referral.actas import service as actas
from services.referral.agencies.rules import Kind
from services.referral.agencies.service import competent
from services.referral.cases import service as cases
from services.referral.cases.models import Case, CaseEntry
from services.referral.cases.rules import Part, Seen
from services.referral.cases.schemas import fields, held
from services.referral.protection import service as protection
from services.referral.referrals import service as referrals
from services.referral.referrals.models import Referral
from services.referral.referrals.rules import Party
from services.referral.referrals.schemas import ReferralOut
from services.referral.timeline import rules, store
from services.referral.timeline.rules import Owed
from services.referral.timeline.schemas import CaseFileOut, EntryOut, OwedOut
from shared import clock
from shared.auth import Caller
from shared.clocks.models import Clock
from shared.clocks.schemas import ClockOut
from shared.db import Database
from shared.paging import Paging


async def file(session: AsyncSession, caller: Caller, case_id: str) -> CaseFileOut:
    """Return a case with what the caller may see of it. Raises NotFound."""
    case = await cases.find(session, caller, case_id)
    found, clocks = await referrals.seen(session, caller, case.id)
    unmet = await store.unmet(session, case.id)
    owed = rules.in_order(_owed(caller, case, found, unmet))
    represents = case.id in await referrals.represented(session, caller, found)
    return CaseFileOut.model_validate(
        fields(caller, case)
        | {
            "lead": _lead(case),
            "owed": [OwedOut.model_validate(each) for each in owed],
            "referrals": [
                ReferralOut.of(caller, each, referrals.allowed(caller, each, represents=represents)) for each in found
            ],
            "clocks": [ClockOut.model_validate(each) for each in clocks],
        }
    )


def _lead(case: Case) -> str | None:
    kind = rules.leading(case.status, case.resumes)
    return _body(case, kind) if kind is not None else None


def _body(case: Case, kind: Kind) -> str:
    """Return the body of this kind that acts in a case."""
    if kind is Kind.PP:
        return case.representative
    if kind is Kind.DIF and case.dif is not None:
        return case.dif
    return competent(kind, case.state).id


def _owed(caller: Caller, case: Case, found: Sequence[Referral], unmet: Sequence[Clock]) -> Iterator[Owed]:
    """Yield what is owed: by running clocks, by open referrals, by gates of the next step."""
    now, readable = clock.now(), {referral.id for referral in found}
    everything = not held(caller, case).isdisjoint((Part.PP_HERE, Part.SYSTEM))
    ticking = set()
    for each in unmet:
        if everything or each.agency == caller.agency or each.resource_id in readable:
            ticking.add(each.resource_id)
            yield Owed(each.agency, each.rule, each.rule, each.resource_id, each.due_at, each.due_at < now)
    for referral in found:
        party = rules.referral_owed(referral.kind, referral.state)
        if party is not None and referral.id not in ticking:
            agency = referral.recipient if party is Party.RECIPIENT else referral.sender
            rule = rules.referral_rule(referral.kind)
            yield Owed(agency, f"REFERRAL_{referral.state.upper()}", rule, referral.id, None, overdue=False)
    for gate, rule, kind in rules.gates_owed(case.standing):
        yield Owed(_body(case, kind), gate, rule, case.id, None, overdue=False)


async def page(database: Database, caller: Caller, case_id: str, paging: Paging) -> Sequence[CaseEntry]:
    """Return one page of a timeline, and one line more, oldest first. Raises NotFound.

    A case of before there were timelines gets its own when it is first read, from what stands: not
    by the migration, since older code may still have opened cases after it.
    """
    async with database.work(write=False) as session:
        case = await cases.find(session, caller, case_id)
        if case.timeline_since is not None:
            return await store.page(session, caller, case.id, paging)
    async with database.work() as session:
        await _fill(session, await cases.find(session, caller, case_id, lock=True))
        await session.flush()
        return await store.page(session, caller, case_id, paging)


async def _fill(session: AsyncSession, case: Case) -> None:
    """Enter what is known to have happened, as long as nobody did; each line at its own time."""
    if case.timeline_since is not None:
        return
    case.timeline_since = clock.now()
    known = await store.entered(session, case.id)
    parties: dict[str, list[str]] = {}
    happened: list[tuple[str, str, str | None, Seen, datetime]] = []
    happened.append(("case.opened", case.id, None, Seen.ALL, case.created_at))
    for each in await referrals.of_case(session, case.id):
        parties[each.id] = [each.sender, each.recipient]
        happened.append(("referral.sent", each.id, each.sender, Seen.PARTIES, each.created_at))
        if each.acknowledged_at is not None:
            happened.append(("referral.receive", each.id, each.recipient, Seen.PARTIES, each.acknowledged_at))
        if each.accepted_at is not None:
            happened.append(("referral.accept", each.id, each.recipient, Seen.PARTIES, each.accepted_at))
    if case.notified_at is not None:
        happened.append(("case.notify", case.id, case.notified_by, Seen.ALL, case.notified_at))
    if (acta := await actas.of_case(session, case.id)) is not None:
        happened.append(("case.issue_acta", acta.id, acta.issued_by, Seen.ALL, acta.issued_at))
    for said in await protection.said(session, case.id):
        happened.append(("protection.indicated", said.id, said.agency, Seen.PP, said.recorded_at))
    for code, subject, agency, seen, at in happened:
        if (code, subject) not in known:
            cases.enter(
                session, case, code=code, subject=subject, agency=agency, seen=seen, parties=parties.get(subject, ()),
                at=at,
            )  # fmt: skip


def show(entry: CaseEntry) -> EntryOut:
    """Return a line with its words."""
    text = rules.TEXTS.get(entry.code)
    return EntryOut(
        id=entry.id, at=entry.at, code=entry.code, es=text.es if text else None, en=text.en if text else None,
        subject=entry.subject, agency=entry.agency,
    )  # fmt: skip
