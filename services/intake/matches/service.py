"""Use cases: find possible matches of a child; review, link, reject and unlink them."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date

from prometheus_client import Counter
from sqlmodel.ext.asyncio.session import AsyncSession

from services.intake.children import service as children
from services.intake.children import store as children_store
from services.intake.children.models import Child
from services.intake.children.schemas import Identity
from services.intake.children.service import Opened
from services.intake.matches import rules, store
from services.intake.matches.blind import packed, unpacked
from services.intake.matches.marks import GENERATION
from services.intake.matches.models import Match, MatchChild, MatchKey
from services.intake.matches.records import Records
from services.intake.matches.rules import Action, Decision, Status
from services.intake.matches.schemas import MatchOut, PossibleMatch, Reason, Side
from services.intake.matches.search import Found, Search, described
from services.intake.matches.weights import WEIGHTS
from shared import audit, clock, etags, ids
from shared.auth import Caller
from shared.bundle import Row, bare, row
from shared.errors import NotFound
from shared.runtime import Runtime
from shared.zones import local_day

MATCHES = Counter("ruta_matches_total", "Possible matches found and decided", ["outcome"])
NAMED = 20
"""So many matches of a child an encounter names: the likeliest. The others are in the list of matches."""
_LINKS = "links"
"""The row on which those who link wait for one another: groups of children change one at a time."""


# -- within the request of an encounter --------------------------------------------------------------------------


async def met(runtime: Runtime, known: Opened, day: date, new: bool) -> tuple[list[Row], list[PossibleMatch]]:
    """Return what an encounter writes and answers about matches. A child who is known has been searched for."""
    if new:
        return await _look_for(runtime, known.child, known.identity, day)
    async with runtime.database.work(write=False) as session:
        return [], (await possible(session, [known.child.id]))[known.child.id]


async def _look_for(
    runtime: Runtime, child: Child, identity: Identity, day: date
) -> tuple[list[Row], list[PossibleMatch]]:
    """Return what a new child's keys and possible matches write, and what its encounter answers with."""
    who = described(identity.model_dump(mode="json"), child, day)
    async with runtime.database.work(write=False) as session:
        records = await Records.of(session, children.keyring_of(runtime), runtime.vault)
        current, found = records.kept(who), await Search(records, child.id, who).run()
        kept = await nearest(session, found)
    made = bare(
        MatchChild, child_id=child.id, key_id=runtime.vault.current, version=child.version, keys=packed(current),
        generation=GENERATION,
    )  # fmt: skip
    matches = sorted((proposal(child, each) for each in kept), key=lambda each: each.rank, reverse=True)
    for each in matches:
        count(each)
    rows = [row(made), *(row(bare(MatchKey, key=key, child_id=child.id)) for key in current), *map(row, matches)]
    return rows, [_named(each) for each in matches[:NAMED]]


async def nearest(session: AsyncSession, found: Sequence[Found]) -> list[Found]:
    """Keep the likeliest child of each person: one decision is enough for all who are linked."""
    if len(found) < 2:
        return list(found)
    persons = await store.person_of(session, [each.child_id for each in found])
    first: dict[str, Found] = {}
    for each in found:
        first.setdefault(persons[each.child_id], each)
    return list(first.values())


def proposal(child: Child, found: Found) -> Match:
    """Build the match of a child with one who was found. The caller writes it."""
    (one, state), (other, its) = sorted([(child.id, child.state), (found.child_id, found.state)])
    match_id = ids.new("mtc")
    return Match(
        id=match_id,
        child_a=one,
        child_b=other,
        state_a=state,
        state_b=its,
        band=found.band,
        score=found.score,
        rank=rank(found.score, match_id),
        reasons=found.reasons,
        found_at=clock.now(),
    )


def rank(score: float, match_id: str) -> str:
    """Return what sorts matches by score, then by id."""
    return f"{round(score * 10) + 10_000:06d}:{match_id}"


def count(match: Match) -> None:
    """Count a match that was found or decided."""
    MATCHES.labels(f"found_{match.band}" if match.status is Status.PROPOSED else match.status.value).inc()


async def possible(session: AsyncSession, child_ids: Collection[str]) -> dict[str, list[PossibleMatch]]:
    """Return the likeliest matches of each of these children that wait for review."""
    shown: dict[str, list[PossibleMatch]] = {child: [] for child in child_ids}
    for match in sorted(await store.open_of(session, child_ids), key=lambda each: each.rank, reverse=True):
        for child in {match.child_a, match.child_b} & shown.keys():
            if len(shown[child]) < NAMED:
                shown[child].append(_named(match))
    return shown


def _named(match: Match) -> PossibleMatch:
    return PossibleMatch(match_id=match.id, band=match.band)


# -- review ------------------------------------------------------------------------------------------------------


def show(caller: Caller, match: Match) -> MatchOut:
    """Return a match as this caller sees it: without the id of a child that it may not read."""
    states = (match.state_a, match.state_b)
    sides = [
        Side(child_id=child if caller.state in (None, state) else None, state=state)
        for child, state in ((match.child_a, match.state_a), (match.child_b, match.state_b))
    ]
    return MatchOut(
        **match.model_dump(include=_SHOWN),
        children=sides,
        reasons=[
            Reason(field=field, level=level, weight=WEIGHTS[field].get(level, 0.0))
            for field, level in match.reasons.items()
        ],
        allowed_actions=rules.allowed(match.status, states, match.confirmed_by_state, caller.state),
    )


_SHOWN = set(MatchOut.model_fields) - {"children", "reasons", "allowed_actions"}


async def get(session: AsyncSession, caller: Caller, match_id: str) -> Match:
    """Return a match that the caller may know of, and record that its reasons were read. Raises NotFound."""
    match = await store.get(session, caller, match_id)
    if match is None:
        raise NotFound
    audit.read(session, caller, "match", match.id)
    return match


async def decide(
    session: AsyncSession, runtime: Runtime, caller: Caller, match_id: str, if_match: str, act: Action, code: Decision
) -> Match:
    """Link, reject or unlink. What the guard goes by counts only once referral has confirmed it."""
    await store.progress(session, _LINKS)
    match = await store.get(session, caller, match_id, lock=True)
    if match is None:
        raise NotFound
    etags.must_match(if_match, match.version)
    states = (match.state_a, match.state_b)
    allowed = rules.allowed(match.status, states, match.confirmed_by_state, caller.state)
    step = rules.linking(match.status, states, match.confirmed_by_state, caller.state) if act is Action.LINK else act
    match.status = rules.advance(match.status, step, allowed)
    match.confirmed_by_state = caller.state if step is Action.CONFIRM else None
    match.decided_by, match.decided_at, match.decision_code = caller.agency, clock.now(), code
    match.version += 1
    audit.wrote(
        session, caller, step.value, "match", match.id, children=[match.child_a, match.child_b], code=code.value
    )
    await session.flush()
    if step in (Action.LINK, Action.UNLINK):
        together = await _regroup(session, match)
        if step is Action.LINK:
            await _tell_guard(session, runtime, caller, together)
    count(match)
    return match


async def _regroup(session: AsyncSession, match: Match) -> list[str]:
    """Work out anew which persons the children of a match, and all linked with them, are. Returns who is one now."""
    persons = await store.person_of(session, [match.child_a, match.child_b])
    everyone = await store.together(session, set(persons.values())) | {match.child_a, match.child_b}
    now = rules.components(everyone, await store.links(session, everyone))
    await store.regroup(session, now)
    return sorted(child for child, person in now.items() if person == now[match.child_a])


async def _tell_guard(session: AsyncSession, runtime: Runtime, caller: Caller, together: Sequence[str]) -> None:
    """Have referral take those who are one person for relatives, each of each.

    An indication for one then protects all. Referral forgets no relative, so an unlinking opens nothing.
    """
    keyring = children.keyring_of(runtime)
    for child in await children_store.locked(session, together):
        known = await children.opened(keyring, child)
        children.changed(session, caller, known, {}, fields=["links"])
        await children.confirm(session, runtime, known, linked=together)


async def refresh(session: AsyncSession, runtime: Runtime, child_id: str) -> None:
    """Make a child's keys of its identity as it is now, and look for matches. An erased child loses its keys."""
    keyring = children.keyring_of(runtime)
    child = await store.child(session, child_id)
    opened = await keyring.find(child.key_id) if child is not None else {}
    if child is None or not opened:
        await forget(session, child_id)
        return
    identity = children.unlocked(child, opened).identity
    who = described(identity.model_dump(mode="json"), child, local_day(child.created_at, child.first_state))
    records = await Records.of(session, keyring, runtime.vault)
    current = records.kept(who)
    held = await store.held(session, child_id)
    made = MatchChild(
        child_id=child_id, key_id=runtime.vault.current, version=child.version, keys=packed(current),
        generation=GENERATION,
    )  # fmt: skip
    await store.rekey(session, made, current, unpacked(held.keys) if held else [])
    found = await Search(records, child_id, who).run()
    await _renew(session, child, {each.child_id: each for each in found})
    for each in await nearest(session, found):
        fresh = proposal(child, each)
        if await store.add(session, fresh):
            count(fresh)


async def _renew(session: AsyncSession, child: Child, found: Mapping[str, Found]) -> None:
    """Bring the open matches of a child to what the comparison says now; those without reasons lapse."""
    for match in await store.undecided(session, child.id):
        now = found.get(match.child_b if match.child_a == child.id else match.child_a)
        if now is None and match.status is not Status.LAPSED:
            _lapse(match)
        elif now is not None and (match.status is Status.LAPSED or match.reasons != now.reasons):
            match.status = Status.PROPOSED if match.status is Status.LAPSED else match.status
            match.band, match.score, match.reasons = now.band, now.score, now.reasons
            match.rank = rank(now.score, match.id)
            match.version += 1


def _lapse(match: Match) -> None:
    match.status, match.confirmed_by_state = Status.LAPSED, None
    match.version += 1
    count(match)


async def forget(session: AsyncSession, child_id: str) -> None:
    """Delete what was made of a child's identity, once the identity is erased. What was decided stays."""
    held = await store.held(session, child_id)
    if held is not None:
        await store.forget(session, held, unpacked(held.keys))
    for match in await store.open_of(session, [child_id]):
        _lapse(match)
