"""Use cases of measures: ask for or order one, decide on it, end it. `admissions` has who lives in a centre on it."""

from collections.abc import Sequence

from sqlmodel.ext.asyncio.session import AsyncSession

from services.referral.agencies.rules import SHELTERS, Kind
from services.referral.agencies.service import SYSTEM, competent
from services.referral.agencies.store import directory
from services.referral.cases import service as cases
from services.referral.cases.models import Case
from services.referral.cases.rules import Gate, Part, Seen
from services.referral.cases.schemas import held
from services.referral.measures import rules, store
from services.referral.measures.models import Measure, MeasureStep
from services.referral.measures.rules import MeasureAction, MeasureKind, MeasureState, MeasureWay
from services.referral.measures.schemas import DecisionIn, EndingIn, MeasureIn, MeasureOut, MeasureStepOut
from shared import audit, clock, ids
from shared.auth import Caller
from shared.clocks import service as clocks
from shared.crypto import Vault
from shared.delivery import service as delivery
from shared.errors import Fault, Invalid, NotFound
from shared.events import MeasureMoved

TABLE = "measure"


async def ask(session: AsyncSession, vault: Vault, caller: Caller, body: MeasureIn) -> MeasureOut:
    """Ask the Ministerio Público for a measure, or order one. Its clock runs from this moment (R13).

    Raises NotFound, IllegalMove, RefusedByLaw, Invalid for an order of which the judge was not told.
    """
    case = await cases.taken(session, caller, body.case_id, None, Part.PP_HERE)
    state = rules.first(body.kind, body.way)
    if body.way is MeasureWay.ORDERED and body.notice is None:
        raise Invalid("Whoever orders a measure tells the judge at once.", faults=[Fault("/notice", "missing")])
    now, measure_id = clock.now(), ids.new("msr")
    given = body.model_dump(exclude={"officer", "reasons", "case_id"})
    row = Measure(
        id=measure_id, case_id=case.id, state=state, mp=competent(Kind.MP, case.state).id, asked_at=now,
        reasons=vault.seal(body.reasons.encode(), TABLE, measure_id), asked_by=f"{caller.agency}/{body.officer}",
        live_since=now if state in rules.LIVE else None, **given,
    )  # fmt: skip
    session.add(row)
    await session.flush()
    audit.wrote(session, caller, "ask", "measure", row.id, case=case.id, kind=row.kind.value, way=row.way.value)
    if state is MeasureState.REQUESTED:
        session.add(clocks.started(rules.DECREE, case=case.id, resource_id=row.id, agency=row.mp))
    else:
        _begin(session, caller, case, row)
    await _tell(session, case, row, caller, f"measure.{state}")
    return await show(session, vault, caller, case, row)


def _begin(session: AsyncSession, caller: Caller, case: Case, row: Measure) -> None:
    """Let a measure protect from now on; an urgent one waits for the judge, whose decision the Procuraduría owes."""
    cases.open_gate(session, caller, case, Gate.MEASURE_LIVE, evidence=row.id)
    if row.kind is MeasureKind.URGENT:
        session.add(clocks.started(rules.REVIEW, case=case.id, resource_id=row.id, agency=case.representative))


async def decide(
    session: AsyncSession, vault: Vault, caller: Caller, measure_id: str, action: MeasureAction, body: DecisionIn
) -> MeasureOut:
    """Take down a decision on a measure. Raises NotFound, IllegalMove, Invalid, RefusedByLaw (R11)."""
    case, row = await locked(session, caller, measure_id)
    before = row.state
    following = rules.advance(before, action, held(caller, case), is_mp=row.mp == caller.agency)
    if body.decided_at < row.asked_at:
        raise Invalid("Nobody decides before it was asked.", faults=[Fault("/decided_at", "before_the_request")])
    if before in rules.LIVE and following not in rules.LIVE:
        await _end(session, caller, case, row)
    row.state, row.version = following, row.version + 1
    if following not in rules.LIVE:
        row.over_at = body.decided_at
        row.end = body.reason if isinstance(body, EndingIn) else None
    await _clocks(session, caller, case, row, before, action, body)
    step_id = ids.new("mst")
    session.add(MeasureStep(
        id=step_id, measure_id=row.id, state=following, decided_at=body.decided_at, reference=body.reference,
        note=vault.seal(body.note.encode(), TABLE, step_id) if body.note else None,
        recorded_by=f"{caller.agency}/{body.officer}", recorded_at=clock.now(),
    ))  # fmt: skip
    audit.wrote(session, caller, action.value, "measure", row.id, case=case.id, officer=body.officer)
    await _tell(session, case, row, caller, f"measure.{action}")
    return await show(session, vault, caller, case, row)


async def _clocks(
    session: AsyncSession, caller: Caller, case: Case, row: Measure, before: MeasureState, action: MeasureAction,
    body: DecisionIn,
) -> None:  # fmt: skip
    """Stop the clocks whose duty was done, at the time of the decision; start the judge's where the MP decreed."""
    if before is MeasureState.REQUESTED:
        met = action in rules.BY_MP
        await (clocks.meet(session, "D3", row.id, body.decided_at) if met else clocks.cancel(session, "D3", row.id))
        if row.state is MeasureState.DECREED:
            row.live_since = body.decided_at
            _begin(session, caller, case, row)
    elif action in rules.JUDICIAL:
        row.reviewed_at = row.reviewed_at or body.decided_at
        await clocks.meet(session, "D4", row.id, body.decided_at)
    else:
        await clocks.cancel(session, "D4", row.id)


async def _end(session: AsyncSession, caller: Caller, case: Case, row: Measure) -> None:
    """Let a measure protect no longer: never a child who is in a centre on nothing else."""
    others = [each for each in await store.live(session, case.id) if each.id != row.id]
    housing = next((each for each in others if store.houses(each)), None)
    admission = await store.present(session, case.id)
    resting = admission is not None and admission.measure_id == row.id
    rules.check_end(admitted=resting or _is_with_a_centre(case), others=housing is not None)
    if admission is not None and housing is not None and resting:
        admission.measure_id, admission.version = housing.id, admission.version + 1
        audit.wrote(session, caller, "rest_on", "admission", admission.id, measure=housing.id)
    if not others:
        cases.close_gate(session, caller, case, Gate.MEASURE_LIVE, evidence=row.id)


def _is_with_a_centre(case: Case) -> bool:
    """Whether custody has passed to a centre itself, by a transfer."""
    body = directory().get(case.dif or "")
    return body is not None and body.kind in SHELTERS


async def locked(session: AsyncSession, caller: Caller, measure_id: str) -> tuple[Case, Measure]:
    """Return a measure that the caller may read, under the lock of its case and its clocks. Raises NotFound."""
    found = await find(session, caller, measure_id)
    case = await cases.find_with_clocks(session, SYSTEM, found.case_id)  # the MP reads its measures, not their cases
    return case, await find(session, caller, measure_id)


async def find(session: AsyncSession, caller: Caller, measure_id: str) -> Measure:
    """Return a measure that the caller may read. Raises NotFound."""
    found = await store.get(session, caller, measure_id)
    if found is None:
        raise NotFound
    return found


async def _tell(session: AsyncSession, case: Case, row: Measure, caller: Caller, code: str) -> None:
    """Put it on the timeline, and tell whoever else has a part in it: the Ministerio Público, the DIF in charge."""
    parties = {row.mp} | ({case.dif} if case.dif else set())
    cases.enter(
        session, case, code=code, subject=row.id, agency=caller.agency, seen=Seen.PARTIES, parties=parties
    )  # fmt: skip
    fact = MeasureMoved(measure_id=row.id, state=row.state.value)
    await delivery.publish(
        session, fact.TYPE, case=case.id, subject=row.id,
        audience=sorted((parties | {case.representative}) - {caller.agency}), data=fact.model_dump(mode="json"),
    )  # fmt: skip


async def read(session: AsyncSession, vault: Vault, caller: Caller, measure_id: str) -> MeasureOut:
    """Return one measure. The reading is recorded."""
    row = await find(session, caller, measure_id)
    audit.read(session, caller, "measure", row.id)
    return await show(session, vault, caller, await cases.find(session, SYSTEM, row.case_id), row)


async def show(session: AsyncSession, vault: Vault, caller: Caller, case: Case, row: Measure) -> MeasureOut:
    """Return a measure as this caller sees it, with every decision on it."""
    await session.flush()
    return shown(vault, caller, case, row, await store.steps(session, [row.id]))


def shown(vault: Vault | None, caller: Caller, case: Case, row: Measure, steps: Sequence[MeasureStep]) -> MeasureOut:
    """Return a measure as this caller sees it. Words are for the Procuraduría and the MP that was asked.

    Without a vault there are none.
    """
    is_mp = row.mp == caller.agency
    parts = held(caller, case)
    told = is_mp or Part.PP_HERE in parts

    def words(sealed: bytes | None, name: str) -> str | None:
        return vault.open(sealed, TABLE, name).decode() if vault and told and sealed is not None else None

    return MeasureOut(
        live=row.state in rules.LIVE,
        reasons=words(row.reasons, row.id),
        steps=[
            MeasureStepOut(note=words(each.note, each.id), **each.model_dump(include=_STEP))
            for each in steps
            if each.measure_id == row.id
        ],
        allowed_actions=rules.allowed(row.state, parts, is_mp=is_mp),
        **row.model_dump(include=_SHOWN),
    )


_STEP = set(MeasureStepOut.model_fields) - {"note"}
_SHOWN = set(MeasureOut.model_fields) - {"live", "reasons", "steps", "allowed_actions"}
