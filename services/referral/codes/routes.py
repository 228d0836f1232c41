"""HTTP of code lists."""

from typing import Annotated

from fastapi import Path

from services.referral.codes.rules import LISTS
from services.referral.codes.schemas import ReferralCodeList, ReferralCodeLists
from shared.auth import Allow, Caller
from shared.errors import NotFound
from shared.routing import router

codes = router("/v1/referral/codes", "codes")

Reader = Annotated[Caller, Allow("referral:read")]
Name = Annotated[
    str,
    Path(max_length=64, description="the list's name, as `/v1/referral/codes` has it", examples=["decline-reasons"]),
]


@codes.get("", summary="List the code lists of referral")
async def index(_: Reader) -> ReferralCodeLists:
    """Return every code list of the service, in Spanish and English, with its source."""
    return ReferralCodeLists(items=[ReferralCodeList.of(each) for each in LISTS.values()])


@codes.get("/{list_name}", summary="Read a code list of referral")
async def show(_: Reader, list_name: Name) -> ReferralCodeList:
    """Return one list by its name."""
    found = LISTS.get(list_name)
    if found is None:
        raise NotFound
    return ReferralCodeList.of(found)
