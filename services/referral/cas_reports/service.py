"""Use cases of half-yearly reports: open what is owed, take a report in, acknowledge it."""

from dataclasses import replace
from datetime import datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from services.referral.agencies import store as directory
from services.referral.agencies.rules import Kind
from services.referral.agencies.service import SYSTEM
from services.referral.cas_reports import rules, store
from services.referral.cas_reports.models import CasReport
from services.referral.cas_reports.rules import D14, HalfYear, ReportAction, ReportStatus
from services.referral.cas_reports.schemas import ReportIn, ReportItem, ReportOut
from shared import audit, clock, etags, ids
from shared.auth import Caller
from shared.clocks import service as clocks
from shared.errors import NotFound
from shared.runtime import Runtime
from shared.zones import local_day, zone


class Opener:
    """Opens what each state's Procuraduría owes, when a half-year begins: a turn of the worker.

    It remembers in which half-year it has done so, so that its other turns cost nothing; what it forgets by a restart,
    or another worker has done, is in the table.
    """

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.done: dict[str, HalfYear] = {}

    async def turn(self) -> int:
        """Open what is owed and not open yet. Returns how many reports that were."""
        now = clock.now()
        owing = {
            body.id: (body.state, HalfYear.of(local_day(now, body.state)))
            for body in directory.readable(SYSTEM).values()
            if body.kind is Kind.PP and body.state is not None
        }
        due = {name: each for name, each in owing.items() if self.done.get(name) != each[1]}
        if not due:
            return 0
        async with self.runtime.database.work() as session:
            opened = [await open_one(session, name, *each, now) for name, each in due.items()]
        self.done |= {name: half for name, (_, half) in due.items()}
        return sum(opened)


async def open_one(session: AsyncSession, agency: str, state: str, half: HalfYear, now: datetime) -> bool:
    """Open one report and its clock, unless it is open already."""
    report_id, due_at = ids.new("rep"), half.ends(zone(state))
    row = {
        "id": report_id, "agency": agency, "state": state, "half_year": str(half), "status": ReportStatus.OWED,
        "due_at": due_at, "created_at": now, "version": 1,
    }  # fmt: skip
    if not await store.open_once(session, row):
        return False
    left = due_at - now
    deadline = replace(D14, due=left, warn=rules.warned(left))
    session.add(clocks.started(deadline, case=report_id, resource_id=report_id, agency=agency, at=now))
    audit.wrote(session, SYSTEM, "open", "cas_report", report_id, half_year=str(half), owes=agency)
    return True


async def get(session: AsyncSession, caller: Caller, report_id: str) -> ReportOut:
    """Return a report. Raises NotFound."""
    row = await store.get(session, caller, report_id)
    if row is None:
        raise NotFound
    return show(caller, row)


async def submit(
    session: AsyncSession, caller: Caller, report_id: str, if_match: str, action: ReportAction, given: ReportIn
) -> ReportOut:
    """Take a report in, or its correction. Raises NotFound, Stale, IllegalMove, RefusedByLaw."""
    row = await _step(session, caller, report_id, if_match, action)
    _complete(caller, row, given)
    row.centres = [each.model_dump(mode="json") for each in given.centres]
    row.visits = [each.model_dump(mode="json") for each in given.visits]
    row.submitted_at = clock.now()
    await clocks.meet(session, D14.id, row.id, row.submitted_at)
    audit.wrote(
        session, caller, action.value, "cas_report", row.id, centres=len(given.centres), visits=len(given.visits)
    )
    return show(caller, row)


def _complete(caller: Caller, row: CasReport, given: ReportIn) -> None:
    known = {
        body.id for body in directory.readable(caller).values() if body.kind is Kind.CAS and body.state == row.state
    }
    told = {each.cas for each in given.centres}
    if missing := sorted(known - told):
        raise rules.COMPLETE.refuse(f"Centres are missing: {', '.join(missing[:20])}.", allowed_actions=[])
    everyone = directory.directory()
    strange = [
        n for n, each in enumerate(given.centres) if each.cas not in everyone or everyone[each.cas].state != row.state
    ]
    strange += [n for n, each in enumerate(given.visits) if each.cas not in told]
    if strange:
        raise rules.COMPLETE.refuse("A centre or a visit is not of this register.", allowed_actions=[])


async def acknowledge(session: AsyncSession, caller: Caller, report_id: str, if_match: str) -> ReportOut:
    """Take a report in as the federal Procuraduría. Raises NotFound, Stale, IllegalMove, RefusedByLaw."""
    row = await _step(session, caller, report_id, if_match, ReportAction.ACKNOWLEDGE)
    row.acknowledged_at, row.acknowledged_by = clock.now(), caller.agency
    audit.wrote(session, caller, "acknowledge", "cas_report", row.id)
    return show(caller, row)


async def _step(
    session: AsyncSession, caller: Caller, report_id: str, if_match: str, action: ReportAction
) -> CasReport:
    row = await store.get(session, caller, report_id, lock=True)
    if row is None:
        raise NotFound
    etags.must_match(if_match, row.version)
    row.status = rules.advance(row.status, action, owes=_owes(caller, row), federal=store.is_federal(caller))
    row.version += 1
    return row


def _owes(caller: Caller, row: CasReport) -> bool:
    return caller.agency == row.agency


def item(caller: Caller, row: CasReport) -> ReportItem:
    """Return a report as lists show it."""
    actions = rules.allowed(row.status, owes=_owes(caller, row), federal=store.is_federal(caller))
    return ReportItem(allowed_actions=actions, **row.model_dump(include=_SHOWN))


_SHOWN = set(ReportItem.model_fields) - {"allowed_actions"}


def show(caller: Caller, row: CasReport) -> ReportOut:
    """Return a report, whole."""
    return ReportOut.model_validate(item(caller, row).model_dump() | {"centres": row.centres, "visits": row.visits})
