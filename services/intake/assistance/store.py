"""Every SQL statement on assistance."""

from typing import Any

from sqlmodel import col, select

from services.intake.assistance.models import Assistance
from services.intake.children import store as children
from services.intake.children.models import Child
from shared.auth import Caller


def readable(caller: Caller) -> Any:
    """Select the help given to the children whom the caller may know of."""
    return select(Assistance).where(col(Assistance.child_id).in_(children.readable(caller).with_only_columns(Child.id)))
