"""What a request for a token, or to revoke one, may say and how it is refused (RFC 6749, 7009, 7521, 7523). Pure."""

import base64
import binascii
import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote_plus

from shared import jsons

FORM = "application/x-www-form-urlencoded"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
MAX_BODY = 16 * 1024
_FIELDS = frozenset({
    "grant_type", "scope", "token", "client_id", "client_secret", "client_assertion", "client_assertion_type",
})  # fmt: skip
_SCOPE = re.compile(r"[!#-\[\]-~]+( [!#-\[\]-~]+)*")


class OAuthError(Exception):
    """A refusal in OAuth's own words (RFC 6749, 5.2). `reason` is for the log alone."""

    def __init__(self, error: str, description: str, *, reason: str = "", basic: bool = False) -> None:
        super().__init__(error)
        self.error = error
        self.description = description
        self.reason = reason or error
        self.basic = basic


def invalid_client(reason: str, *, basic: bool = False) -> OAuthError:
    """Return the one refusal of everybody who is not, or does not prove to be, a client."""
    return OAuthError("invalid_client", "The client is not known or did not prove itself.", reason=reason, basic=basic)


@dataclass(frozen=True, slots=True)
class Credentials:
    """How a client proves who it is. Exactly one of `assertion` and `secret` is there."""

    client_id: str | None
    assertion: str | None
    secret: str | None
    basic: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """A request for a token."""

    credentials: Credentials
    scope: str | None


@dataclass(frozen=True, slots=True)
class Returned:
    """A request that a token count no more."""

    credentials: Credentials
    token: str


def read(authorization: bytes | None, media_type: str, body: bytes) -> Asked:
    """Read a token request strictly. Raises OAuthError."""
    form = _form(media_type, body)
    if "grant_type" not in form:
        raise OAuthError("invalid_request", "grant_type is missing.")
    if form["grant_type"] != "client_credentials":
        raise OAuthError("unsupported_grant_type", "Only client_credentials is supported.")
    return Asked(_credentials(authorization, form), form.get("scope"))


def read_revocation(authorization: bytes | None, media_type: str, body: bytes) -> Returned:
    """Read a revocation request as strictly; its token_type_hint is not needed. Raises OAuthError."""
    form = _form(media_type, body)
    if "token" not in form:
        raise OAuthError("invalid_request", "token is missing.")
    return Returned(_credentials(authorization, form), form["token"])


def _credentials(authorization: bytes | None, form: dict[str, str]) -> Credentials:
    ways = [authorization is not None, "client_secret" in form, "client_assertion" in form]
    if sum(ways) > 1:
        raise OAuthError("invalid_request", "A client proves itself in one way only.")
    if authorization is not None:
        client_id, secret = _basic(authorization)
        if form.get("client_id", client_id) != client_id:
            raise OAuthError("invalid_request", "client_id is another one than in Authorization.")
        return Credentials(client_id, None, secret, basic=True)
    if "client_assertion" in form:
        if form.get("client_assertion_type") != ASSERTION_TYPE:
            raise OAuthError("invalid_request", f"client_assertion_type must be {ASSERTION_TYPE}.")
        return Credentials(form.get("client_id"), form["client_assertion"], None)
    if "client_secret" in form and "client_id" in form:
        return Credentials(form["client_id"], None, form["client_secret"])
    raise invalid_client("no proof")


def _form(media_type: str, body: bytes) -> dict[str, str]:
    if media_type.partition(";")[0].strip().lower() != FORM:
        raise OAuthError("invalid_request", f"The body must be {FORM}.")
    if len(body) > MAX_BODY:
        raise OAuthError("invalid_request", "The body is too long.")
    try:
        pairs = parse_qsl(
            body.decode("ascii"), keep_blank_values=True, strict_parsing=True, errors="strict", max_num_fields=32
        )
    except ValueError:
        raise OAuthError("invalid_request", "The body is not a form.") from None
    known = [(name, value) for name, value in pairs if name in _FIELDS and value]  # RFC 6749, 3.2: others are ignored
    if len(dict(known)) != len(known):
        raise OAuthError("invalid_request", "A parameter comes more than once.")
    return dict(known)


def _basic(authorization: bytes) -> tuple[str, str]:
    scheme, _, encoded = authorization.partition(b" ")
    try:
        if scheme.lower() != b"basic":
            raise ValueError
        user, colon, password = base64.b64decode(encoded, validate=True).decode().partition(":")
        if not colon:
            raise ValueError
        return unquote_plus(user, errors="strict"), unquote_plus(password, errors="strict")
    except (ValueError, binascii.Error):
        raise invalid_client("unreadable Authorization", basic=True) from None


def granted(scope: str | None, allowed: list[str]) -> str:
    """Return the scopes of the token: what was asked for, or all. Never more than `allowed`."""
    if scope is None:
        return " ".join(allowed)
    if not _SCOPE.fullmatch(scope) or not set(scope.split(" ")) <= set(allowed):
        raise OAuthError("invalid_scope", "A scope is malformed, or not one of this client's.")
    return " ".join(sorted(set(scope.split(" "))))


def claimed_subject(assertion: str) -> str | None:
    """Return who an assertion says it is from, or None when it is unreadable. Nothing is verified by this."""
    try:
        payload = assertion.split(".")[1]
        claims = jsons.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return str(claims["sub"])
    except (LookupError, TypeError, ValueError):
        return None
