"""A case in one call, and the lines of its timeline."""

from datetime import datetime

from pydantic import Field

from services.referral.cases.schemas import CaseOut
from services.referral.referrals.schemas import ReferralOut
from shared.clocks.schemas import ClockOut
from shared.shapes import Out


class OwedOut(Out):
    """What an agency owes next."""

    agency: str = Field(description="who owes it", examples=["dif-chp"])
    duty: str = Field(description="what: a deadline, a referral to answer, or a gate of the next step")
    rule: str = Field(description="by which rule or deadline; see the rulebook", examples=["R11"])
    subject: str = Field(description="the id of what it is about")
    due_at: datetime | None = Field(description="until when; null: the law gives no time", examples=[None])
    overdue: bool = Field(description="whether that is over", examples=[False])


class CaseFileOut(CaseOut):
    """A case with the referrals that the reader may see, their clocks, and who owes what next."""

    lead: str | None = Field(description="the agency that leads now; null: closed", examples=["inm-chp"])
    owed: list[OwedOut] = Field(description="what is owed next, soonest first, as far as you may know it")
    referrals: list[ReferralOut]
    clocks: list[ClockOut]


class EntryOut(Out):
    """One line of the timeline."""

    id: str = Field(description="its id", examples=["ent_019aa7c3f0e57d1e8c2f4b6a90d31e60"])
    at: datetime = Field(description="when it happened", examples=["2026-11-20T15:04:05Z"])
    code: str = Field(description="what happened", examples=["case.issue_acta"])
    es: str | None = Field(description="the same in Spanish", examples=["Se emitió el acta de canalización"])
    en: str | None = Field(description="the same in English", examples=["The acta de canalización was issued"])
    subject: str = Field(description="the id of what it happened to", examples=["act_019aa7c3f0e57d1e8c2f4b6a90d31e61"])
    agency: str | None = Field(description="who did it; null: Ruta itself", examples=["inm-chp"])
