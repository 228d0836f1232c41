"""What agencies send and see of disclosures."""

from datetime import datetime

from pydantic import Field

from services.referral.cases.schemas import Officer
from services.referral.consents.rules import Sensitivity
from services.referral.disclosures.rules import StopReason
from services.referral.referrals.codes import FieldCode, LawfulBasis
from shared.shapes import In, Out


class FieldOut(Out):
    """A field of the child's record that a referral may list."""

    code: FieldCode = Field(description="its code", examples=["child.languages"])
    es: str = Field(description="its name in Spanish", examples=["Lenguas"])
    en: str = Field(description="its name in English", examples=["Languages"])
    group: str = Field(description="its group, by code", examples=["child"])
    group_es: str = Field(description="its group in Spanish", examples=["La niña, niño o adolescente"])
    group_en: str = Field(description="its group in English", examples=["The child"])
    sensitivity: Sensitivity = Field(description="how much harm it can do", examples=["ORDINARY"])
    written: bool = Field(description="whether consent to it must be written or signed", examples=[False])


class FieldList(Out):
    """Every field that there is."""

    items: list[FieldOut]


class DisclosedField(Out):
    """One field, as intake holds it at this moment."""

    code: FieldCode = Field(description="its code", examples=["child.languages"])
    known: bool = Field(description="false where intake holds nothing there", examples=[True])
    value: list[str] | None = Field(description="its value or values, as text", examples=[["spa"]])


class DisclosureOut(Out):
    """What the recipient of a referral reads of the child. It was fetched for this answer, and is kept nowhere else."""

    id: str = Field(description="the id of this reading", examples=["dsc_019aa7c3f0e57d1e8c2f4b6a90d31ea5"])
    referral_id: str = Field(description="by which referral", examples=["ref_019aa7c3f0e57d1e8c2f4b6a90d31e48"])
    case_id: str
    child_id: str
    basis: LawfulBasis = Field(description="why it may be shared", examples=["CONSENT"])
    fields: list[DisclosedField] = Field(description="the listed fields that may be shown")
    not_shown: list[FieldCode] = Field(description="listed fields that may not be shown", examples=[[]])
    at: datetime = Field(description="when it was read")


class ReadingOut(Out):
    """That somebody read, and which fields. Never what."""

    id: str = Field(description="its id", examples=["dsc_019aa7c3f0e57d1e8c2f4b6a90d31ea5"])
    referral_id: str = Field(description="by which referral", examples=["ref_019aa7c3f0e57d1e8c2f4b6a90d31e48"])
    case_id: str
    child_id: str
    agency: str
    client_id: str = Field(description="by which client", examples=["unicef-system"])
    office: str | None = Field(description="of which office", examples=[None])
    basis: LawfulBasis = Field(description="why it might be shared", examples=["CONSENT"])
    fields: list[FieldCode] = Field(description="which fields", examples=[["child.languages"]])
    grants: list[str] = Field(
        description="the consents and overrides that let it", examples=[["cst_019aa7c3f0e57d1e8c2f4b6a90d31ea1"]]
    )
    at: datetime = Field(description="when")


class StopIn(In):
    """The Procuraduría ends the disclosures of a referral."""

    reason: StopReason = Field(description="why", examples=["FEAR_OF_HARM"])
    officer: Officer


class StoppedOut(Out):
    """The disclosures of a referral have ended."""

    referral_id: str = Field(description="of which referral", examples=["ref_019aa7c3f0e57d1e8c2f4b6a90d31e48"])
    case_id: str
    agency: str
    officer: str
    reason: StopReason = Field(description="why", examples=["FEAR_OF_HARM"])
    at: datetime = Field(description="when")
