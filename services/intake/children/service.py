"""Use cases: make, read and correct a child; hand the guard its facts."""

from datetime import date

from sqlmodel.ext.asyncio.session import AsyncSession

from services.intake.children import rules, store
from services.intake.children.models import Child
from services.intake.children.rules import Age
from services.intake.children.schemas import ChildIn, ChildOut, ChildPatch, Facts, Identity
from shared import audit, clock, etags, ids
from shared.auth import Caller
from shared.errors import NotFound, Unavailable
from shared.keyring import Keyring, open_field, seal_field
from shared.runtime import Runtime

_FACTS = frozenset({"nationalities", "residence", "stateless_doubt", "languages", "relatives"})


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
    """Open a child's identity. Raises SealBroken once its key is erased."""
    keys = await keyring.find(child.key_id)
    plain = open_field(
        child.key_id, keys.get(child.key_id), child.identity, table="child", column="identity", row=child.id
    )
    return Identity.model_validate_json(plain)


def age(identity: Identity, day: date) -> Age:
    """Classify the child's age on a day. Raises RefusedByLaw for an adult."""
    if identity.birth_date is not None:
        return rules.known_age(identity.birth_date, day)
    assert identity.estimated_age is not None
    return rules.estimated_age(identity.estimated_age.low, identity.estimated_age.high)


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
    assert runtime.keyring is not None
    child = await get(session, caller, child_id, lock=True)
    etags.must_match(if_match, child.version)
    changes = body.model_dump(exclude_unset=True, exclude={"identity"})
    child.sqlmodel_update(changes)
    if body.identity is not None:
        age(body.identity, clock.now().date())
        keys = await runtime.keyring.find(child.key_id)
        child.identity = _seal(body.identity, child.id, child.key_id, keys[child.key_id])
    child.version += 1
    audit.wrote(session, caller, "correct", "child", child.id, fields=sorted(body.model_fields_set))
    if _FACTS & changes.keys():
        await session.flush()
        await _confirm(runtime, child)
    return child


async def _confirm(runtime: Runtime, child: Child) -> None:
    body = facts(child).model_dump()
    status, _ = await runtime.peers.call("referral", "PUT", f"/internal/facts/{child.id}", body, scope="facts:write")
    if status != 200:
        raise Unavailable("The referral service has not confirmed the correction.")
