"""Use cases: read what a referral lists of a child, see who read, end it.

A reading has three parts: what may be shown, by what is known now; the values, from intake, while nothing is locked;
and, with the case locked, what may still be shown. So nothing is read after a withdrawal was committed.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, ValidationError
from sqlmodel.ext.asyncio.session import AsyncSession

from services.referral.agencies.service import SYSTEM
from services.referral.cases import service as cases
from services.referral.cases import store as case_store
from services.referral.cases.models import Case
from services.referral.cases.recipients import kept_from
from services.referral.cases.rules import Part, Seen
from services.referral.consents import service as consents
from services.referral.consents import store as consent_store
from services.referral.consents.codes import PURPOSE_OF
from services.referral.consents.models import Disclosure, DisclosureStop
from services.referral.consents.rules import GROUPS, Sensitivity, group_of, sensitivity
from services.referral.disclosures import rules, store
from services.referral.disclosures.schemas import (
    DisclosedField,
    DisclosureOut,
    FieldList,
    FieldOut,
    StopIn,
)
from services.referral.protection import service as protection
from services.referral.protection.rules import Verdict
from services.referral.referrals import service as referrals
from services.referral.referrals.codes import FIELDS, FieldCode, LawfulBasis
from services.referral.referrals.models import Referral
from services.referral.referrals.rules import BASIS
from shared import audit, clock, ids
from shared.auth import Caller
from shared.errors import Conflict, IllegalMove, NotFound, Unavailable
from shared.runtime import Runtime


@dataclass(frozen=True, slots=True)
class Plan:
    """What a reader may be shown of a referral at one moment."""

    referral: Referral
    case: Case
    listed: list[str]
    shown: dict[str, str]
    """Each field with the consent or the override that lets it; empty text where the law itself does."""


class Answer(BaseModel):
    """What intake answers."""

    model_config = ConfigDict(extra="ignore")

    child_id: str
    version: int
    values: dict[str, list[str] | None]


async def read(runtime: Runtime, caller: Caller, referral_id: str) -> DisclosureOut:
    """Return the listed fields of a child to the recipient of a referral, as intake holds them now.

    Raises NotFound, IllegalMove, RefusedByLaw, or Unavailable without intake: then nothing was read.
    """
    async with runtime.database.work(write=False) as session:
        plan = await _plan(session, caller, referral_id)
        if not plan.shown:
            raise _nothing(plan)
    answer = await _fetch(runtime, caller, plan)
    async with runtime.database.work() as session:
        now = await _plan(session, caller, referral_id, lock=True)
        may = {field: grant for field, grant in now.shown.items() if field in plan.shown}
        if not may:
            raise _nothing(now)
        return _record(session, caller, now, may, answer)


async def _plan(session: AsyncSession, caller: Caller, referral_id: str, *, lock: bool = False) -> Plan:
    """Return what the caller may be shown. Locked in the order of every writer: clocks, the referral, the case, guards.

    Clocks are locked though none moves: whoever ends several referrals at once holds them before the first of these.
    """
    find = referrals.find_with_clocks if lock else referrals.find
    referral = await find(session, caller, referral_id)
    case = await cases.find(session, SYSTEM, referral.case_id, lock=lock)
    if caller.agency != referral.recipient:
        raise NotFound
    if not rules.reads(referral.kind, referral.state):
        left = referrals.allowed(caller, referral)
        raise IllegalMove(f"Nothing is read of a referral that is {referral.state}.", allowed_actions=left)
    if await protection.may_reach(session, case, caller.agency) is not Verdict.OPEN:
        raise rules.FOREIGN.refuse("Bodies bound to a foreign state read nothing here.", allowed_actions=[])
    if await consent_store.stopped(session, referral.id):
        raise rules.LISTED.refuse("The Procuraduría has ended it.", allowed_actions=[])
    listed = await _listed(session, referral)
    return Plan(referral, case, listed, await _shown(session, caller, referral, listed))


async def _listed(session: AsyncSession, referral: Referral) -> list[str]:
    """Return what a referral lists, and none of what those that it is part of do not list."""
    fields = rules.listed(referral.kind, referral.fields)
    for each in await store.above(session, referral):
        whole = rules.listed(each.kind, each.fields)
        fields = [field for field in fields if field in whole]
    return fields


async def _shown(session: AsyncSession, caller: Caller, referral: Referral, listed: Sequence[str]) -> dict[str, str]:
    withheld = await case_store.withheld(session, referral.case_id)
    if kept_from(withheld, caller.agency, caller.agency_kind) or caller.agency in (referral.withheld_from or ()):
        return {}
    if referral.lawful_basis is not LawfulBasis.CONSENT:
        return dict.fromkeys(listed, "")
    if referral.service is None:
        return {}
    purpose = PURPOSE_OF[referral.service]
    covered = await consents.covered(session, referral.case_id, caller.agency, purpose)
    return {field: covered[field] for field in listed if field in covered}


def _nothing(plan: Plan) -> Exception:
    """Return the refusal where no field may be shown. Why not is the same to whom it is withheld from."""
    if plan.listed and plan.referral.lawful_basis is LawfulBasis.CONSENT:
        return BASIS.refuse("No live consent covers a field of it for you.", allowed_actions=[])
    return rules.LISTED.refuse("There is no field that you may read.", allowed_actions=[])


async def _fetch(runtime: Runtime, caller: Caller, plan: Plan) -> Answer:
    body = {
        "referral_id": plan.referral.id, "fields": list(plan.shown), "reader": caller.agency,
        "reader_kind": caller.agency_kind, "reader_role": caller.role,
    }  # fmt: skip
    path = f"/internal/children/{plan.case.child_id}/disclosure"
    status, found = await runtime.peers.call("intake", "POST", path, body, scope="disclosures:read")
    if status == 404:
        raise NotFound("Intake has no such child any more.")
    try:
        answer = Answer.model_validate(found)
    except ValidationError:
        raise Unavailable("Intake gives no fields.") from None
    if status != 200 or answer.child_id != plan.case.child_id:
        raise Unavailable("Intake gives no fields.")
    return answer


def _record(session: AsyncSession, caller: Caller, plan: Plan, may: dict[str, str], answer: Answer) -> DisclosureOut:
    """Write down who read which fields, and return them. No value is written anywhere."""
    fields = [field for field in plan.listed if field in may]
    row = Disclosure(
        id=ids.new("dsc"), referral_id=plan.referral.id, case_id=plan.case.id, child_id=plan.case.child_id,
        agency=caller.agency, client_id=caller.client_id, office=caller.office, basis=plan.referral.lawful_basis,
        fields=fields, grants=sorted({grant for grant in may.values() if grant}), record_version=answer.version,
        at=clock.now(),
    )  # fmt: skip
    session.add(row)
    audit.read(session, caller, "disclosure", row.id, referral=row.referral_id, child=row.child_id, fields=fields)
    cases.enter(
        session, plan.case, code="disclosure.read", subject=row.referral_id, agency=caller.agency, seen=Seen.PARTIES,
        parties=(caller.agency,),
    )  # fmt: skip
    values = {field: answer.values.get(field) for field in fields}
    return DisclosureOut(
        **row.model_dump(include={"id", "referral_id", "case_id", "child_id", "basis", "at"}),
        fields=[
            DisclosedField(code=FieldCode(field), known=value is not None, value=value)
            for field, value in values.items()
        ],
        not_shown=[FieldCode(field) for field in plan.listed if field not in may],
    )


async def stop(session: AsyncSession, caller: Caller, referral_id: str, body: StopIn) -> DisclosureStop:
    """End the disclosures of a referral. Raises NotFound or Conflict."""
    referral = await referrals.find_with_clocks(session, caller, referral_id)
    case = await cases.reads(session, caller, referral.case_id, Part.PP_HERE)
    await cases.find(session, caller, case.id, lock=True)
    if await consent_store.stopped(session, referral.id):
        raise Conflict("It has ended.", allowed_actions=[])
    row = DisclosureStop(
        referral_id=referral.id, case_id=case.id, agency=caller.agency, officer=body.officer,
        reason=body.reason.value, at=clock.now(),
    )  # fmt: skip
    session.add(row)
    audit.wrote(session, caller, "stop_disclosures", "referral", referral.id, reason=row.reason)
    cases.enter(
        session, case, code="disclosure.stopped", subject=referral.id, agency=caller.agency, seen=Seen.PARTIES,
        parties=(caller.agency, referral.recipient),
    )  # fmt: skip
    return row


def fields() -> FieldList:
    """Return every field that a referral may list."""
    return FieldList(
        items=[
            FieldOut(
                code=field, es=text.es, en=text.en, group=group_of(field), group_es=GROUPS[group_of(field)].es,
                group_en=GROUPS[group_of(field)].en, sensitivity=sensitivity(field),
                written=sensitivity(field) is Sensitivity.SENSITIVE,
            )
            for field, text in FIELDS.items()
        ]
    )  # fmt: skip
