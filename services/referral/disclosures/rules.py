"""When a recipient may read, and which fields the law itself lists for what it orders. Pure."""

from collections.abc import Collection, Mapping
from enum import StrEnum

from services.referral.referrals.codes import FieldCode
from services.referral.referrals.rules import NOTICES, STANDING, ReferralKind, State
from shared.catalogue import Text
from shared.law import Rule

LISTED = Rule(
    "R29-DISCLOSURE",
    Text(
        "Who has taken a referral on reads its listed fields, as long as consent or another basis covers them and "
        "nothing is withheld; each reading is recorded and ends with the referral, or when the Procuraduría says so.",
        "Quien asumió una canalización lee sus campos listados, mientras haya consentimiento u otra base y nada se "
        "reserve; cada lectura queda registrada y termina con la canalización o cuando la Procuraduría lo dispone.",
    ),
    "LGPDPPSO, art. 59 to 64; LGDNNA 76-80; the form is a design decision",
)
FOREIGN = Rule(
    "R16",
    Text(
        "A body bound to a foreign state reads nothing of a child unless the guard has opened.",
        "Un órgano ligado a otro Estado no lee nada de una NNA si la salvaguarda no se ha abierto.",
    ),
    "LM 112-V; LRPCAP 10, 21 and 57; that every such body is gated is a design decision",
)
RULES = (LISTED, FOREIGN)


class StopReason(StrEnum):
    """Why the Procuraduría ends the disclosures of a referral."""

    FEAR_OF_HARM = "FEAR_OF_HARM"
    MISUSE = "MISUSE"
    NOT_NEEDED = "NOT_NEEDED"
    CHILD_ASKS = "CHILD_ASKS"


STOP_REASONS: Mapping[StopReason, Text] = {
    StopReason.FEAR_OF_HARM: Text("Fear of harm", "Temor a un daño"),
    StopReason.MISUSE: Text("Used for something else", "Uso para otro fin"),
    StopReason.NOT_NEEDED: Text("No longer needed", "Ya no hace falta"),
    StopReason.CHILD_ASKS: Text("The child asks for it", "La NNA lo pide"),
}

_CARE = tuple(each for each in FieldCode if each is not FieldCode.NEEDS)
_CALL = (
    FieldCode.GIVEN_NAMES, FieldCode.FIRST_SURNAME, FieldCode.SECOND_SURNAME, FieldCode.BIRTH_DATE,
    FieldCode.ESTIMATED_AGE, FieldCode.SEX, FieldCode.NATIONALITIES, FieldCode.LANGUAGES, FieldCode.DISABILITIES,
)  # fmt: skip
ORDERED: Mapping[ReferralKind, tuple[FieldCode, ...]] = {
    ReferralKind.PP_NOTICE: tuple(FieldCode),
    ReferralKind.PP_VERIFY: tuple(FieldCode),
    ReferralKind.PP_FIND: tuple(FieldCode),
    ReferralKind.DIF_HANDOVER: _CARE,
    ReferralKind.COMAR_NOTICE: _CALL,
    ReferralKind.MP_NOTICE: _CALL,
}
"""What the recipient of what the law orders needs to know, where nobody listed it [design]."""

READS = frozenset(STANDING - {State.COMPLETED})
"""The states in which a recipient reads: it has taken the referral on, and it has not ended."""


def reads(kind: ReferralKind, state: State) -> bool:
    """Whether a recipient reads now. A notice is taken on by being received."""
    return state in READS or (kind in NOTICES and state is State.RECEIVED)


def listed(kind: ReferralKind, fields: Collection[str] | None) -> list[str]:
    """Return the fields that a referral lists, or the law for it, in the order of the published list."""
    own = {each.value for each in ORDERED.get(kind, ())} if fields is None else set(fields)
    return [each.value for each in FieldCode if each.value in own]
