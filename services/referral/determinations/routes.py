"""HTTP of assessments, hearings and determinations."""

from typing import Annotated, Any

from fastapi import APIRouter, Request, Response

from services.referral.determinations import assessments as assessing
from services.referral.determinations import service, store
from services.referral.determinations.assessments import Indicate
from services.referral.determinations.models import Assessment, Determination, Hearing
from services.referral.determinations.schemas import (
    AssessmentIn,
    AssessmentOut,
    BidDecisionIn,
    BidReviewIn,
    BidWithdrawalIn,
    DeterminationIn,
    DeterminationOut,
    HearingIn,
    HearingOut,
    OpinionIn,
    SeatIn,
    SignatureIn,
)
from shared import etags
from shared.auth import Allow, Caller
from shared.crypto import Vault
from shared.db import Session
from shared.paging import Page, Pages
from shared.routing import audited_read, router
from shared.shapes import Id

bids = router("/v1/referral/determinations", "determinations")
hearings = router("/v1/referral/hearings", "determinations")

Procuraduria = Annotated[Caller, Allow("referral:write", "PP")]
Represents = Annotated[Caller, Allow("referral:read", "PP")]
Carer = Annotated[Caller, Allow("referral:write", "PP", "DIF")]
CarerReads = Annotated[Caller, Allow("referral:read", "PP", "DIF")]


def _vault(request: Request) -> Vault:
    vault: Vault = request.app.state.runtime.vault
    return vault


def _of(statement: Any, model: Any, case_id: str | None) -> Any:
    return statement if case_id is None else statement.where(model.case_id == case_id)


def assessments(indicate: Indicate) -> APIRouter:
    """Return the routes of assessments. `indicate` tells the guard, which is above this slice."""
    made = router("/v1/referral/assessments", "determinations")

    @made.post("", status_code=201, summary="Record an assessment of the child")
    async def assess(
        request: Request, response: Response, session: Session, caller: Carer, body: AssessmentIn
    ) -> AssessmentOut:
        """Record DIF's initial assessment, or one of best interests. Signs of a need of protection close the guard."""
        done = await assessing.assess(session, _vault(request), caller, body, indicate)
        response.headers["Location"] = f"/v1/referral/assessments/{done.id}"
        return done

    @made.get("", summary="List the assessments that you may read")
    async def index(
        session: Session, caller: CarerReads, paging: Pages, case_id: Id | None = None
    ) -> Page[AssessmentOut]:
        """List them without the words: the reading of one has those, and is recorded."""
        statement = _of(store.readable_assessments(caller), Assessment, case_id)
        rows = (await session.exec(paging.apply(statement, Assessment.id))).all()
        return paging.page(rows, lambda row: assessing.show_assessment(None, row))

    @made.get("/{assessment_id}", summary="Read an assessment of the child")
    @audited_read
    async def show(request: Request, session: Session, caller: CarerReads, assessment_id: Id) -> AssessmentOut:
        """Return it with its words. The reading is recorded."""
        return await assessing.read_assessment(session, _vault(request), caller, assessment_id)

    return made


@hearings.post("", status_code=201, summary="Record that the child was heard")
async def hear(
    request: Request, response: Response, session: Session, caller: Procuraduria, body: HearingIn
) -> HearingOut:
    """Record the child's view, what was explained and in which language: before anything is signed (R27)."""
    done = await assessing.hear(session, _vault(request), caller, body)
    response.headers["Location"] = f"/v1/referral/hearings/{done.id}"
    return done


@hearings.get("", summary="List the hearings that you may read")
async def list_hearings(
    session: Session, caller: Represents, paging: Pages, case_id: Id | None = None
) -> Page[HearingOut]:
    """List them without the words: the reading of one has those, and is recorded."""
    statement = _of(store.readable_hearings(caller), Hearing, case_id)
    rows = (await session.exec(paging.apply(statement, Hearing.id))).all()
    return paging.page(rows, lambda row: assessing.show_hearing(None, row))


@hearings.get("/{hearing_id}", summary="Read what the child said")
@audited_read
async def show_hearing(request: Request, session: Session, caller: Represents, hearing_id: Id) -> HearingOut:
    """Return it with the words, to the Procuraduría of the territory. The reading is recorded."""
    return await assessing.read_hearing(session, _vault(request), caller, hearing_id)


@bids.post("", status_code=201, summary="Open the determination of best interests")
async def open_bid(
    request: Request, response: Response, session: Session, caller: Procuraduria, body: DeterminationIn
) -> DeterminationOut:
    """Open it, and with it the case's stage of determination."""
    made = await service.open_bid(session, _vault(request), caller, body)
    response.headers["Location"] = f"/v1/referral/determinations/{made.id}"
    return etags.shown(response, made)


@bids.get("", summary="List the determinations that you may read")
async def index(
    session: Session, caller: CarerReads, paging: Pages, case_id: Id | None = None
) -> Page[DeterminationOut]:
    """List them without the words: the reading of one has those, and is recorded."""
    rows = (
        await session.exec(paging.apply(_of(store.readable(caller), Determination, case_id), Determination.id))
    ).all()
    ids, known = [row.id for row in rows], await store.cases_of(session, rows)
    said, seats = await store.opinions(session, ids), await store.panel(session, ids)
    return paging.page(rows, lambda row: service.shown(None, caller, known[row.case_id], row, said, seats))


@bids.get("/{determination_id}", summary="Read a determination of best interests")
@audited_read
async def show(
    request: Request, response: Response, session: Session, caller: CarerReads, determination_id: Id
) -> DeterminationOut:
    """Return it with opinions, panel and reasons. The reading is recorded."""
    return etags.shown(response, await service.read(session, _vault(request), caller, determination_id))


@bids.post("/{determination_id}/opinions", status_code=201, summary="Give the opinion of a discipline")
async def opine(
    request: Request, response: Response, session: Session, caller: Carer, determination_id: Id, body: OpinionIn
) -> DeterminationOut:
    """Give it as an officer who does not sit on the panel."""
    return etags.shown(response, await service.opine(session, _vault(request), caller, determination_id, body))


@bids.post("/{determination_id}/panel", status_code=201, summary="Seat a member of the panel")
async def seat(
    request: Request, response: Response, session: Session, caller: Procuraduria, determination_id: Id, body: SeatIn
) -> DeterminationOut:
    """Seat somebody who has undertaken to keep it confidential, and has not assessed the child."""
    return etags.shown(response, await service.seat(session, _vault(request), caller, determination_id, body))


@bids.post("/{determination_id}/decide", summary="Record what the panel decided")
async def decide(
    request: Request, response: Response, session: Session, caller: Procuraduria, determination_id: Id,
    body: BidDecisionIn,
) -> DeterminationOut:  # fmt: skip
    """Record the decision and its reasons, once every opinion that is needed was given."""
    return etags.shown(response, await service.decide(session, _vault(request), caller, determination_id, body))


@bids.post("/{determination_id}/sign", summary="Sign a determination of best interests")
async def sign(
    request: Request, response: Response, session: Session, caller: Procuraduria, determination_id: Id,
    body: SignatureIn,
) -> DeterminationOut:  # fmt: skip
    """Sign it, once the child was heard (R27)."""
    return etags.shown(response, await service.sign(session, _vault(request), caller, determination_id, body))


@bids.post("/{determination_id}/review", status_code=201, summary="Open a signed determination again")
async def review(
    request: Request,
    response: Response,
    session: Session,
    caller: Procuraduria,
    determination_id: Id,
    body: BidReviewIn,
) -> DeterminationOut:
    """Return the new determination that stands in its place. The child is heard anew."""
    return etags.shown(response, await service.review(session, _vault(request), caller, determination_id, body))


@bids.post("/{determination_id}/withdraw", summary="Withdraw a determination that is not signed")
async def withdraw(
    request: Request, response: Response, session: Session, caller: Procuraduria, determination_id: Id,
    body: BidWithdrawalIn,
) -> DeterminationOut:  # fmt: skip
    """Go on with it no longer: another one may be opened."""
    done = await service.withdraw(session, _vault(request), caller, determination_id, body.officer)
    return etags.shown(response, done)
