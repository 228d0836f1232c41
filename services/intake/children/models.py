"""The table of children. Names and birth date stand nowhere but in `identity`, sealed."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from services.intake.children.rules import Sex
from shared.db import JsonColumn, UTCDateTime, coded


class Child(SQLModel, table=True):
    """A person whom the route cares for."""

    __tablename__ = "child"

    id: str = Field(primary_key=True)
    key_id: str = Field(description="the data key in the keyring; erased with the child")
    identity: bytes = Field(description="sealed JSON: names, birth date or estimate")
    sex: Sex = Field(sa_type=coded(Sex))
    nationalities: list[str] = Field(sa_type=JsonColumn)
    residence: str | None = None
    stateless_doubt: bool
    languages: list[str] = Field(sa_type=JsonColumn)
    relatives: list[str] = Field(sa_type=JsonColumn, description="ids of other children of the family")
    state: str = Field(index=True, description="the state whose authorities met the child first")
    created_by: str
    created_at: datetime = Field(sa_type=UTCDateTime)
    version: int = 1
