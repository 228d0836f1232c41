"""The referral worker: deliveries, clocks and their calendar, the sealer, facts, the directory, half-yearly duties."""

from fastapi import FastAPI
from sqlmodel.ext.asyncio.session import AsyncSession

from services.referral.agencies.service import SYSTEM, Watch, start
from services.referral.calendar import service as calendar
from services.referral.cas_reports.service import Opener
from services.referral.clocks.service import fired
from services.referral.consents.expiry import Expiry
from services.referral.interop import quarantine
from services.referral.majority import service as majority
from services.referral.protection import facts, permits
from services.referral.referrals.upkeep import Upkeep
from services.referral.refuge.turns import Turns
from services.referral.transfers import upkeep as transfers
from shared.clocks.sweeping import sweep
from shared.runtime import Runtime
from shared.worker import create_worker


def worker(runtime: Runtime) -> FastAPI:
    """Return the worker of this service."""
    turns = {
        "facts": lambda: facts.fetch(runtime),
        "referrals": Upkeep(runtime).turn,
        "transfers": lambda: transfers.ask(runtime),
        "directory": Watch(runtime).turn,
        "cas-reports": Opener(runtime).turn,
        "majority": lambda: majority.turn(runtime.database),
        "calendar": lambda: sweep(runtime.database, SYSTEM),
        "interop": quarantine.Lapse(runtime.database).turn,
        "refuge": Turns(runtime).turn,
        "consents": Expiry(runtime).turn,
    }
    return create_worker(
        runtime, "services.referral", fired=fired, gate=permits.gate(runtime.database), on_start=_start, turns=turns
    )


async def _start(runtime: Runtime, session: AsyncSession) -> None:
    await start(runtime, session)
    await calendar.load(runtime, session)
