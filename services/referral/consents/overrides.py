"""Use cases of overrides: a supervisor lets an agency read without consent; another officer reviews it in time."""

from datetime import timedelta

from sqlmodel.ext.asyncio.session import AsyncSession

from services.referral.agencies import store as directory
from services.referral.cases import service as cases
from services.referral.cases import store as case_store
from services.referral.cases.models import Case
from services.referral.cases.recipients import kept_from
from services.referral.cases.rules import SUPERVISOR
from services.referral.cases.rules import Part as CasePart
from services.referral.cases.schemas import held
from services.referral.consents import rules, store, travel
from services.referral.consents.coverage import until_of
from services.referral.consents.models import Override
from services.referral.consents.rules import OverrideAction, OverrideState, Part
from services.referral.consents.schemas import OverrideIn, OverrideOut
from services.referral.consents.service import check_agencies, note, seal
from services.referral.referrals.rules import NEED_TO_KNOW
from shared import audit, clock, etags, ids
from shared.auth import Caller
from shared.clocks import service as clocks
from shared.crypto import Vault
from shared.errors import NotFound

WORDS = "consent_override_words"
LONGEST = timedelta(days=90)
"""How long an override holds that was upheld [design]."""
_MAKERS = frozenset({CasePart.PP_HERE, CasePart.DIF_IN_CHARGE})


async def make(session: AsyncSession, vault: Vault, caller: Caller, body: OverrideIn) -> Override:
    """Let an agency read without consent until the review. Raises NotFound, Invalid or RefusedByLaw."""
    case = await cases.find(session, caller, body.case_id, lock=True)
    if caller.role != SUPERVISOR or held(caller, case).isdisjoint(_MAKERS):
        raise rules.OVERRIDES.refuse(
            "A supervisor of the Procuraduría, or of the DIF in charge, may.", allowed_actions=["record_consent"]
        )
    check_agencies(caller, [body.recipient], "/recipient")
    known = directory.readable(caller)[body.recipient]
    if kept_from(await case_store.withheld(session, case.id), known.id, known.kind):
        raise NEED_TO_KNOW.refuse("It is withheld from that agency: no override opens that.", allowed_actions=[])
    now, row_id = clock.now(), ids.new("ovr")
    running = clocks.started(
        rules.OVERRIDE_REVIEW, case=case.id, resource_id=row_id, agency=case.representative, at=now
    )  # fmt: skip
    row = Override(
        id=row_id, case_id=case.id, child_id=case.child_id, agency=caller.agency, officer=body.officer,
        recipient=body.recipient, purpose=body.purpose, fields=[each.value for each in body.fields],
        reason=body.reason.value, sealed_words=seal(vault, WORDS, row_id, body.note), created_at=now,
        review_by=running.due_at, expires_at=now + LONGEST,
    )  # fmt: skip
    session.add(row)
    session.add(running)
    audit.wrote(session, caller, "override", "consent_override", row.id, reason=row.reason, recipient=row.recipient)
    note(session, caller, case, "override.made", row.id)
    await session.flush()
    return row


async def _find(session: AsyncSession, caller: Caller, override_id: str, *, lock: bool = False) -> Override:
    statement = store.readable_overrides(caller).where(Override.id == override_id)
    found: Override | None = await store.one(session, statement, lock=lock)
    if found is None:
        raise NotFound
    return found


async def judge(
    session: AsyncSession, caller: Caller, override_id: str, action: OverrideAction, officer: str, if_match: str | None
) -> tuple[Case, Override]:
    """Uphold or revoke an override. Revoked, it stops at once, and whoever read under it is told.

    Raises NotFound, Stale, IllegalMove, or RefusedByLaw for the officer who made it.
    """
    seen = await _find(session, caller, override_id)
    case = await cases.find_with_clocks(session, caller, seen.case_id)
    row = await _find(session, caller, override_id, lock=True)
    if if_match is not None:
        etags.must_match(if_match, row.version)
    end_if_over(row)
    first = row.reviewed_at is None
    row.state = OverrideState(rules.move(row.state, action, parts(caller, case)))
    if (caller.agency, officer) == (row.agency, row.officer):
        raise rules.OVERRIDES.refuse("Another officer reviews it.", allowed_actions=[])
    row.reviewed_at, row.reviewed_by = clock.now(), f"{caller.agency}/{officer}"
    row.version += 1
    if first:
        await clocks.meet(session, rules.OVERRIDE_REVIEW.id, row.id, row.reviewed_at)
    audit.wrote(session, caller, action.value, "consent_override", row.id, officer=officer)
    note(session, caller, case, _TOLD[action], row.id, row.agency)
    if row.state is OverrideState.REVOKED:
        await session.flush()
        await travel.tell(session, caller, case, travel.of_override(row))
    await session.flush()
    await travel.tell_over(session, caller, case)
    return case, row


_TOLD = {OverrideAction.UPHOLD: "override.upheld", OverrideAction.REVOKE: "override.revoked"}


def end_if_over(row: Override) -> bool:
    """Move an override whose time is over, and say whether it was. One that nobody reviewed still is to be."""
    until = row.review_by if row.state is OverrideState.PENDING else row.expires_at
    if row.state not in _ENDS or clock.now() < until:
        return False
    row.state = OverrideState(rules.move(row.state, OverrideAction.EXPIRE, {Part.SYSTEM}))
    row.expires_at = until  # also where somebody says later that it was right
    return True


def parts(caller: Caller, case: Case) -> set[Part]:
    """Return what the caller is to the overrides of a case."""
    return {Part.PP} if CasePart.PP_HERE in held(caller, case) else set()


_ENDS = (OverrideState.PENDING, OverrideState.UPHELD)
_SHOWN = set(OverrideOut.model_fields) - {"live", "note", "allowed_actions"}


def show(caller: Caller, case: Case, row: Override, said: str | None = None) -> OverrideOut:
    """Return an override as its reader sees it, as it stands at this moment."""
    state = OverrideState(row.state)
    if state in _ENDS and clock.now() >= until_of(row):
        state = OverrideState(rules.TRANSITIONS[state, OverrideAction.EXPIRE])
    return OverrideOut.model_validate(
        row.model_dump(include=_SHOWN)
        | {
            "state": state, "live": clock.now() < until_of(row), "note": said,
            "allowed_actions": rules.allowed(state, parts(caller, case)),
        }
    )  # fmt: skip
