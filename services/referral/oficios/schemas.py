"""Oficios as they are drawn up and seen."""

from datetime import datetime
from typing import Any

from pydantic import Field

from services.referral.cases.schemas import Officer, Reference
from services.referral.oficios.rules import CarerTie
from shared.shapes import Id, In, Line, Out, Past


class OficioIn(In):
    """What the Procuraduría states; the rest is on record already."""

    case_id: Id
    encounter_id: Id = Field(description="the meeting of the child and its carer, as intake has it")
    number: Reference = Field(description="the oficio's number", examples=["OF-CHP/0017/2026"])
    adult: Line = Field(description="the adult's name; kept sealed", examples=["Ficticia Ejemplo"])
    tie: CarerTie = Field(description="what the adult is to the child", examples=["CUSTOMARY_CARE"])
    place: Line = Field(description="where the Procuraduría attended", examples=["Tapachula"])
    attended_at: Past = Field(description="when it attended")
    officer: Officer = Field(description="who attended, by the number in the Procuraduría's system")


class OficioOut(Out):
    """An oficio. It is final: nothing can be done with it. The signature is over the digest of `content`."""

    id: str = Field(description="its id", examples=["ofi_019aa7c3f0e57d1e8c2f4b6a90d31e97"])
    case_id: str
    encounter_id: str
    content: dict[str, Any] = Field(
        description="what it says; `adult` only in a single reading, which is recorded, and in a list null",
        examples=[{"number": "OF-CHP/0017/2026", "adult": None}],
    )
    digest: str
    signature: str
    issued_by: str
    issued_at: datetime
    allowed_actions: list[str]
