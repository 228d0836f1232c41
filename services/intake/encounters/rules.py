"""Kinds of encounter and what each entails; travel condition; the adult met with the child. Pure."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from shared.catalogue import Text
from shared.clocks.rules import Deadline
from shared.law import Rule


class EncounterKind(StrEnum):
    """How the child came to be met."""

    FOREIGN_MET = "FOREIGN_MET"  # INM meets a foreign child
    MEXICAN_RETURNED = "MEXICAN_RETURNED"  # INM receives a Mexican child from abroad (LM 20-XI, 112-III)
    BETA_MET = "BETA_MET"  # a Grupo Beta meets a child, foreign or Mexican (LM 71)
    ANNOUNCED = "ANNOUNCED"  # somebody told of a child whom no authority of the route has met yet


class Outcome(StrEnum):
    """How the official tables count what INM did."""

    CHANNELLED = "CHANNELLED"  # handed over to DIF (LM 112)
    PRESENTED = "PRESENTED"  # before an immigration authority: until the reform of 2020 came into force


class AnnouncedBy(StrEnum):
    """Who told of a child that nobody has met yet."""

    AGENCY = "AGENCY"
    COUNTRY = "COUNTRY"
    ADULT_MET = "ADULT_MET"  # an adult whom INM met says that children are elsewhere, perhaps alone (LM 95, 98)


class Relation(StrEnum):
    """What the adult is to the child, as they say."""

    MOTHER = "MOTHER"
    FATHER = "FATHER"
    SIBLING = "SIBLING"
    GRANDPARENT = "GRANDPARENT"
    AUNT_OR_UNCLE = "AUNT_OR_UNCLE"
    COUSIN = "COUSIN"
    OTHER_RELATIVE = "OTHER_RELATIVE"
    NOT_RELATED = "NOT_RELATED"
    UNKNOWN = "UNKNOWN"


class Tie(StrEnum):
    """Which adult the child was with."""

    PARENTAL_AUTHORITY = "PARENTAL_AUTHORITY"
    LEGAL_CUSTODY = "LEGAL_CUSTODY"
    GUARDIANSHIP = "GUARDIANSHIP"
    CUSTOMARY_CARE = "CUSTOMARY_CARE"  # cares habitually, by custom and not by law
    OTHER_ADULT = "OTHER_ADULT"  # a smuggler or stranger: does not count
    NOBODY = "NOBODY"


class TieProof(StrEnum):
    """What the tie rests on (Reglamento de la Ley de Migración, art. 170)."""

    ADULT_DOCUMENTS = "ADULT_DOCUMENTS"
    CHILD_STATEMENT = "CHILD_STATEMENT"
    COMPANION_STATEMENT = "COMPANION_STATEMENT"
    OTHER = "OTHER"


class TravelCondition(StrEnum):
    """LM 3-XVII to XIX."""

    ACCOMPANIED = "ACCOMPANIED"
    SEPARATED = "SEPARATED"
    UNACCOMPANIED = "UNACCOMPANIED"


TRAVEL_CONDITIONS: dict[Tie, TravelCondition] = {
    Tie.PARENTAL_AUTHORITY: TravelCondition.ACCOMPANIED,
    Tie.LEGAL_CUSTODY: TravelCondition.ACCOMPANIED,
    Tie.GUARDIANSHIP: TravelCondition.ACCOMPANIED,
    Tie.CUSTOMARY_CARE: TravelCondition.SEPARATED,
    Tie.OTHER_ADULT: TravelCondition.UNACCOMPANIED,
    Tie.NOBODY: TravelCondition.UNACCOMPANIED,
}

MANDATORY_REFERRALS = ("PP", "DIF")
"""Every child met by INM: the Procuraduría is notified, the DIF takes over (LM 112-I and II)."""

D1 = Deadline(
    "D1",
    Text("Detection → Procuraduría notified", "Detección → aviso a la Procuraduría"),
    "Ley de Migración, art. 112 (immediately); INM's protocol of 2016 said at most 24 h. The hours are configuration.",
    verified=False,
    warn=timedelta(hours=1),
    due=timedelta(hours=24),
)
D2 = Deadline(
    "D2",
    Text("Detection → handed over to the DIF", "Detección → canalización al DIF"),
    "Ley de Migración, art. 112, fr. I (immediately). The hours are configuration.",
    verified=False,
    warn=timedelta(hours=1),
    due=timedelta(hours=24),
)
DEADLINES = (D1, D2)
VRH = Deadline(
    "VRH",
    Text(
        "Detection → humanitarian permit of a foreign child",
        "Detección → condición de visitante por razones humanitarias",
    ),
    "Ley de Migración, art. 20, fr. X, 52, fr. V, b, and 74 (at once). The hours are a design decision.",
    verified=False,
    warn=timedelta(hours=24),
    due=timedelta(hours=72),
)


@dataclass(frozen=True, slots=True)
class KindLaw:
    """What one kind of encounter entails: whom it is handed to, which duties start, what must be said of it."""

    kind: EncounterKind
    text: Text
    source: str
    referrals: tuple[str, ...]
    deadlines: tuple[Deadline, ...]
    needs: tuple[str, ...] = ()


KINDS: dict[EncounterKind, KindLaw] = {
    law.kind: law
    for law in (
        KindLaw(
            EncounterKind.FOREIGN_MET,
            Text("INM meets a foreign child", "El INM encuentra a una niña o niño extranjero"),
            "Ley de Migración, art. 112, fr. I and II", MANDATORY_REFERRALS, DEADLINES,
        ),
        KindLaw(
            EncounterKind.MEXICAN_RETURNED,
            Text("INM receives a Mexican child from abroad", "El INM recibe a una niña o niño mexicano del extranjero"),
            "Ley de Migración, art. 20, fr. XI, and 112, fr. III", MANDATORY_REFERRALS, DEADLINES,
            ("return_point", "returned_from"),
        ),
        KindLaw(
            EncounterKind.BETA_MET, Text("A Grupo Beta meets a child", "Un Grupo Beta encuentra a una niña o niño"),
            "Ley de Migración, art. 71 and 112, fr. I and II", MANDATORY_REFERRALS, DEADLINES,
        ),
        KindLaw(
            EncounterKind.ANNOUNCED,
            Text("A child is announced and not met yet", "Se avisa de una niña o niño aún no encontrado"),
            "Design decision: no duty of LM 112 starts before the child is met", (), (), ("announced_by",),
        ),
    )
}  # fmt: skip
"""The kinds, each with its law."""

FIELDS_OF = {
    EncounterKind.MEXICAN_RETURNED: ("return_point", "returned_from", "state_of_origin"),
    EncounterKind.ANNOUNCED: ("announced_by", "announcing_agency", "announcing_country"),
}
"""What only one kind of encounter has."""

TOLD_BY_AN_ADULT = ("PP",)
"""Children whom an adult left elsewhere: the Procuraduría is told at once (LM 98)."""


def referrals_of(kind: EncounterKind, announced_by: AnnouncedBy | None) -> tuple[str, ...]:
    """Return whom an encounter is handed to. None means that referral is not told of it yet."""
    return TOLD_BY_AN_ADULT if announced_by is AnnouncedBy.ADULT_MET else KINDS[kind].referrals


def faults_of(kind: EncounterKind, given: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yield which of the fields that belong to kinds is missing, or is there and of another kind."""
    yield from ((name, "missing") for name in KINDS[kind].needs if name not in given)
    for other, names in FIELDS_OF.items():
        if other is not kind:
            yield from ((name, "not_of_this_kind") for name in names if name in given)


MEXICAN = "MEX"
OWN_KIND = Rule(
    "LM20-XI",
    Text(
        "A child whose only nationality is Mexican is not recorded as a foreign child; one who is received as a "
        "returned Mexican has Mexican nationality.",
        "A quien sólo tiene nacionalidad mexicana no se le registra como extranjero; a quien se recibe como mexicano "
        "retornado le corresponde la nacionalidad mexicana.",
    ),
    "Ley de Migración, art. 20, fr. XI, and 112, fr. III",
)
NO_PRESENTATION = Rule(
    "R2",
    Text(
        "No child is presented before an immigration authority or deported: INM hands every child over to DIF.",
        "Ninguna niña, niño o adolescente es presentado ante la autoridad migratoria ni deportado: el INM lo canaliza "
        "al DIF.",
    ),
    "Ley de Migración, art. 99, 112, fr. I and III, and 120, since 11 January 2021",
)
CARER = Rule(
    "R10",
    Text(
        "The presentación of an adult who cares for the child waits until the Procuraduría has attended and the "
        "oficio de canalización is drawn up.",
        "La presentación de la persona adulta que cuida a la niña o niño se difiere hasta que asista la Procuraduría y "
        "se levante el oficio de canalización.",
    ),
    "Ley de Migración, art. 95 and 98",
)
RULES = (OWN_KIND, NO_PRESENTATION, CARER)
IN_FORCE = date(2021, 1, 11)
"""The reform of 11-11-2020 came into force 60 days after it was published."""


def check_nationality(kind: EncounterKind, nationalities: Collection[str]) -> None:
    """Raise RefusedByLaw where kind and nationality contradict. Dual nationals may be either."""
    if kind is EncounterKind.FOREIGN_MET and set(nationalities) == {MEXICAN}:
        raise OWN_KIND.refuse(
            "This child's only nationality is Mexican: record MEXICAN_RETURNED when it was received from abroad, "
            "BETA_MET when a Grupo Beta met it.",
            allowed_actions=[EncounterKind.MEXICAN_RETURNED, EncounterKind.BETA_MET],
        )
    if kind is EncounterKind.MEXICAN_RETURNED and MEXICAN not in nationalities:
        raise OWN_KIND.refuse(
            "Only a child of Mexican nationality is received as a returned Mexican: add MEX to its nationalities, or "
            "record FOREIGN_MET.",
            allowed_actions=[EncounterKind.FOREIGN_MET],
        )


def owed_permit(kind: EncounterKind, nationalities: Collection[str], day: date) -> bool:
    """Whether a child who is met so is owed a humanitarian permit: it is foreign, as far as anybody knows (R8)."""
    foreign = kind is EncounterKind.FOREIGN_MET or (kind is EncounterKind.BETA_MET and len(nationalities) > 0)
    return foreign and MEXICAN not in nationalities and day >= IN_FORCE


def check_outcome(outcome: Outcome | None, day: date) -> None:
    """Raise RefusedByLaw where a child is said to have been presented since that was forbidden."""
    if outcome is Outcome.PRESENTED and day >= IN_FORCE:
        raise NO_PRESENTATION.refuse(
            "No child is presented since 11 January 2021: it was handed over to DIF, or that is still to be done.",
            allowed_actions=[Outcome.CHANNELLED],
        )


class CarerPresentation(StrEnum):
    """Whether the adult may be presented before an immigration authority."""

    NOT_A_CARER = "NOT_A_CARER"  # nobody, or a smuggler or stranger: R10 says nothing of them
    BLOCKED = "BLOCKED"
    ALLOWED = "ALLOWED"


def carer_presentation(tie: Tie, attended_at: datetime | None, oficio: str | None) -> CarerPresentation:
    """Say whether R10 lets the adult be presented."""
    if TRAVEL_CONDITIONS[tie] is TravelCondition.UNACCOMPANIED:
        return CarerPresentation.NOT_A_CARER
    done = attended_at is not None and oficio is not None
    return CarerPresentation.ALLOWED if done else CarerPresentation.BLOCKED


def check_carer(tie: Tie, presented_at: datetime | None, attended_at: datetime | None, oficio: str | None) -> None:
    """Raise RefusedByLaw where a carer was presented before the Procuraduría attended and the oficio was drawn up."""
    if presented_at is None:
        return
    early = attended_at is not None and presented_at < attended_at
    if early or carer_presentation(tie, attended_at, oficio) is CarerPresentation.BLOCKED:
        raise CARER.refuse(
            "The adult's presentación waits: first the Procuraduría attends (`pp_attended_at`) and the oficio de "
            "canalización is drawn up (`oficio`). The Procuraduría records both, also after the encounter.",
            allowed_actions=["pp_attended_at", "oficio"],
        )
