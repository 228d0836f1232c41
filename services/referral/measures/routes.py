"""HTTP of measures and admissions."""

from typing import Annotated

from fastapi import Request, Response

from services.referral.measures import admissions, service, store
from services.referral.measures.models import Admission, Measure
from services.referral.measures.rules import MeasureAction
from services.referral.measures.schemas import (
    AdmissionIn,
    AdmissionOut,
    DecisionIn,
    DischargeIn,
    EndingIn,
    MeasureIn,
    MeasureOut,
)
from services.referral.places.service import fresh_for
from shared import etags
from shared.auth import Allow, Caller
from shared.crypto import Vault
from shared.db import Session
from shared.paging import Page, Pages
from shared.routing import audited_read, router
from shared.shapes import Id, Slug

measures = router("/v1/referral/measures", "measures")
stays = router("/v1/referral/admissions", "measures")

Procuraduria = Annotated[Caller, Allow("referral:write", "PP")]
Prosecution = Annotated[Caller, Allow("referral:write", "MP")]
Reader = Annotated[Caller, Allow("referral:read", "PP", "DIF", "CAS", "CSO", "MP")]
Shelters = Annotated[Caller, Allow("referral:write", "DIF", "CAS", "CSO")]
Carer = Annotated[Caller, Allow("referral:write", "PP", "DIF", "CAS", "CSO")]
Sheltered = Annotated[Caller, Allow("referral:read", "PP", "DIF", "CAS", "CSO")]


def _vault(request: Request) -> Vault:
    vault: Vault = request.app.state.runtime.vault
    return vault


@measures.post("", status_code=201, summary="Ask for a measure of protection, or order one")
async def ask(
    request: Request, response: Response, session: Session, caller: Procuraduria, body: MeasureIn
) -> MeasureOut:
    """Ask the Ministerio Público, who has 3 hours, or order it: an urgent one goes to the judge, who has 24 (R13)."""
    made = await service.ask(session, _vault(request), caller, body)
    response.headers["Location"] = f"/v1/referral/measures/{made.id}"
    return etags.shown(response, made)


@measures.get("", summary="List the measures that you may read")
async def index(session: Session, caller: Reader, paging: Pages, case_id: Id | None = None) -> Page[MeasureOut]:
    """List them without the words that were said: the reading of one has those, and is recorded."""
    statement = store.readable(caller)
    if case_id is not None:
        statement = statement.where(Measure.case_id == case_id)
    rows = (await session.exec(paging.apply(statement, Measure.id))).all()
    steps = await store.steps(session, [row.id for row in rows])
    known = await store.cases_of(session, rows)
    return paging.page(rows, lambda row: service.shown(None, caller, known[row.case_id], row, steps))


@measures.get("/{measure_id}", summary="Read a measure of protection")
@audited_read
async def show(request: Request, response: Response, session: Session, caller: Reader, measure_id: Id) -> MeasureOut:
    """Return it with every decision on it. The reading is recorded."""
    return etags.shown(response, await service.read(session, _vault(request), caller, measure_id))


def _step(action: MeasureAction, summary: str, who: object, shape: type[DecisionIn]) -> None:
    """Add the route of a decision on a measure."""

    async def step(
        request: Request, response: Response, session: Session, caller: Caller, measure_id: Id, body: DecisionIn
    ) -> MeasureOut:
        made = await service.decide(session, _vault(request), caller, measure_id, action, body)
        return etags.shown(response, made)

    step.__annotations__ |= {"caller": who, "body": shape}
    measures.post(f"/{{measure_id}}/{action.value}", summary=summary, name=action.value)(step)


_step(MeasureAction.DECREE, "Decree a measure, as the Ministerio Público", Prosecution, DecisionIn)
_step(MeasureAction.REFUSE, "Refuse a measure, as the Ministerio Público", Prosecution, EndingIn)
_step(MeasureAction.WITHDRAW, "Withdraw the request for a measure", Procuraduria, EndingIn)
_step(MeasureAction.CONFIRM, "Record that the judge confirmed a measure", Procuraduria, DecisionIn)
_step(MeasureAction.CHANGE, "Record that the judge changed a measure", Procuraduria, DecisionIn)
_step(MeasureAction.CANCEL, "Record that the judge cancelled a measure", Procuraduria, EndingIn)
_step(MeasureAction.END, "End a measure", Procuraduria, EndingIn)


@stays.post("", status_code=201, summary="Admit a child to a centre")
async def admit(
    request: Request, response: Response, session: Session, caller: Shelters, body: AdmissionIn
) -> AdmissionOut:
    """Take the child in on a live measure, where the centre is certified and has a free place (R11)."""
    made = await admissions.admit(session, caller, body, fresh_for(request.app.state.runtime))
    response.headers["Location"] = f"/v1/referral/admissions/{made.id}"
    return etags.shown(response, made)


@stays.get("", summary="List the admissions that you may read")
async def list_admissions(
    session: Session, caller: Sheltered, paging: Pages, case_id: Id | None = None, cas: Slug | None = None,
    present: bool | None = None,
) -> Page[AdmissionOut]:  # fmt: skip
    """List who is in which centre, and who was: nationality, who referred, when, where, what for, and the exit."""
    statement = store.readable_admissions(caller)
    if case_id is not None:
        statement = statement.where(Admission.case_id == case_id)
    if cas is not None:
        statement = statement.where(Admission.cas == cas)
    if present is not None:
        statement = statement.where(store.is_present(present))
    rows = (await session.exec(paging.apply(statement, Admission.id))).all()
    known = await store.cases_of(session, rows)
    return paging.page(rows, lambda row: admissions.show(caller, known[row.case_id], row))


@stays.get("/{admission_id}", summary="Read an admission")
async def show_admission(response: Response, session: Session, caller: Sheltered, admission_id: Id) -> AdmissionOut:
    return etags.shown(response, await admissions.read(session, caller, admission_id))


@stays.post("/{admission_id}/discharge", summary="Record that a child left a centre")
async def discharge(
    response: Response, session: Session, caller: Carer, admission_id: Id, body: DischargeIn
) -> AdmissionOut:
    """Say when and why; the place is free again."""
    return etags.shown(response, await admissions.discharge(session, caller, admission_id, body))
