"""Use cases: make, read and correct a child; hand the guard its facts."""

from datetime import date
from typing import cast

from sqlmodel.ext.asyncio.session import AsyncSession

from services.intake.children import rules, store
from services.intake.children.models import Child
from services.intake.children.rules import Age
from services.intake.children.schemas import ChildIn, ChildOut, ChildPatch, Facts, Identity
from shared import audit, clock, etags, ids
from shared.auth import Caller
from shared.errors import Fault, Invalid, NotFound, Unavailable
from shared.keyring import Keyring, open_field, seal_field
from shared.runtime import Runtime
from shared.zones import local_day

_FACTS = frozenset({"nationalities", "residence", "stateless_doubt", "languages", "relatives"})


def keyring_of(runtime: Runtime) -> Keyring:
    """Return the keyring, without which intake can neither seal nor open an identity. Raises Unavailable."""
    if runtime.keyring is None:
        raise Unavailable("This process has no keyring.")
    return runtime.keyring


async def make(keyring: Keyring, caller: Caller, state: str, body: ChildIn) -> Child:
    """Build a child, sealed under a fresh key. The caller writes it."""
    child_id = ids.new("chd")
    key_id, key = await keyring.fresh()
    identity = Identity(**body.model_dump(include=set(Identity.model_fields)))
    return Child(
        id=child_id,
        key_id=key_id,
        identity=_seal(identity, child_id, key_id, key),
        sex=body.sex,
        nationalities=body.nationalities,
        residence=body.residence,
        stateless_doubt=body.stateless_doubt,
        languages=body.languages,
        relatives=body.relatives,
        state=state,
        created_by=caller.agency,
        created_at=clock.now(),
    )


def _seal(identity: Identity, child_id: str, key_id: str, key: bytes) -> bytes:
    plain = identity.model_dump_json().encode()
    return seal_field(key_id, key, plain, table="child", column="identity", row=child_id)


async def identity_of(keyring: Keyring, child: Child) -> Identity:
    """Open a child's identity. Raises NotFound once its key is erased."""
    key = (await keyring.find(child.key_id)).get(child.key_id)
    if key is None:
        raise NotFound("The identity of this child was erased.")
    plain = open_field(child.key_id, key, child.identity, table="child", column="identity", row=child.id)
    return Identity.model_validate_json(plain)


def age(identity: Identity, day: date, *, place: str) -> Age:
    """Classify the child's age on a day. Raises RefusedByLaw for an adult, Invalid (at `place`) for the unborn."""
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
    return ChildOut(identity=await identity_of(keyring, child), **child.model_dump(include=_SHOWN))


_SHOWN = set(ChildOut.model_fields) - {"identity"}


def facts(child: Child) -> Facts:
    """Return what the guard must know."""
    return Facts(child_id=child.id, **child.model_dump(include={*_FACTS, "version"}))


async def correct(
    session: AsyncSession, runtime: Runtime, caller: Caller, child_id: str, if_match: str, body: ChildPatch
) -> Child:
    """Change a child. What the guard goes by counts only once referral has confirmed it."""
    keyring = keyring_of(runtime)
    child = await get(session, caller, child_id, lock=True)
    etags.must_match(if_match, child.version)
    known = await identity_of(keyring, child)
    if body.identity is not None:
        _check_age(known, body.identity, local_day(child.created_at, child.state))
        keys = await keyring.find(child.key_id)
        child.identity = _seal(body.identity, child.id, child.key_id, keys[child.key_id])
    changes = body.model_dump(exclude_unset=True, exclude={"identity"})
    child.sqlmodel_update(changes)
    child.version += 1
    audit.wrote(session, caller, "correct", "child", child.id, fields=sorted(body.model_fields_set))
    if _FACTS & changes.keys():
        await session.flush()
        await _confirm(runtime, child)
    return child


def _check_age(known: Identity, corrected: Identity, met_on: date) -> None:
    """Refuse a correction that makes the person an adult on the day when they were met.

    Whoever turned 18 since then stays in the route (R38), so an age that is not touched is not asked about.
    """
    if (known.birth_date, known.estimated_age) != (corrected.birth_date, corrected.estimated_age):
        age(corrected, met_on, place="/identity/birth_date")


async def _confirm(runtime: Runtime, child: Child) -> None:
    body = facts(child).model_dump()
    status, _ = await runtime.peers.call("referral", "PUT", f"/internal/facts/{child.id}", body, scope="facts:write")
    if status != 200:
        raise Unavailable("The referral service has not confirmed the correction.")
