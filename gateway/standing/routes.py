"""`/internal/gateway/standing`: for sister services alone, never for what came through an ingress."""

from typing import Annotated

from fastapi import APIRouter, Request, Response

from gateway.standing import service
from shared.auth import Allow, Caller
from shared.db import Session
from shared.errors import NotFound
from shared.routing import Handler, InternalRoute
from shared.trust.standing import PATH, SCOPE, Feed

_FORWARDED = frozenset({b"forwarded", b"via", b"x-real-ip"})


class InnerRoute(InternalRoute):
    """A route that is nowhere for whoever comes from outside, token or not."""

    def get_route_handler(self) -> Handler:
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            names = {name for name, _ in request.scope["headers"]}
            if names & _FORWARDED or any(name.startswith(b"x-forwarded-") for name in names):
                raise NotFound
            return await handle(request)

        return answer


internal = APIRouter(include_in_schema=False, route_class=InnerRoute)


@internal.get(PATH)
async def standing(session: Session, caller: Annotated[Caller, Allow(SCOPE, "SERVICE")]) -> Feed:
    return await service.read(session)
