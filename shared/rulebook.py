"""`GET /v1/<service>/rules`: what the service enforces and which deadlines it runs, with sources."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter

from shared.auth import Allow, Caller
from shared.clocks.rules import Deadline
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
    """A duty with its time limit, in seconds."""

    warn_seconds: int
    due_seconds: int


class Rulebook(Out):
    """Everything that a service enforces."""

    rules: list[RuleOut]
    deadlines: list[DeadlineOut]


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
                verified=deadline.verified, warn_seconds=int(deadline.warn.total_seconds()),
                due_seconds=int(deadline.due.total_seconds()),
            )
            for deadline in deadlines
        ],
    )  # fmt: skip

    @made.get("", summary="Read the rules and deadlines that are enforced")
    async def show(_: Annotated[Caller, Allow(f"{name}:read")]) -> Rulebook:
        return book

    return made
