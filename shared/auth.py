"""Who calls. Deny by default: a route without `Allow(...)` is public and stands on a short list.

Partners' tokens are RFC 9068 access tokens by the gateway. Services prove themselves to each
other with tokens they sign themselves, at most 60 s long and for one target.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from fastapi import Depends, Request

from shared import ids, jwt
from shared.errors import Forbidden

ACCESS_TYPE = "at+jwt"
SERVICE_TYPE = "service+jwt"
SERVICE_KIND = "SERVICE"
ACCESS_LIFE = timedelta(minutes=5)
SERVICE_LIFE = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated client, as its token says. Claims are ceilings, never sufficient."""

    client_id: str
    agency: str
    agency_kind: str
    role: str
    scopes: frozenset[str]
    office: str | None = None
    state: str | None = None
    country: str | None = None

    @property
    def is_service(self) -> bool:
        return self.agency_kind == SERVICE_KIND

    def must(self, scope: str) -> None:
        """Raise Forbidden unless the token carries `scope`."""
        if scope not in self.scopes:
            raise Forbidden(f"The token lacks the scope {scope}.")

    def must_be(self, *kinds: str) -> None:
        """Raise Forbidden unless the caller's agency is of one of these kinds."""
        if self.agency_kind not in kinds:
            raise Forbidden(f"Only these kinds of agency may do this: {', '.join(kinds)}.")


def service_token(signer: jwt.Signer, target: str, scope: str) -> str:
    """Sign a token by which this service may do `scope` at `target`, once or for a minute."""
    claims = {"aud": f"urn:ruta:{target}", "scope": scope, "jti": ids.opaque("jti")}
    return signer.sign(claims, typ=SERVICE_TYPE, life=SERVICE_LIFE)


class Guard:
    """What a route asks of its caller: a scope and, where it is said, a kind of agency."""

    def __init__(self, scope: str, kinds: tuple[str, ...]) -> None:
        self.scope = scope
        self.kinds = kinds

    def check(self, caller: Caller) -> None:
        """Raise Forbidden unless the caller meets it."""
        caller.must(self.scope)
        if self.kinds:
            caller.must_be(*self.kinds)
        elif caller.is_service:
            raise Forbidden("Services have routes of their own.")

    async def __call__(self, request: Request) -> Caller:
        caller: Caller = request.state.caller  # put there by shared.routing, before the body was read
        return caller


def Allow(scope: str, *kinds: str) -> Any:
    """Mark a parameter as the authenticated caller: `caller: Annotated[Caller, Allow("intake:read")]`."""
    return Depends(Guard(scope, kinds))
