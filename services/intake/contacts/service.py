"""Use cases: log a contact with a relative, and list a child's."""

from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from services.intake.children import service as children
from services.intake.contacts import rules, store
from services.intake.contacts.models import Contact
from services.intake.contacts.schemas import ContactIn, ContactOut
from shared import audit, clock, ids
from shared.auth import Caller


async def log(session: AsyncSession, caller: Caller, child_id: str, body: ContactIn) -> ContactOut:
    """Log a contact. Raises NotFound, and RefusedByLaw where the child paid."""
    child = await children.get(session, caller, child_id)
    rules.check_free(free=body.free)
    row = Contact(
        id=ids.new("cnt"), child_id=child.id, agency=caller.agency, recorded_at=clock.now(),
        **body.model_dump(exclude={"free"}),
    )  # fmt: skip
    session.add(row)
    audit.wrote(session, caller, "contact", "child", child.id, contact=row.id)
    return ContactOut.model_validate(row)


async def of_child(session: AsyncSession, caller: Caller, child_id: str) -> Any:
    """Select a child's contacts, and record that they were read. Raises NotFound."""
    await children.get(session, caller, child_id)
    audit.read(session, caller, "contacts", child_id)
    return store.readable(caller, child_id)
