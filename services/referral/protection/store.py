"""Every SQL statement of the guard."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlmodel import col, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.referral.cases import store as cases
from services.referral.cases.models import Case
from services.referral.protection.lifting import OPEN_LIFTS, LiftState, ReviewState, ReviewSubject
from services.referral.protection.models import Crossing, Guard, Indication, Kinship, Lift, Permit, Release, Review
from services.referral.protection.rules import ReleaseState
from shared.auth import Caller
from shared.db import run
from shared.delivery.models import Attempt, Delivery, Endpoint, Event


def readable(caller: Caller) -> Any:
    """Select the releases that the caller may know of: INM's and the Procuraduría's, in their territory (R29)."""
    territory = select(Case.id).where(cases.in_territory(caller), col(Case.id).not_in(cases.kept_from(caller)))
    return select(Release).where(col(Release.case_id).in_(territory))


async def release(session: AsyncSession, caller: Caller, release_id: str, *, lock: bool = False) -> Release | None:
    """Return a release that the caller may read."""
    statement = readable(caller).where(Release.id == release_id)
    found: Release | None = (await session.exec(statement.with_for_update() if lock else statement)).first()
    return found


async def release_for_sender(session: AsyncSession, release_id: str) -> Release | None:
    """Return a release for the permit of whoever sends it."""
    return await session.get(Release, release_id)


async def live_releases(session: AsyncSession, child_id: str) -> Sequence[Release]:
    """Return the releases of a child that an indication must stop, locked."""
    living = [ReleaseState.PROPOSED, ReleaseState.CONCURRED, ReleaseState.RELEASED]
    statement = select(Release).where(Release.child_id == child_id, col(Release.state).in_(living))
    return (await session.exec(statement.with_for_update())).all()


async def indications(session: AsyncSession, case_id: str) -> Sequence[Indication]:
    """Return the indications of a case that the caller has been shown to be able to read, oldest first."""
    statement = select(Indication).where(Indication.case_id == case_id).order_by(col(Indication.id))
    return (await session.exec(statement)).all()


async def relatives(session: AsyncSession, child_id: str) -> list[str]:
    """Return the ids of a child's relatives."""
    statement = select(Kinship.relative_id).where(Kinship.child_id == child_id).order_by(col(Kinship.relative_id))
    return list((await session.exec(statement)).all())


async def family(session: AsyncSession, child_id: str) -> list[str]:
    """Return the ids of a child's relatives and of theirs: a sign of any of them protects the child.

    Two records of one child are relatives of each other, so the relatives of either are the family of both.
    """
    near = select(Kinship.relative_id).where(Kinship.child_id == child_id)
    far = select(Kinship.relative_id).where(col(Kinship.child_id).in_(near), Kinship.relative_id != child_id)
    return sorted(row[0] for row in await run(session, near.union(far)))


async def guards(session: AsyncSession, child_ids: Sequence[str], *, lock: bool = False) -> dict[str, Guard]:
    """Return the guards that these children have, locked if wished: in one order for everybody."""
    statement = select(Guard).where(col(Guard.child_id).in_(child_ids)).order_by(col(Guard.child_id))
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    return {guard.child_id: guard for guard in (await session.exec(statement)).all()}


async def open_permits(session: AsyncSession, child_ids: Sequence[str], now: datetime) -> Sequence[Permit]:
    """Return the permits of these children that a sender may still be acting on."""
    statement = select(Permit).where(col(Permit.child_id).in_(child_ids), Permit.expires_at > now)
    return (await session.exec(statement.order_by(col(Permit.id)))).all()


async def outdated(session: AsyncSession, limit: int) -> Sequence[str]:
    """Return the children whose facts intake has announced and referral has not fetched."""
    statement = select(Guard.child_id).where(col(Guard.facts_version) < col(Guard.announced_version)).limit(limit)
    return (await session.exec(statement)).all()


async def released(session: AsyncSession, case_id: str, recipient: str | None) -> Release | None:
    """Return the release by which a recipient (None: the consulate) may learn of a child now."""
    reach = col(Release.recipient).is_(None) if recipient is None else col(Release.recipient) == recipient
    statement = select(Release).where(Release.case_id == case_id, Release.state == ReleaseState.RELEASED, reach)
    return (await session.exec(statement.order_by(col(Release.created_at).desc()))).first()


async def indication(session: AsyncSession, case_ids: Any, indication_id: str) -> Indication | None:
    """Return an indication of one of these cases, locked."""
    statement = select(Indication).where(Indication.id == indication_id, col(Indication.case_id).in_(case_ids))
    return (await session.exec(statement.with_for_update())).first()


# -- lifts -----------------------------------------------------------------------------------------------


def lifts(caller: Caller) -> Any:
    """Select the lifts that the caller may know of: the Procuraduría's and COMAR's alone, of the cases they read."""
    return select(Lift).where(col(Lift.case_id).in_(_shared(caller)))


def _shared(caller: Caller) -> Any:
    known = cases.readable(caller).with_only_columns(Case.id)
    if caller.agency_kind == "COMAR":
        return known
    return known.where(cases.represented(caller))


async def lift(session: AsyncSession, caller: Caller, lift_id: str) -> Lift | None:
    """Return a lift that the caller may know of."""
    found: Lift | None = (await session.exec(lifts(caller).where(Lift.id == lift_id))).first()
    return found


async def live_lifts(session: AsyncSession, child_ids: Sequence[str]) -> Sequence[Lift]:
    """Return the lifts that hold for these children, whose guards are locked."""
    statement = select(Lift).where(col(Lift.child_id).in_(child_ids), Lift.state == LiftState.LIVE)
    return (await session.exec(statement.order_by(col(Lift.id)))).all()


async def open_lifts(session: AsyncSession, child_id: str) -> Sequence[Lift]:
    """Return the lifts of a child that the next indication ends, locked."""
    statement = select(Lift).where(Lift.child_id == child_id, col(Lift.state).in_(OPEN_LIFTS))
    return (await session.exec(statement.order_by(col(Lift.id)).with_for_update())).all()


# -- reviews ---------------------------------------------------------------------------------------------


def reviews(caller: Caller) -> Any:
    """Select the reviews that the caller may know of: those of the children whom the Procuraduría represents."""
    represented = select(Case.id).where(cases.represented(caller))
    return select(Review).where(col(Review.case_id).in_(represented))


async def review(session: AsyncSession, caller: Caller, review_id: str) -> Review | None:
    """Return a review that the caller may know of."""
    found: Review | None = (await session.exec(reviews(caller).where(Review.id == review_id))).first()
    return found


async def due_reviews(session: AsyncSession, subject: ReviewSubject, subject_id: str) -> Sequence[Review]:
    """Return the reviews of something that wait, locked."""
    statement = select(Review).where(
        Review.subject == subject, Review.subject_id == subject_id, Review.state == ReviewState.DUE
    )
    return (await session.exec(statement.order_by(col(Review.id)).with_for_update())).all()


# -- what goes abroad ------------------------------------------------------------------------------------


def crossings(caller: Caller) -> Any:
    """Select what the caller, a body bound to a foreign state, may read if it can name it.

    Its first permitted send has begun: whoever knows the id, which is pure chance, has received it.
    """
    return select(Crossing).where(
        Crossing.agency == caller.agency, _sends(caller).where(col(Delivery.sequence).is_not(None)).exists()
    )


def listed(caller: Caller) -> Any:
    """Select what such a body may discover: what its own system has answered, or what it has acknowledged.

    An attempt that nothing answered may have sent nothing, and a list must not make up for it after the guard closed.
    """
    answered = _sends(caller).join(Attempt, col(Attempt.delivery_id) == col(Delivery.id))
    answered = answered.where(col(Attempt.status).is_not(None))
    return crossings(caller).where(or_(col(Crossing.acknowledged_at).is_not(None), answered.exists()))


def _sends(caller: Caller) -> Any:
    return (
        select(Delivery.id)
        .join(Event, col(Event.id) == col(Delivery.event_id))
        .join(Endpoint, col(Endpoint.id) == col(Delivery.endpoint_id))
        .where(Event.subject == Crossing.id, Endpoint.owner == caller.agency)
        .correlate(Crossing)
    )


async def crossing(session: AsyncSession, caller: Caller, crossing_id: str, *, lock: bool = False) -> Crossing | None:
    """Return what the caller may read of itself."""
    statement = crossings(caller).where(Crossing.id == crossing_id)
    found: Crossing | None = (await session.exec(statement.with_for_update() if lock else statement)).first()
    return found
