"""Notices as each of their readers sees them, and their history for the authorities."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from services.consular.letters import service as letters
from services.consular.letters.models import Letter
from services.consular.notices import rules, store
from services.consular.notices.models import Notice
from services.consular.notices.rules import C5, HISTORY, STATEMENT, Happened, Stage
from services.consular.notices.schemas import (
    HappenedOut,
    NoticeForAuthority,
    NoticeForConsulate,
    NoticeHistory,
    NoticeOut,
    OfficeOut,
    Sending,
)
from shared.auth import Caller
from shared.clocks.models import Clock
from shared.clocks.schemas import ClockOut
from shared.delivery.models import Delivery, Event
from shared.delivery.rules import DeliveryState
from shared.events import NoticeIssued

_Sent = tuple[Event, str, Delivery]


async def show(session: AsyncSession, caller: Caller, notices: Sequence[Notice]) -> list[NoticeOut]:
    """Return notices that the caller may read, in the caller's view of them."""
    if caller.agency_kind == "CONSULATE":
        return [_for_consulate(notice, caller) for notice in notices]
    found = [notice.id for notice in notices]
    sent = await store.deliveries(session, found)
    running = await store.clocks(session, notices)
    written = await letters.of_notices(session, found)
    return [
        _for_authority(
            notice,
            caller,
            [row for row in sent if row[0].subject == notice.id],
            [row for row in running if row.case_key == notice.release_id],
            [row for row in written if row.notice_id == notice.id],
        )
        for notice in notices
    ]


def _for_consulate(notice: Notice, caller: Caller) -> NoticeForConsulate:
    return NoticeForConsulate(
        id=notice.id,
        nationality=notice.nationality,
        state=notice.state,
        pp=OfficeOut.of(notice.pp),
        dif=OfficeOut.of(notice.dif),
        statement_es=STATEMENT.es,
        statement_en=STATEMENT.en,
        status=notice.status,
        acknowledged_at=notice.acknowledged_at,
        allowed_actions=rules.allowed_actions(notice.status, caller.agency_kind),
    )


_SAME = {
    "id", "release_id", "nationality", "state", "consulate_id", "addressee", "escalated_to", "status", "issued_at",
    "acknowledged_at", "acknowledged_by", "evidence", "decision", "decided_at", "decided_by", "decided_in",
}  # fmt: skip


def _for_authority(
    notice: Notice, caller: Caller, sent: Sequence[_Sent], running: Sequence[Clock], written: Sequence[Letter]
) -> NoticeForAuthority:
    return NoticeForAuthority(
        **notice.model_dump(include=_SAME),
        pp=OfficeOut.of(notice.pp),
        dif=OfficeOut.of(notice.dif),
        sending=_sending(sent, written),
        letters=[letters.show(caller, row) for row in written],
        clocks=[ClockOut.model_validate(row) for row in running],
        allowed_actions=rules.allowed_actions(notice.status, caller.agency_kind),
    )


def _sending(sent: Sequence[_Sent], written: Sequence[Letter]) -> Sending:
    notices = [row for fact, _, row in sent if fact.type == NoticeIssued.TYPE]
    received = [row.delivered_at for row in notices if row.state is DeliveryState.DELIVERED and row.delivered_at]
    received += [row.sent_at for row in written if row.sent_at]
    if received:
        return Sending(stage=Stage.RECEIVED, received_at=min(received))
    begun = any(row.sequence is not None for row in notices)
    return Sending(stage=Stage.TRYING if begun else Stage.NOT_SENT, received_at=None)


# -- what happened ---------------------------------------------------------------------------------------

_Thing = tuple[datetime | None, Happened, str | None, str | None]


async def history(session: AsyncSession, notice: Notice) -> NoticeHistory:
    """Return what happened to a notice that an authority may read, oldest first, in two languages."""
    sent = await store.deliveries(session, [notice.id])
    things = [
        *_of_notice(notice),
        *(each for row in sent for each in _of_delivery(notice, row)),
        *(each for row in await letters.of_notices(session, [notice.id]) for each in _of_letter(notice, row)),
        *(each for row in await store.clocks(session, [notice]) for each in _of_clock(row)),
    ]
    order = list(Happened)
    told = sorted(
        ((at, what, who, detail) for at, what, who, detail in things if at is not None),
        key=lambda each: (each[0], order.index(each[1])),
    )
    return NoticeHistory(
        items=[
            HappenedOut(at=at, what=what, text_es=HISTORY[what].es, text_en=HISTORY[what].en, who=who, detail=detail)
            for at, what, who, detail in told
        ]
    )


def _of_notice(notice: Notice) -> Iterator[_Thing]:
    yield notice.issued_at, Happened.ISSUED, notice.consulate_id, None
    yield notice.acknowledged_at, Happened.ACKNOWLEDGED, None, notice.evidence
    yield notice.decided_at, Happened.DECIDED, None, notice.decision.value if notice.decision else None


def _of_delivery(notice: Notice, sent: _Sent) -> Iterator[_Thing]:
    """Yield what left: what the gate withheld has no number, and no moment of a first send."""
    fact, owner, row = sent
    begun = row.first_sent_at if row.sequence is not None else None
    if fact.type != NoticeIssued.TYPE:
        yield begun, Happened.REMINDED, owner, None
        return
    if owner == notice.escalated_to:
        yield row.created_at, Happened.ESCALATED, owner, None
    yield begun, Happened.SENT, owner, None
    yield row.delivered_at, Happened.RECEIVED, owner, None


def _of_letter(notice: Notice, row: Letter) -> Iterator[_Thing]:
    if row.consulate_id == notice.escalated_to:
        yield row.owed_at, Happened.ESCALATED, row.consulate_id, None
    yield row.owed_at, Happened.LETTER_OWED, row.consulate_id, row.kind.value
    yield row.sent_at, Happened.LETTER_SENT, row.consulate_id, row.how.value if row.how else None


def _of_clock(row: Clock) -> Iterator[_Thing]:
    if row.rule == C5.id:
        yield row.started_at, Happened.PERSON, row.agency, row.rule
    yield row.warned_at, Happened.WARNED, row.agency, row.rule
    yield row.breached_at, Happened.BREACHED, row.agency, row.rule
