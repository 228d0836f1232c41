"""Tasks as they are done and seen."""

from datetime import datetime

from pydantic import Field

from services.referral.majority.rules import Duty, TaskState
from shared.shapes import Out


class TaskOut(Out):
    """What an agency owes a child before it turns 18."""

    id: str = Field(description="its id", examples=["tsk_019aa7c3f0e57d1e8c2f4b6a90d31e60"])
    case_id: str
    duty: Duty = Field(description="what is due", examples=["LIFE_PLAN"])
    agency: str = Field(description="who owes it", examples=["dif-chp"])
    state: TaskState = Field(description="where it stands", examples=["open"])
    opened_at: datetime = Field(description="when it was opened", examples=["2026-11-20T15:04:05Z"])
    due_at: datetime = Field(description="as the month of the birthday begins", examples=["2027-03-01T00:00:00Z"])
    done_at: datetime | None = Field(description="when it was done", examples=[None])
    done_by: str | None = Field(description="agency and officer", examples=[None])
    reference: str | None = Field(description="the number of the plan or document", examples=[None])
    allowed_actions: list[str] = Field(description="what you may do with it now", examples=[["done"]])


class Tasks(Out):
    """The tasks of stage 4 of a case."""

    items: list[TaskOut]
