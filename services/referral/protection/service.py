"""Use cases of the guard: take facts in, take indications in, release. Permits are in permits.py.

Every one of them first locks the guards of the child and its relatives, in one order: that is
where a permit and an indication meet, and the indication always wins.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlmodel import text
from sqlmodel.ext.asyncio.session import AsyncSession

from services.referral.agencies import service as agencies
from services.referral.agencies.rules import Kind
from services.referral.agencies.service import SYSTEM, competent
from services.referral.cases import service as cases
from services.referral.cases.models import Case
from services.referral.cases.rules import Seen
from services.referral.majority import service as majority
from services.referral.protection import rules, store
from services.referral.protection.models import Guard, Indication, Kinship, Release
from services.referral.protection.rules import Act, IndicationCode, Known, Obstacle, ReleaseAction, ToldBy
from services.referral.protection.schemas import (
    FactsIn,
    IndicationIn,
    IndicationOut,
    IndicationRead,
    ReleaseIn,
    ReleaseOut,
)
from services.referral.referrals import service as referrals
from services.referral.referrals.models import Referral
from services.referral.referrals.rules import ReferralKind
from shared import audit, clock, ids
from shared.auth import Caller
from shared.crypto import Vault
from shared.db import run
from shared.delivery import service as delivery
from shared.errors import Conflict, NotFound
from shared.events import NoticeAcknowledged, Office, ReleaseGranted

CONSULAR = "service:consular"


async def announce(session: AsyncSession, child_id: str, version: int, *, again: bool = False) -> None:
    """Take in that intake has facts of this version; the worker fetches them. Until then: unknown.

    With `again` even those of this version are: what was confirmed of it did not tell everything.
    """
    guard = await lock(session, child_id)
    guard.announced_version = max(guard.announced_version, version)
    if again:
        guard.facts_version = min(guard.facts_version, version - 1)


async def take_facts(session: AsyncSession, facts: FactsIn) -> None:
    """Go by these facts from now on. Older ones than those known change nothing.

    What a screening found is an indication like any other (R15), and once found it stays found.
    """
    case = await cases.of_child(session, facts.child_id)  # locked before the guard, as everywhere
    if facts.indicators:
        await _screened(session, facts)
    guard = await lock(session, facts.child_id, *facts.relatives)
    if facts.version < guard.facts_version:
        return
    guard.facts_version = facts.version
    guard.announced_version = max(guard.announced_version, facts.version)
    guard.nationalities = facts.nationalities
    guard.residence = facts.residence
    guard.stateless_doubt = facts.stateless_doubt
    guard.languages = facts.languages
    if case is not None and "majority_month" in facts.model_fields_set:  # an older intake says nothing of it
        await majority.born(session, case, facts.majority_month)
    known = set(await store.relatives(session, facts.child_id))
    for relative in set(facts.relatives) - known - {facts.child_id}:
        session.add(Kinship(child_id=facts.child_id, relative_id=relative))
        await session.merge(Kinship(child_id=relative, relative_id=facts.child_id))
    await session.flush()


async def _screened(session: AsyncSession, facts: FactsIn) -> None:
    """Record what a screening found and nobody has indicated yet. The child may have no case so far."""
    assert facts.state is not None and facts.screened_by is not None  # noqa: PT018  (the shape has all three or none)
    case = await cases.ensure(session, facts.child_id, facts.state)
    guard = await lock(session, facts.child_id, *facts.relatives)
    known = {row.code for row in await store.indications(session, case.id)}
    agency = replace(SYSTEM, agency=facts.screened_by)
    for code in sorted(set(facts.indicators) - known):
        body = IndicationIn(case_id=case.id, code=code, told_by=ToldBy.OFFICER)
        await _close(session, agency, case, guard, _indication(None, agency, case, body, clock.now()))


async def lock(session: AsyncSession, child_id: str, *others: str) -> Guard:
    """Lock a child's guard, and its family's, creating the child's own if there is none."""
    await run(
        session,
        text("INSERT INTO guard (child_id, announced_version, facts_version) VALUES (:id, 0, 0) "
             "ON CONFLICT (child_id) DO NOTHING"), {"id": child_id},
    )  # fmt: skip
    family = {child_id, *others, *await store.family(session, child_id)}
    return (await store.guards(session, sorted(family), lock=True))[child_id]


async def known(session: AsyncSession, case: Case) -> Known:
    """Return everything that is known of a case's child. Whoever decides by it has locked the guards before."""
    family = await store.family(session, case.child_id)
    guards = await store.guards(session, [case.child_id, *family])
    guard = guards.get(case.child_id, Guard(child_id=case.child_id))
    current = guard.facts_version > 0 and guard.facts_version >= guard.announced_version
    return Known(
        nationalities=tuple(guard.nationalities) if current and guard.nationalities is not None else None,
        stateless_doubt=guard.stateless_doubt if current else None,
        languages=tuple(guard.languages) if current and guard.languages is not None else None,
        blocked=guard.blocked_at is not None,
        relatives_blocked=tuple(guards[name].blocked_at is not None if name in guards else None for name in family),
        channelled=case.channelled,
        represented=bool(case.representative),
    )


async def indicate(session: AsyncSession, vault: Vault, caller: Caller, body: IndicationIn) -> IndicationOut:
    """Record an indication: the guard closes, COMAR is told, whatever was on its way is named (R15)."""
    case = await cases.find(session, caller, body.case_id, lock=True)
    guard = await lock(session, case.child_id)
    return await _close(session, caller, case, guard, _indication(vault, caller, case, body, clock.now()))


async def found(session: AsyncSession, vault: Vault, caller: Caller, case_id: str, code: str) -> None:
    """Take in that an assessment found what points to a need of protection (R15)."""
    await indicate(
        session, vault, caller, IndicationIn(case_id=case_id, code=IndicationCode(code), told_by=ToldBy.OFFICER)
    )


async def _close(
    session: AsyncSession, caller: Caller, case: Case, guard: Guard, indication: Indication
) -> IndicationOut:
    """Close a locked guard by an indication, and do everything that follows from it."""
    now = indication.recorded_at
    guard.blocked_at = guard.blocked_at or now
    session.add(indication)
    audit.wrote(session, caller, "indicate", "case", case.id, indication=indication.id, code=indication.code.value)
    _enter(session, case, "protection.indicated", indication.id, caller.agency, Seen.PP)
    for each in await store.live_releases(session, case.child_id):
        _move(session, SYSTEM, each, ReleaseAction.STOP)
        _enter(session, case, "release.stop", each.id, None, Seen.PP)
    permits = await store.open_permits(session, [case.child_id, *await store.family(session, case.child_id)], now)
    comar = await _tell_comar(session, caller, case)
    verification = await _verify(session, caller, case) if permits else None
    return IndicationOut(
        id=indication.id,
        case_id=case.id,
        code=indication.code,
        told_by=indication.told_by,
        agency=caller.agency,
        recorded_at=now,
        comar_referral_id=comar.id,
        open_permits=[permit.id for permit in permits],
        verification_referral_id=verification.id if verification else None,
    )


def _enter(session: AsyncSession, case: Case, code: str, subject: str, agency: str | None, seen: Seen) -> None:
    """Put it on the timeline of the case: what tells of protection for the Procuraduría alone."""
    cases.enter(session, case, code=code, subject=subject, agency=agency, seen=seen)


def _indication(vault: Vault | None, caller: Caller, case: Case, body: IndicationIn, now: datetime) -> Indication:
    indication_id = ids.new("ind")
    return Indication(
        id=indication_id,
        case_id=case.id,
        child_id=case.child_id,
        code=body.code,
        told_by=body.told_by,
        note=vault.seal(body.note.encode(), "indication", indication_id) if vault and body.note else None,
        agency=caller.agency,
        recorded_at=now,
    )


async def _tell_comar(session: AsyncSession, caller: Caller, case: Case) -> Referral:
    return await referrals.open_once(
        session, SYSTEM, case=case, kind=ReferralKind.COMAR_NOTICE, recipient_id="comar", reason="INDICATION",
        sender_id=caller.agency,
    )  # fmt: skip


async def _verify(session: AsyncSession, caller: Caller, case: Case) -> Referral:
    """Open the Procuraduría's task to see what the sends did that had been allowed a moment before."""
    return await referrals.open_referral(
        session, SYSTEM, case=case, kind=ReferralKind.PP_VERIFY, recipient_id=case.representative,
        reason="PERMIT_OPEN", sender_id=caller.agency,
    )  # fmt: skip


async def said(session: AsyncSession, case_id: str) -> Sequence[Indication]:
    """Return the indications of a case, oldest first, for the system's own use."""
    return await store.indications(session, case_id)


async def indications(session: AsyncSession, vault: Vault, caller: Caller, case_id: str) -> list[IndicationRead]:
    """Return the indications of a case to the Procuraduría, which represents the child. The reading is recorded."""
    case = await cases.find(session, caller, case_id)
    audit.read(session, caller, "indications", case.id)
    return [_opened(vault, row) for row in await store.indications(session, case.id)]


def _opened(vault: Vault, row: Indication) -> IndicationRead:
    note = vault.open(row.note, "indication", row.id).decode() if row.note is not None else None
    return IndicationRead(note=note, **row.model_dump(exclude={"note", "child_id"}))


async def propose(session: AsyncSession, caller: Caller, body: ReleaseIn) -> ReleaseOut:
    """Propose that the consulate be told. Refused at once where the law already says no."""
    case = await cases.find(session, caller, body.case_id, lock=True)
    release = Release(
        id=ids.opaque("rel"),
        case_id=case.id,
        child_id=case.child_id,
        nationality=body.nationality,
        screened_at=body.screened_at,
        told_at=body.told_at,
        told_in=body.told_in,
        objects=body.objects,
        proposed_by=_named(caller, body.officer),
        created_at=clock.now(),
    )
    await lock(session, case.child_id)
    if await store.live_releases(session, case.child_id):
        raise Conflict("A notice for this child is already proposed or released.")
    _refuse(caller, await _obstacles(session, release, case))
    session.add(release)
    audit.wrote(session, caller, "propose", "release", release.id, case=case.id, officer=body.officer)
    _enter(session, case, "release.proposed", release.id, caller.agency, Seen.AUTHORITIES)
    return show(caller, release, [])


def _named(caller: Caller, officer: str) -> str:
    return f"{caller.agency}/{officer}"


async def act(
    session: AsyncSession, caller: Caller, release_id: str, action: ReleaseAction, officer: str
) -> ReleaseOut:
    """Take a step of a release. `release` is where the guard decides, with everything locked."""
    found = await store.release(session, caller, release_id)
    if found is None:
        raise NotFound
    case = await cases.find(session, caller, found.case_id, lock=True)
    await lock(session, case.child_id)  # before the release itself, as an indication does
    release = await store.release(session, caller, release_id, lock=True)
    assert release is not None
    await session.refresh(release)
    _move(session, caller, release, action, officer)
    _enter(session, case, f"release.{action}", release.id, caller.agency, Seen.AUTHORITIES)
    present = await _obstacles(session, release, case)
    if action in (ReleaseAction.CONCUR, ReleaseAction.RELEASE):
        _refuse(caller, present)
    if action is ReleaseAction.RELEASE:
        await _grant(session, release, case)
    return show(caller, release, present)


def _move(
    session: AsyncSession, caller: Caller, release: Release, action: ReleaseAction, officer: str | None = None
) -> None:
    release.state = rules.advance(release.state, action, caller.agency_kind)
    release.version += 1
    if action is ReleaseAction.CONCUR:
        release.concurred_by, release.concurred_at = _named(caller, officer or ""), clock.now()
    if action is ReleaseAction.RELEASE:
        release.released_by, release.released_at = _named(caller, officer or ""), clock.now()
    audit.wrote(session, caller, action.value, "release", release.id, officer=officer)


async def _obstacles(session: AsyncSession, release: Release, case: Case) -> list[Obstacle]:
    act = Act(release.nationality, screened=True, told_in=release.told_in, objects=release.objects)
    return rules.obstacles(await known(session, case), act)


def _refuse(caller: Caller, found: list[Obstacle]) -> None:
    if not found:
        return
    law = next((rules.LAW_OF[each] for each in found if each in rules.LAW_OF), rules.ACT)
    shown = rules.shown_to(caller.agency_kind, found)
    raise law.refuse("The notice may not be released: " + ", ".join(shown) + ".", allowed_actions=[])


async def _grant(session: AsyncSession, release: Release, case: Case) -> None:
    """Tell the consular service, for the first time and with the least (the guard: Structure)."""
    pp, dif = agencies.known(case.representative), agencies.known(case.dif or competent(Kind.DIF, case.state).id)
    fact = ReleaseGranted(
        release_id=release.id,
        nationality=release.nationality,
        state=case.state,
        pp=Office(id=pp.id, name=pp.name_es),
        dif=Office(id=dif.id, name=dif.name_es),
    )
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
    return ReleaseOut(
        **release.model_dump(include=_SHOWN),
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
    return show(caller, release, await _obstacles(session, release, case))
