"""Use cases: record who belongs together, and what the Procuraduría decides of them."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from sqlmodel.ext.asyncio.session import AsyncSession

from services.intake.children import service as children
from services.intake.children import store as children_store
from services.intake.children.models import Child
from services.intake.encounters.schemas import AdultIdentity
from services.intake.families import rules, store
from services.intake.families.models import CarerFinding, Family, FamilyMember, FamilySeparation
from services.intake.families.rules import FindingOutcome, MemberRole, SeparationAction, SeparationState
from services.intake.families.schemas import (
    Carer,
    FamilyChild,
    FamilyIn,
    FamilyItem,
    FamilyOut,
    Member,
    MemberItem,
    PpDecision,
    RemovalIn,
    ReunionIn,
    SeparationIn,
    SeparationOut,
)
from shared import audit, clock, etags, ids
from shared.auth import Caller
from shared.errors import Conflict, Fault, Invalid, NotFound
from shared.keyring import Keyring, open_field, seal_field
from shared.runtime import Runtime

_TABLE, _COLUMN = "family_member", "identity"
T = TypeVar("T", FamilyMember, FamilySeparation)


# -- who belongs together ----------------------------------------------------------------------------------------


async def record(session: AsyncSession, runtime: Runtime, caller: Caller, body: FamilyIn) -> FamilyItem:
    """Record a family. Its children are relatives to the guard before this answers. Raises NotFound, Conflict."""
    family = Family(id=ids.new("fam"), created_by=caller.agency, created_at=clock.now())
    session.add(family)
    await session.flush()
    await _join(session, runtime, caller, family, body.children)
    for each in body.carers:
        session.add(await _carer(children.keyring_of(runtime), caller, family, each))
    audit.wrote(session, caller, "record", "family", family.id, children=[each.child_id for each in body.children])
    return await _item(session, caller, family)


async def add_child(
    session: AsyncSession, runtime: Runtime, caller: Caller, family_id: str, if_match: str, body: FamilyChild
) -> FamilyItem:
    """Add a child who is known. Referral confirms the new relatives first."""
    family = await changing(session, caller, family_id, if_match)
    await _room(session, family)
    await _join(session, runtime, caller, family, [body])
    audit.wrote(session, caller, "add_child", "family", family.id, child=body.child_id)
    return await _item(session, caller, family)


async def add_carer(
    session: AsyncSession, runtime: Runtime, caller: Caller, family_id: str, if_match: str, body: Carer
) -> FamilyItem:
    """Add an adult who cares for the children."""
    family = await changing(session, caller, family_id, if_match)
    await _room(session, family)
    member = await _carer(children.keyring_of(runtime), caller, family, body)
    session.add(member)
    audit.wrote(session, caller, "add_carer", "family", family.id, member=member.id, tie=body.tie.value)
    return await _item(session, caller, family)


async def changing(session: AsyncSession, caller: Caller, family_id: str, if_match: str) -> Family:
    """Lock a family for its next version. Raises NotFound, Stale."""
    family = await get(session, caller, family_id, lock=True)
    etags.must_match(if_match, family.version)
    family.version += 1
    return family


async def _room(session: AsyncSession, family: Family) -> None:
    if len(await store.members(session, [family.id])) >= rules.LARGEST:
        raise Invalid(f"A family has at most {rules.LARGEST} members.", faults=[Fault("", "too_long")])


async def _join(
    session: AsyncSession, runtime: Runtime, caller: Caller, family: Family, joining: Sequence[FamilyChild]
) -> None:
    """Add children, each of whom the caller can read and no other family has, and tell the guard."""
    wanted = [each.child_id for each in joining]
    if len(await children_store.several(session, caller, wanted)) < len(wanted):
        raise NotFound
    there = [each.child_id for each in await store.members(session, [family.id]) if each.child_id]
    rows = await children_store.locked(
        session, {*there, *wanted}
    )  # of two families that take one child, one sees the other
    if await store.in_families(session, wanted):
        raise Conflict("A child belongs to one family: add the others to the one that has it.")
    for each in joining:
        member = FamilyMember(
            id=ids.new("fmb"), family_id=family.id, role=MemberRole.CHILD, child_id=each.child_id,
            relation=each.relation, tie_proofs=[], added_by=caller.agency, joined_at=clock.now(),
        )  # fmt: skip
        session.add(member)
    await session.flush()
    await _related(session, runtime, caller, rows)


async def _related(session: AsyncSession, runtime: Runtime, caller: Caller, rows: Sequence[Child]) -> None:
    """Have referral take these locked children for relatives, each of each: what protects one then protects all.

    Children whose authorities are another state's too. One who was erased has no facts any more.
    """
    together = {row.id for row in rows}
    keys = await children.keyring_of(runtime).find(*(row.key_id for row in rows))
    for row in rows:
        relatives = sorted({*row.relatives, *together} - {row.id})
        if row.key_id not in keys or relatives == sorted(row.relatives):
            continue
        known = children.unlocked(row, keys)
        before, row.relatives = {"relatives": row.relatives}, relatives
        children.changed(session, caller, known, before)
        await children.confirm(session, runtime, known)


async def _carer(keyring: Keyring, caller: Caller, family: Family, body: Carer) -> FamilyMember:
    member = FamilyMember(
        id=ids.new("fmb"), family_id=family.id, role=MemberRole.CARER, relation=body.relation, tie=body.tie,
        tie_proofs=[proof.value for proof in body.proofs], added_by=caller.agency, joined_at=clock.now(),
    )  # fmt: skip
    if body.identity is not None:
        member.key_id, key = await keyring.fresh()
        plain = body.identity.model_dump_json().encode()
        member.identity = seal_field(member.key_id, key, plain, table=_TABLE, column=_COLUMN, row=member.id)
    return member


# -- what the Procuraduría decides -------------------------------------------------------------------------------


async def separate(
    session: AsyncSession, caller: Caller, family_id: str, if_match: str, body: SeparationIn
) -> FamilyItem:
    """Part members from all the others. Raises RefusedByLaw without the Procuraduría's decision (R12)."""
    family = await changing(session, caller, family_id, if_match)
    decision = _decided(caller, body.decision)
    present = {each.id for each in await store.members(session, [family.id])}
    parted = {each.member_id for each in body.members}
    if not parted < present:
        raise Invalid("Some members of the family, and not all.", faults=[Fault("/members", "not_some_of_the_family")])
    row = FamilySeparation(
        id=ids.new("sep"), family_id=family.id, members=sorted(parted), reason=body.reason,
        decided_by=f"{caller.agency}/{decision.officer}", reference=decision.reference,
        decided_at=decision.decided_at, recorded_at=clock.now(),
    )  # fmt: skip
    session.add(row)
    audit.wrote(session, caller, "separate", "family", family.id, separation=row.id, members=row.members)
    return await _item(session, caller, family)


async def reunite(session: AsyncSession, caller: Caller, family_id: str, if_match: str, body: ReunionIn) -> FamilyItem:
    """End a separation. Raises RefusedByLaw without the Procuraduría's decision, IllegalMove where it has ended."""
    family = await changing(session, caller, family_id, if_match)
    decision = _decided(caller, body.decision)
    row = one(await store.separations(session, [family.id]), body.separation_id)
    row.state = rules.advance(row.state, SeparationAction.REUNITE)
    row.ended_by, row.end_reference = f"{caller.agency}/{decision.officer}", decision.reference
    row.ended_at = decision.decided_at
    audit.wrote(session, caller, "reunite", "family", family.id, separation=row.id)
    return await _item(session, caller, family)


async def remove(session: AsyncSession, caller: Caller, family_id: str, if_match: str, body: RemovalIn) -> FamilyItem:
    """Take out who does not belong to the family. The guard forgets no relative: it goes on protecting all."""
    family = await changing(session, caller, family_id, if_match)
    decision = _decided(caller, body.decision)
    present = await store.members(session, [family.id])
    row = one(present, body.member_id)
    if not any(each.child_id for each in present if each.id != row.id):
        raise Invalid("A family has a child.", faults=[Fault("/member_id", "the_last_child")])
    row.removed_at, row.removal = clock.now(), body.reason
    row.removed_by = f"{caller.agency}/{decision.officer} {decision.reference}"
    audit.wrote(session, caller, "remove", "family", family.id, member=row.id, reason=body.reason.value)
    return await _item(session, caller, family)


def _decided(caller: Caller, decision: PpDecision | None) -> PpDecision:
    rules.check_parting(caller.agency_kind, decided=decision is not None)
    assert decision is not None  # the rule has just said so
    return decision


def one(rows: Sequence[T], name: str) -> T:
    """Return the one of these rows that has this id. Raises NotFound."""
    found = next((row for row in rows if row.id == name), None)
    if found is None:
        raise NotFound
    return found


# -- reading -----------------------------------------------------------------------------------------------------


async def get(session: AsyncSession, caller: Caller, family_id: str, *, lock: bool = False) -> Family:
    """Return a family that the caller may read. Raises NotFound."""
    family = await store.get(session, caller, family_id, lock=lock)
    if family is None:
        raise NotFound
    return family


async def show(session: AsyncSession, runtime: Runtime, caller: Caller, family_id: str) -> FamilyOut:
    """Return a family with who its carers say to be. The reading is recorded. Raises NotFound."""
    family = await get(session, caller, family_id)
    audit.read(session, caller, "family", family.id)
    item = await _item(session, caller, family)
    rows = {row.id: row for row in await store.members(session, [family.id])}
    keys = await children.keyring_of(runtime).find(*(row.key_id for row in rows.values() if row.key_id))
    members = [Member(identity=_identity(rows[each.id], keys), **each.model_dump()) for each in item.members]
    return FamilyOut(**item.model_dump(exclude={"members"}), members=members)


def _identity(row: FamilyMember, keys: Mapping[str, bytes]) -> AdultIdentity | None:
    """Return who a carer says to be: nobody reads one who is blocked or erased (R35)."""
    if row.identity is None or row.key_id is None or row.key_id not in keys or row.blocked_at is not None:
        return None
    plain = open_field(row.key_id, keys[row.key_id], row.identity, table=_TABLE, column=_COLUMN, row=row.id)
    return AdultIdentity.model_validate_json(plain)


async def _item(session: AsyncSession, caller: Caller, family: Family) -> FamilyItem:
    await session.flush()
    return (await items(session, caller, [family]))[family.id]


@dataclass(frozen=True, slots=True)
class _Parts:
    """What a family consists of, as it was read."""

    members: Sequence[FamilyMember]
    separations: Sequence[FamilySeparation]
    found: Mapping[str, FindingOutcome]


async def items(session: AsyncSession, caller: Caller, families: Sequence[Family]) -> dict[str, FamilyItem]:
    """Return families, by id, as this caller sees them: without the id of a child whom it may not read."""
    names = [family.id for family in families]
    members, separations = defaultdict(list), defaultdict(list)
    everybody = await store.members(session, names)
    for member in everybody:
        members[member.family_id].append(member)
    for separation in await store.separations(session, names):
        separations[separation.family_id].append(separation)
    found = {row.member_id: row.outcome for row in await store.findings(session, names)}
    known = await store.known_children(session, caller, everybody)
    return {
        family.id: _shown(caller, family, _Parts(members[family.id], separations[family.id], found), known)
        for family in families
    }


def _shown(caller: Caller, family: Family, parts: _Parts, known: Collection[str]) -> FamilyItem:
    standing = [row.members for row in parts.separations if row.state is SeparationState.STANDING]
    members = [
        MemberItem(
            child_id=row.child_id if row.child_id in known else None,
            apart_from=[each.id for each in parts.members if rules.apart(row.id, each.id, standing)],
            permit_extends=rules.permit_extends(parts.found.get(row.id)) if row.role is MemberRole.CARER else None,
            **row.model_dump(include={"id", "role", "relation", "tie", "tie_proofs", "joined_at"}),
        )
        for row in parts.members
    ]
    told = caller.agency_kind == rules.DECIDER
    return FamilyItem(
        members=members,
        separations=[
            SeparationOut(reason=row.reason if told else None, **row.model_dump(include=_SEPARATION_SHOWN))
            for row in parts.separations
        ],
        allowed_actions=rules.allowed(caller.agency_kind, members=len(members), standing=bool(standing)),
        **family.model_dump(include={"id", "created_by", "created_at", "version"}),
    )


_SEPARATION_SHOWN = set(SeparationOut.model_fields) - {"reason"}


# -- what other slices go by -------------------------------------------------------------------------------------


async def findings_on(session: AsyncSession, child_id: str) -> dict[str, CarerFinding | None]:
    """Return the carers in a child's family, by id, each with the finding that stands, if there is any."""
    members = await store.with_member(session, child_id)
    carers: dict[str, CarerFinding | None] = {row.id: None for row in members if row.role is MemberRole.CARER}
    for row in await store.findings(session, {member.family_id for member in members}):
        if row.member_id in carers:
            carers[row.member_id] = row
    return carers


@dataclass(frozen=True, slots=True)
class Apart:
    """From whom the Procuraduría has parted a child, each with the decision that stands."""

    siblings: Mapping[str, FamilySeparation]
    carers: FamilySeparation | None
    """Of all who care for it in its family; where it may be with one of them, there is none."""


async def apart_from(session: AsyncSession, child_id: str) -> Apart:
    """Return from whom of its family a child is parted now."""
    members = await store.with_member(session, child_id)
    rows = await store.separations(session, {member.family_id for member in members})
    standing = [row for row in rows if row.state is SeparationState.STANDING]
    own = next((row.id for row in members if row.child_id == child_id), "")
    between = {
        row.id: next((each for each in standing if rules.apart(own, row.id, [each.members])), None) for row in members
    }
    carers = [between[row.id] for row in members if row.role is MemberRole.CARER]
    siblings = {row.child_id: decision for row in members if row.child_id and (decision := between[row.id]) is not None}
    return Apart(siblings, carers[0] if carers and all(carers) else None)
