"""What systems send and see of migration procedures."""

from datetime import datetime

from pydantic import Field

from services.intake.children.schemas import Officer, Reference
from shared.shapes import In, Out, Past


class ProcedureIn(In):
    """The procedure on the migration status of a child began."""

    started_at: Past | None = Field(
        default=None, description="when; now, where it is left out. Never before the Procuraduría's notice (R5)"
    )
    reference: Reference = Field(description="its number", examples=["INM/CHP/PAM/0417/2026"])
    officer: Officer


class ProcedureOut(Out):
    """The procedure on the migration status of a child."""

    id: str = Field(description="its id", examples=["pam_019aa7c3f0e57d1e8c2f4b6a90d31e78"])
    child_id: str
    encounter_id: str = Field(description="the meeting that it follows")
    started_at: datetime = Field(description="when it began")
    reference: str = Field(description="its number", examples=["INM/CHP/PAM/0417/2026"])
    officer: str = Field(description="the officer's number", examples=["opi-0417"])
    agency: str
    recorded_at: datetime
    suspended_since: datetime | None = Field(
        description="since when it stands still (R24); null: it goes on", examples=[None]
    )


class Procedures(Out):
    """The procedures that followed one meeting."""

    items: list[ProcedureOut] = Field(description="none, or one")
