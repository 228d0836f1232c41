"""Every SQL statement on contacts with relatives."""

from typing import Any

from sqlmodel import col, select

from services.intake.children import store as children
from services.intake.children.models import Child
from services.intake.contacts.models import Contact
from shared.auth import Caller


def readable(caller: Caller, child_id: str) -> Any:
    """Select the contacts of a child whom the caller may know of."""
    mine = children.readable(caller).where(Child.id == child_id).with_only_columns(Child.id)
    return select(Contact).where(col(Contact.child_id).in_(mine))
