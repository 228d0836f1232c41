"""Lists: `{"items": […], "next": cursor}`, by keyset, never by offset. Limits refuse, they don't clamp."""

import base64
import hashlib
import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Depends, Query, Request
from pydantic import BaseModel, ConfigDict
from sqlmodel import col

from shared.errors import Refusal

MAX_LIMIT = 100

T = TypeVar("T")


class Page(BaseModel, Generic[T]):
    """One page of a list. `next` is null on the last page."""

    model_config = ConfigDict(extra="forbid")

    items: list[T]
    next: str | None


@dataclass(frozen=True, slots=True)
class Paging:
    """Where a page starts and how long it is. Cursors are bound to the list and to the agency."""

    after: str | None
    limit: int
    key: bytes
    context: bytes

    def apply(self, statement: Any, column: Any) -> Any:
        """Select the rows of this page, and one more that tells whether there is a next one.

        `column` is the id: ids sort by time, so the newest come first.
        """
        if self.after is not None:
            statement = statement.where(col(column) < self.after)
        return statement.order_by(col(column).desc()).limit(self.limit + 1)

    def page(self, rows: Sequence[Any], show: Callable[[Any], T]) -> Page[T]:
        """Make a page out of the rows that `apply` selected."""
        kept = rows[: self.limit]
        more = len(rows) > self.limit
        return Page(items=[show(row) for row in kept], next=self._cursor(kept[-1].id) if more else None)

    def _cursor(self, last: str) -> str:
        return base64.urlsafe_b64encode(_mac(self.key, self.context, last) + last.encode()).decode()


def _mac(key: bytes, context: bytes, last: str) -> bytes:
    return hmac.digest(key, context + b"\0" + last.encode(), hashlib.sha256)[:12]


async def _paging(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT, description="how many items, 1 to 100")] = 50,
    cursor: Annotated[str | None, Query(max_length=200, description="`next` of the page before")] = None,
) -> Paging:
    key: bytes = request.app.state.runtime.cursor_key
    context = f"{request.url.path}\0{request.state.caller.agency}".encode()
    if cursor is None:
        return Paging(None, limit, key, context)
    try:
        raw = base64.urlsafe_b64decode(cursor.encode("ascii"))
        given, last = raw[:12], raw[12:].decode("ascii")
    except ValueError:
        raise Refusal(code="bad_cursor") from None
    if not hmac.compare_digest(given, _mac(key, context, last)):
        raise Refusal(code="bad_cursor")
    return Paging(last, limit, key, context)


Pages = Annotated[Paging, Depends(_paging)]
"""The `limit` and `cursor` parameters of a list."""
