"""`GET /v1/<service>/rules`: what the service enforces and which deadlines it runs, with sources."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter

from shared.auth import Allow, Caller
from shared.clocks.rules import Deadline, Limit, WorkingDays
from shared.law import Rule
from shared.routing import router
from shared.shapes import Out


class RuleOut(Out):
    """A rule of the route."""

    id: str
    text_en: str
    text_es: str
    source: str
    verified: bool


class DeadlineOut(RuleOut):
    """A duty with its time limit: in seconds, or in working days of an authority's calendar."""

    warn_seconds: int | None
    due_seconds: int | None
    warn_working_days: int | None
    due_working_days: int | None
    authority: str | None


class Rulebook(Out):
    """Everything that a service enforces."""

    rules: list[RuleOut]
    deadlines: list[DeadlineOut]


def _seconds(limit: Limit) -> int | None:
    return None if isinstance(limit, WorkingDays) else int(limit.total_seconds())


def _days(limit: Limit) -> int | None:
    return limit.days if isinstance(limit, WorkingDays) else None


def rulebook(name: str, rules: Sequence[Rule], deadlines: Sequence[Deadline]) -> APIRouter:
    """Return the route that publishes them."""
    made = router(f"/v1/{name}/rules", "rules")
    book = Rulebook(
        rules=[
            RuleOut(id=rule.id, text_en=rule.text.en, text_es=rule.text.es, source=rule.source, verified=rule.verified)
            for rule in rules
        ],
        deadlines=[
            DeadlineOut(
                id=deadline.id, text_en=deadline.name.en, text_es=deadline.name.es, source=deadline.source,
                verified=deadline.verified, warn_seconds=_seconds(deadline.warn), due_seconds=_seconds(deadline.due),
                warn_working_days=_days(deadline.warn), due_working_days=_days(deadline.due),
                authority=deadline.authority,
            )
            for deadline in deadlines
        ],
    )  # fmt: skip

    @made.get("", summary="Read the rules and deadlines that are enforced")
    async def show(_: Annotated[Caller, Allow(f"{name}:read")]) -> Rulebook:
        return book

    return made
