"""Proof of possession (RFC 9449): a token that is bound to a key counts only with a fresh proof by that key."""

import base64
import hashlib
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from shared import clock, jwt

PROOF_TYPE = "dpop+jwt"
ALGORITHMS = "ES256"
AGE = timedelta(seconds=60)
MOST = 8192
"""How many proofs of one client are remembered for each half of the time that they must be."""
_REMEMBERED = AGE + 2 * jwt.LEEWAY
_MAX_JTI = 256
_VISIBLE = re.compile(r"[!-~]{1,2048}")
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_PORTS = {"http": 80, "https": 443}


class BadProof(jwt.BadToken):
    """The proof does not prove. The reason is for the log alone."""


@dataclass(frozen=True, slots=True)
class Proof:
    """Who proved, and by which proof."""

    thumbprint: str
    jti: str


def read(headers: list[bytes], *, method: str, address: str, token: str | None = None) -> Proof:
    """Return the proof that a request carries in its `DPoP` header. Raises BadProof, and nothing else.

    `address` is the public URL of the request; its query does not count. `token` is the access
    token that comes with the proof, if one does. Whether the proof was used before is for `Used`.
    """
    try:
        if len(headers) != 1 or len(headers[0]) > jwt.MAX_LENGTH:
            raise BadProof("not exactly one proof")
        claims, key = jwt.verify_proof(headers[0].decode("ascii"), typ=PROOF_TYPE)
        _check(claims, method, address, token)
    except BadProof:
        raise
    except (jwt.BadToken, ValueError) as error:
        raise BadProof(f"proof: {str(error)[:60]}") from None
    return Proof(jwt.thumbprint(key), claims["jti"])


def _check(claims: dict[str, Any], method: str, address: str, token: str | None) -> None:
    jti, issued, target = claims.get("jti"), claims.get("iat"), claims.get("htu")
    if not isinstance(jti, str) or not 0 < len(jti) <= _MAX_JTI:
        raise BadProof("jti")
    if type(issued) is not int:
        raise BadProof("iat")
    age = clock.now().timestamp() - issued
    if not -jwt.LEEWAY.total_seconds() <= age <= (AGE + jwt.LEEWAY).total_seconds():
        raise BadProof("too old or not yet valid")
    if claims.get("htm") != method:
        raise BadProof("htm")
    if not isinstance(target, str) or normalised(target) != normalised(address):
        raise BadProof("htu")
    if token is not None and claims.get("ath") != _digest(token):
        raise BadProof("ath")


def _digest(token: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(token.encode()).digest()).rstrip(b"=").decode()


def normalised(url: str) -> str:
    """Return a URL without query and fragment, in the one spelling of RFC 3986, 6.2.2 and 6.2.3. Raises BadProof."""
    if not _VISIBLE.fullmatch(url):
        raise BadProof("htu")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise BadProof("htu") from None
    if parts.scheme not in _PORTS or not host or "@" in parts.netloc:
        raise BadProof("htu")
    name = f"[{host}]" if ":" in host else host
    shown = "" if port in (None, _PORTS[parts.scheme]) else f":{port}"
    return f"{parts.scheme}://{name}{shown}{_without_dots(_ESCAPE.sub(_spelled, parts.path))}"


def _spelled(escape: re.Match[str]) -> str:
    character = chr(int(escape[1], 16))
    return character if character in _UNRESERVED else escape[0].upper()


def _without_dots(path: str) -> str:
    kept: list[str] = []
    segments = path.split("/")[1:]
    for segment in segments:
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    if segments[-1:] in (["."], [".."]):
        kept.append("")
    return "/" + "/".join(kept)


class Used:
    """The proofs that this process has seen, so that none counts twice here.

    Kept per process, for as long as a proof can be young enough. Other processes have memories of
    their own: a proof that is stolen on its way can count once in each, within a minute. Bounded
    per client, and remembered only after all else about it was right: who sends more than `MOST`
    in that time is refused himself, and takes no room from anybody else.
    """

    def __init__(self) -> None:
        self._young: dict[str, set[bytes]] = {}
        self._old: dict[str, set[bytes]] = {}
        self._turned_at: datetime | None = None

    def must_be_new(self, client_id: str, proof: Proof) -> None:
        """Remember a proof. Raises BadProof when it was here before, or when its client sends too many."""
        self._turn(clock.now())
        digest = hashlib.sha256(f"{proof.thumbprint} {proof.jti}".encode()).digest()[:16]
        young = self._young.setdefault(client_id, set())
        if digest in young or digest in self._old.get(client_id, ()):
            raise BadProof("replayed")
        if len(young) >= MOST:
            raise BadProof("too many proofs")
        young.add(digest)

    def _turn(self, now: datetime) -> None:
        """Forget what nobody can use any more: in two halves, so that it costs nothing to find out."""
        if self._turned_at is None or now - self._turned_at >= _REMEMBERED:
            self._old, self._young, self._turned_at = self._young, {}, now
