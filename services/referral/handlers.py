"""What sister services tell referral, and what follows from it. Each event takes effect once."""

from collections.abc import Mapping

from sqlmodel.ext.asyncio.session import AsyncSession

from services.referral.absences import service as absences
from services.referral.actas import service as actas
from services.referral.agencies.rules import Kind
from services.referral.agencies.service import SYSTEM, competent
from services.referral.cases import service as cases
from services.referral.cases.models import Case
from services.referral.cases.rules import Status
from services.referral.clocks import service as clocks
from services.referral.clocks.rules import BREACHED, WARNED
from services.referral.closings import service as closings
from services.referral.protection import service as protection
from services.referral.referrals import service as referrals
from services.referral.referrals.models import Referral
from services.referral.referrals.rules import ReferralKind
from shared import clock
from shared.clocks.facts import ClockMoved
from shared.events import ClockSpoke, EncounterRecorded, FactsChanged, NoticeAcknowledged
from shared.inbox import Message

INTAKE, CONSULAR = "intake", "consular"
_ORDERED = ((ReferralKind.PP_NOTICE, Kind.PP), (ReferralKind.DIF_HANDOVER, Kind.DIF))
"""What LM 112-I orders at every encounter of a child who was met, and whom it goes to."""


async def encounter_recorded(session: AsyncSession, message: Message) -> None:
    """A child was met: open its case, the notice to the Procuraduría and the hand-over to DIF.

    A second encounter in the same state finds them open and opens nothing; one in another state
    gives that state's bodies their own. Of children whom an adult left elsewhere the Procuraduría alone is told
    (LM 98): the event names what is ordered, and one that names nothing known orders both.
    """
    fact = EncounterRecorded.model_validate(message.data)
    ordered = [each for each in _ORDERED if each[1] in fact.referrals] or _ORDERED
    case = await cases.ensure(session, fact.child_id, fact.state)
    again = case.status is Status.CLOSED
    await closings.met_again(session, case)
    await absences.met_again(session, case, fact.state)
    opener = referrals.open_referral if again else referrals.open_once  # a case that begins again is notified anew
    opened = {
        kind: await opener(
            session, SYSTEM, case=case, kind=kind, recipient_id=competent(body, fact.state).id,
            reason="ENCOUNTER", sender_id=fact.agency,
        )
        for kind, body in ordered
    }  # fmt: skip
    if (handover := opened.get(ReferralKind.DIF_HANDOVER)) is not None:
        await referrals.met(session, handover, fact.encounter_id)
    for started in fact.clocks:
        await clocks.keep(session, INTAKE, ClockMoved.model_validate(started), case.id)
    await _met_already(session, case, fact, opened)
    await protection.announce(session, fact.child_id, fact.facts_version)


async def _met_already(
    session: AsyncSession, case: Case, fact: EncounterRecorded, opened: Mapping[ReferralKind, Referral]
) -> None:
    """Stop the clocks that this encounter started for duties that were done before it, and still hold."""
    notice, handover = opened.get(ReferralKind.PP_NOTICE), opened.get(ReferralKind.DIF_HANDOVER)
    notified = notice is not None and notice.acknowledged_at is not None
    handed_over = handover is not None and await actas.covers(session, handover)
    for duty, done in (("D1", notified), ("D2", handed_over)):
        if done:
            await referrals.duty_met(
                session, duty, case.child_id, subject=fact.encounter_id, met_at=clock.now(),
                encounters=[fact.encounter_id],
            )  # fmt: skip


async def facts_changed(session: AsyncSession, message: Message) -> None:
    """What intake knows of a child has changed: the worker fetches it."""
    fact = FactsChanged.model_validate(message.data)
    await protection.announce(session, fact.child_id, fact.facts_version, again=True)


async def notice_acknowledged(session: AsyncSession, message: Message) -> None:
    """A consulate said that it has been notified."""
    await protection.acknowledged(session, NoticeAcknowledged.model_validate(message.data))


async def clock_spoke(session: AsyncSession, message: Message) -> None:
    """A clock of intake spoke: whoever owes the duty hears of it from here."""
    await clocks.relay(session, message.type, ClockSpoke.model_validate(message.data))


async def clock_moved(session: AsyncSession, message: Message) -> None:
    """A clock that a sister runs for an agency was started or stopped: a copy shows it among what the agency owes.

    Of intake's the subject is the child, of consular's the release.
    """
    fact = ClockMoved.model_validate(message.data)
    case_id = await protection.case_of(session, fact.subject)
    origin = CONSULAR if case_id is not None else INTAKE
    if case_id is None:
        case_id = await cases.id_of(session, fact.subject)
    await clocks.keep(session, origin, fact, case_id or fact.subject)


HANDLERS = {
    EncounterRecorded.TYPE: encounter_recorded,
    FactsChanged.TYPE: facts_changed,
    NoticeAcknowledged.TYPE: notice_acknowledged,
    WARNED: clock_spoke,
    BREACHED: clock_spoke,
    ClockMoved.TYPE: clock_moved,
}
