"""Use cases of notices: issue by a release, send, show, acknowledge, and what their clocks say."""

from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError
from sqlmodel.ext.asyncio.session import AsyncSession

from services.consular.consulates import service as directory
from services.consular.consulates.rules import R19
from services.consular.notices import rules, store
from services.consular.notices.models import Notice
from services.consular.notices.rules import C1, C2, STATEMENT, Action, NoticeStatus, Stage
from services.consular.notices.schemas import (
    NoticeForAuthority,
    NoticeForConsulate,
    NoticeOut,
    OfficeOut,
    Release,
    Sending,
)
from shared import audit, clock, ids, telemetry
from shared.auth import Caller
from shared.clocks import copies
from shared.clocks import service as clocks
from shared.clocks.models import Clock
from shared.clocks.schemas import ClockOut
from shared.delivery import rules as delivery_rules
from shared.delivery import service as delivery
from shared.delivery import store as delivery_store
from shared.delivery.keys import SERVICE
from shared.delivery.models import Delivery, Endpoint, Event
from shared.delivery.rules import DeliveryState, EndpointState
from shared.errors import Invalid, NotFound
from shared.events import NoticeAcknowledged, NoticeIssued, Office
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
        state=release.state.value,
        pp=release.pp.model_dump(),
        dif=release.dif.model_dump(),
        status=NoticeStatus.UNDELIVERABLE,
        issued_at=clock.now(),
    )
    session.add(notice)
    audit.wrote(session, SYSTEM, "receive_release", "notice", notice.id, release_id=notice.release_id)
    if not await _send(session, notice):
        owed = clocks.started(
            C2, case=notice.release_id, resource_id=notice.id, agency=release.pp.id, follower="referral"
        )
        session.add(owed)
        await copies.moved(session, owed)


def _parse(message: Message) -> Release:
    try:
        release = Release.model_validate(message.data)
    except ValidationError:
        raise Invalid from None
    rules.must_be_foreign(release.nationality)
    return release


async def _send(session: AsyncSession, notice: Notice) -> bool:
    """Address the notice by today's directory and owe it to the post. Returns whether there is a way."""
    post = await directory.route(session, notice.nationality, notice.state)
    notice.consulate_id = post.id if post else None
    await session.flush()
    if post is None or not await _reachable(session, post.id):
        return False
    notice.status = NoticeStatus.ISSUED
    await delivery.publish(
        session, NoticeIssued.TYPE, case=notice.release_id, subject=notice.id, audience=[post.id],
        data=content(notice), gate=notice.release_id,
    )  # fmt: skip
    session.add(clocks.started(C1, case=notice.release_id, resource_id=notice.id, agency=post.id))
    return True


_LOST = (EndpointState.GONE, EndpointState.REMOVED)


async def _reachable(session: AsyncSession, consulate_id: str) -> bool:
    """Whether the consulate has an endpoint that takes notices. A paused one will, a gone one will not."""
    return any(
        endpoint.state not in _LOST and delivery_rules.wants(endpoint.event_types, NoticeIssued.TYPE)
        for endpoint in await delivery_store.endpoints_of(session, [consulate_id])
    )


def content(notice: Notice) -> dict[str, Any]:
    """Return what the consulate is told: the whole notice, always of one size (R18)."""
    said = NoticeIssued(
        notice_id=notice.id,
        nationality=notice.nationality,
        state=notice.state,
        pp=Office(**notice.pp),
        dif=Office(**notice.dif),
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
    if status is notice.status:
        return notice
    notice.status, notice.acknowledged_at = status, clock.now()
    await clocks.meet(session, C1.id, notice.id, notice.acknowledged_at)
    await delivery.acknowledged(session, notice.id)
    audit.wrote(session, caller, Action.ACKNOWLEDGE.value, "notice", notice.id)
    fact = NoticeAcknowledged(release_id=notice.release_id, acknowledged_at=notice.acknowledged_at)
    await delivery.publish(
        session, NoticeAcknowledged.TYPE, case=notice.release_id, subject=notice.id, audience=[REFERRAL],
        data=fact.model_dump(mode="json"),
    )  # fmt: skip
    return notice


async def escalate(session: AsyncSession, fact: Event, _: Endpoint) -> None:
    """Send a notice that its consulate does not acknowledge to the country's embassy too, behind the same gate."""
    notice = await store.locked(session, fact.subject)
    embassy = await directory.embassy(session, notice.nationality, notice.state)
    if embassy is None or embassy.id in (notice.consulate_id, notice.escalated_to):
        return
    if notice.acknowledged_at is not None or not await _reachable(session, embassy.id):
        return
    notice.escalated_to = embassy.id
    audit.wrote(session, SYSTEM, "escalate", "notice", notice.id, consulate_id=embassy.id)
    await delivery.publish(
        session, NoticeIssued.TYPE, case=notice.release_id, subject=notice.id, audience=[embassy.id],
        data=content(notice), gate=notice.release_id,
    )  # fmt: skip


async def route_again(session: AsyncSession, caller: Caller, notice_id: str) -> Notice:
    """Send an undeliverable notice by the directory and the endpoints of today.

    Raises RefusedByLaw (R19) while there is still no way.
    """
    notice = await find(session, caller, notice_id, lock=True)
    rules.advance(notice.status, Action.ROUTE_AGAIN, caller.agency_kind)
    if not await _send(session, notice):
        raise R19.refuse(
            "No post of this country is open and has an endpoint: it must register one first.",
            allowed_actions=rules.allowed_actions(notice.status, caller.agency_kind),
        )
    await clocks.meet(session, C2.id, notice.id)
    audit.wrote(session, caller, Action.ROUTE_AGAIN.value, "notice", notice.id)
    return notice


async def clock_spoke(session: AsyncSession, speaking: Clock, kind: str) -> None:
    """Record that a clock has warned or was breached; authorities see it on the notice.

    Nothing is published: a reminder of a notice that was not sent would be news to the consulate.
    """
    audit.wrote(session, SYSTEM, kind, "notice", speaking.resource_id, rule=speaking.rule)
    telemetry.say("warning", kind, rule=speaking.rule, clock=speaking.id, notice=speaking.resource_id)


# -- as its readers see it -------------------------------------------------------------------------


async def show(session: AsyncSession, caller: Caller, notices: Sequence[Notice]) -> list[NoticeOut]:
    """Return notices that the caller may read, in the caller's view of them."""
    if caller.agency_kind == "CONSULATE":
        return [_for_consulate(notice, caller) for notice in notices]
    found = [notice.id for notice in notices]
    sent = await store.deliveries(session, found)
    running = await store.clocks(session, found)
    return [
        _for_authority(
            notice,
            caller,
            [row for notice_id, row in sent if notice_id == notice.id],
            [row for row in running if row.resource_id == notice.id],
        )
        for notice in notices
    ]


def _for_consulate(notice: Notice, caller: Caller) -> NoticeForConsulate:
    return NoticeForConsulate(
        id=notice.id,
        nationality=notice.nationality,
        state=notice.state,
        pp=OfficeOut(**notice.pp),
        dif=OfficeOut(**notice.dif),
        statement_es=STATEMENT.es,
        statement_en=STATEMENT.en,
        status=notice.status,
        acknowledged_at=notice.acknowledged_at,
        allowed_actions=rules.allowed_actions(notice.status, caller.agency_kind),
    )


def _for_authority(
    notice: Notice, caller: Caller, sent: Sequence[Delivery], running: Sequence[Clock]
) -> NoticeForAuthority:
    return NoticeForAuthority(
        id=notice.id,
        release_id=notice.release_id,
        nationality=notice.nationality,
        state=notice.state,
        pp=OfficeOut(**notice.pp),
        dif=OfficeOut(**notice.dif),
        consulate_id=notice.consulate_id,
        status=notice.status,
        sending=_sending(sent),
        issued_at=notice.issued_at,
        acknowledged_at=notice.acknowledged_at,
        clocks=[ClockOut.model_validate(row) for row in running],
        allowed_actions=rules.allowed_actions(notice.status, caller.agency_kind),
    )


def _sending(sent: Sequence[Delivery]) -> Sending:
    received = [row.delivered_at for row in sent if row.state is DeliveryState.DELIVERED and row.delivered_at]
    if received:
        return Sending(stage=Stage.RECEIVED, received_at=min(received))
    begun = any(row.sequence is not None for row in sent)
    return Sending(stage=Stage.TRYING if begun else Stage.NOT_SENT, received_at=None)
