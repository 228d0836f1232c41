"""HTTP of transfers."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Header, Request, Response

from services.referral.places.service import fresh_for
from services.referral.transfers import service, store
from services.referral.transfers.models import Transfer
from services.referral.transfers.rules import TransferAction, TransferKind, TransferState
from services.referral.transfers.schemas import (
    ArrivalIn,
    DepartureIn,
    TransferDeclineIn,
    TransferIn,
    TransferOut,
    TransferStep,
    TransferWithdrawIn,
)
from shared import etags
from shared.auth import Allow, Caller
from shared.db import Session
from shared.paging import Page, Pages
from shared.routing import audited_read, router
from shared.shapes import Id

routes = router("/v1/referral/transfers", "transfers")
Reader = Annotated[Caller, Allow("referral:read")]
Writer = Annotated[Caller, Allow("referral:write")]
IfMatch = Annotated[str | None, Header(description="optional: the ETag that the step was decided on")]


async def _show(
    request: Request, response: Response, session: Session, caller: Caller, transfer: Transfer
) -> TransferOut:
    """Show one transfer, with what was said and its ETag."""
    etags.show(response, transfer.version)
    case = (await store.cases_of(session, [transfer]))[transfer.case_id]
    said = service.words(session, request.app.state.runtime.vault, caller, transfer)
    return service.show(caller, transfer, case, said)


@routes.post("", status_code=201, summary="Propose that a child or a case pass to another authority")
async def propose(
    request: Request, response: Response, session: Session, caller: Writer, body: TransferIn
) -> TransferOut:
    """Propose it to the recipient, which accepts next. Nothing changes hands before the child has arrived (R30)."""
    runtime = request.app.state.runtime
    made = await service.propose(session, runtime.vault, caller, body, fresh_for(runtime))
    response.headers["Location"] = f"/v1/referral/transfers/{made.id}"
    return await _show(request, response, session, caller, made)


@routes.get("", summary="List the transfers that you may read")
async def index(
    session: Session,
    caller: Reader,
    paging: Pages,
    state: TransferState | None = None,
    kind: TransferKind | None = None,
) -> Page[TransferOut]:
    """List them, newest first, without what was said: a single reading shows that, and is recorded."""
    statement = store.readable(caller)
    for column, wanted in ((Transfer.state, state), (Transfer.kind, kind)):
        if wanted is not None:
            statement = statement.where(column == wanted)
    rows = (await session.exec(paging.apply(statement, Transfer.id))).all()
    found = await store.cases_of(session, rows)
    return paging.page(rows, lambda each: service.show(caller, each, found[each.case_id]))


@routes.get("/{transfer_id}", summary="Read a transfer")
@audited_read
async def read(request: Request, response: Response, session: Session, caller: Reader, transfer_id: Id) -> TransferOut:
    """Return it as you may see it; that you read what people said is recorded."""
    return await _show(request, response, session, caller, await service.find(session, caller, transfer_id))


def _step(action: TransferAction, summary: str, shape: type[Any], told: str) -> None:
    """Add the route of a step."""

    async def step(
        request: Request, response: Response, session: Session, caller: Writer, transfer_id: Id, body: Any,
        if_match: IfMatch = None,
    ) -> TransferOut:  # fmt: skip
        vault = request.app.state.runtime.vault
        moved = await service.act(session, vault, caller, transfer_id, action, body, if_match=if_match)
        return await _show(request, response, session, caller, moved)

    step.__annotations__["body"] = shape  # FastAPI reads it from here; a type checker cannot
    step.__doc__ = told
    route: Callable[[Any], Any] = routes.post(
        f"/{{transfer_id}}/{action.value.replace('_', '-')}", summary=summary, name=action.value
    )
    route(step)


_step(
    TransferAction.ACCEPT, "Accept a transfer", TransferStep,
    "The recipient takes over once the child has arrived; until then it sees what was listed of the case.",
)  # fmt: skip
_step(
    TransferAction.DECLINE, "Decline a transfer", TransferDeclineIn,
    "The recipient cannot take over: at once, or before the child has left.",
)  # fmt: skip
_step(
    TransferAction.DEPART, "Say that the child has left", DepartureIn,
    "The case stands aside until the child has arrived; the recipient's clock runs from the expected time.",
)  # fmt: skip
_step(
    TransferAction.ARRIVE, "Confirm that the child has arrived", ArrivalIn,
    "Only the recipient can. From now on the child, or the case, is its own (R30).",
)  # fmt: skip
_step(
    TransferAction.NOT_ARRIVE, "Say that the child has not arrived", TransferStep,
    "The Procuraduría that represents the child is asked at once whether it is missing.",
)  # fmt: skip
_step(
    TransferAction.WITHDRAW, "Withdraw a transfer that you proposed", TransferWithdrawIn,
    "It is off, or the child is back with you. A confirmed arrival cannot be taken back.",
)  # fmt: skip
