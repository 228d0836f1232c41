"""What systems send and see of attendances."""

from datetime import date, datetime

from pydantic import Field

from services.intake.children.schemas import Officer, Reference
from shared.shapes import Day, In, Out, Past


class AttendanceIn(In):
    """The Procuraduría attended, and the oficio de canalización is drawn up."""

    attended_at: Past = Field(description="when it attended", examples=["2026-11-21T10:00:00Z"])
    officer: Officer = Field(description="who attended, by the number in the Procuraduría's system")
    oficio: Reference = Field(description="number of the oficio de canalización", examples=["OF-CHP/0017/2026"])
    oficio_date: Day = Field(description="its date", examples=["2026-11-21"])


class AttendanceOut(Out):
    """An attendance of the Procuraduría."""

    id: str = Field(description="its id", examples=["att_019aa7c3f0e57d1e8c2f4b6a90d31e77"])
    encounter_id: str = Field(description="the meeting of the child and its carer")
    attended_at: datetime = Field(description="when it attended")
    officer: str = Field(description="who attended", examples=["pp-0001"])
    oficio: str = Field(description="number of the oficio de canalización", examples=["OF-CHP/0017/2026"])
    oficio_date: date = Field(description="its date", examples=["2026-11-21"])
    agency: str
    recorded_at: datetime


class Attendances(Out):
    """The attendances at one meeting."""

    items: list[AttendanceOut] = Field(description="oldest first; the last one counts")


class PresentationIn(In):
    """The adult who cares for the child was presented before the immigration authority."""

    presented_at: Past = Field(description="when; never before the Procuraduría attended (R10)")
    officer: Officer
