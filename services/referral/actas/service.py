"""Use cases of actas: issue the one of a hand-over, read it."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from services.referral.actas import rules, store
from services.referral.actas.models import Acta
from services.referral.actas.rules import HandOver
from services.referral.actas.schemas import ActaIn
from services.referral.agencies import service as agencies
from services.referral.agencies.rules import Kind
from services.referral.cases import laws, machine
from services.referral.cases import service as cases
from services.referral.cases.models import Case
from services.referral.cases.rules import Action, Gate, Status
from services.referral.cases.schemas import allowed
from services.referral.referrals import service as referrals
from services.referral.referrals.models import Referral
from services.referral.referrals.rules import STANDING, ReferralKind
from shared import audit, clock, ids, jsons
from shared.auth import Caller
from shared.errors import Conflict, IllegalMove, NotFound
from shared.jwt import Signer


async def issue(session: AsyncSession, signer: Signer, caller: Caller, body: ActaIn) -> Acta:
    """Issue the acta of a hand-over: the child is in DIF's hands from now (R4, R6). A case may have several.

    Raises NotFound, IllegalMove, RefusedByLaw when the notice or DIF is missing, Conflict when it is issued.
    """
    case = await cases.find(session, caller, body.case_id, lock=True)
    instead, former = allowed(caller, case), await store.of_case(session, case.id)
    asked = await referrals.of_case(session, case.id)
    given = next((each for each in _accepted(asked) if not _covered(each, former)), None)
    if former and given is None:
        raise Conflict("Every hand-over of this case has its acta, which is final.", allowed_actions=instead)
    _check(case, asked, given if former else None, instead)
    acta = _signed(signer, _content(caller, case, body, _handed_over(case, asked, given, former)))
    session.add(acta)
    if former:
        cases.enter(session, case, code="acta.issued", subject=acta.id, agency=caller.agency)
    else:
        cases.advance(session, caller, case, Action.ISSUE_ACTA, subject=acta.id)
    audit.wrote(session, caller, "issue", "acta", acta.id, case=case.id, digest=acta.digest)
    whose = await _whose(session, asked, given)
    await referrals.duty_met(session, "D2", case.child_id, subject=acta.id, met_at=acta.issued_at, encounters=whose)
    return acta


async def _whose(session: AsyncSession, asked: Sequence[Referral], given: Referral | None) -> list[str] | None:
    """Return the encounters whose duty this hand-over is; None where there was no other hand-over: all of them."""
    chains = {each.root_id or each.id for each in asked if each.kind is ReferralKind.DIF_HANDOVER}
    if given is None or len(chains) == 1:
        return None
    return await referrals.encounters_of(session, given) or None


def _accepted(asked: Sequence[Referral]) -> list[Referral]:
    """Return the hand-overs that a DIF has taken on, the newest first."""
    found = [each for each in asked if each.kind is ReferralKind.DIF_HANDOVER and each.state in STANDING]
    return sorted((each for each in found if each.accepted_at), key=_accepted_at, reverse=True)


def _accepted_at(handover: Referral) -> datetime:
    assert handover.accepted_at is not None  # as whoever asks has seen
    return handover.accepted_at


def _covered(handover: Referral, actas: Sequence[Acta]) -> bool:
    """Whether a hand-over has its acta. One of older code names none: it was for what had been accepted by then."""
    return any(
        each.handover_id == handover.id or (each.handover_id is None and each.issued_at >= _accepted_at(handover))
        for each in actas
    )


def _check(case: Case, asked: Sequence[Referral], again: Referral | None, instead: list[str]) -> None:
    """Raise RefusedByLaw (R6) without notice or DIF, `again` being a hand-over after the first; IllegalMove if closed.

    A later hand-over has a notice of its own where another state's Procuraduría, or a case that began again, is asked.
    """
    lacking = machine.missing(case.standing, Action.ISSUE_ACTA)
    notice = _notice(asked, _state(asked, again, case)) if again is not None else None
    if notice is not None and notice.acknowledged_at is None:
        lacking = sorted({*lacking, Gate.PP_ACKNOWLEDGED})
    if lacking:
        raise laws.HANDOVER.refuse(f"No acta yet: {rules.lacking(lacking)}.", allowed_actions=instead)
    if again is not None and case.status is Status.CLOSED:
        raise IllegalMove("A case that is closed takes no acta.", allowed_actions=instead)


def _state(asked: Sequence[Referral], handover: Referral, case: Case) -> str:
    """Return where a hand-over began: the state of the first DIF that was asked."""
    first = next((each for each in asked if each.id == (handover.root_id or handover.id)), handover)
    return agencies.known(first.recipient).state or case.state


def _notice(asked: Sequence[Referral], state: str) -> Referral | None:
    """Return the last notice to the Procuraduría of a state."""
    here = agencies.competent(Kind.PP, state).id
    notices = [each for each in asked if each.kind is ReferralKind.PP_NOTICE and each.recipient == here]
    return notices[-1] if notices else None


def _handed_over(case: Case, asked: Sequence[Referral], handover: Referral | None, former: Sequence[Acta]) -> HandOver:
    """Return what is on record of a hand-over; of the first one as the case itself has it."""
    assert case.notified_at is not None  # as its gate says
    assert case.dif is not None
    assert case.dif_accepted_at is not None
    if handover is None or not former:
        return HandOver(
            handover.id if handover is not None else None, case.state, case.dif, case.dif_accepted_at,
            case.notified_by, case.notified_at, None,
        )  # fmt: skip
    state = _state(asked, handover, case)
    notice = _notice(asked, state)
    known = (case.notified_by, case.notified_at)
    if notice is not None and notice.acknowledged_at is not None and notice.recipient != case.notified_by:
        known = (notice.recipient, notice.acknowledged_at)
    return HandOver(handover.id, state, handover.recipient, _accepted_at(handover), *known, former[0].id)


def _content(caller: Caller, case: Case, body: ActaIn, given: HandOver) -> dict[str, Any]:
    """Return what the acta says."""
    return {
        "acta": ids.new("act"),
        "case": case.id,
        "child": case.child_id,
        "handover": given.referral_id,
        "follows": given.follows,
        "state": given.state,
        "place": body.place,
        "issued_at": clock.now().isoformat(),
        "issued_by": {"agency": caller.agency, "office": caller.office},
        "pp_notice": {"agency": given.notified_by, "acknowledged_at": given.notified_at.isoformat()},
        "dif": {
            "agency": given.dif,
            "accepted_at": given.accepted_at.isoformat(),
            "recipient": body.dif_recipient,
        },
        "law": laws.HANDOVER.source,
    }


def _signed(signer: Signer, content: dict[str, Any]) -> Acta:
    """Sign the digest, so that whoever holds acta, signature and public key can check it offline."""
    digest = digest_of(content)
    claims = {"aud": rules.AUDIENCE, "sub": content["acta"], "sha256": digest}
    return Acta(
        id=content["acta"],
        case_id=content["case"],
        handover_id=content["handover"],
        follows=content["follows"],
        content=content,
        digest=digest,
        signature=signer.sign(claims, typ=rules.TYPE, life=rules.LIFE),
        dif=content["dif"]["agency"],
        issued_by=content["issued_by"]["agency"],
        issued_at=datetime.fromisoformat(content["issued_at"]),
    )


def digest_of(content: dict[str, Any]) -> str:
    """Return what the signature is over: SHA-256 of the canonical JSON."""
    return hashlib.sha256(jsons.canonical(content)).hexdigest()


async def of_case(session: AsyncSession, case_id: str) -> Acta | None:
    """Return the last acta of a case, for the system's own use."""
    found = await store.of_case(session, case_id)
    return found[0] if found else None


async def covers(session: AsyncSession, handover: Referral) -> bool:
    """Whether a hand-over has its acta, for the system's own use."""
    if handover.accepted_at is None or handover.state not in STANDING:
        return False
    return _covered(handover, await store.of_case(session, handover.case_id))


async def find(session: AsyncSession, caller: Caller, acta_id: str) -> Acta:
    """Return an acta that the caller may read. Raises NotFound."""
    found = await store.get(session, caller, acta_id)
    if found is None:
        raise NotFound
    return found


async def read_paper(session: AsyncSession, caller: Caller, acta_id: str) -> Acta:
    """Return an acta that the caller may read on paper: it names a person, so the reading is recorded."""
    found = await find(session, caller, acta_id)
    audit.read(session, caller, "acta", found.id)
    return found
