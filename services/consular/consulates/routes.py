"""HTTP of the directory."""

from typing import Annotated

from services.consular.consulates import service, store
from services.consular.consulates.models import Consulate
from services.consular.consulates.schemas import ConsulateOut
from shared.auth import Allow, Caller
from shared.db import Session
from shared.paging import Page, Pages
from shared.routing import router
from shared.shapes import Country, Slug, State

consulates = router("/v1/consular/consulates", "consulates")
Reader = Annotated[Caller, Allow("consular:read")]


@consulates.get("", summary="List embassies and consulates")
async def index(
    session: Session, caller: Reader, paging: Pages, country: Country | None = None, state: State | None = None
) -> Page[ConsulateOut]:
    """`state` keeps the posts that serve a state; embassies, which serve what is left, have none."""
    statement = store.readable(caller)
    if country is not None:
        statement = statement.where(Consulate.country == country)
    if state is not None:
        statement = statement.where(store.serving(state))
    rows = (await session.exec(paging.apply(statement, Consulate.id))).all()
    shown = {post.id: post for post in await service.complete(session, rows)}
    return paging.page(rows, lambda row: shown[row.id])


@consulates.get("/{consulate_id}", summary="Read an embassy or consulate")
async def show(session: Session, caller: Reader, consulate_id: Slug) -> ConsulateOut:
    return await service.show(session, caller, consulate_id)
