"""HTTP of the official tables."""

from typing import Annotated

from services.intake.statistics import service
from services.intake.statistics.rules import TableName
from services.intake.statistics.schemas import Month, TableOut
from shared.auth import Allow, Caller
from shared.db import Session
from shared.routing import router

statistics = router("/v1/intake/statistics", "statistics")

Reader = Annotated[Caller, Allow("statistics:read")]


@statistics.get("/{table}", summary="Read an official table")
async def show(session: Session, caller: Reader, table: TableName, first_month: Month, last_month: Month) -> TableOut:
    """Return events and persons by the table's dimensions. Published tables leave out cells under 5."""
    return await service.table(session, caller, table, first_month, last_month)
