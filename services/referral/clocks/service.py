"""What this service does when clocks speak, its own and its sisters', and what each agency owes."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

from sqlmodel.ext.asyncio.session import AsyncSession

from services.referral.agencies import service as agencies
from services.referral.agencies import store as directory
from services.referral.agencies.service import SYSTEM
from services.referral.clocks import rules, store
from services.referral.clocks.rules import BREACHED, ESCALATED, STEPS, WARNED, Chain, To
from services.referral.clocks.schemas import ChainOut, ChangeOut, DueFileOut, DueOut, StepOut
from services.referral.clocks.store import Line, Place
from shared import audit, clock
from shared.audit import AuditEntry
from shared.auth import Caller
from shared.bundle import bare
from shared.clocks import store as clock_store
from shared.clocks.facts import ClockMoved
from shared.clocks.firing import Said, Voice
from shared.clocks.models import Clock
from shared.clocks.rules import ClockState
from shared.clocks.schemas import ClockOut
from shared.delivery.many import Word, publish_all
from shared.errors import NotFound
from shared.events import ClockSpoke


@dataclass(slots=True)
class Told:
    """Who learns of what one clock says, and who of them takes part in the case from now on."""

    agencies: set[str] = field(default_factory=set)
    joining: str | None = None


async def speak(session: AsyncSession, said: Sequence[Said]) -> None:
    """Tell everybody whom each clock's chain names (R7), in a few statements for all of them.

    The order of locks is that of every writer: clocks, referrals, cases, numbers of events.
    """
    louder = [each.clock.resource_id for each in said if each.kind != WARNED]
    senders = await store.senders_of(session, louder) if louder else {}
    places = await store.places_of(session, {each.clock.case_key for each in said})
    words, entries, lines, joining = [], [], [], set()
    above: dict[str, str] = {}
    for each in said:
        case, resource = each.clock.case_key, each.clock.resource_id
        told = _told(each, senders.get(resource), places.get(case))
        if told.joining is not None and case in places:
            joining.add((case, told.joining))
            above |= {resource: told.joining} if resource in senders else {}
        if each.kind != WARNED:
            entries.append(_entry(each))
        words.append(_word(each, sorted(told.agencies)))
        if case in places:
            lines.append(Line(case, each.kind, resource, sorted(told.agencies)))
    await store.escalate(session, above)
    await store.join(session, joining, clock.now())
    await store.enter(session, lines, clock.now())
    await publish_all(session, words)
    await store.audited(session, entries)


fired = Voice(speak, STEPS)


def _entry(each: Said) -> AuditEntry:
    verb = "breach" if each.kind == BREACHED else "escalate"
    details = {"rule": each.clock.rule, "agency": each.clock.agency}
    return audit.entry(SYSTEM, verb, "clock", each.clock.id, details, make=partial(bare, AuditEntry))


def _told(each: Said, sender: str | None, place: Place | None) -> Told:
    """Return who learns, by the chain, as far as the guard lets them."""
    chain, owner = rules.chain(each.clock.rule), each.clock.agency
    told = Told()
    for to in chain.at(each.kind, each.step):
        agency = _who(to, chain, owner, sender, place)
        if not agency or not _fit(chain, agency, owner):
            continue
        told.agencies.add(agency)
        if to is To.FEDERAL and agency != owner:
            told.joining = agency
    return told


def _who(to: To, chain: Chain, owner: str, sender: str | None, place: Place | None) -> str | None:
    if to is To.OWNER:
        return owner
    if to is To.SENDER:
        return sender
    if to is To.FEDERAL:
        above = agencies.federal(chain.federal) if chain.federal is not None else None
        return above.id if above is not None else None
    if place is None:
        return None
    return place.representative if to is To.PP else agencies.competent(rules.Kind.INM, place.state).id


def _fit(chain: Chain, agency: str, owner: str) -> bool:
    known = directory.directory().get(agency)
    return rules.fit(chain, known.kind if known else None, agencies.bound_to(agency), owner=agency == owner)


def _word(each: Said, audience: Sequence[str]) -> Word:
    fact = ClockSpoke(
        clock_id=each.clock.id, rule=each.clock.rule, resource_id=each.clock.resource_id, due_at=each.clock.due_at,
        agency=each.clock.agency, step=each.step or None,
    )  # fmt: skip
    return Word(each.kind, each.clock.case_key, each.clock.id, audience, fact.model_dump(mode="json"))


# -- the clocks of sister services -----------------------------------------------------------------------


async def keep(session: AsyncSession, origin: str, fact: ClockMoved, case_id: str) -> Clock:
    """Keep a copy of a sister's clock, as it stands now. It never warns or breaks here; the sister's own does."""
    found = await store.copy(session, fact.clock_id)
    if found is None:
        found = Clock(
            id=fact.clock_id, rule=fact.rule, case_key=case_id, resource_id=fact.resource_id, agency=fact.agency,
            started_at=fact.started_at, warn_at=fact.due_at, due_at=fact.due_at, origin=origin,
        )  # fmt: skip
        session.add(found)
    found.state, found.due_at, found.met_at = ClockState(fact.state), fact.due_at, fact.met_at
    found.breached_at, found.paused_at = fact.breached_at, fact.paused_at
    if found.state is not ClockState.BREACHED:
        found.next_at, found.step = None, 0
    return found


async def relay(session: AsyncSession, kind: str, fact: ClockSpoke) -> None:
    """Pass on what a sister's clock said: only referral has the endpoints of agencies.

    The steps after a breach are taken here, by the copy.
    """
    speaking = await store.copy(session, fact.clock_id) or _stranger(fact)
    if kind == BREACHED:
        steps = STEPS.get(fact.rule, [])
        speaking.state, speaking.breached_at, speaking.step = ClockState.BREACHED, fact.due_at, 0
        speaking.next_at = fact.due_at + steps[0] if steps else None
    await speak(session, [Said(speaking, kind)])


def _stranger(fact: ClockSpoke) -> Clock:
    """Return a clock that an older sister never told of: it is told onwards, and kept nowhere."""
    return Clock(
        id=fact.clock_id, rule=fact.rule, case_key=fact.resource_id, resource_id=fact.resource_id,
        agency=fact.agency or "", started_at=fact.due_at, warn_at=fact.due_at, due_at=fact.due_at,
    )  # fmt: skip


# -- what is due -----------------------------------------------------------------------------------------


def show(found: Clock) -> DueOut:
    """Return a clock as its reader sees it."""
    return DueOut.model_validate(_shown(found))


async def file(session: AsyncSession, caller: Caller, clock_id: str) -> DueFileOut:
    """Return the clock of a duty that the caller owes, with its history. Raises NotFound."""
    found = await store.get(session, caller, clock_id)
    if found is None:
        raise NotFound
    changes = [ChangeOut.model_validate(each) for each in await clock_store.changes(session, [found.id])]
    return DueFileOut.model_validate(_shown(found) | {"changes": changes})


def _shown(found: Clock) -> dict[str, object]:
    open_ = found.state in (ClockState.RUNNING, ClockState.BREACHED) and found.paused_at is None
    return {
        **found.model_dump(include=set(ClockOut.model_fields)),
        "case_id": found.case_key,
        "resource": rules.resource(found.resource_id),
        "due_on": found.due_on,
        "left_seconds": int((found.due_at - clock.now()).total_seconds()) if open_ else None,
        "paused_at": found.paused_at,
        "pause_reason": found.pause_reason,
        "extended": found.extended,
        "runs_in": found.origin or "referral",
    }


def chains() -> list[ChainOut]:
    """Return every chain, as published."""
    return [_chain(each) for _, each in sorted(rules.CHAINS.items())]


def _chain(each: Chain) -> ChainOut:
    steps = [
        StepOut(on=WARNED, after_seconds=0, to=[To.OWNER]),
        StepOut(on=BREACHED, after_seconds=0, to=[*each.breached]),
    ]
    steps += [StepOut(on=ESCALATED, after_seconds=int(step.after.total_seconds()), to=[*step.to]) for step in each.then]
    return ChainOut(rule=each.rule, federal=each.federal, confidential=each.confidential, steps=steps)
