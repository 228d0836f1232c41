"""`/oauth/…` and `/.well-known/…`. Public: a request for a token, or to revoke one, authenticates itself."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from gateway.tokens import rules, service
from gateway.tokens.rules import OAuthError
from gateway.tokens.schemas import KeySet, Metadata, OAuthErrorOut, TokenOut
from shared import telemetry

router = APIRouter(tags=["tokens"])
_NEVER = {"Cache-Control": "no-store", "Pragma": "no-cache"}
# Who is no client is told so this long after asking. Both ways cost the same work but for reading one
# row (0.1 ms, measured), which would tell a patient stranger which clients exist.
_REFUSAL_SECONDS = 0.05
_A_WHILE = "public, max-age=300"
_PROOF_FIELDS: dict[str, Any] = {
    "client_id": {"type": "string"},
    "client_assertion_type": {"type": "string", "enum": [rules.ASSERTION_TYPE]},
    "client_assertion": {
        "type": "string",
        "description": "JWT, ES256, typ client-authentication+jwt, header of alg, typ and kid; "
        "iss = sub = client id, aud = the issuer alone, exp at most 60 s after iat, fresh jti",
    },
    "client_secret": {"type": "string", "description": "sandbox only"},
}


def _form(required: str, **fields: Any) -> dict[str, Any]:
    """Describe the form that a route takes: these fields, and the client's proof."""
    schema = {"type": "object", "required": [required], "properties": fields | _PROOF_FIELDS}
    return {"requestBody": {"required": True, "content": {rules.FORM: {"schema": schema}}}}


_TOKEN_FORM = _form(
    "grant_type",
    grant_type={"type": "string", "enum": ["client_credentials"]},
    scope={"type": "string", "description": "fewer scopes than the client has"},
)
_TOKEN_FORM["parameters"] = [
    {
        "name": "DPoP", "in": "header", "required": False, "schema": {"type": "string"},
        "description": "a proof of possession (RFC 9449), which binds the token to its key; "
        "required of clients that are registered with it",
    }
]  # fmt: skip
_REVOCATION_FORM = _form("token", token={"type": "string"}, token_type_hint={"type": "string"})


@router.post(
    service.TOKEN_PATH,
    summary="Get an access token",
    response_model=TokenOut,
    responses={400: {"model": OAuthErrorOut}, 401: {"model": OAuthErrorOut}},
    openapi_extra=_TOKEN_FORM,
)
async def token(request: Request) -> Response:
    """Client credentials with `private_key_jwt` (ES256). Tokens live five minutes."""

    async def work(body: bytes) -> Response:
        asked = rules.read(_authorization(request), request.headers.get("content-type", ""), body)
        proofs = [value for name, value in request.scope["headers"] if name == b"dpop"]
        made = await service.issue(request.app.state.runtime, asked, proofs)
        return JSONResponse(made.model_dump(), headers=_NEVER)

    return await _answer(request, work)


@router.post(
    service.REVOCATION_PATH,
    summary="Give an access token back (RFC 7009)",
    response_model=None,
    responses={
        200: {"description": "The token counts no more, or never did"},
        400: {"model": OAuthErrorOut}, 401: {"model": OAuthErrorOut},
    },
    openapi_extra=_REVOCATION_FORM,
)  # fmt: skip
async def revoke(request: Request) -> Response:
    """The client proves itself as at the token endpoint. A token that is not its own is left alone, with this answer
    too. Services refuse a token within seconds, at most 30, after it was revoked."""

    async def work(body: bytes) -> Response:
        returned = rules.read_revocation(_authorization(request), request.headers.get("content-type", ""), body)
        await service.revoke(request.app.state.runtime, returned)
        return Response(headers=_NEVER)

    return await _answer(request, work)


async def _answer(request: Request, work: Callable[[bytes], Awaitable[Response]]) -> Response:
    started = asyncio.get_running_loop().time()
    try:
        return await work(await request.body())
    except OAuthError as error:
        telemetry.note(token_refused=error.reason)
        if error.error == "invalid_client":
            await asyncio.sleep(started + _REFUSAL_SECONDS - asyncio.get_running_loop().time())
        return _refused(error)


def _authorization(request: Request) -> bytes | None:
    return next((value for name, value in request.scope["headers"] if name == b"authorization"), None)


def _refused(error: OAuthError) -> Response:
    content = {"error": error.error, "error_description": error.description}
    answer = JSONResponse(content, 401 if error.error == "invalid_client" else 400, _NEVER)
    if error.basic:
        answer.headers["WWW-Authenticate"] = 'Basic realm="ruta"'
    return answer


@router.get("/.well-known/jwks.json", summary="Read the keys that sign access tokens")
async def jwks(request: Request, response: Response) -> KeySet:
    response.headers["Cache-Control"] = _A_WHILE
    return KeySet.model_validate({"keys": request.app.state.runtime.verifier.register.current().keys})


@router.get("/.well-known/oauth-authorization-server", summary="Read where everything is (RFC 8414)")
async def metadata(request: Request, response: Response) -> Metadata:
    response.headers["Cache-Control"] = _A_WHILE
    return service.metadata(request.app.state.runtime)
