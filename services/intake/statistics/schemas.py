"""The official tables as readers see them."""

from datetime import date
from typing import Annotated

from pydantic import StringConstraints

from services.intake.statistics.rules import TableName
from shared.shapes import Out

Month = Annotated[str, StringConstraints(pattern=r"^20[0-9]{2}-(0[1-9]|1[0-2])$")]


class CellOut(Out):
    """One cell: its dimensions, how many events, how many persons."""

    dimensions: dict[str, str | None]
    events: int
    persons: int


class TableOut(Out):
    """One table over a period of whole months."""

    table: TableName
    first_month: str
    last_month: str
    cutoff: date
    provisional: bool
    exact: bool
    cells: list[CellOut]
