"""Use cases of notices: issue by a release, send or owe a letter, acknowledge, decide. `chain` goes on from there."""

from typing import Any

from pydantic import ValidationError
from sqlmodel.ext.asyncio.session import AsyncSession

from services.consular.consulates import service as directory
from services.consular.consulates.rules import R19
from services.consular.letters import service as letters
from services.consular.letters.models import Letter
from services.consular.letters.rules import C4, LetterKind, LetterStatus
from services.consular.notices import rules, store
from services.consular.notices.models import Notice
from services.consular.notices.rules import BY_HAND, C1, C2, C5, STATEMENT, Action, NoticeDecision, NoticeStatus
from services.consular.notices.schemas import HandAcknowledgementIn, NoticeDecisionIn, NoticeTold, Release, ToldOffice
from shared import audit, clock, ids
from shared.auth import Caller
from shared.clocks import copies
from shared.clocks import service as clocks
from shared.clocks.rules import Deadline
from shared.delivery import rules as delivery_rules
from shared.delivery import service as delivery
from shared.delivery import store as delivery_store
from shared.delivery.keys import SERVICE
from shared.delivery.rules import EndpointState
from shared.errors import Invalid, NotFound
from shared.events import NoticeAcknowledged, NoticeIssued
from shared.inbox import Message

SYSTEM = Caller("urn:ruta:consular", "urn:ruta:consular", "SERVICE", "service", frozenset())
"""Who acts where no client does: an event came in, or a clock spoke."""

REFERRAL = SERVICE + "referral"


async def receive(session: AsyncSession, message: Message) -> None:
    """Take in `release.granted`: the only way that a notice comes to be. A release has one notice, ever.

    Raises RefusedByLaw (R20) and Invalid, which leave nothing behind; referral keeps what it owes.
    """
    release = _parse(message)
    if await store.of_release(session, release.release_id) is not None:
        return
    notice = Notice(
        id=ids.opaque("ntc"),
        release_id=release.release_id,
        nationality=release.nationality,
        addressee=release.addressee,
        state=release.state.value,
        pp=release.pp.model_dump(),
        dif=release.dif.model_dump(),
        status=NoticeStatus.UNDELIVERABLE,
        issued_at=clock.now(),
    )
    session.add(notice)
    audit.wrote(session, SYSTEM, "receive_release", "notice", notice.id, release_id=notice.release_id)
    if await _send(session, notice) is NoticeStatus.UNDELIVERABLE:
        await owe(session, C2, notice)


async def owe(session: AsyncSession, deadline: Deadline, notice: Notice) -> None:
    """Start a duty of the Procuraduría about a notice; referral shows it among what is due."""
    owed = clocks.started(
        deadline, case=notice.release_id, resource_id=notice.id, agency=notice.pp["id"], follower="referral"
    )
    session.add(owed)
    await copies.moved(session, owed)


def _parse(message: Message) -> Release:
    try:
        release = Release.model_validate(message.data)
    except ValidationError:
        raise Invalid from None
    for told in (release.nationality, release.addressee or release.nationality):
        rules.must_be_foreign(told)
    return release


async def _send(session: AsyncSession, notice: Notice) -> NoticeStatus:
    """Address the notice by today's directory and owe it to the post, as a message or as a letter.

    Returns how the notice stands then: UNDELIVERABLE where there is no post at all.
    """
    post = await directory.route(session, notice.told, notice.state)
    notice.consulate_id = post.id if post else None
    await session.flush()
    if post is None:
        return NoticeStatus.UNDELIVERABLE
    notice.status = await tell(session, notice, post.id)
    if notice.status is NoticeStatus.ISSUED:
        session.add(clocks.started(C1, case=notice.release_id, resource_id=notice.id, agency=post.id))
    return notice.status


async def tell(session: AsyncSession, notice: Notice, consulate_id: str) -> NoticeStatus:
    """Owe a notice to a post: as a message where it takes any, else as a letter. Both leave by permit alone."""
    if not await _reachable(session, consulate_id):
        await letters.owe(session, content(notice), release_id=notice.release_id, consulate_id=consulate_id)
        return NoticeStatus.LETTER
    await delivery.publish(
        session, NoticeIssued.TYPE, case=notice.release_id, subject=notice.id, audience=[consulate_id],
        data=content(notice), gate=notice.release_id,
    )  # fmt: skip
    return NoticeStatus.ISSUED


_LOST = (EndpointState.GONE, EndpointState.REMOVED)


async def _reachable(session: AsyncSession, consulate_id: str) -> bool:
    """Whether the consulate has an endpoint that takes notices. A paused one will, a gone one will not."""
    return any(
        endpoint.state not in _LOST and delivery_rules.wants(endpoint.event_types, NoticeIssued.TYPE)
        for endpoint in await delivery_store.endpoints_of(session, [consulate_id])
    )


def content(notice: Notice) -> dict[str, Any]:
    """Return what the consulate is told: the whole notice, always of one size (R18)."""
    said = NoticeTold(
        notice_id=notice.id,
        nationality=notice.nationality,
        state=notice.state,
        pp=ToldOffice(**notice.pp),
        dif=ToldOffice(**notice.dif),
        statement_es=STATEMENT.es,
        statement_en=STATEMENT.en,
    )
    return rules.padded(said.model_dump())


async def find(session: AsyncSession, caller: Caller, notice_id: str, *, lock: bool = False) -> Notice:
    """Return a notice that the caller may read. Raises NotFound."""
    found = await store.find(session, caller, notice_id, lock=lock)
    if found is None:
        raise NotFound
    return found


async def acknowledge(session: AsyncSession, caller: Caller, notice_id: str) -> Notice:
    """Record that the consulate says that it is notified. Said again, it changes nothing."""
    notice = await find(session, caller, notice_id, lock=True)
    status = rules.advance(notice.status, Action.ACKNOWLEDGE, caller.agency_kind)
    if status is not notice.status:
        await _notified(session, notice)
        audit.wrote(session, caller, Action.ACKNOWLEDGE.value, "notice", notice.id)
    return notice


async def record_acknowledgement(
    session: AsyncSession, caller: Caller, notice_id: str, body: HandAcknowledgementIn
) -> Notice:
    """Record an acknowledgement that came on paper. Raises NotFound, IllegalMove, RefusedByLaw: nothing was sent."""
    notice = await find(session, caller, notice_id, lock=True)
    rules.advance(notice.status, Action.RECORD_ACKNOWLEDGEMENT, caller.agency_kind)
    sent = [each.sent_at for each in await letters.of_notices(session, [notice.id]) if each.sent_at]
    sent += [row.first_sent_at for _, _, row in await store.deliveries(session, [notice.id]) if row.first_sent_at]
    if not sent:
        raise BY_HAND.refuse(
            "Nothing was sent yet that could be acknowledged.",
            allowed_actions=rules.allowed_actions(notice.status, caller.agency_kind),
        )
    notice.acknowledged_by, notice.evidence = body.officer, body.evidence
    await _notified(session, notice)
    audit.wrote(
        session, caller, Action.RECORD_ACKNOWLEDGEMENT.value, "notice", notice.id, received_at=str(body.received_at)
    )
    return notice


async def _notified(session: AsyncSession, notice: Notice) -> None:
    """The consulate knows: every duty about this is done, nothing further is sent, and referral is told."""
    notice.status, notice.acknowledged_at = NoticeStatus.ACKNOWLEDGED, clock.now()
    for deadline in (C1, C4, C5):
        await clocks.meet(session, deadline.id, notice.id, notice.acknowledged_at)
    await letters.drop(session, notice.id)
    await delivery.acknowledged(session, notice.id)
    fact = NoticeAcknowledged(release_id=notice.release_id, acknowledged_at=notice.acknowledged_at)
    await delivery.publish(
        session, NoticeAcknowledged.TYPE, case=notice.release_id, subject=notice.id, audience=[REFERRAL],
        data=fact.model_dump(mode="json"),
    )  # fmt: skip


async def letter_sent(session: AsyncSession, letter: Letter) -> None:
    """A letter of a notice was handed over: the consulate acts next."""
    notice = await store.locked(session, letter.notice_id)
    notice.status = rules.advance(notice.status, Action.HAND_OVER, "")


async def route_again(session: AsyncSession, caller: Caller, notice_id: str) -> Notice:
    """Send an undeliverable notice, or one that waits for a letter, by the directory and the endpoints of today.

    Raises RefusedByLaw (R19) while there is still no other way.
    """
    notice = await find(session, caller, notice_id, lock=True)
    before = notice.status
    rules.advance(before, Action.ROUTE_AGAIN, caller.agency_kind)
    if await _send(session, notice) in (before, NoticeStatus.UNDELIVERABLE):
        raise R19.refuse(
            "No post of this country is open that takes it in another way: it must register an endpoint first.",
            allowed_actions=rules.allowed_actions(before, caller.agency_kind),
        )
    if before is NoticeStatus.LETTER:
        await letters.drop(session, notice.id)
    await clocks.meet(session, C2.id, notice.id)
    audit.wrote(session, caller, Action.ROUTE_AGAIN.value, "notice", notice.id)
    return notice


async def decide(session: AsyncSession, caller: Caller, notice_id: str, body: NoticeDecisionIn) -> Notice:
    """Record what a person decides who takes a notice over. No consulate can see it.

    Raises NotFound, IllegalMove, and RefusedByLaw (R19) where a letter is to go and there is no post.
    """
    notice = await find(session, caller, notice_id, lock=True)
    rules.advance(notice.status, Action.DECIDE, caller.agency_kind)
    if body.decision is NoticeDecision.SEND_LETTER:
        await _send_letter(session, caller, notice)
    else:
        await letters.drop(session, notice.id)
        await clocks.cancel(session, C4.id, notice.id)
    notice.decision, notice.decided_at = body.decision, clock.now()
    notice.decided_by, notice.decided_in = body.officer, body.file
    for deadline in (C2, C5):
        await clocks.meet(session, deadline.id, notice.id)
    audit.wrote(session, caller, Action.DECIDE.value, "notice", notice.id, decision=body.decision.value)
    return notice


async def _send_letter(session: AsyncSession, caller: Caller, notice: Notice) -> None:
    """Owe a letter to the post of the notice or, where it has none, to today's. A second one is a reminder."""
    post = None if notice.consulate_id else await directory.route(session, notice.told, notice.state)
    to = notice.consulate_id or (post.id if post else None)
    if to is None:
        raise R19.refuse(
            "No post of this country is open: there is nobody to write to.",
            allowed_actions=rules.allowed_actions(notice.status, caller.agency_kind),
        )
    notice.consulate_id = to
    had = {each.kind for each in await letters.of_notices(session, [notice.id])
           if each.consulate_id == to and each.status is LetterStatus.SENT}  # fmt: skip
    kind = LetterKind.REMINDER if had else LetterKind.NOTICE
    await letters.owe(session, content(notice), release_id=notice.release_id, consulate_id=to, kind=kind)
    if notice.status is NoticeStatus.UNDELIVERABLE:
        notice.status = NoticeStatus.LETTER
