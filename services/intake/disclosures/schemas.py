"""What referral asks of a child, and what it gets."""

from typing import Annotated

from pydantic import Field, StringConstraints

from shared.shapes import Id, In, Out, Slug

FieldName = Annotated[str, StringConstraints(pattern=r"^[a-z]+\.[a-z_]+$", max_length=64)]
"""A field of the published list. One that this release does not know is answered with null."""
KindCode = Annotated[str, StringConstraints(pattern=r"^[A-Z_]{2,32}$")]
RoleCode = Annotated[str, StringConstraints(pattern=r"^[a-z_]{2,32}$")]


class DisclosureIn(In):
    """Which fields, and for whom: referral has decided that they may be shown."""

    referral_id: Id
    fields: Annotated[list[FieldName], Field(min_length=1, max_length=50)]
    reader: Slug
    reader_kind: KindCode
    reader_role: RoleCode


class DisclosedOut(Out):
    """The values as lists of text: codes, dates, names. Null where nothing is recorded, or no such field exists."""

    child_id: str
    version: int
    values: dict[str, list[str] | None]
