"""The gate before every send to a consulate: referral permits it, for two seconds, or it does not leave.

Fail closed: no answer, a late one, a malformed one, or one about another release means wait.
"""

import asyncio
import json
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from shared.delivery.parcels import Gate, Permit, Verdict
from shared.errors import Unavailable
from shared.http import Peers
from shared.shapes import Id

LIFE = 2.0
"""Seconds that a permit holds, counted from before it was asked for: never longer than referral counts."""

_WAIT = Permit(Verdict.WAIT)


class PermitAnswer(BaseModel):
    """What referral answers. Only an open verdict comes with a permit."""

    model_config = ConfigDict(extra="ignore")

    permit_id: Id | None
    release_id: Id
    verdict: Literal["open", "closed", "wait"]
    expires_at: AwareDatetime | None


def permit_gate(peers: Peers) -> Gate:
    """Return the gate of this service. Every send asks anew: a permit is for one."""

    async def gate(release_id: str) -> Permit:
        until = asyncio.get_running_loop().time() + LIFE
        try:
            async with asyncio.timeout_at(until):
                status, answer = await peers.call(
                    "referral", "POST", "/internal/permits", {"release_id": release_id}, scope="permits:write"
                )
            if status != 200:
                return _WAIT
            permit = PermitAnswer.model_validate_json(json.dumps(answer), strict=True)
        except (Unavailable, TimeoutError, ValidationError):
            return _WAIT
        unnamed = permit.verdict == "open" and (permit.permit_id is None or permit.expires_at is None)
        if permit.release_id != release_id or unnamed:
            return _WAIT
        return Permit(Verdict[permit.verdict.upper()], until)

    return gate
