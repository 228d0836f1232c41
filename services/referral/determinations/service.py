"""Use cases of determinations: open one, opine, seat a panel, decide, sign, review."""

from collections.abc import Sequence

from sqlmodel.ext.asyncio.session import AsyncSession

from services.referral.agencies import store as directory
from services.referral.cases import service as cases
from services.referral.cases.models import Case
from services.referral.cases.rules import Action, Gate, Part, Status
from services.referral.cases.schemas import allowed, held
from services.referral.cases.store import ABROAD
from services.referral.determinations import rules, store
from services.referral.determinations.assessments import enter
from services.referral.determinations.models import Determination, Opinion, PanelSeat
from services.referral.determinations.rules import BidAction, BidState, Option
from services.referral.determinations.schemas import (
    BidDecisionIn,
    BidReviewIn,
    DeterminationIn,
    DeterminationOut,
    OpinionIn,
    OpinionOut,
    SeatIn,
    SeatOut,
    SignatureIn,
)
from shared import audit, clock, ids
from shared.auth import Caller
from shared.crypto import Vault
from shared.errors import Conflict, Fault, IllegalMove, Invalid, NotFound

_STALE = (Gate.BID_SIGNED, Gate.PRD_SIGNED, Gate.CHILD_HEARD)
"""What no longer holds once a determination is opened again."""


async def open_bid(session: AsyncSession, vault: Vault, caller: Caller, body: DeterminationIn) -> DeterminationOut:
    """Open the determination of a case. Raises NotFound, IllegalMove, Conflict while there is one."""
    case = await cases.taken(session, caller, body.case_id, None, Part.PP_HERE)
    former = await store.all_of(session, case.id)
    if any(row.state in rules.GOING_ON for row in former):
        raise Conflict("The case has its determination: review that one.", allowed_actions=allowed(caller, case))
    row = Determination(
        id=ids.new("bid"), case_id=case.id, number=len(former) + 1, purpose=body.purpose,
        assessor=f"{caller.agency}/{body.assessor}", opened_by=f"{caller.agency}/{body.officer}",
        opened_at=clock.now(),
    )  # fmt: skip
    await _begin(session, caller, case, row)
    return await show(session, vault, caller, case, row)


async def _begin(session: AsyncSession, caller: Caller, case: Case, row: Determination) -> None:
    if case.status is not Status.BID_OPEN:
        cases.advance(session, caller, case, Action.OPEN_BID, subject=row.id)
    session.add(row)
    await session.flush()
    audit.wrote(session, caller, "open", "determination", row.id, case=case.id, purpose=row.purpose.value)
    enter(session, case, "determination.opened", row.id, caller)


async def opine(session: AsyncSession, vault: Vault, caller: Caller, bid_id: str, body: OpinionIn) -> DeterminationOut:
    """Take down what one discipline recommends. Raises NotFound, IllegalMove, RefusedByLaw."""
    case, row = await _moved(session, caller, bid_id, BidAction.OPINE)
    author = f"{caller.agency}/{body.officer}"
    if author.casefold() in {each.casefold() for each in _seated(await store.panel(session, [row.id]))}:
        raise rules.BID_PANEL.refuse("Who sits on the panel gives no opinion.", allowed_actions=["opine"])
    opinion_id = ids.new("opi")
    session.add(Opinion(
        id=opinion_id, determination_id=row.id, discipline=body.discipline, recommendation=body.recommendation,
        words=vault.seal(body.words.encode(), "bid_opinion", opinion_id), agency=caller.agency, officer=body.officer,
        given_at=clock.now(),
    ))  # fmt: skip
    audit.wrote(session, caller, "opine", "determination", row.id, case=case.id, discipline=body.discipline.value)
    return await show(session, vault, caller, case, row)


async def seat(session: AsyncSession, vault: Vault, caller: Caller, bid_id: str, body: SeatIn) -> DeterminationOut:
    """Let somebody sit on the panel. Raises NotFound, IllegalMove, RefusedByLaw for whoever assessed the child."""
    case, row = await _moved(session, caller, bid_id, BidAction.SEAT)
    member = directory.readable(caller).get(body.agency)
    if member is None or member.kind in ABROAD:
        raise Invalid("The directory has no such body in this country.", faults=[Fault("/agency", "unknown")])
    authors = [f"{each.agency}/{each.officer}" for each in await store.opinions(session, [row.id])]
    seated = _seated(await store.panel(session, [row.id]))
    rules.check_seat(f"{body.agency}/{body.officer}", body.discipline, [row.assessor, *authors], seated)
    session.add(PanelSeat(id=ids.new("pnl"), determination_id=row.id, **body.model_dump()))
    audit.wrote(session, caller, "seat", "determination", row.id, case=case.id, agency=body.agency)
    return await show(session, vault, caller, case, row)


def _seated(panel: Sequence[PanelSeat]) -> list[str]:
    return [f"{each.agency}/{each.officer}" for each in panel]


async def decide(
    session: AsyncSession, vault: Vault, caller: Caller, bid_id: str, body: BidDecisionIn
) -> DeterminationOut:
    """Take down what the panel decided. Raises NotFound, IllegalMove, RefusedByLaw."""
    case, row = await _moved(session, caller, bid_id, BidAction.DECIDE)
    opinions, panel = await store.opinions(session, [row.id]), await store.panel(session, [row.id])
    rules.check_decision([each.discipline for each in opinions], [each.discipline for each in panel])
    row.state, row.decision, row.decided_at = BidState.DECIDED, body.decision, clock.now()
    row.reasons = vault.seal(body.reasons.encode(), "determination", row.id)
    audit.wrote(session, caller, "decide", "determination", row.id, case=case.id, officer=body.officer)
    return await show(session, vault, caller, case, row)


async def sign(session: AsyncSession, vault: Vault, caller: Caller, bid_id: str, body: SignatureIn) -> DeterminationOut:
    """Sign a determination: never before the child was heard (R27). Raises NotFound, IllegalMove, RefusedByLaw."""
    case, row = await _moved(session, caller, bid_id, BidAction.SIGN)
    if case.status is not Status.BID_OPEN:
        raise IllegalMove("The case is not at its determination now.", allowed_actions=allowed(caller, case))
    rules.check_heard(case.standing.gates)
    row.state, row.reference = BidState.SIGNED, body.reference
    row.signed_by, row.signed_at = f"{caller.agency}/{body.officer}", clock.now()
    cases.open_gate(session, caller, case, Gate.BID_SIGNED, evidence=row.id)
    audit.wrote(session, caller, "sign", "determination", row.id, case=case.id, officer=body.officer)
    enter(session, case, "determination.signed", row.id, caller)
    return await show(session, vault, caller, case, row)


async def review(
    session: AsyncSession, vault: Vault, caller: Caller, bid_id: str, body: BidReviewIn
) -> DeterminationOut:
    """Open a signed determination again, as a new one: the child is heard anew. Raises NotFound, IllegalMove."""
    case, former = await _moved(session, caller, bid_id, BidAction.REVIEW)
    former.state = BidState.REVIEWED
    row = Determination(
        id=ids.new("bid"), case_id=case.id, number=former.number + 1, follows=former.id, review_reason=body.reason,
        purpose=former.purpose, assessor=f"{caller.agency}/{body.assessor}",
        opened_by=f"{caller.agency}/{body.officer}", opened_at=clock.now(),
    )  # fmt: skip
    await _begin(session, caller, case, row)
    for gate in _STALE:
        if gate in case.standing.gates:
            cases.close_gate(session, caller, case, gate, evidence=row.id)
    return await show(session, vault, caller, case, row)


async def withdraw(session: AsyncSession, vault: Vault, caller: Caller, bid_id: str, officer: str) -> DeterminationOut:
    """Go on with a determination no longer; another one may be opened. Raises NotFound, IllegalMove."""
    case, row = await _moved(session, caller, bid_id, BidAction.WITHDRAW)
    row.state = BidState.WITHDRAWN
    audit.wrote(session, caller, "withdraw", "determination", row.id, case=case.id, officer=officer)
    enter(session, case, "determination.withdrawn", row.id, caller)
    return await show(session, vault, caller, case, row)


async def _moved(session: AsyncSession, caller: Caller, bid_id: str, action: BidAction) -> tuple[Case, Determination]:
    """Return a determination under the lock of its case, where the caller may take this step."""
    found = await find(session, caller, bid_id)
    case = await cases.find(session, caller, found.case_id, lock=True)
    row = await find(session, caller, bid_id)
    rules.advance(row.state, action, held(caller, case))
    row.version += 1
    return case, row


async def find(session: AsyncSession, caller: Caller, bid_id: str) -> Determination:
    """Return a determination that the caller may read. Raises NotFound."""
    found: Determination | None = await store.one(session, store.readable(caller), Determination, bid_id)
    if found is None:
        raise NotFound
    return found


async def signed(session: AsyncSession, case_id: str) -> Determination | None:
    """Return the signed determination of a locked case, if it has one; for upper slices."""
    found = await store.going_on(session, case_id)
    return found if found is not None and found.state is BidState.SIGNED else None


def allows_exit(decision: Option | None) -> bool:
    """Whether a plan that follows this decision may allow that the child leaves the country."""
    return decision in rules.EXITS


async def read(session: AsyncSession, vault: Vault, caller: Caller, bid_id: str) -> DeterminationOut:
    """Return one determination with its words. The reading is recorded. Raises NotFound."""
    row = await find(session, caller, bid_id)
    audit.read(session, caller, "determination", row.id)
    return await show(session, vault, caller, await cases.find(session, caller, row.case_id), row)


async def show(session: AsyncSession, vault: Vault, caller: Caller, case: Case, row: Determination) -> DeterminationOut:
    """Return a determination with opinions and panel."""
    await session.flush()
    return shown(
        vault, caller, case, row, await store.opinions(session, [row.id]), await store.panel(session, [row.id])
    )


def shown(
    vault: Vault | None, caller: Caller, case: Case, row: Determination, opinions: Sequence[Opinion],
    panel: Sequence[PanelSeat],
) -> DeterminationOut:  # fmt: skip
    """Return a determination as this caller sees it; without a vault, without words."""

    def words(sealed: bytes | None, table: str, name: str) -> str | None:
        return vault.open(sealed, table, name).decode() if vault and sealed is not None else None

    return DeterminationOut(
        reasons=words(row.reasons, "determination", row.id),
        opinions=[
            OpinionOut(words=words(each.words, "bid_opinion", each.id), **each.model_dump(include=_OPINION))
            for each in opinions
            if each.determination_id == row.id
        ],
        panel=[SeatOut.model_validate(each.model_dump(include=set(SeatOut.model_fields)))
               for each in panel if each.determination_id == row.id],
        allowed_actions=rules.allowed(row.state, held(caller, case)),
        **row.model_dump(include=_SHOWN),
    )  # fmt: skip


_OPINION = set(OpinionOut.model_fields) - {"words"}
_SHOWN = set(DeterminationOut.model_fields) - {"reasons", "opinions", "panel", "allowed_actions"}
