"""Whether a recipient may be reached at all: the guard stands before every body that is bound to a foreign state."""

from sqlmodel.ext.asyncio.session import AsyncSession

from services.referral.cases.models import Case
from services.referral.protection import service as protection
from services.referral.protection.rules import Verdict
from shared.auth import Caller


async def may_reach(session: AsyncSession, case: Case, reader: Caller) -> bool:
    """Whether a recipient may read of this child now (R16). The caller has locked the case."""
    return await protection.may_reach(session, case, reader.agency) is Verdict.OPEN
