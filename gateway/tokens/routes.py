"""`/oauth/token` and `/.well-known/…`. Public: the token request authenticates itself."""

import asyncio
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
_FORM: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            rules.FORM: {
                "schema": {
                    "type": "object",
                    "required": ["grant_type"],
                    "properties": {
                        "grant_type": {"type": "string", "enum": ["client_credentials"]},
                        "scope": {"type": "string", "description": "fewer scopes than the client has"},
                        "client_id": {"type": "string"},
                        "client_assertion_type": {"type": "string", "enum": [rules.ASSERTION_TYPE]},
                        "client_assertion": {
                            "type": "string",
                            "description": "JWT, ES256, typ client-authentication+jwt, header of alg, typ and kid; "
                            "iss = sub = client id, aud = the issuer alone, exp at most 60 s after iat, fresh jti",
                        },
                        "client_secret": {"type": "string", "description": "sandbox only"},
                    },
                }
            }
        },
    }
}


@router.post(
    "/oauth/token",
    summary="Get an access token",
    response_model=TokenOut,
    responses={400: {"model": OAuthErrorOut}, 401: {"model": OAuthErrorOut}},
    openapi_extra=_FORM,
)
async def token(request: Request) -> Response:
    """Client credentials with `private_key_jwt` (ES256). Tokens live five minutes."""
    started = asyncio.get_running_loop().time()
    given = [value for name, value in request.scope["headers"] if name == b"authorization"]
    try:
        asked = rules.read(given[0] if given else None, request.headers.get("content-type", ""), await request.body())
        made = await service.issue(request.app.state.runtime, asked)
    except OAuthError as error:
        telemetry.note(token_refused=error.reason)
        if error.error == "invalid_client":
            await asyncio.sleep(started + _REFUSAL_SECONDS - asyncio.get_running_loop().time())
        return _refused(error)
    return JSONResponse(made.model_dump(), headers=_NEVER)


def _refused(error: OAuthError) -> Response:
    content = {"error": error.error, "error_description": error.description}
    answer = JSONResponse(content, 401 if error.error == "invalid_client" else 400, _NEVER)
    if error.basic:
        answer.headers["WWW-Authenticate"] = 'Basic realm="ruta"'
    return answer


@router.get("/.well-known/jwks.json", summary="Read the keys that sign access tokens")
async def jwks(request: Request, response: Response) -> KeySet:
    response.headers["Cache-Control"] = _A_WHILE
    published: KeySet = request.app.state.published_keys
    return published


@router.get("/.well-known/oauth-authorization-server", summary="Read where everything is (RFC 8414)")
async def metadata(request: Request, response: Response) -> Metadata:
    response.headers["Cache-Control"] = _A_WHILE
    return service.metadata(request.app.state.runtime)
