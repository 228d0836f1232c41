"""HTTP of the official tables."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Query, Request, Response

from services.intake.counts.rules import Series, TableName
from services.intake.releases.schemas import Month
from services.intake.statistics import service
from services.intake.statistics.schemas import (
    BreakdownOut,
    ComparisonOut,
    Dimension,
    TableOut,
    chart_of,
    sheet_of,
)
from services.intake.statistics.service import Period
from shared.auth import Allow, Caller
from shared.db import Session
from shared.forms.choice import MEDIA_TYPES, Form, Tongue, answer, form_of
from shared.forms.sheets import csv_of, xlsx_of
from shared.routing import router
from shared.shapes import Day

statistics = router("/v1/intake/statistics", "statistics")

Reader = Annotated[Caller, Allow("statistics:read")]
Version = Annotated[
    int | None, Query(ge=1, description="a certain release; the newest, or the figures of now, if left out")
]
Asked = Annotated[Form | None, Query(alias="format", description="json, csv, xlsx or svg, whatever Accept says")]
Language = Annotated[Tongue, Query(alias="lang", description="the language of labels outside JSON: es or en")]
_FORMS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "the figures",
        "content": {
            MEDIA_TYPES[Form.CSV]: {
                "schema": {"type": "string"},
                "example": "Mes,Eventos\r\n#date+month,#indicator+events",
            },
            MEDIA_TYPES[Form.XLSX]: {"schema": {"type": "string", "format": "binary"}, "example": "a workbook"},
            MEDIA_TYPES[Form.SVG]: {"schema": {"type": "string"}, "example": "<svg …><title>T1 …</title></svg>"},
        },
    }
}


@statistics.get("/comparison", summary="Compare two periods")
async def comparison(
    session: Session,
    caller: Reader,
    first_month: Month,
    last_month: Month,
    against_first_month: Month,
    against_last_month: Month,
) -> ComparisonOut:
    """Return totals, shares and rises of two periods. For the public both must have been released."""
    period, against = Period(first_month, last_month), Period(against_first_month, against_last_month)
    return await service.comparison(session, caller, period, against)


@statistics.get(
    "/breakdown", summary="Count by dimensions of your choice", response_model=BreakdownOut, responses=_FORMS
)
async def breakdown(
    request: Request,
    session: Session,
    caller: Reader,
    series: Annotated[Series, Query(description="whom to count")],
    first_day: Annotated[Day, Query(description="the first day")],
    last_day: Annotated[Day, Query(description="the last day, at most three years later")],
    by: Annotated[list[Dimension], Query(max_length=5, description="the dimensions; totals if left out")] = [],  # noqa: B006  (FastAPI copies it)
    form: Asked = None,
    tongue: Language = Tongue.ES,
) -> Response:
    """Return exact figures over any days, for those who read exact figures."""
    found = await service.breakdown(session, caller, series, by, first_day, last_day)
    return _given(request, found, form_of(request, form), tongue, f"{series}-{first_day}-{last_day}")


@statistics.get("/{table}", summary="Read an official table", response_model=TableOut, responses=_FORMS)
async def show(
    request: Request,
    session: Session,
    caller: Reader,
    table: TableName,
    first_month: Month,
    last_month: Month,
    version: Version = None,
    form: Asked = None,
    tongue: Language = Tongue.ES,
) -> Response:
    """Return events and persons by the table's dimensions. Public ones leave out small cells and what tells them."""
    found = await service.table(session, caller, table, Period(first_month, last_month), version)
    return _given(request, found, form_of(request, form), tongue, f"{table}-{first_month}-{last_month}")


def _given(request: Request, found: TableOut | BreakdownOut, form: Form, tongue: Tongue, name: str) -> Response:
    content = found.model_dump_json()
    build: dict[Form, Callable[[], bytes]] = {
        Form.JSON: content.encode,
        Form.CSV: lambda: csv_of(sheet_of(found, tongue)),
        Form.XLSX: lambda: xlsx_of(sheet_of(found, tongue)),
        Form.SVG: lambda: chart_of(found, tongue),
    }
    return answer(request, form, f"{tongue} {content}", name, build[form])
