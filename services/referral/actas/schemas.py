"""Actas as they are asked for and seen."""

from datetime import datetime
from typing import Any

from pydantic import Field

from shared.shapes import Id, In, Line, Out


class ActaIn(In):
    """What INM states; the rest is on record already."""

    case_id: Id
    dif_recipient: Line
    place: Line


class ActaOut(Out):
    """An acta, and what its signature is checked with: see `digest` and `signature`."""

    id: str
    case_id: str
    handover_id: str | None = Field(
        description="the referral by which DIF accepted the child: each hand-over has its own acta; null before 0.5.0",
        examples=["ref_019aa7c3f0e57d1e8c2f4b6a90d31e48"],
    )
    follows: str | None = Field(description="the acta of the hand-over before", examples=[None])
    content: dict[str, Any]
    digest: str
    signature: str
    issued_by: str
    issued_at: datetime
    allowed_actions: list[str]

    @classmethod
    def of(cls, acta: object) -> "ActaOut":
        """Show an acta. It is final: nothing can be done with it."""
        shown = {name: getattr(acta, name) for name in cls.model_fields.keys() - {"allowed_actions"}}
        return cls.model_validate(shown | {"allowed_actions": []})
