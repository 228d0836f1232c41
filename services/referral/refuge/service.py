"""Use cases of claims: file one, take a step of it, read it. What each step entails is in `effects`.

The order of locks is that of every writer: the clocks of the case, the case, the child's guard.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Protocol

from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from services.referral.agencies.rules import Kind
from services.referral.agencies.service import SYSTEM, competent
from services.referral.cases import service as cases
from services.referral.cases import store as case_store
from services.referral.cases.models import Case
from services.referral.cases.rules import Action, Bar, Part
from services.referral.cases.schemas import allowed as case_allows
from services.referral.cases.schemas import held
from services.referral.protection import service as protection
from services.referral.protection.rules import IndicationCode, ToldBy
from services.referral.protection.schemas import IndicationIn
from services.referral.refuge import effects, holds, rules, store
from services.referral.refuge.codes import FiledBy
from services.referral.refuge.models import RefugeClaim, RefugeStep
from services.referral.refuge.rules import PROTECTING, ClaimAction, ClaimState, Party, Standing
from services.referral.refuge.schemas import ClaimIn, ClaimOut, ClaimStepOut
from shared import audit, clock, etags, ids
from shared.auth import Caller
from shared.clocks import service as clocks
from shared.clocks.calendar import FEDERAL
from shared.clocks.models import Clock
from shared.clocks.rules import WorkingDays
from shared.clocks.schemas import ClockOut
from shared.crypto import Vault
from shared.errors import Conflict, Fault, Forbidden, Invalid, NotFound
from shared.zones import local_day


class Said(Protocol):
    """What somebody says with a step."""

    officer: str

    def codes(self) -> list[str]: ...
    def told(self) -> dict[str, Any]: ...


# -- filing ----------------------------------------------------------------------------------------------


async def file(session: AsyncSession, vault: Vault, caller: Caller, body: ClaimIn) -> ClaimOut:
    """Take a claim in. The guard closes, COMAR is told, nobody is returned: in the same transaction (R15, R24).

    Raises NotFound, Forbidden, Conflict, Invalid, RefusedByLaw for a late claim without its cause.
    """
    await cases.find(session, caller, body.case_id)
    case = await cases.find_with_clocks(session, caller, body.case_id)
    if not await _may_file(session, caller, case):
        raise Forbidden("COMAR, the Procuraduría or the representative file; everybody else records an indication.")
    if await store.live(session, case.id) is not None:
        raise Conflict("A claim of this child is pending.", allowed_actions=[])
    filed_at = body.filed_at or clock.now()
    due_on = await _last_day(session, case, body)
    _check_time(body, filed_at, due_on)
    told_by = ToldBy.CHILD if body.filed_by is FiledBy.CHILD else ToldBy.AGENCY
    said = IndicationIn(case_id=case.id, code=IndicationCode.ASKS_FOR_REFUGE, told_by=told_by)
    told = await protection.indicate(session, vault, caller, said)
    row = _row(vault, caller, case, body, filed_at, due_on, told.comar_referral_id)
    session.add(row)
    await session.flush()
    cases.set_bar(session, caller, case, Bar.CLAIM_PENDING, evidence=row.id)
    await holds.begin(session, SYSTEM, case, evidence=row.id)
    await _start(session, case, row)
    audit.wrote(session, caller, "file", "refuge_claim", row.id, case=case.id, officer=body.officer)
    effects.enter(session, case, row, "filed", caller)
    return await _shown(session, vault, caller, case, row)


async def _may_file(session: AsyncSession, caller: Caller, case: Case) -> bool:
    here = Part.PP_HERE in held(caller, case) or caller.agency_kind == Kind.COMAR
    return here or await store.acts_for(session, caller, case.id)


async def _last_day(session: AsyncSession, case: Case, body: ClaimIn) -> date:
    """Return the last day to file: counted from entry, or from when filing became materially possible (D6)."""
    first = body.possible_on or body.entered_on or local_day(case.created_at, case.state)
    calendar = await clocks.calendar_of(session, rules.D6)
    assert isinstance(rules.D6.due, WorkingDays)
    return calendar.add(first, rules.D6.due)


def _check_time(body: ClaimIn, filed_at: datetime, due_on: date) -> None:
    late = filed_at.astimezone(FEDERAL).date() > due_on
    if late and body.late_reason is None:
        raise rules.FILED_IN_TIME.refuse("The claim is late: name the cause.", allowed_actions=["file"])
    if not late and body.late_reason is not None:
        raise Invalid("The claim is in time.", faults=[Fault("/late_reason", "not_late")])


def _row(
    vault: Vault, caller: Caller, case: Case, body: ClaimIn, filed_at: datetime, due_on: date, notice_id: str
) -> RefugeClaim:
    row_id, now = ids.new("rcl"), clock.now()
    state = ClaimState.RATIFIED if body.filed_by is FiledBy.CHILD else ClaimState.FILED
    return RefugeClaim(
        id=row_id, case_id=case.id, state=state, filed_by=body.filed_by, form=body.form, filed_at=filed_at,
        entered_on=body.entered_on, possible_on=body.possible_on, possible_since=body.possible_since, due_on=due_on,
        late_reason=body.late_reason, notice_id=notice_id, recorded_by=f"{caller.agency}/{body.officer}",
        statement=vault.seal(body.statement.encode(), "refuge_claim", row_id) if body.statement else None,
        created_at=now, updated_at=now,
    )  # fmt: skip


async def _start(session: AsyncSession, case: Case, row: RefugeClaim) -> None:
    """Start what runs from the filing. To ratify, the child has three days from when Ruta knows of the claim."""
    await clocks.meet(session, rules.D6.id, case.id, row.filed_at)
    comar = competent(Kind.COMAR, case.state).id
    await effects.start(session, case, row, rules.D8, comar, row.filed_at)
    await effects.start(session, case, row, rules.D10, comar, row.filed_at)
    if row.state is ClaimState.FILED:
        await effects.start(session, case, row, rules.D7, case.representative, row.created_at)


# -- steps -----------------------------------------------------------------------------------------------


async def act(
    session: AsyncSession, vault: Vault, caller: Caller, claim_id: str, action: ClaimAction, body: Said,
    *, if_match: str | None = None,
) -> ClaimOut:  # fmt: skip
    """Take a step of a claim, with everything that it entails. Raises NotFound, Stale, IllegalMove, RefusedByLaw."""
    case, row = await _locked(session, caller, claim_id)
    if if_match is not None:
        etags.must_match(if_match, row.version)
    running = await _clocks(session, row)
    following = rules.advance(_standing(caller, case, row, running), action, _parties(caller, case))
    effects.check(action, body, row, running)
    _take(session, vault, caller, row, action, following, body)
    await effects.entail(session, caller, case, row, action, body)
    effects.enter(session, case, row, action.value, caller)
    if (
        action is ClaimAction.NOTIFY
        and row.state is ClaimState.NOTIFIED
        and row.outcome is rules.ClaimOutcome.RECOGNISED
    ):
        await _finish(session, vault, case, row, ClaimAction.FINALISE)
    return await _shown(session, vault, caller, case, row)


async def lapse(session: AsyncSession, vault: Vault, claim_id: str) -> None:
    """Take in that a claim was not ratified in time: as if it had not been filed. The guard stays closed."""
    case, row = await _locked(session, SYSTEM, claim_id)
    running = await _clocks(session, row)
    rules.advance(_standing(SYSTEM, case, row, running), ClaimAction.LAPSE, {Party.SYSTEM})
    await _finish(session, vault, case, row, ClaimAction.LAPSE)


async def _finish(session: AsyncSession, vault: Vault, case: Case, row: RefugeClaim, action: ClaimAction) -> None:
    """Take a step that no person takes."""
    _take(session, vault, SYSTEM, row, action, rules.TRANSITIONS[row.state, action], None)
    await effects.entail(session, SYSTEM, case, row, action, None)
    effects.enter(session, case, row, action.value, SYSTEM)


async def _locked(session: AsyncSession, caller: Caller, claim_id: str) -> tuple[Case, RefugeClaim]:
    found = await store.get(session, caller, claim_id)
    if found is None:
        raise NotFound
    case = await cases.find_with_clocks(session, SYSTEM, found.case_id)
    row = await store.get(session, caller, claim_id, lock=True)
    if row is None:
        raise NotFound
    return case, row


async def _clocks(session: AsyncSession, row: RefugeClaim) -> dict[str, Clock]:
    return {each.rule: each for each in await store.clocks(session, [row.id])}


def _standing(caller: Caller, case: Case, row: RefugeClaim, running: dict[str, Clock]) -> Standing:
    now = clock.now()

    def runs(rule: str) -> bool:
        return rule in running and now < running[rule].due_at

    facts = (
        (ClaimAction.RATIFY, not runs("D7")),
        (ClaimAction.LAPSE, runs("D7")),
        (ClaimAction.RESOLVE, row.opinion_at is None and runs("D9")),
        (ClaimAction.FINALISE, runs("D12")),
        (
            ClaimAction.RECOGNISE,
            row.outcome not in PROTECTING or Action.RECOGNISE.value not in case_allows(caller, case),
        ),
    )
    done = (
        (ClaimAction.TELL_INM, row.inm_told_at),
        (ClaimAction.RECEIVE_OPINION, row.opinion_at),
        (ClaimAction.RECOGNISE, row.recognised_at),
    )
    return Standing(
        row.state,
        frozenset(action for action, at in done if at is not None),
        frozenset(action for action, stands in facts if stands),
    )


def _parties(caller: Caller, case: Case) -> frozenset[Party]:
    """Return what a caller who knows of a claim is to it."""
    if caller is SYSTEM:
        return frozenset({Party.SYSTEM})
    if caller.agency_kind == Kind.COMAR:
        return frozenset({Party.COMAR})
    return frozenset({Party.PP if Part.PP_HERE in held(caller, case) else Party.REPRESENTATIVE})


def _take(
    session: AsyncSession, vault: Vault, caller: Caller, row: RefugeClaim, action: ClaimAction, following: ClaimState,
    body: Said | None,
) -> None:  # fmt: skip
    """Move a claim, and write the step down."""
    told = body.told() if body is not None else {}
    officer = body.officer if body is not None else "ruta"
    words = told.get("words")
    step_id, now = ids.new("rst"), clock.now()
    session.add(
        RefugeStep(
            id=step_id, claim_id=row.id, action=action, at=told.get("at") or now, by=f"{caller.agency}/{officer}",
            codes=" ".join(body.codes()) or None if body is not None else None, language=told.get("language"),
            reference=told.get("reference"), recorded_at=now,
            words=vault.seal(words.encode(), "refuge_step", step_id) if words else None,
        )
    )  # fmt: skip
    row.state, row.updated_at = following, now
    row.version += 1
    audit.wrote(session, caller, action.value, "refuge_claim", row.id, case=row.case_id, officer=officer)


# -- reading ---------------------------------------------------------------------------------------------


async def get(session: AsyncSession, vault: Vault, caller: Caller, claim_id: str) -> ClaimOut:
    """Return a claim that the caller may know of. The reading is recorded. Raises NotFound."""
    row = await store.get(session, caller, claim_id)
    if row is None:
        raise NotFound
    return (await shown(session, vault, caller, [row]))[0]


async def shown(session: AsyncSession, vault: Vault, caller: Caller, rows: Sequence[RefugeClaim]) -> list[ClaimOut]:
    """Return claims as this caller sees them. Each reading is recorded."""
    known = case_store.readable(SYSTEM).where(col(Case.id).in_([row.case_id for row in rows]))
    found = {case.id: case for case in (await session.exec(known)).all()}
    names = [row.id for row in rows]
    steps, running = await store.steps(session, names), await store.clocks(session, names)
    for row in rows:
        audit.read(session, caller, "refuge_claim", row.id)
    return [
        _show(
            vault, caller, found[row.case_id], row, [each for each in steps if each.claim_id == row.id],
            [each for each in running if each.resource_id == row.id],
        )
        for row in rows
    ]  # fmt: skip


async def _shown(session: AsyncSession, vault: Vault, caller: Caller, case: Case, row: RefugeClaim) -> ClaimOut:
    await session.flush()
    return _show(vault, caller, case, row, await store.steps(session, [row.id]), await store.clocks(session, [row.id]))


def _show(
    vault: Vault, caller: Caller, case: Case, row: RefugeClaim, steps: Sequence[RefugeStep], running: Sequence[Clock]
) -> ClaimOut:
    standing = _standing(caller, case, row, {each.rule: each for each in running})
    return ClaimOut(
        statement=vault.open(row.statement, "refuge_claim", row.id).decode() if row.statement is not None else None,
        steps=[_step(vault, each) for each in steps],
        clocks=[ClockOut.model_validate(each) for each in running],
        allowed_actions=rules.allowed(standing, _parties(caller, case)),
        **row.model_dump(include=_PLAIN),
    )


_PLAIN = set(ClaimOut.model_fields) - {"statement", "steps", "clocks", "allowed_actions"}


def _step(vault: Vault, row: RefugeStep) -> ClaimStepOut:
    words = vault.open(row.words, "refuge_step", row.id).decode() if row.words is not None else None
    return ClaimStepOut(
        action=row.action, at=row.at, by=row.by, codes=(row.codes or "").split(), language=row.language,
        reference=row.reference, words=words,
    )  # fmt: skip


async def protected(session: AsyncSession, case_id: str) -> bool:
    """Whether a final resolution protects the child of a case: nobody may return it (LRPCAP 6)."""
    return await store.protected(session, case_id)
