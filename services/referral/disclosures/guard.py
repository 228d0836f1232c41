"""Whether a recipient may be reached at all: the guard stands before every body that is bound to a foreign state."""

from sqlmodel.ext.asyncio.session import AsyncSession

from services.referral.agencies import service as agencies
from services.referral.cases.models import Case
from services.referral.cases.store import ABROAD
from shared.auth import Caller


async def may_reach(session: AsyncSession, case: Case, reader: Caller) -> bool:
    """Whether a recipient may read of this child. A body bound to a foreign state reads nothing, of any child."""
    return reader.agency_kind not in ABROAD and agencies.bound_to(reader.agency) is None
