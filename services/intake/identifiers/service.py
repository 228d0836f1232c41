"""Use cases: record a number of another system, and list a child's."""

import hashlib
import hmac
from collections.abc import Callable, Sequence

from sqlmodel.ext.asyncio.session import AsyncSession

from services.intake.children import service as children
from services.intake.children.service import Opened
from services.intake.identifiers import rules, store
from services.intake.identifiers.models import ExternalId
from services.intake.identifiers.schemas import ExternalIdIn, ExternalIdOut, ExternalIds
from shared import audit, clock, ids, jsons
from shared.auth import Caller
from shared.crypto import Vault
from shared.runtime import Runtime

_TABLE = "external_id"


def digests(vault: Vault, body: ExternalIdIn) -> list[bytes]:
    """Return the keyed digests by which two children with one number are found: the current key's is the first."""
    told = "\0".join((body.system, body.issuer or "", rules.plain(body.value)))
    names = sorted(vault.names, key=lambda name: name != vault.current)
    return [hmac.digest(vault.derive("external ids", name), told.encode(), hashlib.sha256) for name in names]


def row_of(
    vault: Vault, caller: Caller, known: Opened, body: ExternalIdIn, make: Callable[..., ExternalId] = ExternalId
) -> ExternalId:
    """Build the row of one number, sealed under the child's key. The caller writes it."""
    row_id = ids.new("xid")
    plain = body.model_dump_json(include={"issuer", "value"}).encode()
    return make(
        id=row_id,
        child_id=known.child.id,
        system=body.system,
        value=known.seal(plain, table=_TABLE, column="value", row=row_id),
        digest=digests(vault, body)[0],
        recorded_by=caller.agency,
        recorded_at=clock.now(),
    )


async def add(
    session: AsyncSession, runtime: Runtime, caller: Caller, child_id: str, body: ExternalIdIn
) -> ExternalIdOut:
    """Record a number. A child who has it already keeps it; other children who have it are named where readable."""
    child = await children.get(session, caller, child_id, lock=True)
    known = await children.opened(children.keyring_of(runtime), child)
    own = digests(runtime.vault, body)
    row = next((each for each in await store.of_child(session, caller, child_id) if each.digest in own), None)
    if row is None:
        row = row_of(runtime.vault, caller, known, body)
        session.add(row)
        audit.wrote(session, caller, "add_external_id", "child", child_id, system=body.system.value)
        await session.flush()
    return (await _show(session, runtime.vault, caller, known, [row]))[0]


async def index(session: AsyncSession, runtime: Runtime, caller: Caller, child_id: str) -> ExternalIds:
    """Return a child's numbers. The reading is recorded."""
    child = await children.get(session, caller, child_id)
    known = await children.opened(children.keyring_of(runtime), child)
    audit.read(session, caller, "external_ids", child_id)
    rows = await store.of_child(session, caller, child_id)
    return ExternalIds(items=await _show(session, runtime.vault, caller, known, rows))


async def _show(
    session: AsyncSession, vault: Vault, caller: Caller, known: Opened, rows: Sequence[ExternalId]
) -> list[ExternalIdOut]:
    told = {row.id: _told(known, row) for row in rows}
    own = {name: digests(vault, each) for name, each in told.items()}
    shared = await store.sharing(session, caller, [each for several in own.values() for each in several])
    return [
        ExternalIdOut(
            issuer=told[row.id].issuer,
            value=told[row.id].value,
            possible_duplicates=[name for each in own[row.id] for name in shared.get(each, []) if name != row.child_id],
            **row.model_dump(include={"id", "child_id", "system", "recorded_by", "recorded_at"}),
        )
        for row in rows
    ]


def _told(known: Opened, row: ExternalId) -> ExternalIdIn:
    plain = known.unseal(row.value, table=_TABLE, column="value", row=row.id)
    return ExternalIdIn(system=row.system, **jsons.loads(plain))
