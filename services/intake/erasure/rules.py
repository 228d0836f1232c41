"""When a child's record may be erased (R35), and what stays without telling who it was. Pure."""

from datetime import datetime, timedelta

from services.intake.children.rules import RETAINED

REPLIES_LIVE = timedelta(days=7)
"""So long after it was blocked a record stays at least: a stored reply that is younger may be asked for again."""

KEPT = {
    "audit_entry": "who did what to whose record: a chain that nothing is taken out of (LGPDPPSO, art. 25-27; R34)",
    "child.relatives": "the guard goes on protecting a child whose relative was in danger (R15, R16); an id, no more",
    "match_progress": "how far a loop has come: an id that is overwritten when it goes on",
}
"""Where the id of an erased child still stands, and why."""


def check_erasable(
    blocked_at: datetime | None, erase_after: datetime | None, now: datetime, *, owed: bool = False
) -> None:
    """Raise RefusedByLaw unless the record was blocked, its time has come, and nothing that is about it waits."""
    if blocked_at is None or erase_after is None:
        raise RETAINED.refuse("A record is blocked before it is erased, by a schedule.", allowed_actions=["block"])
    if now < max(erase_after, blocked_at + REPLIES_LIVE):
        raise RETAINED.refuse("The time to erase this record has not come.", allowed_actions=[])
    if owed:
        raise RETAINED.refuse("Something of this record is still to be delivered or counted.", allowed_actions=[])
