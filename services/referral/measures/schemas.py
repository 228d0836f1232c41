"""Measures and admissions as they are asked for and seen."""

from datetime import datetime

from pydantic import Field

from services.referral.cases.schemas import Officer, Reference
from services.referral.measures.rules import (
    ExitReason,
    Ground,
    MeasureCode,
    MeasureEnd,
    MeasureKind,
    MeasureState,
    MeasureWay,
    Purpose,
)
from services.referral.places.rules import AgeBand, PlaceSex
from shared.shapes import Country, Id, In, Note, Out, Past, Slug

_WHEN = "2026-11-20T15:04:05Z"
_OFFICER = "agency and officer"


class MeasureIn(In):
    """The Procuraduría asks the Ministerio Público for a measure, or orders one."""

    case_id: Id
    kind: MeasureKind = Field(description="URGENT or SPECIAL", examples=["URGENT"])
    way: MeasureWay = Field(description="REQUESTED of the Ministerio Público, or ORDERED", examples=["ORDERED"])
    code: MeasureCode = Field(description="what it orders", examples=["CAS_ADMISSION"])
    ground: Ground = Field(description="what the child is to be protected from", examples=["WITHOUT_CARE"])
    reasons: Note = Field(description="why, in words; sealed", examples=["Viaja sola y no tiene dónde dormir."])
    reference: Reference = Field(description="the number of the request or the order")
    notice: Reference | None = Field(
        default=None, description="the number of the notice to the judge: required of what is ORDERED (LGDNNA 122-VII)",
        examples=["JF-AVISO/2026/17"],
    )  # fmt: skip
    officer: Officer


class DecisionIn(In):
    """Somebody decided on a measure."""

    reference: Reference = Field(description="the number of the decision's document")
    decided_at: Past = Field(description="when it was decided")
    note: Note | None = Field(default=None, description="in words; sealed")
    officer: Officer


class EndingIn(DecisionIn):
    """A measure is refused, withdrawn, cancelled or ended."""

    reason: MeasureEnd = Field(description="why", examples=["ANOTHER_MEASURE"])


class MeasureStepOut(Out):
    """One decision on a measure."""

    state: MeasureState = Field(description="the state that it led to", examples=["confirmed"])
    decided_at: datetime = Field(description="when it was decided", examples=[_WHEN])
    reference: str | None = Field(description="the number of its document", examples=["JF/2026/17"])
    note: str | None = Field(description="in words", examples=[None])
    recorded_by: str = Field(description=_OFFICER, examples=["pp-chp/pp-0001"])
    recorded_at: datetime = Field(description="when it was recorded", examples=[_WHEN])


class MeasureOut(Out):
    """A measure. Words are for the Procuraduría of the territory and the Ministerio Público that was asked."""

    id: str = Field(description="its id", examples=["msr_019aa7c3f0e57d1e8c2f4b6a90d31e81"])
    case_id: str
    kind: MeasureKind = Field(description="URGENT or SPECIAL", examples=["URGENT"])
    way: MeasureWay = Field(description="how it came about", examples=["ORDERED"])
    code: MeasureCode = Field(description="what it orders", examples=["CAS_ADMISSION"])
    ground: Ground = Field(description="what it protects from", examples=["WITHOUT_CARE"])
    state: MeasureState = Field(description="where it stands", examples=["ordered"])
    live: bool = Field(description="whether the child is protected by it now", examples=[True])
    mp: str = Field(description="the Ministerio Público that is asked, or told", examples=["mp-federal"])
    reference: str = Field(description="the number of the request or the order", examples=["PP/2026/0417"])
    notice: str | None = Field(description="the number of the notice to the judge", examples=["JF-AVISO/2026/17"])
    reasons: str | None = Field(description="why, in words", examples=[None])
    asked_by: str = Field(description=_OFFICER, examples=["pp-chp/pp-0001"])
    asked_at: datetime = Field(description="when it was asked for or ordered", examples=[_WHEN])
    live_since: datetime | None = Field(description="since when it protects", examples=[_WHEN])
    reviewed_at: datetime | None = Field(description="when the judge first decided", examples=[None])
    over_at: datetime | None = Field(description="when it was over", examples=[None])
    end: MeasureEnd | None = Field(description="why it was over", examples=[None])
    version: int = Field(description="grows with each change; the ETag holds it", examples=[1])
    steps: list[MeasureStepOut] = Field(description="every decision on it, oldest first")
    allowed_actions: list[str] = Field(description="what you may do with it now", examples=[["confirm", "change"]])


class AdmissionIn(In):
    """A child is admitted to a centre."""

    case_id: Id
    measure_id: Id = Field(description="the live measure that orders it (R11)")
    cas: Slug = Field(description="the centre", examples=["cas-chp-ejemplo-01"])
    sex: PlaceSex = Field(description="for whom a place is needed", examples=["F"])
    age_band: AgeBand = Field(description="the child's age, or FAMILY", examples=["12-17"])
    nationality: Country | None = Field(default=None, description="ISO 3166-1 alpha-3; null where it is unknown")
    purpose: Purpose = Field(description="what for", examples=["URGENT_PROTECTION"])
    admitted_at: Past = Field(description="when the child came in")
    confirmed: bool = Field(
        default=False, description="the centre itself says that it has the place: only the centre may say so"
    )
    officer: Officer


class DischargeIn(In):
    """A child has left a centre."""

    reason: ExitReason = Field(description="why", examples=["OTHER_CENTRE"])
    left_at: Past = Field(description="when")
    officer: Officer


class AdmissionOut(Out):
    """A child's time in a centre: what SNDIF must be able to tell of each (INAI's order, 2020)."""

    id: str = Field(description="its id", examples=["adm_019aa7c3f0e57d1e8c2f4b6a90d31e82"])
    case_id: str
    measure_id: str
    cas: str = Field(description="the centre", examples=["cas-chp-ejemplo-01"])
    state: str | None = Field(description="where it stands", examples=["MX-CHP"])
    sex: PlaceSex = Field(description="for whom a place was needed", examples=["F"])
    age_band: AgeBand = Field(description="the child's age, or FAMILY", examples=["12-17"])
    nationality: str | None = Field(description="ISO 3166-1 alpha-3", examples=["HND"])
    referred_by: str = Field(description="the authority that handed the child over", examples=["inm-chp"])
    purpose: Purpose = Field(description="what for", examples=["URGENT_PROTECTION"])
    admitted_at: datetime = Field(description="when the child came in", examples=[_WHEN])
    admitted_by: str = Field(description=_OFFICER, examples=["dif-chp/dif-0031"])
    left_at: datetime | None = Field(description="when the child left", examples=[None])
    exit_reason: ExitReason | None = Field(description="why it left", examples=[None])
    left_recorded_by: str | None = Field(description=_OFFICER, examples=[None])
    version: int = Field(description="grows with each change; the ETag holds it", examples=[1])
    allowed_actions: list[str] = Field(description="what you may do with it now", examples=[["discharge"]])
