"""HTTP of disclosures."""

from typing import Annotated, Any

from fastapi import Request

from services.referral.consents.models import Disclosure
from services.referral.disclosures import service, store
from services.referral.disclosures.schemas import DisclosureOut, FieldList, ReadingOut, StopIn, StoppedOut
from shared.auth import Allow, Caller
from shared.db import Session
from shared.paging import Page, Pages
from shared.routing import router
from shared.shapes import Id

of_referral = router("/v1/referral/referrals", "disclosures")
readings = router("/v1/referral/disclosures", "disclosures")

_REFUSED: dict[int | str, dict[str, Any]] = {409: {"$ref": "#/components/responses/Problem409"}}
"""The law, or the state of the referral, may refuse this reading, as it may a change."""

Reader = Annotated[Caller, Allow("referral:read")]
Protector = Annotated[Caller, Allow("referral:write", "PP")]


@of_referral.get(
    "/{referral_id}/disclosure", summary="Read the child's listed fields, as the recipient", responses=_REFUSED
)
async def read(request: Request, caller: Reader, referral_id: Id) -> DisclosureOut:
    """Return exactly what the referral lists and may still be shown, fetched now. The reading is recorded (R29)."""
    return await service.read(request.app.state.runtime, caller, referral_id)


@of_referral.post("/{referral_id}/disclosure/stop", summary="End the disclosures of a referral, as the Procuraduría")
async def stop(session: Session, caller: Protector, referral_id: Id, body: StopIn) -> StoppedOut:
    """End them for good: another referral takes their place, if one is to."""
    return StoppedOut.model_validate(await service.stop(session, caller, referral_id, body))


@readings.get("/fields", summary="List the fields that a referral may list")
async def fields(caller: Reader) -> FieldList:
    """List them with their group and how sensitive they are."""
    return service.fields()


@readings.get("", summary="List who read what")
async def index(
    session: Session, caller: Reader, paging: Pages, case_id: Id | None = None, referral_id: Id | None = None
) -> Page[ReadingOut]:
    """List the readings, newest first: your own, and those of the children whom you represent."""
    statement = store.readable(caller)
    for column, wanted in ((Disclosure.case_id, case_id), (Disclosure.referral_id, referral_id)):
        if wanted is not None:
            statement = statement.where(column == wanted)
    rows = (await session.exec(paging.apply(statement, Disclosure.id))).all()
    return paging.page(rows, ReadingOut.model_validate)
