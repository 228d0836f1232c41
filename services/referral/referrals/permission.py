"""Whether a service may be asked of an agency: of none that the case is withheld from (R29), and as consented (R28).

Consents stand above referrals, so what knows of them installs its check here. Without it nothing that rests on consent
is opened.
"""

from collections.abc import Awaitable, Callable

from sqlmodel.ext.asyncio.session import AsyncSession

from services.referral.agencies import store as directory
from services.referral.cases import store as case_store
from services.referral.cases.models import Case
from services.referral.cases.recipients import kept_from
from services.referral.referrals.asks import Ask
from services.referral.referrals.codes import LawfulBasis
from services.referral.referrals.rules import BASIS, NEED_TO_KNOW

Consented = Callable[[AsyncSession, Case, str, Ask], Awaitable[bool]]
"""Whether the child's consent covers a recipient, the purpose of its service and every field that is listed."""

_installed: list[Consented] = []


def install(consented: Consented) -> None:
    """Let this check decide what rests on consent."""
    _installed[:] = [consented]


async def check(session: AsyncSession, case: Case, recipient: str, ask: Ask) -> None:
    """Raise RefusedByLaw unless the recipient may be asked."""
    known = directory.directory().get(recipient)
    if kept_from(await case_store.withheld(session, case.id), recipient, known.kind if known else ""):
        raise NEED_TO_KNOW.refuse("It is withheld from that agency.", allowed_actions=[])
    if ask.lawful_basis is not LawfulBasis.CONSENT:
        return
    if not _installed or not await _installed[0](session, case, recipient, ask):
        raise BASIS.refuse(
            "No live consent covers this recipient, its purpose and these fields.",
            allowed_actions=["record_consent", "override"],
        )
