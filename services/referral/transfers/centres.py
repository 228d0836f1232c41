"""A child passes to a centre only on a live measure, and only to one that may take it in (R11)."""

from datetime import timedelta

from sqlmodel.ext.asyncio.session import AsyncSession

from services.referral.agencies import service as agencies
from services.referral.agencies.rules import SHELTERS
from services.referral.agencies.service import SYSTEM
from services.referral.cases import laws
from services.referral.cases.models import Case
from services.referral.cases.rules import Gate
from services.referral.places import service as places
from services.referral.places.rules import AgeBand, PlaceSex
from services.referral.transfers.models import Transfer
from services.referral.transfers.rules import TransferAction
from services.referral.transfers.schemas import TransferIn
from shared import clock
from shared.errors import Fault, Invalid

INTO = frozenset({TransferAction.ACCEPT, TransferAction.ARRIVE})
"""The steps by which a centre takes a child over."""


async def may_be_asked(session: AsyncSession, case: Case, body: TransferIn, fresh: timedelta) -> None:
    """Let a child be proposed to a centre that is certified and has the place. Raises RefusedByLaw (R11), Invalid."""
    if not await _is_centre(session, body.recipient):
        return
    _on_a_measure(case)
    if body.sex is None or body.age_band is None:
        lacking = [name for name in ("sex", "age_band") if getattr(body, name) is None]
        raise Invalid("A centre is asked for a place.", faults=[Fault(f"/{name}", "missing") for name in lacking])
    await places.may_admit(session, SYSTEM, body.recipient, body.sex, body.age_band, clock.now(), fresh=fresh)


async def may_take_over(session: AsyncSession, case: Case, transfer: Transfer, action: TransferAction) -> None:
    """Let a centre accept a child, or confirm that it is there. That it says so stands for the figure, not the law.

    Raises RefusedByLaw (R11).
    """
    if action not in INTO or not await _is_centre(session, transfer.recipient):
        return
    _on_a_measure(case)
    need = transfer.sex or PlaceSex.ANY, transfer.age_band or AgeBand.A12_17
    await places.may_admit(session, SYSTEM, transfer.recipient, *need, clock.now(), confirmed=True)


async def _is_centre(session: AsyncSession, agency: str) -> bool:
    return (await agencies.look_up(session, SYSTEM, agency)).kind in SHELTERS


def _on_a_measure(case: Case) -> None:
    if Gate.MEASURE_LIVE not in case.standing.gates:
        raise laws.MEASURE.refuse("No live measure lets the child into a centre.", allowed_actions=["request", "order"])
