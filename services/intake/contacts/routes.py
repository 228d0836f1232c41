"""HTTP of contacts with relatives."""

from typing import Annotated

from services.intake.children.store import AUTHORITIES
from services.intake.contacts import service
from services.intake.contacts.models import Contact
from services.intake.contacts.schemas import ContactIn, ContactOut
from shared.auth import Allow, Caller
from shared.db import Session
from shared.paging import Page, Pages
from shared.routing import audited_read, router
from shared.shapes import Id

contacts = router("/v1/intake/children", "families")

Reader = Annotated[Caller, Allow("intake:read", *AUTHORITIES)]
Writer = Annotated[Caller, Allow("intake:write", *AUTHORITIES)]


@contacts.post("/{child_id}/contacts", status_code=201, summary="Log a contact with a relative")
async def log(session: Session, caller: Writer, child_id: Id, body: ContactIn) -> ContactOut:
    """Log that the child spoke with a relative, or declined to. What was said is nobody's to keep."""
    return await service.log(session, caller, child_id, body)


@contacts.get("/{child_id}/contacts", summary="List the contacts with relatives")
@audited_read
async def index(session: Session, caller: Reader, paging: Pages, child_id: Id) -> Page[ContactOut]:
    """List a child's contacts with relatives, newest first. The reading is recorded."""
    rows = (await session.exec(paging.apply(await service.of_child(session, caller, child_id), Contact.id))).all()
    return paging.page(rows, ContactOut.model_validate)
