"""Releases: the acts by which a consulate, or a body of another state, may be told of a child."""

from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from services.referral.agencies import service as agencies
from services.referral.agencies import store as directory
from services.referral.agencies.rules import Kind
from services.referral.agencies.service import SYSTEM, competent
from services.referral.cases import service as cases
from services.referral.cases.models import Case
from services.referral.cases.rules import Seen
from services.referral.protection import crossings, reviews, rules, store, waiting
from services.referral.protection.knowing import act_of, enter, held, lock, named, obstacles
from services.referral.protection.lifting import ReviewSubject
from services.referral.protection.models import Release
from services.referral.protection.rules import Obstacle, ReleaseAction
from services.referral.protection.schemas import ReleaseIn, ReleaseOut
from shared import audit, clock, ids
from shared.auth import Caller
from shared.delivery import service as delivery
from shared.errors import Conflict, Fault, Invalid, NotFound
from shared.events import NoticeAcknowledged, Office, ReleaseGranted

CONSULAR = "service:consular"


async def propose(session: AsyncSession, caller: Caller, body: ReleaseIn) -> ReleaseOut:
    """Propose that the consulate, or a body abroad, be told. Refused at once where the law already says no."""
    case = await cases.find(session, caller, body.case_id, lock=True)
    _vet(caller, body)
    release = Release(
        id=ids.opaque("rel"),
        case_id=case.id,
        child_id=case.child_id,
        nationality=body.nationality,
        screened_at=body.screened_at,
        told_at=body.told_at,
        told_in=body.told_in,
        objects=body.objects,
        proposed_by=named(caller, body.officer),
        created_at=clock.now(),
        recipient=body.recipient,
        service=body.service,
    )
    await lock(session, case.child_id)
    if any(each.recipient == body.recipient for each in await store.live_releases(session, case.child_id)):
        raise Conflict("A notice for this child is already proposed or released.")
    _refuse(caller, release, await obstacles(session, release, case))
    session.add(release)
    audit.wrote(session, caller, "propose", "release", release.id, case=case.id, officer=body.officer)
    enter(session, case, "release.proposed", release.id, caller.agency, Seen.AUTHORITIES)
    return show(caller, release, [])


def _vet(caller: Caller, body: ReleaseIn) -> None:
    """Raise Invalid unless a named recipient serves the state that is to learn of the child."""
    if body.recipient is None:
        return
    found = directory.readable(caller).get(body.recipient)
    if found is None or not agencies.serves_abroad(found):
        raise Invalid("The directory has no such body abroad.", faults=[Fault("/recipient", "unknown")])
    if found.bound_to != body.nationality:
        raise Invalid("That body serves another state.", faults=[Fault("/nationality", "not_that_of_recipient")])


async def act(
    session: AsyncSession, caller: Caller, release_id: str, action: ReleaseAction, officer: str
) -> ReleaseOut:
    """Take a step of a release. `release` is where the guard decides, with everything locked."""
    found = await store.release(session, caller, release_id)
    if found is None:
        raise NotFound
    case = await held(session, caller, found.case_id)
    await lock(session, case.child_id)  # before the release itself, as an indication does
    release = await store.release(session, caller, release_id, lock=True)
    assert release is not None
    await session.refresh(release)
    _move(session, caller, release, action, officer)
    enter(session, case, f"release.{action}", release.id, caller.agency, Seen.AUTHORITIES)
    present = await obstacles(session, release, case)
    if action in (ReleaseAction.CONCUR, ReleaseAction.RELEASE):
        _refuse(caller, release, present)
    if action is ReleaseAction.RELEASE:
        await _grant(session, release, case)
        await reviews.begin(session, case, ReviewSubject.RELEASE, release.id)
        await waiting.settle(session, case)
    return show(caller, release, present)


async def stop(session: AsyncSession, case: Case, release: Release) -> None:
    """Stop a locked release: nothing more leaves by it, and nobody reviews it."""
    _move(session, SYSTEM, release, ReleaseAction.STOP)
    enter(session, case, "release.stop", release.id, None, Seen.PP)
    await reviews.drop(session, ReviewSubject.RELEASE, release.id)
    await waiting.for_facts(session, case, release, waits=False)


async def stop_uncovered(session: AsyncSession, case: Case) -> None:
    """Stop the releases of a child for which the guard has closed again. The guards are locked."""
    for each in await store.live_releases(session, case.child_id):
        if not rules.TELLING.isdisjoint(await obstacles(session, each, case)):
            await stop(session, case, each)


def _move(
    session: AsyncSession, caller: Caller, release: Release, action: ReleaseAction, officer: str | None = None
) -> None:
    release.state = rules.advance(release.state, action, caller.agency_kind)
    release.version += 1
    if action is ReleaseAction.CONCUR:
        release.concurred_by, release.concurred_at = named(caller, officer or ""), clock.now()
    if action is ReleaseAction.RELEASE:
        release.released_by, release.released_at = named(caller, officer or ""), clock.now()
    audit.wrote(session, caller, action.value, "release", release.id, officer=officer)


def _refuse(caller: Caller, release: Release, found: list[Obstacle]) -> None:
    if not found:
        return
    shown = rules.shown_to(caller.agency_kind, found)
    law = rules.law_behind(found, act_of(release))
    raise law.refuse("The notice may not be released: " + ", ".join(shown) + ".", allowed_actions=[])


def offices(case: Case) -> tuple[Office, Office]:
    """Return the Procuraduría and the DIF that have a child: all that a foreign state learns of where it is."""
    pp, dif = agencies.known(case.representative), agencies.known(case.dif or competent(Kind.DIF, case.state).id)
    return Office(id=pp.id, name=pp.name_es), Office(id=dif.id, name=dif.name_es)


async def _grant(session: AsyncSession, release: Release, case: Case) -> None:
    """Tell whom it is for, for the first time and with the least (the guard: Structure)."""
    pp, dif = offices(case)
    if release.recipient is not None:
        await crossings.send(session, release, state=case.state, pp=pp, dif=dif)
        return
    fact = ReleaseGranted(release_id=release.id, nationality=release.nationality, state=case.state, pp=pp, dif=dif)
    await delivery.publish(
        session, fact.TYPE, case=release.id, subject=release.id, audience=[CONSULAR], data=fact.model_dump(mode="json")
    )


async def case_of(session: AsyncSession, release_id: str) -> str | None:
    """Return the id of a release's case, if there is such a release: for what consular says of it."""
    release = await store.release_for_sender(session, release_id)
    return release.case_id if release is not None else None


async def acknowledged(session: AsyncSession, fact: NoticeAcknowledged) -> None:
    """Take in that the consulate said it has been notified."""
    release = await store.release_for_sender(session, fact.release_id)
    if release is not None and release.acknowledged_at is None:
        release.acknowledged_at = fact.acknowledged_at
        audit.wrote(session, SYSTEM, "acknowledged", "release", release.id)


def show(caller: Caller, release: Release, present: list[Obstacle]) -> ReleaseOut:
    """Return a release as this caller sees it."""
    shown: dict[str, Any] = release.model_dump(include=_SHOWN)
    return ReleaseOut(
        **shown,
        obstacles=rules.shown_to(caller.agency_kind, present),
        allowed_actions=rules.allowed(release.state, caller.agency_kind),
    )


_SHOWN = set(ReleaseOut.model_fields) - {"obstacles", "allowed_actions"}


async def get(session: AsyncSession, caller: Caller, release_id: str) -> ReleaseOut:
    """Return a release that the caller may read, and what stands in its way now. Raises NotFound."""
    release = await store.release(session, caller, release_id)
    if release is None:
        raise NotFound
    case = await cases.find(session, caller, release.case_id)
    return show(caller, release, await obstacles(session, release, case))
