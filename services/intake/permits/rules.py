"""On what a permit may depend (nothing), what ends it, and whom else it covers. Pure."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from services.intake.encounters.rules import MEXICAN, TravelCondition
from shared.catalogue import Text
from shared.errors import IllegalMove
from shared.law import Rule


class PermitReason(StrEnum):
    """Why the permit is granted, as its card says."""

    MIGRANT_CHILD = "MIGRANT_CHILD"
    CRIME_VICTIM = "CRIME_VICTIM"
    PROTECTION_APPLICANT = "PROTECTION_APPLICANT"
    HUMANITARIAN_CAUSE = "HUMANITARIAN_CAUSE"


class MigrationAct(StrEnum):
    """What follows a permit, as the child's protection measures call for it."""

    REGULARISATION = "REGULARISATION"
    ASSISTED_RETURN = "ASSISTED_RETURN"
    REFUGEE_STATUS = "REFUGEE_STATUS"
    COMPLEMENTARY_PROTECTION = "COMPLEMENTARY_PROTECTION"


class PermitStatus(StrEnum):
    """Where a permit stands. It has no date of expiry."""

    VALID = "valid"
    ENDED = "ended"


class CarerStatus(StrEnum):
    """Whether the permit covers the adult who cares for the child."""

    NONE = "none"  # nobody is linked
    COVERED = "covered"
    EXCLUDED = "excluded"  # by the Procuraduría
    IN_REVIEW = "in_review"  # suspended: a carer of the family is excluded, and nobody said which adult this one is


class PermitAction(StrEnum):
    """What moves a permit, or whom it covers."""

    END = "end"
    LINK_CARER = "link_carer"
    EXCLUDE_CARER = "exclude_carer"
    RESTORE_CARER = "restore_carer"


CARER_TRANSITIONS = {
    (CarerStatus.NONE, PermitAction.LINK_CARER): CarerStatus.COVERED,
    (CarerStatus.COVERED, PermitAction.EXCLUDE_CARER): CarerStatus.EXCLUDED,
    (CarerStatus.EXCLUDED, PermitAction.RESTORE_CARER): CarerStatus.COVERED,
    (CarerStatus.IN_REVIEW, PermitAction.EXCLUDE_CARER): CarerStatus.EXCLUDED,
    (CarerStatus.IN_REVIEW, PermitAction.RESTORE_CARER): CarerStatus.COVERED,
}
"""Every move of a valid permit's carer. A permit that has ended moves no more."""

WHO = {
    PermitAction.END: "INM",
    PermitAction.LINK_CARER: "INM",
    PermitAction.EXCLUDE_CARER: "PP",
    PermitAction.RESTORE_CARER: "PP",
}
"""Which kind of agency does what: INM grants, the Procuraduría finds what a carer is to the child."""

AT_ONCE = Rule(
    "R8",
    Text(
        "Every foreign child gets the humanitarian permit at once: no fee, no document is asked for, and it lasts "
        "until the migration act that the child's protection measures call for.",
        "Toda niña, niño o adolescente extranjero recibe de inmediato la condición de visitante por razones "
        "humanitarias: sin pago ni documento alguno, y hasta el acto migratorio que resulte de las medidas de "
        "protección.",
    ),
    "Ley de Migración, art. 20, fr. X, 52, fr. V, b, and 74",
)
CARER = Rule(
    "R9-PERMIT",
    Text(
        "The permit covers the adult who cares for an accompanied or separated child, unless the Procuraduría found "
        "that adult contrary to the child's best interests.",
        "La condición se extiende a la persona adulta que cuida a la niña o niño acompañado o separado, salvo que la "
        "Procuraduría la determine contraria a su interés superior.",
    ),
    "Ley de Migración, art. 52, fr. V, b, and 74",
)
REVIEW = Rule(
    "R9-REVIEW",
    Text(
        "Where the Procuraduría has found a carer of the family contrary to the child's best interests, no adult of "
        "whom nobody says which carer that is gets a share in the permit; one that has it waits for the Procuraduría. "
        "The child's own permit goes on.",
        "Si la Procuraduría determinó que una persona cuidadora de la familia es contraria al interés superior, no se "
        "extiende la condición a quien no se sabe cuál de ellas es; la ya extendida queda en revisión de la "
        "Procuraduría. La de la niña o niño sigue vigente.",
    ),
    "Ley de Migración, art. 52, fr. V, b, and 74; that the share waits is a design decision",
)
RULES = (AT_ONCE, CARER, REVIEW)

DEPENDS_ON_NOTHING = ("fee", "required_documents", "valid_until")
"""What other permits depend on. Systems that send it for a child are told the rule."""


def check_grant(given: Collection[str], nationalities: Collection[str]) -> None:
    """Raise RefusedByLaw for a fee, a document or a date of expiry, and for a Mexican child, who needs no permit."""
    if any(name in given for name in DEPENDS_ON_NOTHING):
        raise AT_ONCE.refuse(
            "A child's permit depends on no fee and no document, and has no date of expiry: leave these fields out.",
            allowed_actions=["grant"],
        )
    if MEXICAN in nationalities:
        raise AT_ONCE.refuse("A child of Mexican nationality needs no permit.", allowed_actions=[])


def check_end(*, has_act: bool) -> None:
    """Raise RefusedByLaw where a permit would end without the act that follows it."""
    if not has_act:
        raise AT_ONCE.refuse(
            "A child's permit ends by the migration act that its protection measures call for: name it (`act`).",
            allowed_actions=["act"],
        )


def check_carer(condition: TravelCondition, *, excluded: bool) -> None:
    """Raise RefusedByLaw where the adult met with the child is no carer, or one whom the Procuraduría excluded."""
    if condition is TravelCondition.UNACCOMPANIED:
        raise CARER.refuse("The child was met alone, or with somebody who does not care for it.", allowed_actions=[])
    if excluded:
        raise CARER.refuse(
            "The Procuraduría found this adult contrary to the child's best interests.",
            allowed_actions=[PermitAction.RESTORE_CARER.value],
        )


def check_findings(member_id: str | None, adverse: Collection[str]) -> None:
    """Raise RefusedByLaw where the carer is one of those in the family who were found adverse, or may be."""
    if member_id in adverse:
        raise CARER.refuse(
            "The Procuraduría found this carer contrary to the child's best interests.", allowed_actions=["pp_finding"]
        )
    if member_id is None and adverse:
        raise REVIEW.refuse(
            "The Procuraduría found a carer of this family contrary to the child's best interests: say which of its "
            "carers this adult is (`member_id`).",
            allowed_actions=["member_id"],
        )


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found last of a carer in the child's family."""

    member_id: str
    adverse: bool
    decided_at: datetime


def follow(
    carer: CarerStatus, member_id: str | None, found_at: datetime | None, finding: Finding, adverse: Collection[str]
) -> CarerStatus:
    """Return where a valid permit's carer stands after a finding in the family.

    `member_id` says which carer of the family the permit covers, `found_at` when the Procuraduría last decided on
    the permit itself, `adverse` who of the family is excluded now. Whoever may be the excluded carer waits.
    """
    if carer is CarerStatus.NONE or (member_id is not None and member_id != finding.member_id):
        return carer
    if member_id is not None:
        return CarerStatus.EXCLUDED if finding.adverse else CarerStatus.COVERED
    if carer is CarerStatus.COVERED and finding.adverse and (found_at is None or found_at < finding.decided_at):
        return CarerStatus.IN_REVIEW
    return CarerStatus.COVERED if carer is CarerStatus.IN_REVIEW and not adverse else carer


def advance(
    status: PermitStatus, carer: CarerStatus, action: PermitAction, *, in_family: bool = False
) -> tuple[PermitStatus, CarerStatus]:
    """Return where permit and carer stand next. Raises IllegalMove."""
    lawful = allowed(status, carer, WHO[action], in_family=in_family)
    if in_family and WHO[action] == "PP":
        raise IllegalMove("This carer is one of the child's family: record what is found there.",
                          allowed_actions=["pp_finding"])  # fmt: skip
    if action.value not in lawful:
        raise IllegalMove("This permit does not allow that now.", allowed_actions=lawful)
    if action is PermitAction.END:
        return PermitStatus.ENDED, carer
    return status, CARER_TRANSITIONS[carer, action]


def allowed(status: PermitStatus, carer: CarerStatus, agency_kind: str, *, in_family: bool = False) -> list[str]:
    """Return what a caller of this kind may do with a permit now.

    Of a carer in the family the Procuraduría decides there: the permit follows.
    """
    if status is PermitStatus.ENDED:
        return []
    moves = [PermitAction.END, *(action for start, action in CARER_TRANSITIONS if start is carer)]
    own = [action for action in moves if not (in_family and WHO[action] == "PP")]
    return [action.value for action in own if WHO[action] == agency_kind]
