"""Use cases of returns: propose, assess, concur, decide, plan, depart; be received, or come back.

The order of locks is that of every writer: the clocks of the case, the case, the child's guard.
"""

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from services.referral.agencies.service import SYSTEM
from services.referral.cases import service as cases
from services.referral.cases import store as case_store
from services.referral.cases.models import Case
from services.referral.cases.rules import Bar, Gate, Part, Seen, Status
from services.referral.cases.schemas import held
from services.referral.plans import service as plans
from services.referral.protection import service as protection
from services.referral.protection.rules import Act
from services.referral.return_points import rules as point_rules
from services.referral.return_points import service as points
from services.referral.returns import effects, rules, store
from services.referral.returns.models import AssistedReturn
from services.referral.returns.rules import AskedKind, Hindrance, Known, ReturnAction, ReturnKind
from services.referral.returns.schemas import ReturnIn, ReturnOut
from shared import audit, clock, etags, ids
from shared.auth import Caller
from shared.crypto import Vault
from shared.errors import Conflict, Forbidden, NotFound

_PROPOSES = frozenset({Part.PP_HERE, Part.INM})
_PRIVY = frozenset({Part.PP_HERE, Part.SYSTEM})


async def propose(session: AsyncSession, vault: Vault, caller: Caller, body: ReturnIn) -> ReturnOut:
    """Propose a return. Raises NotFound, Forbidden, Conflict, RefusedByLaw for a deportation or a third state."""
    await cases.find(session, caller, body.case_id)
    case = await cases.find_with_clocks(session, caller, body.case_id)
    if held(caller, case).isdisjoint(_PROPOSES):
        raise Forbidden("INM or the Procuraduría of the territory proposes a return.")
    if body.kind is AskedKind.DEPORTATION:
        raise rules.NEVER_DEPORTED.refuse(rules.NEVER_DEPORTED.text.en, allowed_actions=[])
    if await store.live(session, case.id) is not None:
        raise Conflict("A return of this child is under way.", allowed_actions=[])
    now = clock.now()
    row = AssistedReturn(
        id=ids.new("ret"), case_id=case.id, kind=ReturnKind(body.kind.value), destination=body.destination,
        proposed_by=f"{caller.agency}/{body.officer}", created_at=now, updated_at=now,
    )  # fmt: skip
    await protection.lock(session, case.child_id)
    found = await _obstacles(session, caller, case, row)
    if Hindrance.DESTINATION in found:
        raise rules.DESTINATION.refuse(rules.DESTINATION.text.en, allowed_actions=[])
    session.add(row)
    await session.flush()
    audit.wrote(session, caller, "propose", "return", row.id, case=case.id, officer=body.officer)
    cases.enter(session, case, code="return.proposed", subject=row.id, agency=caller.agency, seen=Seen.AUTHORITIES)
    return _show(vault, caller, case, row, found)


async def act(
    session: AsyncSession, vault: Vault, caller: Caller, return_id: str, action: ReturnAction, body: BaseModel,
    *, if_match: str | None = None,
) -> ReturnOut:  # fmt: skip
    """Take a step of a return. Everything that the law asks for is looked at anew, at every step that it bears on.

    Raises NotFound, Stale, Invalid, IllegalMove, RefusedByLaw.
    """
    case, row = await _locked(session, caller, return_id)
    if if_match is not None:
        etags.must_match(if_match, row.version)
    parts, concurred = held(caller, case), row.concurred_by is not None
    before = await _obstacles(session, caller, case, row)
    if action is ReturnAction.PLAN:  # what is planned is judged by what it would be
        rules.move(row.state, action, parts, set(before) - rules.OF_A_PLAN, concurred=concurred)
        await effects.plan(session, vault, caller, row, body)
        before = await _obstacles(session, caller, case, row)
    following = rules.move(row.state, action, parts, before, concurred=concurred)
    effects.check(row, body)
    row.state, row.updated_at = following, clock.now()
    row.version += 1
    officer = getattr(body, "officer", None)
    audit.wrote(session, caller, action.value, "return", row.id, case=case.id, officer=officer)
    cases.enter(
        session, case, code=f"return.{action.value}", subject=row.id, agency=caller.agency, seen=Seen.AUTHORITIES
    )
    await effects.entail(session, vault, caller, case, row, action, body)
    await session.flush()
    return _show(vault, caller, case, row, await _obstacles(session, caller, case, row))


async def _locked(session: AsyncSession, caller: Caller, return_id: str) -> tuple[Case, AssistedReturn]:
    found = await store.get(session, caller, return_id)
    if found is None:
        raise NotFound
    case = await cases.find_with_clocks(session, SYSTEM, found.case_id)
    await protection.lock(session, case.child_id)
    row = await store.get(session, caller, return_id, lock=True)
    if row is None:
        raise NotFound
    return case, row


async def _obstacles(session: AsyncSession, caller: Caller, case: Case, row: AssistedReturn) -> list[Hindrance]:
    """Return everything that stands in the way of a return, whoever may know it."""
    act = Act(row.destination, screened=True, told_in=None, returns=True)
    known = await protection.known(session, case, act)
    homes = None
    if known.nationalities is not None and None not in known.relatives_blocked:
        lived = await store.residence(session, case.child_id)
        # a nationality in doubt is no home
        homes = frozenset({*(() if known.stateless_doubt else known.nationalities), *([lived] if lived else [])})
    standing = case.standing
    receives, in_good_time = await _at_the_point(session, caller, row)
    return rules.obstacles(
        Known(
            restitution=case.status is Status.RESTITUTION,
            plan_signed=Gate.PRD_SIGNED in standing.gates,
            plan_allows=row.plan_allows and await plans.exit_allowed(session, case.id),
            danger=row.finding,
            claim=Bar.CLAIM_PENDING in standing.bars,
            appeal=Bar.APPEAL_PENDING in standing.bars,
            unlawful=Bar.RETURN_UNLAWFUL in standing.bars or Gate.RECOGNISED in standing.gates,
            protected=known.blocked or known.protected or True in known.relatives_blocked,
            heard=row.heard_at is not None and Gate.CHILD_HEARD in standing.gates,
            homes=homes,
            destination=row.destination,
            family_verified=row.kind is not ReturnKind.FAMILY_REUNIFICATION or row.family_reference is not None,
            concurred=row.concurred_by is not None,
            escort=row.escort is not None and row.escort_specialised is True,
            accepted=row.accepted_at is not None,
            receives=receives,
            in_good_time=in_good_time,
        )
    )


async def _at_the_point(session: AsyncSession, caller: Caller, row: AssistedReturn) -> tuple[bool, bool]:
    """Return whether the child can be handed over as planned, and whether the point would know in good time."""
    if row.point_id is None or row.planned_at is None:
        return False, False
    now = clock.now()
    point = points.point(await points.find(session, caller, row.point_id))
    open_then = point_rules.receives(point, row.planned_at) and point.country == row.destination
    return open_then and now <= row.planned_at, point_rules.in_good_time(point, row.planned_at, now)


# -- reading ---------------------------------------------------------------------------------------------


async def get(session: AsyncSession, vault: Vault, caller: Caller, return_id: str) -> ReturnOut:
    """Return a return that the caller may know of. The reading is recorded. Raises NotFound."""
    row = await store.get(session, caller, return_id)
    if row is None:
        raise NotFound
    return (await shown(session, vault, caller, [row]))[0]


async def shown(session: AsyncSession, vault: Vault, caller: Caller, rows: Sequence[AssistedReturn]) -> list[ReturnOut]:
    """Return returns as this caller sees them. Each reading is recorded."""
    known = case_store.readable(SYSTEM).where(col(Case.id).in_([row.case_id for row in rows]))
    found = {case.id: case for case in (await session.exec(known)).all()}
    seen = []
    for row in rows:
        audit.read(session, caller, "return", row.id)
        case = found[row.case_id]
        seen.append(_show(vault, caller, case, row, await _obstacles(session, caller, case, row)))
    return seen


def _show(vault: Vault, caller: Caller, case: Case, row: AssistedReturn, present: Sequence[Hindrance]) -> ReturnOut:
    parts = held(caller, case)
    privy = not parts.isdisjoint(_PRIVY)
    over = row.state not in rules.LIVE
    view = vault.open(row.view, "assisted_return", row.id).decode() if privy and row.view is not None else None
    escort = vault.open(row.escort, "assisted_return", f"{row.id}/escort").decode() if row.escort is not None else None
    secret: dict[str, Any] = {} if privy else dict.fromkeys(_SECRET)
    if not privy and row.cancelled_because in effects.TELLING:
        secret["cancelled_because"] = None
    plain = row.model_dump(include=_PLAIN) | secret
    return ReturnOut(
        view=view, escort=escort, obstacles=[] if over else rules.shown_to(parts, present),
        allowed_actions=rules.allowed(row.state, parts, present, concurred=row.concurred_by is not None), **plain,
    )  # fmt: skip


_SECRET = ("finding", "wish")
_PLAIN = set(ReturnOut.model_fields) - {"view", "escort", "obstacles", "allowed_actions"}
