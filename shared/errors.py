"""What can go wrong, in words of the domain. HTTP is a rendering of it: see problems.py."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Law:
    """The rule that refused, and where it is written (article, guideline or design decision)."""

    rule: str
    source: str


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of the input: where (a JSON pointer, RFC 6901) and what kind. Never the value."""

    pointer: str
    reason: str


class Refusal(Exception):
    """A request that is answered with a problem document.

    `detail` is read by people and must be free of the caller's values and of any child's data.
    """

    code = "internal_error"

    def __init__(
        self,
        detail: str = "",
        *,
        code: str | None = None,
        law: Law | None = None,
        allowed_actions: Sequence[str] | None = None,
        faults: Sequence[Fault] = (),
        retry_after: int | None = None,
        current: str | None = None,
    ) -> None:
        super().__init__(detail or code or self.code)
        self.detail = detail
        self.code = code or self.code
        self.law = law
        self.allowed_actions = allowed_actions
        self.faults = faults
        self.retry_after = retry_after
        self.current = current


class Invalid(Refusal):
    """The input is not of the documented shape."""

    code = "invalid_request"


class Unauthenticated(Refusal):
    """No valid token. The reason is for the audit; the caller gets `challenge` (WWW-Authenticate) alone."""

    code = "unauthenticated"

    def __init__(self, detail: str = "", *, challenge: str = 'Bearer realm="ruta", error="invalid_token"') -> None:
        super().__init__(detail)
        self.challenge = challenge


class Forbidden(Refusal):
    """The caller is known and may not do this at all, whatever the object."""

    code = "forbidden"


class NotFound(Refusal):
    """There is no such thing, or the caller may not know of it: both look the same."""

    code = "not_found"


class Conflict(Refusal):
    """The request contradicts the present state."""

    code = "conflict"


class IllegalMove(Conflict):
    """A state machine has no such move. `allowed_actions` says which it has."""

    code = "illegal_move"


class RefusedByLaw(Refusal):
    """A rule of the route forbids it."""

    code = "refused_by_law"


class Stale(Refusal):
    """If-Match names a version that is no longer the current one."""

    code = "stale_version"


class Unavailable(Refusal):
    """Not now: try again after `retry_after` seconds."""

    code = "unavailable"

    def __init__(self, detail: str = "", *, retry_after: int = 5) -> None:
        super().__init__(detail, retry_after=retry_after)
