"""How signing keys follow one another. Pure."""

from datetime import datetime, timedelta
from enum import StrEnum

from shared import jwt
from shared.auth import ACCESS_LIFE
from shared.trust.standing import OLDEST


class KeyState(StrEnum):
    """Where a key is. It only ever moves down this list."""

    NEXT = "next"
    CURRENT = "current"
    PREVIOUS = "previous"
    REMOVED = "removed"


class Reason(StrEnum):
    """Why keys were switched. Codes, not prose."""

    PLANNED = "planned"
    STAFF_CHANGED = "staff_changed"
    INCIDENT = "incident"
    KEY_COMPROMISED = "key_compromised"
    DRILL = "drill"


PREVIOUS_LIFE = OLDEST + ACCESS_LIFE + 2 * jwt.LEEWAY
"""How long a key counts after it has signed last: a gateway that did not hear of the switch stops signing when
what it knows is too old, and the last token lives on from there."""


def counts(state: KeyState, retired_at: datetime | None, now: datetime) -> bool:
    """Whether tokens by a key count now, and so whether it is published."""
    if state is KeyState.PREVIOUS:
        return retired_at is not None and now < retired_at + PREVIOUS_LIFE
    return state is not KeyState.REMOVED


def may_sign_from(made_at: datetime, wait_hours: float) -> datetime:
    """Return when a next key has been published long enough that nobody is surprised by it."""
    return made_at + timedelta(hours=wait_hours)


def is_due(current_since: datetime | None, days: float, now: datetime) -> bool:
    """Whether a key has signed for as long as one key should."""
    return current_since is not None and now >= current_since + timedelta(days=days)
