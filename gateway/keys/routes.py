"""HTTP of signing keys, for administrators."""

from typing import Annotated

from fastapi import Request

from gateway.clients import administration
from gateway.keys import service
from gateway.keys.schemas import RotateIn, SigningKeysOut
from shared.auth import Allow, Caller
from shared.db import Session
from shared.routing import router

keys = router("/v1/gateway/signing-keys", "signing keys")
Administrator = Annotated[Caller, Allow("gateway:admin", "OPERATOR")]


@keys.get("", summary="List the keys that sign access tokens")
async def index(session: Session, caller: Administrator) -> SigningKeysOut:
    """One signs, the next one is published already, the one before counts until its last token has expired."""
    return await service.show(session)


@keys.post("/rotate", summary="Let the next key sign")
async def rotate(request: Request, session: Session, caller: Administrator, body: RotateIn) -> SigningKeysOut:
    """Planned, nobody notices. With `compromised` the old key and every token that it signed count no more, at once."""
    await administration.acting(session, caller)
    return await service.rotate(
        session, request.app.state.runtime, caller, compromised=body.compromised, reason=body.reason
    )
