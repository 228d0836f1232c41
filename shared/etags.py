"""No silent overwriting: every update names the version it was made from (RFC 9110, 13.1.1)."""

from typing import Annotated, Any, TypeVar

from fastapi import Depends, Header, Response

from shared.errors import Refusal, Stale


def tag(version: int) -> str:
    """Return the ETag of a version."""
    return f'"v{version}"'


async def _if_match(
    if_match: Annotated[str | None, Header(description="the ETag that the change was made from")] = None,
) -> str:
    if if_match is None:
        raise Refusal(code="precondition_required")
    return if_match


IfMatch = Annotated[str, Depends(_if_match)]
"""The required If-Match header of an update."""


def must_match(given: str, version: int) -> None:
    """Raise Stale unless `given` names the current version."""
    if given != tag(version):
        raise Stale(current=tag(version))


def show(response: Response, version: int) -> None:
    """Put the ETag on an answer."""
    response.headers["ETag"] = tag(version)


V = TypeVar("V", bound=Any)
"""What is answered, and has a version."""


def shown(response: Response, made: V) -> V:
    """Return what is answered, with its ETag on the answer."""
    show(response, made.version)
    return made
