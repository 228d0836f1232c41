"""What systems see of code lists."""

from datetime import date

from pydantic import Field

from shared.shapes import Out


class CodeOut(Out):
    """One code with what it is called."""

    code: str = Field(description="as the API has it", examples=["CAS_PUBLIC"])
    text_en: str = Field(description="what it is called, in English", examples=["Public social-assistance centre"])
    text_es: str = Field(description="what it is called, in Spanish", examples=["Centro de asistencia social público"])
    source: str = Field(description="the article or guideline, or that it is a design decision")
    verified: bool = Field(description="whether somebody has verified it against its source")
    valid_from: date | None = Field(description="the first day on which it may be used; null for always")
    valid_to: date | None = Field(description="the last day on which it may be used; null while it may")


class CodeListOut(Out):
    """One list, whole."""

    name: str = Field(description="the list's name", examples=["facility-kinds"])
    codes: list[CodeOut] = Field(description="every code of it")


class CodeListItem(Out):
    """A list among all."""

    name: str = Field(description="the list's name", examples=["facility-kinds"])
    size: int = Field(description="how many codes it has", examples=[11])


class CodeLists(Out):
    """Every list of the service."""

    items: list[CodeListItem] = Field(description="by name")
