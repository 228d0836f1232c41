"""Use cases: make, read and correct a child, with its history; hand the guard its facts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, cast

from sqlmodel.ext.asyncio.session import AsyncSession

from services.intake.children import rules, store
from services.intake.children.models import Child, ChildChange
from services.intake.children.rules import Age, AgeOutcome
from services.intake.children.schemas import (
    Alerts,
    Before,
    ChangeOut,
    ChildIn,
    ChildOut,
    ChildPatch,
    Facts,
    Identity,
    ScreenedFacts,
)
from shared import audit, clock, etags, ids, jsons
from shared.auth import Caller
from shared.bundle import bare
from shared.delivery import service as delivery
from shared.errors import Fault, Invalid, NotFound, Unavailable
from shared.events import FactsChanged
from shared.keyring import Keyring, open_field, seal_field
from shared.runtime import Runtime
from shared.zones import local_day

_FACTS = frozenset({"nationalities", "residence", "stateless_doubt", "languages", "relatives"})
_SEALED = frozenset({"identity", "alerts"})
_CHILD, _CHANGE = "child", "child_change"
REFERRAL = "service:referral"


@dataclass(frozen=True, slots=True)
class Opened:
    """A child whose identity is open, and the key that seals what belongs to it."""

    child: Child
    identity: Identity
    key: bytes

    def seal(self, plain: bytes, *, table: str, column: str, row: str) -> bytes:
        """Seal a field of this child's, or of something that is about it."""
        return seal_field(self.child.key_id, self.key, plain, table=table, column=column, row=row)

    def unseal(self, sealed: bytes, *, table: str, column: str, row: str) -> bytes:
        """Undo `seal`. Raises SealBroken."""
        return open_field(self.child.key_id, self.key, sealed, table=table, column=column, row=row)

    def alerts(self) -> Alerts | None:
        """Return the alerts, if any were recorded."""
        if self.child.alerts is None:
            return None
        plain = self.unseal(self.child.alerts, table=_CHILD, column="alerts", row=self.child.id)
        return Alerts.model_validate_json(plain)

    def indicators(self) -> list[str]:
        """Return the codes that the screenings found so far."""
        if self.child.indicators is None:
            return []
        plain = self.unseal(self.child.indicators, table=_CHILD, column="indicators", row=self.child.id)
        return list(jsons.loads(plain))


def keyring_of(runtime: Runtime) -> Keyring:
    """Return the keyring, without which intake can neither seal nor open an identity. Raises Unavailable."""
    if runtime.keyring is None:
        raise Unavailable("This process has no keyring.")
    return runtime.keyring


async def make(keyring: Keyring, caller: Caller, state: str, body: ChildIn) -> Opened:
    """Build a child, sealed under a fresh key. The caller writes it. Raises RefusedByLaw."""
    return made(await keyring.fresh(), caller, state, body)


def made(fresh: tuple[str, bytes], caller: Caller, state: str, body: ChildIn) -> Opened:
    """Build a child under this key. Raises RefusedByLaw where its age rests on what nobody ordered."""
    key_id, key = fresh
    identity = Identity.model_construct(**{name: getattr(body, name) for name in Identity.model_fields})
    _check_evidence(identity)
    child_id = ids.new("chd")
    alerts = _sealed(body.alerts, "alerts", child_id, key_id, key) if body.alerts else None
    child = bare(
        Child,
        id=child_id,
        key_id=key_id,
        identity=_sealed(identity, "identity", child_id, key_id, key),
        sex=body.sex,
        nationalities=body.nationalities,
        residence=body.residence,
        stateless_doubt=body.stateless_doubt,
        languages=body.languages,
        relatives=body.relatives,
        alerts=alerts,
        state=state,
        created_by=caller.agency,
        created_at=clock.now(),
    )
    return Opened(child, identity, key)


def _sealed(value: Identity | Alerts, column: str, child_id: str, key_id: str, key: bytes) -> bytes:
    plain = value.model_dump_json(exclude_defaults=True).encode()  # what is not there needs no reader that knows it
    return seal_field(key_id, key, plain, table=_CHILD, column=column, row=child_id)


def _check_evidence(identity: Identity) -> None:
    if (estimate := identity.estimated_age) is not None:
        rules.check_evidence(estimate.evidence, estimate.pp_order)


async def opened(keyring: Keyring, child: Child) -> Opened:
    """Open a child. Raises NotFound once its key is erased."""
    return unlocked(child, await keyring.find(child.key_id))


def unlocked(child: Child, keys: dict[str, bytes]) -> Opened:
    """Open a child with the one of these keys that is its own. Raises NotFound once that is erased."""
    key = keys.get(child.key_id)
    if key is None:
        raise NotFound("The identity of this child was erased.")
    plain = open_field(child.key_id, key, child.identity, table=_CHILD, column="identity", row=child.id)
    return Opened(child, Identity.model_validate_json(plain), key)


def age(identity: Identity, day: date, *, place: str, decided: AgeOutcome | None = None) -> Age:
    """Classify the child's age on a day. Raises RefusedByLaw for an adult, Invalid (at `place`) for the unborn.

    `decided` is the Procuraduría's decision: only with it an estimate makes an adult, for whom the route is not.
    """
    if decided is AgeOutcome.ADULT:
        raise rules.MINOR.refuse("The Procuraduría decided that this person is an adult.")
    if identity.estimated_age is not None:
        return rules.estimated_age(identity.estimated_age.low, identity.estimated_age.high)
    born = cast(date, identity.birth_date)  # the shape has exactly one of the two
    if born > day:
        raise Invalid("The child was not born on the day when it was met.", faults=[Fault(place, "before_birth")])
    return rules.known_age(born, day)


async def get(session: AsyncSession, caller: Caller, child_id: str, *, lock: bool = False) -> Child:
    """Return a child that the caller may read. Raises NotFound."""
    child = await store.get(session, caller, child_id, lock=lock)
    if child is None:
        raise NotFound
    return child


async def show(session: AsyncSession, keyring: Keyring, caller: Caller, child: Child) -> ChildOut:
    """Return a child with its identity, and record that it was read (R34)."""
    audit.read(session, caller, "child", child.id)
    known = await opened(keyring, child)
    number, born = known.identity.curp, known.identity.birth_date
    return ChildOut(
        identity=known.identity,
        alerts=known.alerts(),
        curp_warnings=rules.curp_warnings(number, born, child.sex) if number is not None else [],
        **child.model_dump(include=_SHOWN),
    )


_SHOWN = set(ChildOut.model_fields) - {"identity", "alerts", "curp_warnings"}


def facts(child: Child) -> Facts:
    """Return what the guard must know of every child."""
    return Facts(child_id=child.id, **child.model_dump(include={*_FACTS, "version"}))


def screened_facts(child: Child, known: Opened | None) -> ScreenedFacts:
    """Return the same with what the screenings found and when the child turns 18, while its identity is there."""
    return ScreenedFacts(
        **facts(child).model_dump(),
        state=child.state,
        screened_at=child.screened_at,
        screened_by=child.screened_by,
        indicators=known.indicators() if known else [],
        majority_month=majority_month(known) if known else None,
    )


def majority_month(known: Opened) -> str | None:
    """Return the month in which a child turns 18, which referral opens tasks ahead of (R38); an adult's is null."""
    child, identity = known.child, known.identity
    if child.age_decision is AgeOutcome.ADULT:
        return None
    if identity.birth_date is not None:
        return rules.majority(identity.birth_date)
    estimate = identity.estimated_age
    return rules.earliest_majority(estimate.high, local_day(child.created_at, child.first_state)) if estimate else None


async def correct(
    session: AsyncSession,
    runtime: Runtime,
    caller: Caller,
    child_id: str,
    if_match: str,
    body: ChildPatch,
    *,
    request_id: str | None = None,
) -> Child:
    """Change a child. What the guard goes by counts only once referral has confirmed it."""
    keyring = keyring_of(runtime)
    child = await get(session, caller, child_id, lock=True)
    etags.must_match(if_match, child.version)
    known = await opened(keyring, child)
    if body.identity is not None:
        _check_age(known, body.identity)
    fields = sorted(body.model_fields_set)
    before = {name: _value(known, name) for name in fields}
    for name in fields:
        value = getattr(body, name)
        sealed = _sealed(value, name, child.id, child.key_id, known.key) if name in _SEALED else value
        setattr(child, name, sealed)
    changed(session, caller, known, before, request_id=request_id)
    audit.wrote(session, caller, "correct", "child", child.id, fields=fields)
    if _FACTS & body.model_fields_set:
        await confirm(session, runtime, known)
    if body.identity is not None and _age(known.identity) != _age(body.identity):
        await _announce(session, child)
    return child


async def _announce(session: AsyncSession, child: Child) -> None:
    """Let referral fetch the facts anew: when the child turns 18 is no fact of the guard, and waits for nobody."""
    fact = FactsChanged(child_id=child.id, facts_version=child.version)
    await delivery.publish(
        session, fact.TYPE, case=child.id, subject=child.id, audience=[REFERRAL], data=fact.model_dump(mode="json")
    )


def _age(identity: Identity) -> tuple[object, object]:
    return identity.birth_date, identity.estimated_age


def _check_age(known: Opened, corrected: Identity) -> None:
    """Refuse a correction that makes the person an adult on the day when they were met.

    Whoever turned 18 since then stays in the route (R38), so an age that is not touched is not asked about. Nor is
    the age of a person whom the Procuraduría decided to be an adult.
    """
    _check_evidence(corrected)
    before, child = known.identity, known.child
    if _age(before) != _age(corrected) and child.age_decision is not AgeOutcome.ADULT:
        age(corrected, local_day(child.created_at, child.first_state), place="/identity/birth_date")


def _value(known: Opened, name: str) -> Any:
    if name == "identity":
        return known.identity.model_dump(mode="json")
    if name == "alerts":
        held = known.alerts()
        return held.model_dump(mode="json") if held else None
    return getattr(known.child, name)


def changed(
    session: AsyncSession,
    caller: Caller,
    known: Opened,
    before: dict[str, Any],
    *,
    fields: Sequence[str] = (),
    request_id: str | None = None,
) -> None:
    """Give a locked child its next version, and write down what the changed fields held until now, sealed.

    `fields` names what changed beyond `before`, and what of it is told elsewhere and not here.
    """
    child = known.child
    child.version += 1
    change_id = ids.new("chg")
    sealed = known.seal(jsons.canonical(before), table=_CHANGE, column="before", row=change_id)
    session.add(
        ChildChange(
            id=change_id,
            child_id=child.id,
            version=child.version,
            at=clock.now(),
            client_id=caller.client_id,
            agency=caller.agency,
            office=caller.office,
            fields=sorted({*before, *fields}),
            before=sealed,
            request_id=request_id,
        )
    )


def show_change(known: Opened, row: ChildChange) -> ChangeOut:
    """Return one change of a child that is open. Who lists them records the reading."""
    plain = known.unseal(row.before, table=_CHANGE, column="before", row=row.id)
    return ChangeOut(before=Before.model_validate_json(plain), **row.model_dump(include=_CHANGE_SHOWN))


_CHANGE_SHOWN = set(ChangeOut.model_fields) - {"before"}


async def confirm(session: AsyncSession, runtime: Runtime, known: Opened, linked: Sequence[str] = ()) -> None:
    """Have referral take the facts of a child as they now are. Raises Unavailable unless it says that it has.

    To the guard the `linked` records of the same child are relatives, like those that the record names. A referral of
    0.2.0 takes no more than what it knows, so a child who was never screened is told in its words.
    """
    await session.flush()
    child = known.child
    whole = facts(child) if child.screened_at is None else screened_facts(child, known)
    relatives = sorted({*whole.relatives, *linked} - {child.id}) if linked else whole.relatives
    body = whole.model_copy(update={"relatives": relatives}).model_dump(mode="json")
    status, _ = await runtime.peers.call("referral", "PUT", f"/internal/facts/{child.id}", body, scope="facts:write")
    if status != 200:
        raise Unavailable("The referral service has not confirmed this.")
