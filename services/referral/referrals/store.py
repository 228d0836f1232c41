"""Every SQL statement of referrals."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import false, not_, true, update
from sqlmodel import and_, col, func, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.referral.agencies.service import SYSTEM
from services.referral.cases import store as cases
from services.referral.cases.models import Case
from services.referral.referrals.models import (
    HandoverEncounter,
    Referral,
    ReferralLoad,
    ReferralLoadError,
    ReferralWithheld,
)
from services.referral.referrals.rules import LIVE, ReferralKind, State
from shared.auth import Caller
from shared.clocks.models import Clock
from shared.delivery.models import Delivery, Endpoint, Event
from shared.delivery.rules import DeliveryState, EndpointState
from shared.events import ReferralMoved
from shared.paging import Paging


def readable(caller: Caller) -> Any:
    """Select the referrals that the caller may know of: its own, and to whom the child is represented.

    The Procuraduría of the territory represents the child and sees all of them. INM sees only
    those that it takes part in: a notice to COMAR that another agency caused is not INM's to know.
    From whom a referral is withheld does not see it, whatever its role (R29); nor a service's from whom the case is.
    What the law orders still goes there: it holds codes, and no disclosure comes of it.
    What a body of a foreign state may read is a crossing, never a referral (R16).
    """
    if caller.agency_kind in cases.ABROAD:
        return select(Referral).where(false())
    own = or_(
        Referral.sender == caller.agency,
        Referral.recipient == caller.agency,
        Referral.escalated_to == caller.agency,
        _represented(caller),
    )
    if caller is SYSTEM:
        return select(Referral)
    kept = and_(Referral.kind == ReferralKind.SERVICE, col(Referral.case_id).in_(cases.kept_from(caller)))
    withheld = select(ReferralWithheld.referral_id).where(ReferralWithheld.agency == caller.agency)
    return select(Referral).where(own, not_(kept), col(Referral.id).not_in(withheld))


def _represented(caller: Caller) -> Any:
    if caller is SYSTEM:
        return true()
    if caller.agency_kind != "PP":
        return false()
    return col(Referral.case_id).in_(select(Case.id).where(cases.in_territory(caller)))


async def get(session: AsyncSession, caller: Caller, referral_id: str, *, lock: bool = False) -> Referral | None:
    """Return one referral that the caller may read, locked if wished."""
    statement = readable(caller).where(Referral.id == referral_id)
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    found: Referral | None = (await session.exec(statement)).first()
    return found


async def locked(session: AsyncSession, referral_id: str) -> Referral:
    """Return a referral that is known to be there, locked, for the system's own use."""
    statement = readable(SYSTEM).where(Referral.id == referral_id).with_for_update()
    found: Referral = (await session.exec(statement.execution_options(populate_existing=True))).one()
    return found


async def lock_clocks(session: AsyncSession, referral_id: str) -> None:
    """Lock the clocks of a referral, in one order for everybody, before the referral itself."""
    statement = select(Clock).where(Clock.resource_id == referral_id).order_by(col(Clock.id)).with_for_update()
    await session.exec(statement)


async def lock_case_clocks(session: AsyncSession, case_id: str) -> None:
    """Lock every clock of a case in the same order, where more than one of its resources may move."""
    statement = select(Clock).where(Clock.case_key == case_id).order_by(col(Clock.id)).with_for_update()
    await session.exec(statement)


async def represented(session: AsyncSession, caller: Caller, case_ids: Collection[str]) -> set[str]:
    """Return which of these cases are of the Procuraduría that calls; nobody else represents."""
    if caller.agency_kind != "PP" or not case_ids:
        return set()
    statement = select(Case.id).where(col(Case.id).in_(case_ids), cases.in_territory(caller))
    return set((await session.exec(statement)).all())


async def chain(session: AsyncSession, caller: Caller, referral: Referral) -> Sequence[Referral]:
    """Return what the caller may read of the referrals that followed each other, the first one first."""
    root = referral.root_id or referral.id
    statement = readable(caller).where(or_(Referral.id == root, Referral.root_id == root)).order_by(col(Referral.id))
    found: Sequence[Referral] = (await session.exec(statement)).all()
    return found


async def parts(session: AsyncSession, caller: Caller, parent_id: str) -> Sequence[Referral]:
    """Return what the caller may read of the referrals under one."""
    statement = readable(caller).where(Referral.parent_id == parent_id).order_by(col(Referral.id))
    found: Sequence[Referral] = (await session.exec(statement)).all()
    return found


async def live_parts(session: AsyncSession, parent_id: str) -> Sequence[str]:
    """Return the ids of the open referrals under a locked one, in one order for everybody."""
    statement = select(Referral.id).where(Referral.parent_id == parent_id, col(Referral.state).in_(LIVE))
    return (await session.exec(statement.order_by(col(Referral.id)))).all()


async def live_of(session: AsyncSession, case_id: str, agency: str) -> Sequence[str]:
    """Return the ids of the open referrals of a case that an agency sent, got or judges, in one order for everybody."""
    theirs = or_(Referral.sender == agency, Referral.recipient == agency, Referral.refusal_to == agency)
    statement = select(Referral.id).where(Referral.case_id == case_id, theirs, col(Referral.state).in_(LIVE))
    return (await session.exec(statement.order_by(col(Referral.id)))).all()


async def owed_by(session: AsyncSession, referral_id: str, old: str, new: str) -> None:
    """Let another agency owe what clocks of a referral still run for."""
    statement = update(Clock).where(
        col(Clock.resource_id) == referral_id, col(Clock.agency) == old, col(Clock.met_at).is_(None)
    )
    await session.exec(statement.values(agency=new))


async def of_case(session: AsyncSession, case_id: str, caller: Caller = SYSTEM) -> Sequence[Referral]:
    """Return the referrals of a case that the caller may read (the system: all), oldest first."""
    statement = readable(caller).where(Referral.case_id == case_id).order_by(col(Referral.id))
    found: Sequence[Referral] = (await session.exec(statement)).all()
    return found


async def live(session: AsyncSession, case_id: str, kind: ReferralKind, recipient: str) -> Referral | None:
    """Return the referral of this kind that the recipient still has open, if any."""
    statement = (
        readable(SYSTEM)
        .where(Referral.case_id == case_id, Referral.kind == kind, Referral.recipient == recipient)
        .where(col(Referral.state).in_(LIVE))
    )
    found: Referral | None = (await session.exec(statement)).first()
    return found


async def clocks_of(session: AsyncSession, referral_ids: Collection[str]) -> Sequence[Clock]:
    """Return the clocks of referrals that the caller has been shown to be able to read."""
    statement = select(Clock).where(col(Clock.resource_id).in_(referral_ids)).order_by(col(Clock.due_at))
    return (await session.exec(statement)).all()


# -- what the system does by itself ----------------------------------------------------------------------

_UNANSWERED = [State.SENT, State.RECEIVED, State.UNDELIVERABLE]


async def lapsed(session: AsyncSession, due_before: datetime, limit: int) -> Sequence[str]:
    """Return requests for a service whose answer was due before then, and that nobody has answered."""
    statement = (
        select(Referral.id)
        .where(col(Referral.state).in_(_UNANSWERED), Referral.due_at <= due_before)
        .where(Referral.kind == ReferralKind.SERVICE, col(Referral.refusal_reason).is_(None))
        .order_by(col(Referral.due_at))
        .limit(limit)
    )
    return (await session.exec(statement)).all()


async def undelivered(session: AsyncSession, now: datetime, limit: int) -> Sequence[str]:
    """Return referrals that did not reach their recipient: given up by the engine, or no address and nobody read it."""
    ours = Endpoint.owner == Referral.recipient
    given_up = (
        select(Delivery.event_id, Endpoint.owner)
        .join(Endpoint, col(Endpoint.id) == col(Delivery.endpoint_id))
        .join(Event, col(Event.id) == col(Delivery.event_id))
        .where(Event.subject == Referral.id, Event.type == ReferralMoved.SENT, ours)
    )
    lost = given_up.where(col(Delivery.state).in_([DeliveryState.PARKED, DeliveryState.SKIPPED]))
    hopeful = given_up.where(col(Delivery.state).in_([DeliveryState.PENDING, DeliveryState.DELIVERED]))
    reachable = select(Endpoint.id).where(ours, Endpoint.state != EndpointState.REMOVED)
    unread = and_(col(Referral.read_at).is_(None), Referral.due_at <= now, ~reachable.exists())
    statement = (
        select(Referral.id)
        .where(Referral.state == State.SENT, or_(and_(lost.exists(), ~hopeful.exists()), unread))
        .order_by(col(Referral.due_at))
        .limit(limit)
    )
    return (await session.exec(statement)).all()


# -- uploads ---------------------------------------------------------------------------------------------


def loads(caller: Caller) -> Any:
    """Select the uploads of the caller's own agency."""
    return select(ReferralLoad).where(ReferralLoad.agency == caller.agency)


async def load(session: AsyncSession, caller: Caller, load_id: str) -> ReferralLoad | None:
    """Return an upload that the caller may read."""
    found: ReferralLoad | None = (await session.exec(loads(caller).where(ReferralLoad.id == load_id))).first()
    return found


def errors(of: ReferralLoad, paging: Paging) -> Any:
    """Select one page, and one more, of the faults of the last attempt of a readable upload, by line."""
    statement = select(ReferralLoadError).where(
        ReferralLoadError.load_id == of.id, ReferralLoadError.attempt == of.attempts
    )
    if paging.after is not None:
        statement = statement.where(col(ReferralLoadError.id) > paging.after)
    return statement.order_by(col(ReferralLoadError.id)).limit(paging.limit + 1)


async def errors_kept(session: AsyncSession, of: ReferralLoad) -> int:
    """Count the faults that are kept of the last attempt."""
    statement = select(func.count()).where(ReferralLoadError.load_id == of.id, ReferralLoadError.attempt == of.attempts)
    return (await session.exec(statement)).one()


async def known(session: AsyncSession, sender: str, external_ids: Collection[str]) -> set[str]:
    """Return which of a sender's own ids it has referrals for."""
    statement = select(Referral.external_id).where(
        Referral.sender == sender, col(Referral.external_id).in_(external_ids)
    )
    return {each for each in (await session.exec(statement)).all() if each is not None}


async def encounters_of(session: AsyncSession, root_id: str) -> list[str]:
    """Return the encounters whose hand-over a chain of referrals is, for the system's own use."""
    chain = select(Referral.id).where(or_(col(Referral.id) == root_id, col(Referral.root_id) == root_id))
    statement = select(HandoverEncounter.encounter_id).where(col(HandoverEncounter.referral_id).in_(chain))
    return sorted((await session.exec(statement)).all())


async def met_at(session: AsyncSession, case_id: str, encounter_id: str) -> bool:
    """Whether a referral of a case is an encounter's hand-over, for the system's own use."""
    statement = select(HandoverEncounter.encounter_id).join(Referral, col(Referral.id) == HandoverEncounter.referral_id)
    found = statement.where(Referral.case_id == case_id, HandoverEncounter.encounter_id == encounter_id)
    return (await session.exec(found)).first() is not None
