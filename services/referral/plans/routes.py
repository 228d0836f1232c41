"""HTTP of plans and their items."""

from typing import Annotated

from fastapi import Request, Response

from services.referral.plans import items, service, store
from services.referral.plans.models import Plan, PlanItem
from services.referral.plans.rules import ItemAction
from services.referral.plans.schemas import (
    ItemNoteIn,
    ItemOut,
    ItemReportIn,
    PlanDiscardIn,
    PlanIn,
    PlanOut,
    PlanSignatureIn,
    UnmetIn,
)
from shared import etags
from shared.auth import Allow, Caller
from shared.crypto import Vault
from shared.db import Session
from shared.paging import Page, Pages
from shared.routing import audited_read, router
from shared.shapes import Id

plans = router("/v1/referral/plans", "plans")
plan_items = router("/v1/referral/plan-items", "plans")

Procuraduria = Annotated[Caller, Allow("referral:write", "PP")]
Represents = Annotated[Caller, Allow("referral:read", "PP")]
Reader = Annotated[Caller, Allow("referral:read")]
Writer = Annotated[Caller, Allow("referral:write")]


def _vault(request: Request) -> Vault:
    vault: Vault = request.app.state.runtime.vault
    return vault


@plans.post("", status_code=201, summary="Draw up a plan of restitution")
async def draw_up(
    request: Request, response: Response, session: Session, caller: Procuraduria, body: PlanIn
) -> PlanOut:
    """Draw up the first version or a later one, on the signed determination. It is a draft until it is signed."""
    made = await service.draw_up(session, _vault(request), caller, body)
    response.headers["Location"] = f"/v1/referral/plans/{made.id}"
    return etags.shown(response, made)


@plans.get("", summary="List the plans that you may read")
async def index(session: Session, caller: Represents, paging: Pages, case_id: Id | None = None) -> Page[PlanOut]:
    """List every version without the words: the reading of one has those, and is recorded."""
    statement = store.readable(caller)
    if case_id is not None:
        statement = statement.where(Plan.case_id == case_id)
    rows = (await session.exec(paging.apply(statement, Plan.id))).all()
    found, known = await store.items_of(session, [row.id for row in rows]), await store.cases_of(session, rows)
    return paging.page(rows, lambda row: service.shown(None, caller, known[row.case_id], row, found))


@plans.get("/{plan_id}", summary="Read a plan of restitution")
@audited_read
async def show(request: Request, response: Response, session: Session, caller: Represents, plan_id: Id) -> PlanOut:
    """Return one version with its items. The reading is recorded."""
    return etags.shown(response, await service.read(session, _vault(request), caller, plan_id))


@plans.post("/{plan_id}/sign", summary="Sign a plan of restitution")
async def sign(
    request: Request, response: Response, session: Session, caller: Procuraduria, plan_id: Id, body: PlanSignatureIn
) -> PlanOut:
    """Sign it, once the child was heard (R27): each agency learns what it answers for, and the clocks run."""
    return etags.shown(response, await service.sign(session, _vault(request), caller, plan_id, body))


@plans.post("/{plan_id}/discard", summary="Discard a draft of a plan")
async def discard(
    request: Request, response: Response, session: Session, caller: Procuraduria, plan_id: Id, body: PlanDiscardIn
) -> PlanOut:
    """Discard it: another one may be drawn up."""
    return etags.shown(response, await service.discard(session, _vault(request), caller, plan_id, body.officer))


@plan_items.get("", summary="List the items of plans that you may read")
async def list_items(session: Session, caller: Reader, paging: Pages, case_id: Id | None = None) -> Page[ItemOut]:
    """List what your agency answers for; to the Procuraduría, everything. Without the words: see the single reading."""
    statement = store.readable_items(caller)
    if case_id is not None:
        statement = statement.where(PlanItem.case_id == case_id)
    rows = (await session.exec(paging.apply(statement, PlanItem.id))).all()
    known = await store.cases_of(session, rows)
    live = await store.signed_among(session, [row.plan_id for row in rows])
    return paging.page(rows, lambda row: items.shown(None, caller, known[row.case_id], row, live=row.plan_id in live))


@plan_items.get("/{item_id}", summary="Read an item of a plan")
@audited_read
async def show_item(request: Request, response: Response, session: Session, caller: Reader, item_id: Id) -> ItemOut:
    """Return it with its words and what was done. The reading is recorded."""
    return etags.shown(response, await items.read(session, _vault(request), caller, item_id))


def _step(action: ItemAction, summary: str, who: object, shape: type[ItemNoteIn]) -> None:
    """Add the route of a step of an item."""

    async def step(
        request: Request, response: Response, session: Session, caller: Caller, item_id: Id, body: ItemNoteIn
    ) -> ItemOut:
        return etags.shown(response, await items.act(session, _vault(request), caller, item_id, action, body))

    step.__annotations__ |= {"caller": who, "body": shape}
    slug = action.value.replace("_", "-")
    plan_items.post(f"/{{item_id}}/{slug}", summary=summary, name=action.value)(step)


_step(ItemAction.START, "Begin what your agency answers for", Writer, ItemNoteIn)
_step(ItemAction.REPORT, "Report that an item is done, with its evidence", Writer, ItemReportIn)
_step(ItemAction.VERIFY, "Verify that an item is met", Procuraduria, ItemNoteIn)
_step(ItemAction.SEND_BACK, "Send an item back: it is not done", Procuraduria, ItemNoteIn)
_step(ItemAction.REASON, "Say why an item cannot be met", Procuraduria, UnmetIn)
_step(ItemAction.REOPEN, "Take an item up again that was settled", Procuraduria, ItemNoteIn)
