"""A gateway with a few clients in its database, and how they prove who they are."""

import base64
import hashlib
import json
from datetime import timedelta
from typing import Any

import httpx

from gateway.clients import service as clients
from gateway.clients.schemas import ClientIn
from gateway.main import api
from gateway.standing import service as standing
from gateway.tokens import rules
from shared import ids, jwt, testing
from shared.errors import Refusal
from shared.runtime import Runtime
from shared.settings import Settings

SECRET = "s" * 43
KEY_PEM = testing.private_pem()
KEY = jwt.Signer(KEY_PEM, "pp-chp-system")
BOUND = jwt.Signer(KEY_PEM, "bound")
PUBLIC = {name: KEY.public_jwk()[name] for name in ("kty", "crv", "x", "y", "kid")}
OTHER_KEY = jwt.Signer(testing.private_pem(), "pp-chp-system")


def new_client(**more: Any) -> ClientIn:
    fields = {
        "id": "pp-chp-system", "agency": "pp-chp", "agency_kind": "PP", "role": "officer", "state": "MX-CHP",
        "scopes": ["referral:read", "referral:write", "intake:read"], "keys": [PUBLIC],
    }  # fmt: skip
    return ClientIn.model_validate(fields | more)


class Server:
    """One gateway process, without its background tasks: a test says when it looks at the database."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.app = api(runtime)

    @classmethod
    async def started(cls, settings: Settings) -> "Server":
        """One that has looked once."""
        made = cls(Runtime.build(settings))
        await made.looks()
        return made

    async def looks(self) -> None:
        """What it does every two seconds."""
        await standing.ask(self.runtime)

    async def ask(self, headers: dict[str, str] | None = None, **form: str) -> httpx.Response:
        return await self._post("/oauth/token", {"grant_type": "client_credentials"} | form, headers)

    async def ask_by(self, assertion: str, headers: dict[str, str] | None = None, **form: str) -> httpx.Response:
        return await self.ask(headers, **(form | proven_by(assertion)))

    async def revoke(self, token: str, assertion: str) -> httpx.Response:
        return await self._post("/oauth/revoke", {"token": token} | proven_by(assertion))

    async def token(self, signer: jwt.Signer = KEY) -> str:
        """A fresh token of a client."""
        answer = await self.ask_by(assertion(signer))
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    async def takes(self, token: str) -> str:
        """What this gateway says of a token: `ok`, or the code of the problem."""
        return await told(self.runtime, token)

    async def _post(self, path: str, form: dict[str, str], headers: dict[str, str] | None = None) -> httpx.Response:
        async with testing.client(self.app) as client:
            return await client.post(path, data=form, headers=headers)


async def told(runtime: Runtime, token: str) -> str:
    """What a process says of a token: `ok`, or the code of the problem."""
    try:
        await runtime.verifier.caller(testing.request_of(b"Bearer " + token.encode()))
    except Refusal as refusal:
        return refusal.code
    return "ok"


async def serve(settings: Settings) -> Server:
    """A gateway that has looked at its database once, with clients in it."""
    made = Server(Runtime.build(settings))
    async with made.runtime.database.work() as session:
        await clients.register(session, settings, new_client())
        await clients.register(session, settings, new_client(id="bound", dpop=True))
        if settings.environment == "sandbox":
            await clients.register(session, settings, new_client(id="dif-chp", keys=[]), secret=SECRET)
        await clients.register(session, settings, new_client(id="gone"))
        await clients.disable(session, "gone")
        consulate = new_client(
            id="con-hnd-tap",
            agency="con-hnd-tapachula",
            agency_kind="CONSULATE",
            country="HND",
            state=None,
            office="x-1",
            scopes=["consular:read", "consular:write"],
        )
        await clients.register(session, settings, consulate)
    await made.looks()
    return made


def proven_by(assertion: str) -> dict[str, str]:
    return {"client_assertion_type": rules.ASSERTION_TYPE, "client_assertion": assertion}


def assertion(signer: jwt.Signer = KEY, typ: str = "client-authentication+jwt", life: int = 60, **claims: Any) -> str:
    """Return a good assertion of the Procuraduría's system, with some claims replaced; None leaves one out."""
    full = {"sub": signer.issuer, "aud": testing.ISSUER, "jti": ids.opaque("jti")} | claims
    given = {name: value for name, value in full.items() if value is not None}
    return signer.sign(given, typ=typ, life=timedelta(seconds=life))


def basic(client_id: str, secret: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{client_id}:{secret}".encode()).decode()}


def claims_of(token: str) -> Any:
    """What a token says. Nothing is verified by this."""
    return json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))


def digest_of(token: str) -> bytes:
    """What is kept of a used assertion or a revoked token."""
    return hashlib.sha256(claims_of(token)["jti"].encode()).digest()
