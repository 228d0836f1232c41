"""Who belongs to a family, who may part it, and what a finding against a carer takes away. Pure."""

from collections.abc import Collection, Iterable
from enum import StrEnum

from services.intake.encounters.rules import Tie
from shared.catalogue import Text
from shared.errors import IllegalMove
from shared.law import Rule

LARGEST = 20
"""So many members has a family at most: as many relatives as a child names."""


class MemberRole(StrEnum):
    """What a member is in the family."""

    CHILD = "CHILD"
    CARER = "CARER"


CARING = (Tie.PARENTAL_AUTHORITY, Tie.LEGAL_CUSTODY, Tie.GUARDIANSHIP, Tie.CUSTOMARY_CARE)
"""Ties that make an adult a carer (LM 3-XVIII and XIX). A smuggler or stranger belongs to no family."""


class SeparationReason(StrEnum):
    """Why the Procuraduría parts members of a family."""

    VIOLENCE = "VIOLENCE"
    NEGLECT = "NEGLECT"
    TRAFFICKING = "TRAFFICKING"
    TIE_NOT_PROVEN = "TIE_NOT_PROVEN"
    CHILD_ASKS = "CHILD_ASKS"
    MEDICAL_CARE = "MEDICAL_CARE"
    CARER_UNAVAILABLE = "CARER_UNAVAILABLE"


SEPARATION_REASONS: dict[SeparationReason, Text] = {
    SeparationReason.VIOLENCE: Text("violence by a member", "violencia de un integrante"),
    SeparationReason.NEGLECT: Text("neglect", "omisión de cuidados"),
    SeparationReason.TRAFFICKING: Text("signs of trafficking by a member", "indicios de trata por un integrante"),
    SeparationReason.TIE_NOT_PROVEN: Text("the tie could not be shown", "no se acreditó el vínculo"),
    SeparationReason.CHILD_ASKS: Text("the child asks for it", "lo pide la niña, niño o adolescente"),
    SeparationReason.MEDICAL_CARE: Text("medical care elsewhere", "atención médica en otro lugar"),
    SeparationReason.CARER_UNAVAILABLE: Text("the carer cannot care", "la persona cuidadora no puede cuidar"),
}


class RemovalReason(StrEnum):
    """Why somebody turns out not to belong to a family."""

    NOT_RELATED = "NOT_RELATED"
    RECORDED_BY_MISTAKE = "RECORDED_BY_MISTAKE"


REMOVAL_REASONS: dict[RemovalReason, Text] = {
    RemovalReason.NOT_RELATED: Text("is not related", "no tiene vínculo"),
    RemovalReason.RECORDED_BY_MISTAKE: Text("was recorded by mistake", "se registró por error"),
}


class FindingOutcome(StrEnum):
    """What the Procuraduría found of a carer. The latest finding stands."""

    ADVERSE = "ADVERSE"  # contrary to the child's best interests
    NOT_ADVERSE = "NOT_ADVERSE"


class Ground(StrEnum):
    """What an adverse finding rests on."""

    VIOLENCE = "VIOLENCE"
    NEGLECT = "NEGLECT"
    TRAFFICKING = "TRAFFICKING"
    EXPLOITATION = "EXPLOITATION"
    TIE_NOT_PROVEN = "TIE_NOT_PROVEN"
    CHILD_FEARS = "CHILD_FEARS"


GROUNDS: dict[Ground, Text] = {
    Ground.VIOLENCE: Text("violence", "violencia"),
    Ground.NEGLECT: Text("neglect", "omisión de cuidados"),
    Ground.TRAFFICKING: Text("signs of trafficking", "indicios de trata"),
    Ground.EXPLOITATION: Text("exploitation", "explotación"),
    Ground.TIE_NOT_PROVEN: Text("the tie could not be shown", "no se acreditó el vínculo"),
    Ground.CHILD_FEARS: Text("the child fears the adult", "la niña, niño o adolescente teme a la persona adulta"),
}


class SeparationState(StrEnum):
    """Where a separation stands."""

    STANDING = "standing"
    ENDED = "ended"


class SeparationAction(StrEnum):
    """What moves a separation."""

    REUNITE = "reunite"


TRANSITIONS = {(SeparationState.STANDING, SeparationAction.REUNITE): SeparationState.ENDED}
"""Every move there is: whoever is to be parted again is parted by a new decision."""


TOGETHER = Rule(
    "R12",
    Text(
        "Siblings and families stay together unless a reasoned decision of the Procuraduría parts them. The "
        "Procuraduría itself records it: who decided, when, and the number of the decision.",
        "Los hermanos y las familias permanecen juntos salvo resolución motivada de la Procuraduría, que la registra "
        "ella misma: quién resolvió, cuándo y el número de la resolución.",
    ),
    "LGDNNA, art. 94, 95 and 98; Ley de Migración, art. 29; who records it is a design decision",
)
ADVERSE = Rule(
    "R9",
    Text(
        "The child's humanitarian permit extends to the carer unless the Procuraduría has found that adult contrary "
        "to the child's best interests. Nobody else finds that.",
        "La visa humanitaria de la niña o niño se extiende a la persona cuidadora salvo que la Procuraduría determine "
        "que es contraria a su interés superior. Nadie más lo determina.",
    ),
    "Ley de Migración, art. 52, fr. V, b, and 74",
)
RULES = (TOGETHER, ADVERSE)

DECIDER = "PP"


def check_parting(agency_kind: str, *, decided: bool) -> None:
    """Raise RefusedByLaw where a family is parted, or somebody taken out of it, without the Procuraduría (R12)."""
    if agency_kind != DECIDER or not decided:
        raise TOGETHER.refuse(
            "A family is parted by the Procuraduría alone: it records its reasoned decision (`decision`).",
            allowed_actions=["pp_decision"],
        )


def check_finding(agency_kind: str, outcome: FindingOutcome, grounds: Collection[Ground]) -> None:
    """Raise RefusedByLaw for a finding by anybody but the Procuraduría, or against a carer without grounds (R9)."""
    if agency_kind != DECIDER:
        raise ADVERSE.refuse("What a carer is to a child's interests is for the Procuraduría to find.",
                             allowed_actions=["pp_finding"])  # fmt: skip
    if outcome is FindingOutcome.ADVERSE and not grounds:
        raise ADVERSE.refuse("A finding against a carer names its grounds.", allowed_actions=["grounds"])


def permit_extends(latest: FindingOutcome | None) -> bool:
    """Whether the child's permit extends to a carer of whom this was found last (R9)."""
    return latest is not FindingOutcome.ADVERSE


def apart(one: str, other: str, standing: Iterable[Collection[str]]) -> bool:
    """Whether two members are parted: some standing separation took one of them away from the other."""
    return any((one in taken) is not (other in taken) for taken in standing)


def advance(state: SeparationState, action: SeparationAction) -> SeparationState:
    """Return the next state. Raises IllegalMove."""
    if (state, action) not in TRANSITIONS:
        raise IllegalMove("This separation has ended.", allowed_actions=[])
    return TRANSITIONS[state, action]


def allowed(agency_kind: str, *, members: int, standing: bool) -> list[str]:
    """Return what a caller of this kind may do with a family now."""
    actions = ["add_child", "add_carer"] if members < LARGEST else []
    if agency_kind == DECIDER:
        actions += ["separate", *["reunite"] * standing, "remove", "find"]
    return actions
