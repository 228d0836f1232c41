"""Who may consent, what a consent covers, how it ends: law as data. Pure."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from services.referral.cases.recipients import names
from services.referral.cases.rules import Document, Representation
from services.referral.consents.codes import Assent, Done, Form, Giver, Purpose
from services.referral.referrals.codes import FieldCode
from shared.catalogue import Text
from shared.clocks.rules import Deadline
from shared.errors import IllegalMove
from shared.law import Rule

_DAY = timedelta(days=1)
LONGEST = 365 * _DAY
"""How long a consent may hold [design]."""

GIVER = Rule(
    "CONSENT-GIVER",
    Text(
        "Who represents the child consents for it: the Procuraduría en suplencia, or the accredited legal "
        "representative; a parent where parental authority is accredited. Of age, the person alone.",
        "Consiente quien representa a la NNA: la Procuraduría en suplencia o la representación legal acreditada; madre "
        "o padre, si acredita la patria potestad. Cumplida la mayoría de edad, sólo la persona.",
    ),
    "LGPDPPSO, art. 7, 14 and 43; LGDNNA 4-XXIII and 106 (R26)",
)
ASSENT = Rule(
    "CHILD-ASSENTS",
    Text(
        "What the child refuses, having been told in its language, is not shared on consent.",
        "Lo que la NNA no acepta, tras explicársele en su lengua, no se comparte con base en el consentimiento.",
    ),
    "LGDNNA 71 to 74 (the right to be heard) and LGPDPPSO, art. 7; that a refusal binds is a design decision",
    verified=False,
)
EXPRESS = Rule(
    "CONSENT-WRITTEN",
    Text(
        "Sensitive data takes express written consent; an electronic signature counts.",
        "Los datos sensibles requieren consentimiento expreso y por escrito; vale la firma electrónica.",
    ),
    "LGPDPPSO, art. 7, 15 and 16",
)
TERM = Rule(
    "CONSENT-TERM",
    Text(
        "A consent ends within a year, and is reviewed half-way; a new one may follow.",
        "El consentimiento termina en un año y se revisa a la mitad; puede darse otro.",
    ),
    "LGPDPPSO, art. 17 and 18 (no longer than needed); the numbers are a design decision",
    verified=False,
)
TRAVELS = Rule(
    "WITHDRAWAL-TRAVELS",
    Text(
        "When a consent is withdrawn or its time is over, nothing more is read under it, and whoever did read is told; "
        "each says what it did. What is kept is kept by an article.",
        "Revocado o vencido el consentimiento, nada más se lee con él y se avisa a quien leyó; cada quien informa qué "
        "hizo. Lo que se conserva, se conserva por un artículo.",
    ),
    "LGPDPPSO, art. 17, 18 and 59 to 64; the notice and its time are a design decision",
)
OVERRIDES = Rule(
    "R28-OVERRIDE",
    Text(
        "Only a supervisor shares without consent, for a coded reason; another officer of the child's Procuraduría "
        "reviews it in time, or it ends.",
        "Sólo una supervisión comparte sin consentimiento, con motivo codificado; otra persona servidora de la "
        "Procuraduría lo revisa en plazo, o termina.",
    ),
    "LGPDPPSO, art. 16; who reviews and when is a design decision (R28)",
    verified=False,
)
WITHHELD = Rule(
    "R29-WITHHELD",
    Text(
        "A case is kept from no Procuraduría, from nobody who has the child in care, and from INM only once the child "
        "is channelled; from no class of authorities as a whole.",
        "Un caso no se reserva a la Procuraduría, ni a quien tiene a la NNA a su cuidado, ni al INM antes de la "
        "canalización; tampoco a las autoridades como clase.",
    ),
    "LM 112 (who is told by law); LGDNNA 76-80; the list is a design decision (R29)",
    verified=False,
)
RULES = (GIVER, ASSENT, EXPRESS, TERM, TRAVELS, OVERRIDES, WITHHELD)

REVIEW = Deadline(
    "CONSENT_REVIEW", Text("A consent is reviewed", "Se revisa un consentimiento"), TERM.source, verified=False,
    due=180 * _DAY, warn=166 * _DAY,
)  # fmt: skip
ACKNOWLEDGE = Deadline(
    "WITHDRAWAL_ACK",
    Text("A recipient says what it did with what it had read", "El destinatario informa qué hizo con lo leído"),
    "LGPDPPSO, art. 45 gives 15 working days to cancel; the shorter time is a design decision",
    verified=False, due=3 * _DAY, warn=2 * _DAY,
)  # fmt: skip
OVERRIDE_REVIEW = Deadline(
    "OVERRIDE_REVIEW", Text("An override is reviewed", "Se revisa una excepción al consentimiento"), OVERRIDES.source,
    verified=False, due=3 * _DAY, warn=2 * _DAY,
)  # fmt: skip
DEADLINES = (REVIEW, ACKNOWLEDGE, OVERRIDE_REVIEW)


# -- fields ----------------------------------------------------------------------------------------------


class Sensitivity(StrEnum):
    """How much harm a field can do."""

    ORDINARY = "ORDINARY"
    IDENTIFYING = "IDENTIFYING"
    SENSITIVE = "SENSITIVE"  # LGPDPPSO 3: origin, health, what puts the child at risk


SENSITIVITIES: Mapping[Sensitivity, Text] = {
    Sensitivity.ORDINARY: Text("Ordinary", "Ordinario"),
    Sensitivity.IDENTIFYING: Text("Identifies the child", "Identifica a la NNA"),
    Sensitivity.SENSITIVE: Text("Sensitive", "Sensible"),
}
_SENSITIVE = frozenset({
    FieldCode.DISABILITIES, FieldCode.HEALTH, FieldCode.FAMILY, FieldCode.LODGING, FieldCode.NEEDS,
    FieldCode.NATIONALITIES,
})  # fmt: skip
GROUPS: Mapping[str, Text] = {
    "identity": Text("Identity", "Identidad"),
    "child": Text("The child", "La niña, niño o adolescente"),
    "alerts": Text("Health and disability", "Salud y discapacidad"),
    "encounter": Text("How the child was met", "El encuentro"),
    "family": Text("Family", "Familia"),
    "lodging": Text("Where the child sleeps", "Alojamiento"),
    "assistance": Text("Help", "Asistencia"),
    "interviews": Text("What the child said", "Lo que dijo"),
}


def group_of(field: FieldCode) -> str:
    """Return the group of a field: the first part of its code."""
    return field.value.partition(".")[0]


def sensitivity(field: FieldCode) -> Sensitivity:
    """Return how much harm a field can do."""
    if field in _SENSITIVE:
        return Sensitivity.SENSITIVE
    return Sensitivity.IDENTIFYING if group_of(field) == "identity" else Sensitivity.ORDINARY


# -- giving ----------------------------------------------------------------------------------------------


def givers(kind: Representation, document: Document | None, *, of_age: bool) -> frozenset[Giver]:
    """Return who may consent for a child that is represented so."""
    if of_age:
        return frozenset({Giver.CHILD})
    if kind is Representation.PP_EN_SUPLENCIA:
        return frozenset({Giver.PP_EN_SUPLENCIA})
    parent = {Giver.PARENT} if document is Document.PARENTAL_AUTHORITY else set()
    return frozenset({Giver.REPRESENTATIVE} | parent)


def check_assent(assent: Assent, giver: Giver) -> None:
    """Raise RefusedByLaw where the child said no, or a person of age did not say yes."""
    if assent is Assent.REFUSED or (giver is Giver.CHILD and assent is not Assent.GIVEN):
        raise ASSENT.refuse("The child does not agree.", allowed_actions=["override"])


def check_form(form: Form, fields: Collection[FieldCode]) -> None:
    """Raise RefusedByLaw where sensitive data is consented to by word of mouth."""
    if form is Form.VERBAL and any(sensitivity(each) is Sensitivity.SENSITIVE for each in fields):
        raise EXPRESS.refuse(
            "Sensitive fields are among them.", allowed_actions=[Form.WRITTEN.value, Form.ELECTRONIC_SIGNATURE.value]
        )


def check_term(since: datetime, until: datetime) -> None:
    """Raise RefusedByLaw where a consent would hold too long."""
    if until - since > LONGEST:
        raise TERM.refuse("It would hold for more than a year.", allowed_actions=[])


def check_done(done: Done, article: str | None) -> None:
    """Raise RefusedByLaw where something is kept and no article is named."""
    if done is Done.KEPT_BY_LAW and article is None:
        raise TRAVELS.refuse(
            "Say by which article it is kept.",
            allowed_actions=[each.value for each in Done if each is not Done.KEPT_BY_LAW],
        )


# -- what is covered -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Cut:
    """What a withdrawal takes away. Nothing named: everything."""

    fields: frozenset[str] = frozenset()
    whom: frozenset[str] = frozenset()

    def takes(self, agency: str, kind: str) -> bool:
        """Whether it concerns an agency."""
        return not self.whom or not self.whom.isdisjoint(names(agency, kind))

    def of(self, fields: Iterable[str]) -> frozenset[str]:
        """Return which of these fields it takes."""
        return frozenset(fields) & self.fields if self.fields else frozenset(fields)


@dataclass(frozen=True, slots=True)
class Grant:
    """What a consent, or an override of its lack, lets through."""

    id: str
    purposes: frozenset[Purpose]
    whom: frozenset[str]
    fields: frozenset[str]
    since: datetime
    until: datetime
    cuts: tuple[Cut, ...] = ()

    def covers(self, agency: str, kind: str, purpose: Purpose, at: datetime) -> frozenset[str]:
        """Return the fields that it lets an agency read for a purpose at a moment."""
        named = not self.whom.isdisjoint(names(agency, kind))
        if not named or purpose not in self.purposes or not self.since <= at < self.until:
            return frozenset()
        left = self.fields
        for cut in self.cuts:
            left = left - cut.of(left) if cut.takes(agency, kind) else left
        return left


def covered(grants: Iterable[Grant], agency: str, kind: str, purpose: Purpose, at: datetime) -> dict[str, str]:
    """Return the fields that an agency may read, each with the id of what lets it: the first that does."""
    found: dict[str, str] = {}
    for grant in grants:
        found = {field: grant.id for field in grant.covers(agency, kind, purpose, at)} | found
    return found


# -- the machines ----------------------------------------------------------------------------------------


class ConsentState(StrEnum):
    """Where a consent stands. From its last moment it lets nothing through, also before the system has moved it."""

    ACTIVE = "ACTIVE"
    WITHDRAWN = "WITHDRAWN"
    EXPIRED = "EXPIRED"


class ConsentAction(StrEnum):
    """What may be done with a consent."""

    NARROW = "narrow"
    WITHDRAW = "withdraw"
    REVIEW = "review"
    EXPIRE = "expire"


class NoticeState(StrEnum):
    """Where a withdrawal notice stands."""

    OPEN = "OPEN"  # the recipient acts next
    ACKNOWLEDGED = "ACKNOWLEDGED"


class NoticeAction(StrEnum):
    """What may be done with a notice."""

    ACKNOWLEDGE = "acknowledge"


class OverrideState(StrEnum):
    """Where an override stands."""

    PENDING = "PENDING"  # another officer of the Procuraduría acts next
    UPHELD = "UPHELD"
    REVOKED = "REVOKED"
    LAPSED = "LAPSED"  # nobody reviewed it in time: it ended, and is still to be reviewed
    EXPIRED = "EXPIRED"


class OverrideAction(StrEnum):
    """What may be done with an override."""

    UPHOLD = "uphold"
    REVOKE = "revoke"
    EXPIRE = "expire"


class Part(StrEnum):
    """Who a caller is to a consent, a notice or an override."""

    KEEPER = "KEEPER"  # the Procuraduría that represents the child, or the agency that recorded it
    RECIPIENT = "RECIPIENT"
    PP = "PP"
    SYSTEM = "SYSTEM"


State = ConsentState | NoticeState | OverrideState
Action = ConsentAction | NoticeAction | OverrideAction

TRANSITIONS: Mapping[tuple[State, Action], State] = {
    (ConsentState.ACTIVE, ConsentAction.NARROW): ConsentState.ACTIVE,
    (ConsentState.ACTIVE, ConsentAction.WITHDRAW): ConsentState.WITHDRAWN,
    (ConsentState.ACTIVE, ConsentAction.REVIEW): ConsentState.ACTIVE,
    (ConsentState.ACTIVE, ConsentAction.EXPIRE): ConsentState.EXPIRED,
    (NoticeState.OPEN, NoticeAction.ACKNOWLEDGE): NoticeState.ACKNOWLEDGED,
    (OverrideState.PENDING, OverrideAction.UPHOLD): OverrideState.UPHELD,
    (OverrideState.PENDING, OverrideAction.REVOKE): OverrideState.REVOKED,
    (OverrideState.UPHELD, OverrideAction.REVOKE): OverrideState.REVOKED,
    (OverrideState.PENDING, OverrideAction.EXPIRE): OverrideState.LAPSED,
    (OverrideState.UPHELD, OverrideAction.EXPIRE): OverrideState.EXPIRED,
    (OverrideState.LAPSED, OverrideAction.UPHOLD): OverrideState.EXPIRED,
    (OverrideState.LAPSED, OverrideAction.REVOKE): OverrideState.REVOKED,
}
WHO: Mapping[Action, Part] = {
    **dict.fromkeys(ConsentAction, Part.KEEPER),
    NoticeAction.ACKNOWLEDGE: Part.RECIPIENT,
    **dict.fromkeys(OverrideAction, Part.PP),
    ConsentAction.EXPIRE: Part.SYSTEM,
    OverrideAction.EXPIRE: Part.SYSTEM,
}


def allowed(state: State, parts: Collection[Part]) -> list[str]:
    """Return what a caller who is `parts` may do."""
    return [action.value for (at, action) in TRANSITIONS if at == state and WHO[action] in parts]


def move(state: State, action: Action, parts: Collection[Part]) -> State:
    """Return the next state. Raises IllegalMove, with what the caller may do instead."""
    if (state, action) not in TRANSITIONS or WHO[action] not in parts:
        raise IllegalMove(f"There is no such step for you from {state.value}.", allowed_actions=allowed(state, parts))
    return TRANSITIONS[state, action]
