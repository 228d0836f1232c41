"""Use cases of referrals: open one, read it, take a step. How it comes to be is in opening.py, steps in steps.py."""

from collections.abc import Sequence

from sqlalchemy.exc import IntegrityError
from sqlmodel.ext.asyncio.session import AsyncSession

from services.referral.agencies import service as agencies
from services.referral.agencies import store as directory
from services.referral.agencies.service import SYSTEM
from services.referral.cases import service as cases
from services.referral.cases.rules import FEDERAL_PP
from services.referral.referrals import notes, rules, store
from services.referral.referrals.asks import Ask as Ask
from services.referral.referrals.codes import Outcome
from services.referral.referrals.models import HandoverEncounter, Referral
from services.referral.referrals.opening import open_once as open_once
from services.referral.referrals.opening import open_referral as open_referral
from services.referral.referrals.opening import publish, root_of
from services.referral.referrals.rules import Action, Party, ReferralKind, State
from services.referral.referrals.schemas import ReferralIn
from services.referral.referrals.steps import NOTHING, Said, standing, take
from services.referral.referrals.steps import duty_met as duty_met
from shared import audit, clock, etags
from shared.auth import Caller
from shared.clocks.models import Clock
from shared.crypto import Vault
from shared.errors import Conflict, Fault, Invalid, NotFound
from shared.events import ReferralMoved


async def find(session: AsyncSession, caller: Caller, referral_id: str, *, lock: bool = False) -> Referral:
    """Return a referral that the caller may read, locked if wished. Raises NotFound."""
    found = await store.get(session, caller, referral_id, lock=lock)
    if found is None:
        raise NotFound
    return found


async def find_with_clocks(session: AsyncSession, caller: Caller, referral_id: str) -> Referral:
    """Return a referral, locked, its clocks before it, as by whoever takes a step of it. Raises NotFound."""
    await find(session, caller, referral_id)
    await store.lock_clocks(session, referral_id)
    return await find(session, caller, referral_id, lock=True)


async def of_case(session: AsyncSession, case_id: str) -> Sequence[Referral]:
    """Return every referral of a case, oldest first, for the system's own use."""
    return await store.of_case(session, case_id)


async def met(session: AsyncSession, handover: Referral, encounter_id: str) -> None:
    """Note whose hand-over a referral is: an encounter's, whose clock D2 ends with its acta."""
    if await session.get(HandoverEncounter, (encounter_id, handover.id)) is None:
        session.add(HandoverEncounter(encounter_id=encounter_id, referral_id=handover.id))


async def met_at(session: AsyncSession, case_id: str, encounter_id: str) -> bool:
    """Whether this encounter is one at which the child of a case was met."""
    return await store.met_at(session, case_id, encounter_id)


async def encounters_of(session: AsyncSession, handover: Referral) -> list[str]:
    """Return the encounters whose hand-over a referral is, or one before it that found no place."""
    return await store.encounters_of(session, root_of(handover))


async def seen(session: AsyncSession, caller: Caller, case_id: str) -> tuple[Sequence[Referral], Sequence[Clock]]:
    """Return the referrals of a case that the caller may read, oldest first, and their clocks."""
    found = await store.of_case(session, case_id, caller)
    return found, await store.clocks_of(session, [referral.id for referral in found])


def parties(caller: Caller, referral: Referral, *, represents: bool = False) -> set[Party]:
    """Return what the caller is to a referral; nothing when it may only read it.

    Of what INM sent its own supervisor may confirm a refusal, too.
    """
    known = {Party.SENDER: referral.sender, Party.RECIPIENT: referral.recipient, Party.REVIEWER: referral.refusal_to}
    found = {party for party, agency in known.items() if agency == caller.agency}
    if Party.SENDER in found and caller.agency_kind == "INM" and caller.role == "supervisor":
        found.add(Party.REVIEWER)
    if represents:
        found.add(Party.PROCURADURIA)
    return found | {Party.SYSTEM} if caller is SYSTEM else found


def allowed(caller: Caller, referral: Referral, *, represents: bool = False) -> list[str]:
    """Return what the caller may do with a referral now. `represents` says that it is the case's Procuraduría."""
    return rules.allowed(standing(referral), parties(caller, referral, represents=represents))


async def represented(session: AsyncSession, caller: Caller, referrals: Sequence[Referral]) -> set[str]:
    """Return the cases of these referrals in which the caller is the Procuraduría that represents."""
    return await store.represented(session, caller, {each.case_id for each in referrals})


async def words(session: AsyncSession, vault: Vault, caller: Caller, referral: Referral) -> dict[str, str | None]:
    """Return what people said in their own words. That somebody else reads them is recorded (R34)."""
    said = notes.words(vault, referral)
    present = sorted(name for name, text in said.items() if text is not None)
    if present:
        audit.read(session, caller, "referral", referral.id, fields=present)
    return said


async def read(session: AsyncSession, caller: Caller, referral_id: str) -> Referral:
    """Return a referral for its reader, and note that its recipient knows of it. Raises NotFound."""
    found = await find(session, caller, referral_id)
    if found.read_at is None and caller.agency == found.recipient:
        found.read_at = clock.now()
    return found


async def request_service(session: AsyncSession, vault: Vault, caller: Caller, body: ReferralIn) -> Referral:
    """Open a SERVICE referral for a case that the caller may read, to a body of the directory.

    What it is part of is locked before the case, as by a step of it.
    Raises NotFound, Invalid, Conflict or RefusedByLaw.
    """
    parent = await _parent(session, caller, body)
    case = await cases.find(session, caller, body.case_id, lock=True)
    former = await _former(session, caller, body)
    _vet(caller, body)
    withheld = {*body.withheld_from, *((parent.withheld_from or ()) if parent else ())}
    if body.recipient in withheld:
        raise rules.NEED_TO_KNOW.refuse("It is withheld from that agency.", allowed_actions=[])
    ask = Ask(
        service=body.service, urgency=body.urgency, lawful_basis=body.lawful_basis,
        risk=body.risk or (parent.risk if parent else None) or case.risk,
        fields=None if body.fields is None else tuple(body.fields), withheld_from=tuple(sorted(withheld)),
        interpreter=body.interpreter, note=body.note, safe_contact=body.safe_contact, external_id=body.external_id,
        parent_id=parent.id if parent else None, depth=parent.depth + 1 if parent else 0, follows=former, vault=vault,
    )  # fmt: skip
    try:
        async with session.begin_nested():
            return await open_referral(
                session, caller, case=case, kind=ReferralKind.SERVICE, recipient_id=body.recipient,
                reason=body.reason.value, ask=ask,
            )  # fmt: skip
    except IntegrityError:  # the one thing that two rows of a referral cannot share
        raise SentBefore("You have sent a referral of this external_id.", allowed_actions=[]) from None


class SentBefore(Conflict):
    """The sender's own id of a referral is there already."""


def _vet(caller: Caller, body: ReferralIn) -> None:
    known = directory.readable(caller)
    if body.recipient not in agencies.here(caller):
        raise Invalid("The directory has no such body.", faults=[Fault("/recipient", "unknown")])
    if body.recipient == caller.agency:
        raise Conflict("A referral goes to another agency.")
    if not set(body.withheld_from) <= known.keys():
        raise Invalid("The directory has no such body.", faults=[Fault("/withheld_from", "unknown")])
    if {FEDERAL_PP, caller.agency} & set(body.withheld_from):
        raise Invalid("Who sends it and the federal Procuraduría know.", faults=[Fault("/withheld_from", "unfit")])


async def _parent(session: AsyncSession, caller: Caller, body: ReferralIn) -> Referral | None:
    """Return the locked referral that a new one is part of, if it may be."""
    if body.parent_id is None:
        return None
    parent = await find_with_clocks(session, caller, body.parent_id)
    if parent.case_id != body.case_id:
        raise NotFound
    if parent.recipient != caller.agency or parent.state not in rules.STANDING - {State.COMPLETED}:
        raise Conflict("Only who has accepted a referral asks others for a part of it.", allowed_actions=[])
    if parent.depth + 1 > rules.MAX_DEPTH:
        raise Conflict(f"Referrals hang at most {rules.MAX_DEPTH} deep under each other.", allowed_actions=[])
    if not set(body.fields or ()) <= set(parent.fields or ()) and not (parent.mandatory and parent.fields is None):
        raise rules.NEED_TO_KNOW.refuse("It lists a field that its parent does not.", allowed_actions=[])
    return parent


async def _former(session: AsyncSession, caller: Caller, body: ReferralIn) -> Referral | None:
    """Return the referral that a new one follows: one of the caller's own that came to nothing."""
    if body.follows is None:
        return None
    former = await find(session, caller, body.follows)
    if former.case_id != body.case_id:
        raise NotFound
    if former.sender != caller.agency or former.state in rules.LIVE:
        raise Conflict("A referral follows one of yours that has ended.", allowed_actions=[])
    return former


async def act(
    session: AsyncSession,
    vault: Vault,
    caller: Caller,
    referral_id: str,
    action: Action,
    said: Said = NOTHING,
    *,
    if_match: str | None = None,
) -> Referral:
    """Take a step. The row is locked, so that of two rivals one moves it and one is refused.

    Its clocks are locked before it, as by the worker that fires clocks: two orders would deadlock.
    Raises NotFound, Stale, IllegalMove, RefusedByLaw, Conflict or Invalid.
    """
    found = await find(session, caller, referral_id)
    if action in rules.CLOSES:  # its parts may end with it
        await store.lock_case_clocks(session, found.case_id)
    else:
        await store.lock_clocks(session, found.id)
    referral = await find(session, caller, referral_id, lock=True)
    if if_match is not None:
        etags.must_match(if_match, referral.version)
    represents = bool(await represented(session, caller, [referral]))
    await take(session, vault, caller, referral, action, parties(caller, referral, represents=represents), said)
    return referral


async def hold(session: AsyncSession, case_id: str) -> None:
    """Lock every clock of a case, before anything else of it: what `pass_on` needs."""
    await store.lock_case_clocks(session, case_id)


async def pass_on(session: AsyncSession, caller: Caller, case_id: str, old: str, new: str, *, services: bool) -> None:
    """Hand what an agency has open in a case on to its successor. Its clocks are held, the case is not locked yet.

    A notice or a hand-over that it had taken on is done with that. Services that were asked of it pass on if
    `services`; what it asked of others always does.
    """
    theirs = [await store.locked(session, each) for each in await store.live_of(session, case_id, old)]
    await cases.find(session, SYSTEM, case_id, lock=True)  # before events are numbered, as by every writer
    for referral in theirs:
        if referral.state not in rules.LIVE:
            continue
        taken_on = referral.state in rules.STANDING or referral.state is State.RECEIVED
        if referral.recipient == old and referral.kind in _ONCE and taken_on:
            referral.state, referral.outcome, referral.closed_at = State.COMPLETED, Outcome.HANDED_ON, clock.now()
        elif referral.recipient == old and (services or referral.kind is not ReferralKind.SERVICE):
            referral.recipient = new
        referral.sender = new if referral.sender == old else referral.sender
        referral.refusal_to = new if referral.refusal_to == old else referral.refusal_to
        referral.version += 1
        referral.updated_at = clock.now()
        audit.wrote(session, caller, "pass_on", "referral", referral.id, agency=new, state=referral.state.value)
        if referral.recipient == new or referral.refusal_to == new:
            await store.owed_by(session, referral.id, old, new)
        await publish(session, ReferralMoved.TYPE, referral)


_ONCE = frozenset({ReferralKind.PP_NOTICE, ReferralKind.DIF_HANDOVER})
"""What is done once it was taken on: it stays with who did it."""
