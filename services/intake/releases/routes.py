"""HTTP of releases."""

from typing import Annotated

from services.intake.releases import service, store
from services.intake.releases.models import Release
from services.intake.releases.schemas import ReleaseIn, ReleaseOut
from shared.auth import Allow, Caller
from shared.db import Session
from shared.paging import Page, Pages
from shared.routing import router

releases = router("/v1/intake/statistics/releases", "statistics")

Reader = Annotated[Caller, Allow("statistics:read")]
Publisher = Annotated[Caller, Allow("intake:write", "UPM")]


@releases.post("", status_code=201, summary="Release or revise the official tables")
async def release(session: Session, caller: Publisher, body: ReleaseIn) -> ReleaseOut:
    """Freeze all tables of a period now: for the first time, or as a revision that says why."""
    return ReleaseOut.model_validate(await service.release(session, caller, body))


@releases.get("", summary="List the releases of the official tables")
async def index(session: Session, caller: Reader, paging: Pages) -> Page[ReleaseOut]:
    """List what was released, the newest first."""
    rows = (await session.exec(paging.apply(store.readable(caller), Release.id))).all()
    return paging.page(rows, ReleaseOut.model_validate)
