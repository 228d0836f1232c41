"""What the forms of all partner systems have in common: words, ids, and what of a referral goes out."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import AwareDatetime, Field, StringConstraints

from services.referral.interop.rules import UNSAID, WHY, Book, MapList, System, tagged
from services.referral.referrals.models import Referral

Word = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ()/_.:&,+|-]{0,95}$")]
"""A code of a partner system, as it writes it."""

TheirId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:-]{1,64}$")]
"""The partner's own id of a referral: never a name, and unique at the partner."""

At = Annotated[AwareDatetime, Field(examples=["2026-11-20T15:04:05Z"])]


@dataclass(frozen=True, slots=True)
class View:
    """What one reader sees of a referral: the row, what people said if it is shown here, the reader's own id of it."""

    referral: Referral
    note: str | None = None
    answer: str | None = None
    partner_id: str | None = None


def why(referral: Referral) -> str | None:
    """Return the code of the reason for a referral's state."""
    if referral.refusal_reason is not None:
        return None
    of = WHY.get(referral.state)
    if of is MapList.DECLINE_REASON:
        return referral.answer_reason
    if of is MapList.HOLD_REASON:
        return referral.hold_reason
    if of is MapList.OUTCOME:
        return referral.outcome
    return referral.end_reason if of is not None else None


def exact(referral: Referral) -> dict[MapList, str]:
    """Return our exact codes of a referral, by list."""
    said = {
        MapList.STATE: referral.state.value, MapList.KIND: referral.kind.value, MapList.URGENCY: referral.urgency.value,
        MapList.LAWFUL_BASIS: referral.lawful_basis.value,
    }  # fmt: skip
    if referral.service is not None:
        said[MapList.SERVICE] = referral.service.value
    if not referral.mandatory:
        said[MapList.REASON] = referral.reason
    if (reason := why(referral)) is not None:
        said[WHY[referral.state]] = reason
    return said


def lost(book: Book, system: System, said: dict[MapList, str]) -> dict[MapList, str]:
    """Return those of our codes that do not come back by the other side's words alone: what the tag must carry."""
    unsaid = {of: book.inward(system, of, UNSAID) for of in said}
    return {
        of: code for of, code in said.items() if book.lossy(system, of, code) and unsaid[of] != code
    }  # fmt: skip


def head(book: Book, system: System, referral: Referral, text: str | None) -> str | None:
    """Return a text with a tag at its head that says what the other side's words do not."""
    return tagged(lost(book, system, exact(referral)), text)
