"""Use cases of oficios: draw one up, read it, print it."""

import hashlib
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from services.referral.cases import service as cases
from services.referral.cases.models import Case
from services.referral.cases.rules import Part, Seen
from services.referral.cases.schemas import allowed
from services.referral.oficios import rules, store
from services.referral.oficios.models import Oficio
from services.referral.oficios.schemas import OficioIn, OficioOut
from services.referral.referrals import service as referrals
from shared import audit, clock, ids, jsons
from shared.auth import Caller
from shared.crypto import Vault
from shared.delivery import service as delivery
from shared.errors import Conflict, Fault, Invalid, NotFound
from shared.events import OficioIssued
from shared.jwt import Signer

_TABLE, _INTAKE = "oficio", "service:intake"


async def issue(session: AsyncSession, vault: Vault, signer: Signer, caller: Caller, body: OficioIn) -> OficioOut:
    """Draw up the oficio of an adult who cares for the child, and tell intake, where R10 keeps the adult until then.

    Raises NotFound, IllegalMove, RefusedByLaw (R10-OFICIO), Invalid for a meeting that is none of this child's,
    Conflict when it is drawn up.
    """
    case = await cases.taken(session, caller, body.case_id, None, Part.PP_HERE)
    instead = allowed(caller, case)
    rules.check(case.standing.gates, case.notified_at, body.attended_at, instead)
    if not await referrals.met_at(session, case.id, body.encounter_id):
        raise Invalid("The child was not met there.", faults=[Fault("/encounter_id", "unknown")])
    if await store.exists(session, body.encounter_id):
        raise Conflict("The meeting has its oficio, which is final.", allowed_actions=instead)
    oficio, adult = _signed(vault, signer, caller, case, body)
    session.add(oficio)
    audit.wrote(session, caller, "issue", "oficio", oficio.id, case=case.id, digest=oficio.digest)
    cases.enter(
        session, case, code="oficio.issued", subject=oficio.id, agency=caller.agency, seen=Seen.AUTHORITIES
    )  # fmt: skip
    fact = OficioIssued(
        oficio_id=oficio.id, encounter_id=body.encounter_id, child_id=case.child_id, agency=caller.agency,
        officer=body.officer, attended_at=body.attended_at, issued_at=oficio.issued_at,
    )  # fmt: skip
    await delivery.publish(
        session, OficioIssued.TYPE, case=case.child_id, subject=oficio.id, audience=[_INTAKE],
        data=fact.model_dump(mode="json"),
    )  # fmt: skip
    return show(oficio, adult)


def _signed(vault: Vault, signer: Signer, caller: Caller, case: Case, body: OficioIn) -> tuple[Oficio, dict[str, Any]]:
    """Return the oficio, and what is sealed in it."""
    oficio_id, now = ids.new("ofi"), clock.now()
    content = {
        "oficio": oficio_id, "number": body.number, "case": case.id, "child": case.child_id,
        "encounter": body.encounter_id, "state": case.state, "place": body.place,
        "attended_at": body.attended_at.isoformat(), "issued_at": now.isoformat(),
        "issued_by": {"agency": caller.agency, "office": caller.office, "officer": body.officer},
        "law": rules.OFICIO.source,
    }  # fmt: skip
    adult = {"name": body.adult, "tie": body.tie.value, "salt": ids.opaque("slt")}
    digest = digest_of(content, adult)
    claims = {"aud": rules.AUDIENCE, "sub": oficio_id, "sha256": digest}
    row = Oficio(
        id=oficio_id, case_id=case.id, encounter_id=body.encounter_id, content=content,
        adult=vault.seal(jsons.canonical(adult), _TABLE, oficio_id), digest=digest,
        signature=signer.sign(claims, typ=rules.TYPE, life=rules.LIFE), issued_by=caller.agency, issued_at=now,
    )  # fmt: skip
    return row, adult


def digest_of(content: dict[str, Any], adult: dict[str, Any]) -> str:
    """Return what the signature is over: SHA-256 of the canonical JSON of everything that the oficio says."""
    return hashlib.sha256(jsons.canonical(content | {"adult": adult})).hexdigest()


async def read(session: AsyncSession, vault: Vault, caller: Caller, oficio_id: str) -> OficioOut:
    """Return an oficio with whom it names. The reading is recorded. Raises NotFound."""
    oficio = await store.get(session, caller, oficio_id)
    if oficio is None:
        raise NotFound
    audit.read(session, caller, "oficio", oficio.id)
    return show(oficio, jsons.loads(vault.open(oficio.adult, _TABLE, oficio.id)))


def show(oficio: Oficio, adult: dict[str, Any] | None) -> OficioOut:
    """Return an oficio, with whom it names or without."""
    shown = oficio.model_dump(include=set(OficioOut.model_fields) - {"content", "allowed_actions"})
    return OficioOut(content=oficio.content | {"adult": adult}, allowed_actions=[], **shown)
