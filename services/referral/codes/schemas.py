"""What systems see of code lists."""

from pydantic import Field

from services.referral.codes.rules import Listed
from shared.shapes import Out


class ReferralCode(Out):
    """One code with what it is called."""

    code: str = Field(description="as the API has it", examples=["NO_CAPACITY"])
    text_en: str = Field(description="what it is called, in English", examples=["No place or no staff"])
    text_es: str = Field(description="what it is called, in Spanish", examples=["Sin lugar o sin personal"])


class ReferralCodeList(Out):
    """One list, whole."""

    name: str = Field(description="the list's name", examples=["decline-reasons"])
    source: str = Field(description="where it is written, or that it is a design decision")
    verified: bool = Field(description="whether somebody has verified it against its source")
    codes: list[ReferralCode] = Field(description="every code of it")

    @classmethod
    def of(cls, listed: Listed) -> "ReferralCodeList":
        """Show a list."""
        return cls(
            name=listed.name, source=listed.source, verified=listed.verified,
            codes=[
                ReferralCode(code=code.value, text_en=text.en, text_es=text.es) for code, text in listed.texts.items()
            ],
        )  # fmt: skip


class ReferralCodeLists(Out):
    """Every list of the service."""

    items: list[ReferralCodeList] = Field(description="by name")
