"""Use case: give SNDIF what has changed in its register."""

from collections import defaultdict

from sqlmodel.ext.asyncio.session import AsyncSession

from services.intake.children import service as children
from services.intake.children.models import Child
from services.intake.children.schemas import Identity
from services.intake.encounters.models import Encounter
from services.intake.register import store
from services.intake.register.rules import REGISTER
from services.intake.register.schemas import EntryOut, RegisterOut, TransitOut
from services.intake.register.store import Change
from shared import audit
from shared.auth import Caller
from shared.delivery.events.cursors import Cursors
from shared.errors import Forbidden, Law, NotFound
from shared.runtime import Runtime

SCANNED = 1000
"""So many changes are looked through for one answer, whomever they are about."""
_PLACE = "feed/intake/sndif-register"


async def read(session: AsyncSession, runtime: Runtime, caller: Caller, after: str | None, limit: int) -> RegisterOut:
    """Return the children who changed behind `after`, and record that each was read. Raises Forbidden, Refusal."""
    if caller.state is not None:
        raise Forbidden("SNDIF alone reads its register.", law=Law(REGISTER.id, REGISTER.source))
    head = await store.head(session)
    cursors = Cursors(runtime.cursor_key, _PLACE, epoch=0, position=head)
    start = cursors.position_of(after) if after else 0
    changes = await store.changes(session, start, head, SCANNED)
    touched = [(change[0], name) for change in changes if (name := _child(change)) is not None]
    known = await store.children(session, caller, sorted({name for _, name in touched}))
    more = len(changes) == SCANNED
    through = changes[-1][0] if more else head
    chosen: dict[str, Child] = {}
    for number, name in touched:
        if name in known and name not in chosen:
            if len(chosen) == limit:
                through, more = number - 1, True
                break
            chosen[name] = known[name]
    items = await _entries(session, runtime, caller, chosen)
    return RegisterOut(items=items, next=cursors.at(max(start, through)), more=more)


def _child(change: Change) -> str | None:
    """Return which child a change is about. Every slice says it: the child itself, or `child` in what it says."""
    _, resource, name, details = change
    return name if resource == "child" else (details or {}).get("child")


async def _entries(session: AsyncSession, runtime: Runtime, caller: Caller, chosen: dict[str, Child]) -> list[EntryOut]:
    if not chosen:
        return []
    keys = await children.keyring_of(runtime).find(*(child.key_id for child in chosen.values()))
    meetings: dict[str, list[Encounter]] = defaultdict(list)
    for meeting in await store.meetings(session, sorted(chosen)):
        meetings[meeting.child_id].append(meeting)
    for name in chosen:
        audit.read(session, caller, "child", name, purpose="register")
    return [
        EntryOut(
            child_id=name,
            identity=_identity(child, keys),
            transit=[_transit(meeting) for meeting in meetings[name]],
            **child.model_dump(include=_SHOWN),
        )
        for name, child in chosen.items()
    ]


_SHOWN = set(EntryOut.model_fields) - {"child_id", "identity", "transit"}
_TRANSIT = set(TransitOut.model_fields) - {"encounter_id"}


def _identity(child: Child, keys: dict[str, bytes]) -> Identity | None:
    try:
        return children.unlocked(child, keys).identity
    except NotFound:  # its key was erased
        return None


def _transit(meeting: Encounter) -> TransitOut:
    return TransitOut(encounter_id=meeting.id, **meeting.model_dump(include=_TRANSIT))
