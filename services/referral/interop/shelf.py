"""The book of today: the rows of this version, and those that this installation added after them."""

from sqlmodel.ext.asyncio.session import AsyncSession

from services.referral.interop import store
from services.referral.interop.models import MappingRow
from services.referral.interop.rules import Book, Row
from services.referral.interop.table import shipped
from shared import clock
from shared.catalogue import Text


def row_of(made: MappingRow) -> Row:
    """Return an added row as the book reads it. What an installation adds, nobody has verified."""
    note = Text(made.note_en or made.note_es or "", made.note_es or made.note_en or "")
    return Row(
        id=made.id, system=made.system, list=made.list, ours=made.ours, theirs=made.theirs, way=made.way,
        source=made.source, verified=False, valid_from=made.valid_from, valid_to=made.valid_to,
        note=note if note.en else None,
    )  # fmt: skip


async def book(session: AsyncSession) -> Book:
    """Return what is in force today."""
    return Book([*shipped(), *map(row_of, await store.rows(session))], clock.now().date())
