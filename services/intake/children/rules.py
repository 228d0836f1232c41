"""Who counts as a child, and how old: LM 3-XVI and R3. How names and numbers are written. Pure."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from stdnum.exceptions import ValidationError
from stdnum.mx import curp

from shared.catalogue import Text
from shared.law import Rule

ADULT = 18
ADOLESCENT = 12


class Sex(StrEnum):
    """As documents have it; X has been issued in Mexico since 2022."""

    F = "F"
    M = "M"
    X = "X"


class AgeGroup(StrEnum):
    """LM 3-XVI."""

    CHILD = "CHILD"  # under 12
    ADOLESCENT = "ADOLESCENT"  # 12 to 17


class NameForm(StrEnum):
    """How a name is built, so that nobody takes a missing surname for a lost one."""

    TWO_SURNAMES = "TWO_SURNAMES"  # the Spanish form
    ONE_SURNAME = "ONE_SURNAME"
    MONONYM = "MONONYM"  # one name and no surname
    UNKNOWN = "UNKNOWN"  # an infant, or a child who does not say


class AgeEvidence(StrEnum):
    """What an estimated age rests on [design]."""

    DOCUMENT = "DOCUMENT"  # one that gives no whole date
    CHILD_STATEMENT = "CHILD_STATEMENT"
    COMPANION_STATEMENT = "COMPANION_STATEMENT"
    APPEARANCE = "APPEARANCE"
    PSYCHOSOCIAL_INTERVIEW = "PSYCHOSOCIAL_INTERVIEW"
    DENTAL_EXAM = "DENTAL_EXAM"
    MEDICAL_EXAM = "MEDICAL_EXAM"


EXAMS = frozenset({AgeEvidence.DENTAL_EXAM, AgeEvidence.MEDICAL_EXAM})
"""What touches the child's body: only by order of the Procuraduría."""


class AgeOutcome(StrEnum):
    """What the Procuraduría decides on an age in doubt."""

    CHILD = "CHILD"
    ADOLESCENT = "ADOLESCENT"
    ADULT = "ADULT"


class Disability(StrEnum):
    """Difficulties by the Washington Group's short set, and psychosocial ones."""

    SEEING = "SEEING"
    HEARING = "HEARING"
    WALKING = "WALKING"
    REMEMBERING = "REMEMBERING"
    SELF_CARE = "SELF_CARE"
    COMMUNICATING = "COMMUNICATING"
    PSYCHOSOCIAL = "PSYCHOSOCIAL"


class HealthAlert(StrEnum):
    """What whoever cares for the child must know at once [design]."""

    PREGNANCY = "PREGNANCY"
    INFANT_CARE = "INFANT_CARE"
    CHRONIC_ILLNESS = "CHRONIC_ILLNESS"
    INFECTION = "INFECTION"
    INJURY = "INJURY"
    MALNUTRITION = "MALNUTRITION"
    MENTAL_HEALTH = "MENTAL_HEALTH"
    MEDICATION = "MEDICATION"
    ALLERGY = "ALLERGY"
    SUBSTANCE_USE = "SUBSTANCE_USE"


class CurpWarning(StrEnum):
    """What looks wrong with a CURP. It never keeps a child out."""

    FORM = "FORM"
    CHECK_DIGIT = "CHECK_DIGIT"
    BIRTH_DATE = "BIRTH_DATE"
    SEX = "SEX"


@dataclass(frozen=True, slots=True)
class Age:
    """An age group, and whether it is known or presumed."""

    group: AgeGroup
    presumed: bool


MINOR = Rule(
    "LM3-XVI",
    Text(
        "The route is for persons under 18.",
        "La ruta es para personas menores de 18 años.",
    ),
    "Ley de Migración, art. 3, fr. XVI",
)
PRESUMPTION = Rule(
    "R3",
    Text(
        "In doubt about 18 an adolescent is presumed, in doubt about 12 a child; nobody passes to the adult "
        "flow on an estimate, without an age decision that the Procuraduría approved.",
        "Ante la duda sobre los 18 se presume adolescente; sobre los 12, niña o niño; nadie pasa al flujo de "
        "adultos por una estimación, sin decisión de edad aprobada por la Procuraduría.",
    ),
    "Ley de Migración, art. 3, fr. XVI; the Procuraduría's approval is a design decision",
)
EXAM = Rule(
    "R3-EXAM",
    Text(
        "An estimate rests on a dental or medical examination only where the Procuraduría ordered it.",
        "Una estimación se apoya en un examen dental o médico sólo si la Procuraduría lo ordenó.",
    ),
    "LGDNNA, art. 76 and 122, fr. II; that the Procuraduría orders it is a design decision",
    verified=False,
)
RETAINED = Rule(
    "R35-RETENTION",
    Text(
        "What identifies a child is kept no longer than needed, then blocked, then erased, counted from the end of the "
        "case; an open case holds the record. The periods are configuration until an archive schedule is known.",
        "Los datos que identifican se conservan lo necesario, se bloquean y después se suprimen, a partir del cierre "
        "del caso; un caso abierto los retiene. Los plazos se configuran mientras no se conozca el catálogo de "
        "disposición.",
    ),
    "LGPDPPSO, art. 17 and 18; the periods are a design decision, no schedule has been seen",
    verified=False,
)
RULES = (MINOR, PRESUMPTION, EXAM, RETAINED)


class RetentionClass(StrEnum):
    """By which schedule something that identifies is blocked and erased. The schedules are not known yet."""

    CHILD_RECORD = "CHILD_RECORD"
    ADULT_MET = "ADULT_MET"


def age_on(born: date, day: date) -> int:
    """Return the age in full years. Born on 29 February: a year older on 1 March of common years."""
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


def known_age(born: date, day: date) -> Age:
    """Classify by a known birth date. Raises RefusedByLaw for an adult."""
    years = age_on(born, day)
    if years >= ADULT:
        raise MINOR.refuse("The birth date is that of an adult.")
    return Age(AgeGroup.CHILD if years < ADOLESCENT else AgeGroup.ADOLESCENT, presumed=False)


def estimated_age(low: int, high: int) -> Age:
    """Classify by an estimate in full years, `low` to `high`. Doubt goes to the younger group."""
    if low >= ADULT:
        raise PRESUMPTION.refuse(
            "An estimate alone makes nobody an adult: ask the Procuraduría for an age decision.",
            allowed_actions=["age_decision"],
        )
    if low < ADOLESCENT:
        return Age(AgeGroup.CHILD, presumed=high >= ADOLESCENT)
    return Age(AgeGroup.ADOLESCENT, presumed=high >= ADULT)


def majority(born: date) -> str:
    """Return the month of the 18th birthday: `2027-03`. Born on 29 February: the 18th is on 1 March."""
    month = 3 if (born.month, born.day) == (2, 29) else born.month
    return f"{born.year + ADULT:04d}-{month:02d}"


def earliest_majority(high: int, day: date) -> str:
    """Return the earliest month of the 18th birthday of somebody who was at most `high` full years old that day."""
    return f"{day.year + ADULT - 1 - min(high, ADULT - 1):04d}-{day.month:02d}"


def check_evidence(evidence: Collection[AgeEvidence], order: str | None) -> None:
    """Raise RefusedByLaw where an estimate rests on an examination that nobody ordered."""
    if EXAMS & set(evidence) and order is None:
        raise EXAM.refuse("The estimate rests on an examination: name the Procuraduría's order (`pp_order`).")


def fits(form: NameForm, *, given: bool, first: bool, second: bool) -> bool:
    """Whether the parts of a name that are there are those of its form. A part may still be unknown."""
    if form is NameForm.UNKNOWN:
        return not (given or first or second)
    if form is NameForm.MONONYM:
        return given and not (first or second)
    return form is NameForm.TWO_SURNAMES or not second


_SEXES = {"H": Sex.M, "M": Sex.F, "X": Sex.X}
_SEX, _CHECK = 10, 17


def curp_warnings(number: str, born: date | None, sex: Sex) -> list[CurpWarning]:
    """Return what looks wrong with a CURP. Those of non-binary persons have an X, which the library does not know."""
    plain = curp.compact(number)
    known = plain[:_SEX] + "H" + plain[_SEX + 1 :] if plain[_SEX : _SEX + 1] == "X" else plain
    try:
        curp.validate(known, validate_check_digits=False)
    except ValidationError:
        return [CurpWarning.FORM]
    found = [CurpWarning.CHECK_DIGIT] * (plain[_CHECK] != curp.calc_check_digit(plain))
    if born is not None and curp.get_birth_date(known) != born:
        found.append(CurpWarning.BIRTH_DATE)
    return found + [CurpWarning.SEX] * (_SEXES[plain[_SEX]] is not sex)
