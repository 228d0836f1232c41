"""Use cases of the directory, and who acts when no agency does."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from services.referral.agencies import rules, store
from services.referral.agencies.models import BodyVersion
from services.referral.agencies.rules import COUNTRY, Agency, Kind, Service
from services.referral.agencies.schemas import AgencyIn, AgencyPatch
from shared import audit, clock, etags, telemetry
from shared.auth import Caller
from shared.db import is_lost
from shared.errors import Conflict, Fault, Invalid, NotFound
from shared.runtime import Runtime

SYSTEM = Caller(client_id="system", agency="referral", agency_kind="SYSTEM", role="system", scopes=frozenset())
"""Ruta itself: opens what the law orders. Compared by identity, so that no token can be it."""

_AGAIN = 1.0
"""Seconds after which a process looks whether another one has changed the directory."""


# -- who is who ------------------------------------------------------------------------------------------


def find(_: Caller, agency_id: str) -> Agency:
    """Return a body, a former one too. Raises NotFound."""
    found = store.directory().get(agency_id)
    if found is None:
        raise NotFound
    return found


async def look_up(session: AsyncSession, caller: Caller, agency_id: str) -> Agency:
    """Return a body, also one that another process registered a moment ago. Raises NotFound."""
    if agency_id not in store.directory():
        await store.fresh(session)
    return find(caller, agency_id)


def known(agency_id: str) -> Agency:
    """Return a body that a case names, and that therefore is in the directory."""
    return store.directory()[agency_id]


def of_caller(caller: Caller) -> Agency | None:
    """Return the caller's own row, if it is in force and of the kind that the token says."""
    found = store.readable(caller).get(caller.agency)
    return found if found is not None and found.kind == caller.agency_kind else None


def territory(caller: Caller) -> frozenset[str]:
    """Return where a caller acts: as the directory says; of INM, Procuraduría and DIF, else as the token does."""
    own = of_caller(caller)
    if own is not None:
        return own.territory
    if caller.agency_kind not in (Kind.INM, Kind.PP, Kind.DIF):
        return frozenset()
    return frozenset({caller.state or COUNTRY})


def competent(kind: Kind, state: str) -> Agency:
    """Return who is competent in a state. For the kinds that the route rests on there is always one."""
    found = rules.competent(kind, state, store.readable(SYSTEM).values())
    if found is None:
        raise LookupError(f"The directory has no {kind} for {state}.")
    return found


def federal(kind: Kind) -> Agency | None:
    """Return the federal body of a kind, if there is one."""
    return rules.federal(kind, store.readable(SYSTEM).values())


def offering(service: Service, state: str | None = None) -> list[Agency]:
    """Return who offers a service, in a state if one is named: those of that state before those of the country."""
    able = [each for each in store.readable(SYSTEM).values() if service in each.services]
    if state is None:
        return able
    return sorted(
        (each for each in able if each.covers(state)), key=lambda each: (state not in each.territory, each.id)
    )


def bound_to(agency_id: str) -> str | None:
    """Return the foreign state that a body serves (R16). One that nobody knows serves none: it gets nothing anyway."""
    found = store.directory().get(agency_id)
    return found.bound_to if found is not None else None


def serves_abroad(body: Agency) -> bool:
    """Whether a body serves a foreign state. Nothing of a child goes there but by a release (the guard)."""
    return body.bound_to is not None or body.kind is Kind.CHILD_PROTECTION_ABROAD


def here(caller: Caller) -> Mapping[str, Agency]:
    """Return the bodies that may be asked in a case. Those of foreign states are nobody there, whatever the guard says.

    So a referral to one is answered as one to a body that does not exist, and tells nothing of the child.
    """
    return {name: body for name, body in store.readable(caller).items() if not serves_abroad(body)}


def is_above(caller: Caller, body: Agency) -> bool:
    """Whether a caller is a body, or one that it belongs to, however many steps up."""
    seen: set[str] = set()
    step: str | None = body.id
    while step is not None and step not in seen:
        if step == caller.agency:
            return of_caller(caller) is not None
        seen.add(step)
        above = store.directory().get(step)
        step = above.parent if above is not None else None
    return False


# -- changes ---------------------------------------------------------------------------------------------


def allowed(caller: Caller, body: Agency) -> list[str]:
    """Return what the caller may do with a body's row."""
    return ["update"] if rules.may_manage(caller.agency_kind, of_caller(caller), body) else []


async def register(session: AsyncSession, caller: Caller, given: AgencyIn) -> Agency:
    """Enter a body. Raises RefusedByLaw, Invalid, Conflict."""
    body = given.agency()
    _must_manage(caller, body)
    version, present = await store.claim(session)
    if body.id in present:
        raise Conflict("The directory has a body of this id.")
    check(body, present)
    await put(session, caller, body, "register")
    await store.adopt(session, version)
    return body


async def change(session: AsyncSession, caller: Caller, agency_id: str, if_match: str, patch: AgencyPatch) -> Agency:
    """Change what the directory says of a body. Raises NotFound, RefusedByLaw, Stale, Invalid."""
    version, present = await store.claim(session)
    before = present.get(agency_id)
    if before is None:
        raise NotFound
    _must_manage(caller, before)
    etags.must_match(if_match, before.version)
    after = replace(patch.applied(before), version=before.version + 1)
    _must_manage(caller, after)
    check(after, present)
    await put(session, caller, after, "update", fields=sorted(patch.model_fields_set))
    await store.adopt(session, version)
    return after


async def put(session: AsyncSession, caller: Caller, body: Agency, action: str, **details: Any) -> None:
    """Write a body that was checked, with its history and its audit row."""
    await store.write(session, body, caller.agency, clock.now())
    audit.wrote(session, caller, action, "agency", body.id, kind=body.kind.value, version=body.version, **details)


def _must_manage(caller: Caller, body: Agency) -> None:
    if not rules.may_manage(caller.agency_kind, of_caller(caller), body):
        raise rules.REGISTERS.refuse("This body is not yours to register or change.", allowed_actions=[])


def check(body: Agency, directory: Mapping[str, Agency]) -> None:
    """Raise Invalid unless a body is whole, and its parent is known."""
    found = list(wrong(body, directory))
    if found:
        raise Invalid("The body does not fit.", faults=[Fault(f"/{name}", reason) for name, reason in found])


def wrong(body: Agency, directory: Mapping[str, Agency]) -> list[tuple[str, str]]:
    """Return what is wrong with a body in a directory: fields and kinds of fault."""
    found = list(rules.faults(body))
    if body.parent is not None and body.parent not in directory:
        found.append(("parent", "unknown"))
    return found


async def history(session: AsyncSession, caller: Caller, agency_id: str) -> Sequence[BodyVersion]:
    """Return what this installation has made of a body, oldest first. Raises NotFound."""
    await look_up(session, caller, agency_id)
    return await store.history(session, agency_id)


# -- one directory in several processes -----------------------------------------------------------------------


async def start(_: Runtime, session: AsyncSession) -> None:
    """Take the directory of this database, when a process starts."""
    await store.fresh(session)


async def look(runtime: Runtime) -> None:
    """Look whether another process has changed the directory."""
    async with runtime.database.work(write=False) as session:
        await store.fresh(session)


class Watch:
    """A turn of the worker that looks every second."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.next_at = 0.0

    async def turn(self) -> int:
        """Look, if it is time to."""
        if time.monotonic() >= self.next_at:
            self.next_at = time.monotonic() + _AGAIN
            await look(self.runtime)
        return 0


async def follow(runtime: Runtime) -> None:
    """Look every second, as long as the process lives."""
    while True:
        await asyncio.sleep(_AGAIN)
        try:
            await look(runtime)
        except Exception as error:  # the next look is in a second, and a database that is away is told elsewhere
            if not is_lost(error):
                telemetry.failed(error)
