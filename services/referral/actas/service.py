"""Use cases of actas: issue the one of a case, read it."""

import hashlib
from datetime import datetime
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from services.referral.actas import rules, store
from services.referral.actas.models import Acta
from services.referral.actas.schemas import ActaIn
from services.referral.cases import laws, machine
from services.referral.cases import service as cases
from services.referral.cases.models import Case
from services.referral.cases.rules import Action
from services.referral.cases.schemas import allowed
from services.referral.referrals.service import duty_met
from shared import audit, clock, ids, jsons
from shared.auth import Caller
from shared.errors import Conflict, NotFound
from shared.jwt import Signer


async def issue(session: AsyncSession, signer: Signer, caller: Caller, body: ActaIn) -> Acta:
    """Issue the acta of a case: the child is in DIF's hands from now (R4, R6).

    Raises NotFound, Conflict when there is one, RefusedByLaw when the notice or DIF is missing.
    """
    case = await cases.find(session, caller, body.case_id, lock=True)
    if await store.exists(session, case.id):
        raise Conflict("The case has its acta, which is final.", allowed_actions=allowed(caller, case))
    acta = _signed(signer, _content(caller, case, body, allowed_actions=allowed(caller, case)))
    session.add(acta)
    cases.advance(session, caller, case, Action.ISSUE_ACTA, subject=acta.id)
    audit.wrote(session, caller, "issue", "acta", acta.id, case=case.id, digest=acta.digest)
    await duty_met(session, "D2", case.child_id, subject=acta.id, met_at=acta.issued_at)
    return acta


def _content(caller: Caller, case: Case, body: ActaIn, *, allowed_actions: list[str]) -> dict[str, Any]:
    """Return what the acta says. Raises RefusedByLaw when there is nothing yet to say."""
    if lacking := machine.missing(case.standing, Action.ISSUE_ACTA):
        raise laws.HANDOVER.refuse(f"No acta yet: {rules.lacking(lacking)}.", allowed_actions=allowed_actions)
    assert case.notified_at is not None  # as its gate says
    assert case.dif_accepted_at is not None
    return {
        "acta": ids.new("act"),
        "case": case.id,
        "child": case.child_id,
        "state": case.state,
        "place": body.place,
        "issued_at": clock.now().isoformat(),
        "issued_by": {"agency": caller.agency, "office": caller.office},
        "pp_notice": {"agency": case.notified_by, "acknowledged_at": case.notified_at.isoformat()},
        "dif": {
            "agency": case.dif,
            "accepted_at": case.dif_accepted_at.isoformat(),
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
    """Return the acta of a case, for the system's own use."""
    return await store.of_case(session, case_id)


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
