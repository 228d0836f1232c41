"""Use cases of transfers: propose one, answer, depart, arrive. Who owns the case changes on arrival alone (R30)."""

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlmodel.ext.asyncio.session import AsyncSession

from services.referral.agencies import service as agencies
from services.referral.agencies import store as directory
from services.referral.agencies.rules import Agency, Kind
from services.referral.agencies.service import SYSTEM
from services.referral.cases import rules as case_rules
from services.referral.cases import service as cases
from services.referral.cases import store as case_store
from services.referral.cases.models import Case
from services.referral.cases.recipients import kept_from
from services.referral.cases.representation import move_to
from services.referral.places.rules import FRESH
from services.referral.referrals import service as referrals
from services.referral.referrals.rules import NEED_TO_KNOW, ReferralKind
from services.referral.transfers import centres, rules, store
from services.referral.transfers.models import Transfer
from services.referral.transfers.rules import Side, TransferAction, TransferKind, TransferState, View
from services.referral.transfers.schemas import (
    ArrivalIn,
    CaseGlance,
    DepartureIn,
    TransferDeclineIn,
    TransferIn,
    TransferMoved,
    TransferOut,
    TransferStep,
    TransferWithdrawIn,
)
from shared import audit, clock, etags, ids
from shared.auth import Caller
from shared.clocks import service as clocks
from shared.crypto import Vault
from shared.delivery import service as delivery
from shared.errors import Conflict, Fault, Invalid, NotFound

NOTE, ANSWER, PLACE = "transfer_note", "transfer_answer", "transfer_place"
Body = TransferStep | ArrivalIn | None


async def find(session: AsyncSession, caller: Caller, transfer_id: str, *, lock: bool = False) -> Transfer:
    """Return a transfer that the caller may read, locked if wished. Raises NotFound."""
    found = await store.get(session, caller, transfer_id, lock=lock)
    if found is None:
        raise NotFound
    return found


def sides(caller: Caller, transfer: Transfer) -> set[Side]:
    """Return what the caller is to a transfer; nothing when it may only read it."""
    known = {Side.SENDER: transfer.sender, Side.RECIPIENT: transfer.recipient}
    found = {side for side, agency in known.items() if agency == caller.agency}
    return found | {Side.SYSTEM} if caller is SYSTEM else found


async def propose(
    session: AsyncSession, vault: Vault, caller: Caller, body: TransferIn, fresh: timedelta = FRESH
) -> Transfer:
    """Propose that a child, or its case, pass to another authority. `fresh`: how old a centre's figure may be.

    Raises NotFound, Invalid, Conflict, IllegalMove or RefusedByLaw.
    """
    case = await cases.find(session, caller, body.case_id, lock=True)
    recipient = _vet(caller, case, body)
    await centres.may_be_asked(session, case, body, fresh)
    if kept_from(await case_store.withheld(session, case.id), recipient.id, recipient.kind):
        raise NEED_TO_KNOW.refuse("It is withheld from that agency.", allowed_actions=[])
    if await store.live(session, case.id, body.kind):
        raise Conflict("The case has a transfer of this kind already.", allowed_actions=[])
    now, transfer_id = clock.now(), ids.new("trf")
    running = clocks.started(rules.ANSWER, case=case.id, resource_id=transfer_id, agency=recipient.id, at=now)
    transfer = Transfer(
        id=transfer_id, case_id=case.id, child_id=case.child_id, kind=body.kind, sender=caller.agency,
        recipient=recipient.id, from_state=case.state, to_state=recipient.state or case.state,
        reason=body.reason.value, lawful_basis=body.lawful_basis, fields=[each.value for each in body.fields],
        sex=body.sex, age_band=body.age_band, officer=body.officer,
        sealed_note=_seal(vault, NOTE, transfer_id, body.note), answer_by=running.due_at,
        created_at=now, updated_at=now,
    )  # fmt: skip
    session.add(transfer)
    session.add(running)
    await session.flush()
    audit.wrote(session, caller, "propose", "transfer", transfer.id, kind=body.kind.value, recipient=recipient.id)
    await _tell(session, TransferMoved.PROPOSED, transfer)
    _enter(session, caller, case, transfer, "proposed")
    return transfer


def _vet(caller: Caller, case: Case, body: TransferIn) -> Agency:
    """Return who is to take over, if the caller may hand over to them."""
    here = agencies.competent(Kind.PP, case.state).id
    if caller.agency not in ((case.dif,) if body.kind is TransferKind.CUSTODY else (here, case_rules.FEDERAL_PP)):
        raise rules.OWNER.refuse("The case is not yours to hand over.", allowed_actions=[])
    if (case.status, case_rules.Action.TRANSFER) not in case_rules.TRANSITIONS:
        raise Conflict(f"A case that is {case.status} passes to nobody.", allowed_actions=[])
    recipient = agencies.here(caller).get(body.recipient)
    if recipient is None:
        raise Invalid("The directory has no such body.", faults=[Fault("/recipient", "unknown")])
    if not rules.fits(body.kind, recipient, sender=caller.agency, state=case.state):
        raise Invalid("That body cannot take over.", faults=[Fault("/recipient", "unfit")])
    return recipient


async def act(
    session: AsyncSession,
    vault: Vault,
    caller: Caller,
    transfer_id: str,
    action: TransferAction,
    body: Body = None,
    *,
    if_match: str | None = None,
) -> Transfer:
    """Take a step. Locked in one order: its clocks, itself, open referrals where the case moves, the case.

    Raises NotFound, Stale, IllegalMove, RefusedByLaw, Conflict or Invalid.
    """
    found = await find(session, caller, transfer_id)
    if action is TransferAction.ARRIVE:  # what the former owner has open passes on
        await referrals.hold(session, found.case_id)
    else:
        await store.lock_clocks(session, found.id)
    transfer = await find(session, caller, transfer_id, lock=True)
    if if_match is not None:
        etags.must_match(if_match, transfer.version)
    transfer.state = rules.move(transfer.state, action, sides(caller, transfer))
    transfer.version, transfer.updated_at = transfer.version + 1, clock.now()
    if transfer.state not in rules.LIVE:
        transfer.closed_at = transfer.updated_at
    if body is not None and body.note is not None:
        transfer.sealed_answer = _seal(vault, ANSWER, transfer.id, body.note)
    reason = body.reason.value if isinstance(body, TransferDeclineIn | TransferWithdrawIn) else None
    transfer.end_reason = reason
    audit.wrote(session, caller, action.value, "transfer", transfer.id, state=transfer.state.value, reason=reason)
    if isinstance(body, ArrivalIn):
        await _pass_duties_on(session, caller, transfer)
    case = await cases.find(session, SYSTEM, transfer.case_id, lock=True)
    await centres.may_take_over(session, case, transfer, action)
    await _see_to_clocks(session, transfer, action, body)
    await _entail(session, vault, caller, transfer, case, action, body)
    await _tell(session, TransferMoved.TYPE, transfer)
    _enter(session, caller, case, transfer, action.value)
    return transfer


async def _pass_duties_on(session: AsyncSession, caller: Caller, transfer: Transfer) -> None:
    """What the former owner has open passes on; of a territory that is its Procuraduría, whoever proposed it."""
    moves = transfer.kind is TransferKind.TERRITORY
    old = agencies.competent(Kind.PP, transfer.from_state).id if moves else transfer.sender
    await referrals.pass_on(session, caller, transfer.case_id, old, transfer.recipient, services=moves)


async def _see_to_clocks(session: AsyncSession, transfer: Transfer, action: TransferAction, body: Body) -> None:
    now = transfer.updated_at
    if action in (TransferAction.ACCEPT, TransferAction.DECLINE):
        await clocks.meet(session, rules.ANSWER.id, transfer.id, now)
    if action is TransferAction.ACCEPT:
        transfer.accepted_at = now
        leaving = clocks.started(
            rules.DEPART, case=transfer.case_id, resource_id=transfer.id, agency=transfer.sender, at=now
        )
        session.add(leaving)
    elif action is TransferAction.DEPART and isinstance(body, DepartureIn):
        await clocks.meet(session, rules.DEPART.id, transfer.id, now)
        arriving = clocks.started(
            rules.ARRIVE, case=transfer.case_id, resource_id=transfer.id, agency=transfer.recipient,
            at=body.expected_at,
        )  # fmt: skip
        transfer.arrive_by = arriving.due_at
        session.add(arriving)
    elif action is TransferAction.ARRIVE:
        await clocks.meet(session, rules.ARRIVE.id, transfer.id, now)
    elif transfer.closed_at is not None:
        for each in rules.DEADLINES:
            await clocks.cancel(session, each.id, transfer.id)


async def _entail(
    session: AsyncSession, vault: Vault, caller: Caller, transfer: Transfer, case: Case, action: TransferAction,
    body: Body,
) -> None:  # fmt: skip
    """Do what a step means for the case."""
    if isinstance(body, DepartureIn):
        _depart(transfer, body)
        if case.status is not case_rules.Status.TRANSFERRED:
            cases.advance(session, caller, case, case_rules.Action.TRANSFER, subject=transfer.id)
    elif isinstance(body, ArrivalIn):
        _arrived(vault, transfer, body)
        await _step_back(session, caller, transfer, case, case_rules.Action.ARRIVE)
        await (_give_custody if transfer.kind is TransferKind.CUSTODY else _move_case)(session, caller, transfer, case)
    elif action is TransferAction.WITHDRAW and transfer.departed_at is not None:
        await _step_back(session, caller, transfer, case, case_rules.Action.CALL_OFF)
    elif action is TransferAction.NOT_ARRIVE:
        await _ask_whether_missing(session, transfer, case)


def _depart(transfer: Transfer, body: DepartureIn) -> None:
    if body.expected_at < body.departed_at:
        raise Invalid("It is expected after it left.", faults=[Fault("/expected_at", "before_departure")])
    transfer.departed_at, transfer.expected_at = body.departed_at, body.expected_at


def _arrived(vault: Vault, transfer: Transfer, body: ArrivalIn) -> None:
    if transfer.departed_at is not None and body.arrived_at < transfer.departed_at:
        raise Invalid("It arrived after it left.", faults=[Fault("/arrived_at", "before_departure")])
    transfer.arrived_at, transfer.condition = body.arrived_at, body.condition
    transfer.handed_over_by, transfer.received_by = body.handed_over_by, body.received_by
    transfer.sealed_place = _seal(vault, PLACE, transfer.id, body.place)


async def _step_back(
    session: AsyncSession, caller: Caller, transfer: Transfer, case: Case, action: case_rules.Action
) -> None:
    """Take the case out of its side state, once the child is on no way any more; who was missing is found."""
    if await store.another_under_way(session, transfer):
        return
    if case.status is case_rules.Status.TRANSFERRED:
        cases.advance(session, caller, case, action, subject=transfer.id)
    elif case.status is case_rules.Status.MISSING:
        cases.advance(session, caller, case, case_rules.Action.FIND, subject=transfer.id)


async def _give_custody(session: AsyncSession, caller: Caller, transfer: Transfer, case: Case) -> None:
    cases.hand_over(session, caller, case, transfer.recipient, transfer.arrived_at, evidence=transfer.id)
    await case_store.join(session, case.id, transfer.recipient, transfer.updated_at)
    await store.leave(session, case.id, [transfer.sender])


async def _move_case(session: AsyncSession, caller: Caller, transfer: Transfer, case: Case) -> None:
    """The case, its Procuraduría and INM's territory move together; those of the old state read it no longer."""
    await move_to(session, caller, case, transfer.to_state)
    known = directory.directory()
    away = [
        name
        for name in await store.parties(session, case.id)
        if (agency := known.get(name)) is not None
        and agency.kind in (Kind.PP, Kind.INM)
        and agency.state == transfer.from_state
    ]
    await case_store.join(session, case.id, transfer.recipient, transfer.updated_at)
    await store.leave(session, case.id, away)


async def _ask_whether_missing(session: AsyncSession, transfer: Transfer, case: Case) -> None:
    """The Procuraduría that represents the child finds out where it is, and says so where it is missing."""
    await referrals.open_referral(
        session, SYSTEM, case=case, kind=ReferralKind.PP_VERIFY, recipient_id=case.representative,
        reason="NOT_ARRIVED", sender_id=transfer.recipient,
    )  # fmt: skip


def _enter(session: AsyncSession, caller: Caller, case: Case, transfer: Transfer, step: str) -> None:
    cases.enter(
        session, case, code=f"transfer.{step}", subject=transfer.id, agency=caller.agency,
        seen=case_rules.Seen.PARTIES, parties=(transfer.sender, transfer.recipient),
    )  # fmt: skip


async def _tell(session: AsyncSession, event_type: str, transfer: Transfer) -> None:
    fact = TransferMoved(transfer_id=transfer.id, state=transfer.state.value)
    await delivery.publish(
        session, event_type, case=transfer.case_id, subject=transfer.id,
        audience=sorted({transfer.sender, transfer.recipient}), data=fact.model_dump(mode="json"),
    )  # fmt: skip


async def overdue(session: AsyncSession, now: datetime) -> list[str]:
    """Return the transfers whose child should have arrived by now, a batch at a time."""
    return list(await store.overdue(session, now, 100))


# -- who sees what ---------------------------------------------------------------------------------------


def _seal(vault: Vault, place: str, transfer_id: str, text: str | None) -> bytes | None:
    return None if text is None else vault.seal(text.encode(), place, transfer_id)


def _open(vault: Vault, place: str, transfer_id: str, sealed: bytes | None) -> str | None:
    return None if sealed is None else vault.open(sealed, place, transfer_id).decode()


def view_of(caller: Caller, transfer: Transfer) -> View:
    """Return how much of a transfer the caller sees."""
    return rules.view(
        transfer.state, sender=caller.agency == transfer.sender, recipient=caller.agency == transfer.recipient
    )


def words(session: AsyncSession, vault: Vault, caller: Caller, transfer: Transfer) -> dict[str, str | None]:
    """Return what was said and where, unless the view is reduced. The reading is recorded (R34)."""
    if view_of(caller, transfer) is View.REDUCED:
        return {}
    said = {
        "note": _open(vault, NOTE, transfer.id, transfer.sealed_note),
        "answer_note": _open(vault, ANSWER, transfer.id, transfer.sealed_answer),
        "place": _open(vault, PLACE, transfer.id, transfer.sealed_place),
    }
    present = sorted(name for name, text in said.items() if text is not None)
    if present:
        audit.read(session, caller, "transfer", transfer.id, fields=present)
    return said


_ALWAYS = (
    "id", "case_id", "kind", "state", "sender", "recipient", "from_state", "to_state", "departed_at", "arrived_at",
    "closed_at", "created_at", "updated_at", "version",
)  # fmt: skip
_WORDS = ("note", "answer_note", "place")
_MADE = {*_WORDS, "view", "case", "next", "allowed_actions"}


def show(caller: Caller, transfer: Transfer, case: Case, said: dict[str, str | None] | None = None) -> TransferOut:
    """Return a transfer as this caller sees it; `said` are the words, where they may be shown."""
    seen = view_of(caller, transfer)
    names = _ALWAYS if seen is View.REDUCED else TransferOut.model_fields.keys() - _MADE
    shown = dict.fromkeys(TransferOut.model_fields) | {name: getattr(transfer, name) for name in names}
    return TransferOut.model_validate(
        shown
        | (said or {})
        | {
            "view": seen,
            "case": _glance(transfer, case, seen),
            "next": rules.NEXT[transfer.state],
            "allowed_actions": rules.allowed(transfer.state, sides(caller, transfer)),
        }
    )


def _glance(transfer: Transfer, case: Case, seen: View) -> CaseGlance | None:
    """Return what a reader sees of the case here: its state at the moment, never how it was."""
    if seen is View.REDUCED:
        return _only(case, ("status", "stage").__contains__)
    accepted = transfer.state in (TransferState.ACCEPTED, *rules.UNDER_WAY)
    return _only(case, transfer.fields.__contains__) if seen is View.LISTED and accepted else None


def _only(case: Case, listed: Callable[[str], bool]) -> CaseGlance:
    return CaseGlance.model_validate(
        {name: getattr(case, name) if listed(name) else None for name in CaseGlance.model_fields}
    )
