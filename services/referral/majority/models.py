"""The table of the tasks of stage 4."""

from datetime import datetime

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from services.referral.majority.rules import Duty, TaskState
from shared.db import UTCDateTime, coded

_STANDING = text("state <> 'cancelled'")


class Task(SQLModel, table=True):
    """What an agency owes a child before it becomes an adult."""

    __tablename__ = "majority_task"
    __table_args__ = (
        Index("uq_majority_task", "case_id", "duty", unique=True, postgresql_where=_STANDING, sqlite_where=_STANDING),
    )

    id: str = Field(primary_key=True)
    case_id: str = Field(foreign_key="route_case.id", index=True)
    duty: Duty = Field(sa_type=coded(Duty))
    agency: str = Field(description="who owes it")
    state: TaskState = Field(default=TaskState.OPEN, sa_type=coded(TaskState))
    opened_at: datetime = Field(sa_type=UTCDateTime)
    due_at: datetime = Field(sa_type=UTCDateTime)
    done_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    done_by: str | None = Field(default=None, description="agency and officer")
    reference: str | None = Field(default=None, description="the number of the plan or document")
