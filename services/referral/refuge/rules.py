"""The claim for refuge: its machine, its deadlines and the law behind both, as tables. Pure.

LRPCAP: Ley sobre Refugiados, Protección Complementaria y Asilo Político. Its articles 7, 11, 18, 21 and 24 to 30 were
read in their consolidated text; the regulation (R-LRPC) was not seen. The states are ours [design].
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from services.referral.refuge.codes import ExtensionGround
from shared.catalogue import Text
from shared.clocks.rules import Deadline, Extension, Ground, WorkingDays
from shared.errors import IllegalMove
from shared.law import Rule


class ClaimState(StrEnum):
    """Where a claim stands."""

    FILED = "filed"  # by another than the child: the child ratifies next
    RATIFIED = "ratified"  # COMAR acts next: it admits
    ADMITTED = "admitted"  # COMAR acts next: it hears the child
    INTERVIEWED = "interviewed"  # COMAR acts next: it asks SRE
    OPINION_ASKED = "opinion_asked"  # COMAR acts next: it resolves
    RESOLVED = "resolved"  # COMAR acts next: it notifies
    NOTIFIED = "notified"  # the representative acts next, while an appeal may be filed
    APPEALED = "appealed"  # whoever decides on the appeal acts next; COMAR records it
    FINAL = "final"  # nothing can change it any more
    LAPSED = "lapsed"  # not ratified in time: as if it had not been filed
    WITHDRAWN = "withdrawn"


class ClaimAction(StrEnum):
    """What is done with a claim."""

    RATIFY = "ratify"
    LAPSE = "lapse"
    ADMIT = "admit"
    INTERVIEW = "interview"
    ASK_OPINION = "ask_opinion"
    RECEIVE_OPINION = "receive_opinion"
    EXTEND = "extend"
    RESOLVE = "resolve"
    NOTIFY = "notify"
    APPEAL = "appeal"
    DECIDE_APPEAL = "decide_appeal"
    REMAND = "remand"  # the appeal sends the claim back: COMAR resolves anew
    FINALISE = "finalise"
    WITHDRAW = "withdraw"
    TELL_INM = "tell_inm"
    RECOGNISE = "recognise"  # the case takes the outcome


class Party(StrEnum):
    """What a caller is to a claim. Nobody else knows that there is one."""

    COMAR = "COMAR"
    PP = "PP"  # the Procuraduría of the territory, or the federal one: en suplencia, or coadyuvante
    REPRESENTATIVE = "REPRESENTATIVE"  # the agency that the child's legal representative acts for
    SYSTEM = "SYSTEM"


class ClaimOutcome(StrEnum):
    """How a claim was resolved."""

    RECOGNISED = "RECOGNISED"
    COMPLEMENTARY_PROTECTION = "COMPLEMENTARY_PROTECTION"
    REFUSED = "REFUSED"


PROTECTING = frozenset({ClaimOutcome.RECOGNISED, ClaimOutcome.COMPLEMENTARY_PROTECTION})
"""The outcomes after which nobody may return the child (LRPCAP 6)."""
LIVE = frozenset(set(ClaimState) - {ClaimState.FINAL, ClaimState.LAPSED, ClaimState.WITHDRAWN})
"""The states in which a claim or its appeal is pending."""
_BEFORE_COMAR = (ClaimState.RATIFIED, ClaimState.ADMITTED, ClaimState.INTERVIEWED, ClaimState.OPINION_ASKED)

TRANSITIONS: dict[tuple[ClaimState, ClaimAction], ClaimState] = {
    (ClaimState.FILED, ClaimAction.RATIFY): ClaimState.RATIFIED,
    (ClaimState.FILED, ClaimAction.LAPSE): ClaimState.LAPSED,
    (ClaimState.RATIFIED, ClaimAction.ADMIT): ClaimState.ADMITTED,
    (ClaimState.ADMITTED, ClaimAction.INTERVIEW): ClaimState.INTERVIEWED,
    (ClaimState.INTERVIEWED, ClaimAction.INTERVIEW): ClaimState.INTERVIEWED,
    (ClaimState.INTERVIEWED, ClaimAction.ASK_OPINION): ClaimState.OPINION_ASKED,
    (ClaimState.OPINION_ASKED, ClaimAction.INTERVIEW): ClaimState.OPINION_ASKED,
    (ClaimState.OPINION_ASKED, ClaimAction.RECEIVE_OPINION): ClaimState.OPINION_ASKED,
    (ClaimState.OPINION_ASKED, ClaimAction.RESOLVE): ClaimState.RESOLVED,
    **{(each, ClaimAction.EXTEND): each for each in _BEFORE_COMAR},
    (ClaimState.RESOLVED, ClaimAction.NOTIFY): ClaimState.NOTIFIED,
    (ClaimState.NOTIFIED, ClaimAction.APPEAL): ClaimState.APPEALED,
    (ClaimState.NOTIFIED, ClaimAction.FINALISE): ClaimState.FINAL,
    (ClaimState.APPEALED, ClaimAction.DECIDE_APPEAL): ClaimState.FINAL,
    (ClaimState.APPEALED, ClaimAction.REMAND): ClaimState.OPINION_ASKED,
    (ClaimState.APPEALED, ClaimAction.WITHDRAW): ClaimState.FINAL,  # the resolution stands
    **{(each, ClaimAction.WITHDRAW): ClaimState.WITHDRAWN for each in (ClaimState.FILED, *_BEFORE_COMAR)},
    **{(each, ClaimAction.TELL_INM): each for each in LIVE},
    (ClaimState.FINAL, ClaimAction.RECOGNISE): ClaimState.FINAL,
}
"""Every move there is. A pair that is missing is refused."""

_CHILDS = (Party.PP, Party.REPRESENTATIVE)
WHO: dict[ClaimAction, tuple[Party, ...]] = {
    ClaimAction.RATIFY: (Party.COMAR, *_CHILDS),
    ClaimAction.LAPSE: (Party.SYSTEM,),
    ClaimAction.ADMIT: (Party.COMAR,),
    ClaimAction.INTERVIEW: (Party.COMAR,),
    ClaimAction.ASK_OPINION: (Party.COMAR,),
    ClaimAction.RECEIVE_OPINION: (Party.COMAR,),
    ClaimAction.EXTEND: (Party.COMAR,),
    ClaimAction.RESOLVE: (Party.COMAR,),
    ClaimAction.NOTIFY: (Party.COMAR,),
    ClaimAction.APPEAL: _CHILDS,
    ClaimAction.DECIDE_APPEAL: (Party.COMAR,),
    ClaimAction.REMAND: (Party.COMAR,),
    ClaimAction.FINALISE: (*_CHILDS, Party.SYSTEM),  # Ruta itself where there is nothing to appeal
    ClaimAction.WITHDRAW: _CHILDS,
    ClaimAction.TELL_INM: (Party.COMAR,),
    ClaimAction.RECOGNISE: (Party.COMAR, Party.PP),
}
"""Whose step it is. The Procuraduría stands by always; only what no person does is Ruta's own."""

ONCE = frozenset({ClaimAction.TELL_INM, ClaimAction.RECEIVE_OPINION, ClaimAction.RECOGNISE})
"""What is done once, though the state stays. A second extension is refused by its law, not by the machine."""

FILED_IN_TIME = Rule(
    "R23",
    Text(
        "A claim is filed within 30 working days of entry or of when it became materially possible; a later one names "
        "its cause.",
        "La solicitud se presenta dentro de los 30 días hábiles del ingreso o de cuando fue materialmente posible; la "
        "posterior expresa su causa.",
    ),
    "LRPCAP, art. 18; LGDNNA, art. 106 (no lapse runs against a child)",
)
RATIFIED = Rule(
    "R23-RATIFY",
    Text(
        "Who has another person file ratifies before COMAR within 3 working days; else the claim counts as not filed, "
        "and a new one may be.",
        "Quien solicita por interpósita persona ratifica ante la COMAR en 3 días hábiles; si no, se tiene por no "
        "presentada, y puede presentarse otra.",
    ),
    "LRPCAP, art. 11",
)
OPINION = Rule(
    "R23-OPINION",
    Text(
        "COMAR resolves once SRE has given its opinion on the country of origin, or 15 working days have passed in "
        "silence.",
        "La COMAR resuelve cuando la SRE emitió su opinión sobre el país de origen, o pasaron 15 días hábiles en "
        "silencio.",
    ),
    "LRPCAP, art. 24 and 28",
)
APPEAL_WINDOW = Rule(
    "R23-APPEAL",
    Text(
        "A resolution is final only when the 15 working days for an appeal have passed, the child was heard and the "
        "representative says that there is none; time alone ends nothing.",
        "Una resolución es firme sólo cuando pasaron los 15 días hábiles para recurrir, se escuchó a la niña o niño y "
        "la representación dice que no recurre; el tiempo solo no extingue nada.",
    ),
    "LRPCAP, art. 25; LGDNNA, art. 106; who says so is a design decision",
)
PERSONAL = Rule(
    "R27-INTERVIEW",
    Text(
        "COMAR hears the child in person, by specialised staff, with the representative present, in a language that "
        "it understands.",
        "La COMAR escucha personalmente a la niña o niño, por personal especializado, con su representante y en una "
        "lengua que comprende.",
    ),
    "LRPCAP, art. 21 and 23; LGDNNA, art. 92, fr. III to VIII",
)
UNDERSTOOD = Rule(
    "R27-NOTICE",
    Text(
        "A resolution is notified in writing, and so that the child understands it, with the representative present.",
        "La resolución se notifica por escrito y de modo que la niña o niño la comprenda, con su representante.",
    ),
    "LRPCAP, art. 25; LGDNNA, art. 92; the representative's presence is a design decision",
)
WITHDRAWAL = Rule(
    "R27-WITHDRAW",
    Text(
        "A claim or an appeal is withdrawn only through the representative, when the child was heard and wishes it; "
        "never because the child is absent.",
        "Una solicitud o un recurso se retira sólo por la representación, escuchada la niña o niño y si así lo desea; "
        "nunca por su ausencia.",
    ),
    "LRPCAP, art. 11 and 21; LGDNNA, art. 71 to 74; the conditions are a design decision",
)
SUSPENDED = Rule(
    "R24",
    Text(
        "A claim suspends the migration procedure for irregular entry until it is decided.",
        "La solicitud suspende el procedimiento migratorio por ingreso irregular hasta que se resuelva.",
    ),
    "LRPCAP, art. 7; that it stands until the resolution is final is a design decision",
)
SECRET = Rule(
    "R16-CLAIM",
    Text(
        "Of a claim know COMAR, the Procuraduría and the child's representative; INM what the law has COMAR tell it; "
        "nobody of the country of origin.",
        "De una solicitud saben la COMAR, la Procuraduría y la representación; el INM lo que la ley ordena que la "
        "COMAR le informe; nadie del país de origen.",
    ),
    "LRPCAP, art. 10 and 21",
)
GRANTED = Rule(
    "R38-CLAIM",
    Text(
        "The case takes the outcome that a final resolution grants; turning 18 drops no claim.",
        "El caso toma el resultado que otorga una resolución firme; cumplir 18 años no extingue la solicitud.",
    ),
    "LRPCAP, art. 12, 25 and 28; LGDNNA, art. 106",
)
RULES = (
    FILED_IN_TIME, RATIFIED, OPINION, APPEAL_WINDOW, PERSONAL, UNDERSTOOD, WITHDRAWAL, SUSPENDED, SECRET, GRANTED,
)  # fmt: skip
BARRED_BY: dict[ClaimAction, Rule] = {
    ClaimAction.RATIFY: RATIFIED,
    ClaimAction.LAPSE: RATIFIED,
    ClaimAction.RESOLVE: OPINION,
    ClaimAction.FINALISE: APPEAL_WINDOW,
    ClaimAction.RECOGNISE: GRANTED,
}
"""The rule by which a step is refused that the machine has and the moment has not."""

GROUNDS: dict[ExtensionGround, tuple[Text, str]] = {
    ExtensionGround.FACTS_MISSING: (
        Text("Information on the facts is missing", "Falta de información sobre los hechos"), "I",
    ),
    ExtensionGround.INTERPRETER_MISSING: (
        Text("No translator or specialist for the communication", "Falta de traductor o especialistas"), "II",
    ),
    ExtensionGround.HEALTH: (
        Text("The applicant's health allows no interview", "La salud impide realizar entrevistas"), "III",
    ),
    ExtensionGround.APPLICANT_ASKS: (
        Text("The applicant asks, to bring evidence", "Petición de la persona para aportar elementos"), "IV",
    ),
    ExtensionGround.FORCE_MAJEURE: (Text("Chance or force majeure", "Caso fortuito o fuerza mayor"), "V"),
}  # fmt: skip
"""The five grounds on which the time to resolve may be extended (LRPCAP 24, fr. I to V)."""
GROUND_TEXTS = {code: text for code, (text, _) in GROUNDS.items()}
OUTCOMES = {
    ClaimOutcome.RECOGNISED: Text("Recognised as a refugee", "Se reconoce la condición de refugiado"),
    ClaimOutcome.COMPLEMENTARY_PROTECTION: Text("Complementary protection", "Protección complementaria"),
    ClaimOutcome.REFUSED: Text("Refused", "Negada"),
}


def _deadline(
    rule: str, en: str, es: str, source: str, due: int, warn: int, *, authority: str = "COMAR", verified: bool = True,
    extension: Extension | None = None,
) -> Deadline:  # fmt: skip
    return Deadline(
        rule, Text(en, es), source, verified, WorkingDays(due), WorkingDays(warn), authority, extension=extension
    )


_ONCE_MORE = Extension(
    WorkingDays(45),
    tuple(Ground(code.value, text, f"LRPCAP, art. 24, fr. {fr}") for code, (text, fr) in GROUNDS.items()),
    "LRPCAP, art. 24: “hasta por un período igual”, on five grounds; once",
)
D6 = _deadline("D6", "The claim is filed", "Se presenta la solicitud", "LRPCAP, art. 18", 30, 20)
D7 = _deadline("D7", "The child ratifies", "Se ratifica la solicitud", "LRPCAP, art. 11", 3, 1)
D8 = Deadline(
    "D8", Text("COMAR tells INM that there is a claim", "La COMAR informa al INM de la solicitud"),
    "R-LRPC, as the Supreme Court's protocol on migrants cites it; its text was not seen", verified=False,
    due=timedelta(hours=72), warn=timedelta(hours=48),
)  # fmt: skip
D9 = _deadline(
    "D9", "SRE gives its opinion; silence is none", "La SRE opina; el silencio equivale a no opinar", "LRPCAP, art. 24",
    15, 10, authority="SRE",
)  # fmt: skip
D10 = _deadline("D10", "COMAR resolves", "La COMAR resuelve", "LRPCAP, art. 24", 45, 35, extension=_ONCE_MORE)
D11 = _deadline(
    "D11", "COMAR notifies the resolution", "La COMAR notifica la resolución",
    "LRPCAP, art. 25, gives no number; 10 working days are configuration", 10, 5, verified=False,
)  # fmt: skip
D12 = _deadline("D12", "An appeal is filed", "Se interpone el recurso de revisión", "LRPCAP, art. 25", 15, 8)
DEADLINES = (D6, D7, D8, D9, D10, D11, D12)


@dataclass(frozen=True, slots=True)
class Standing:
    """A claim at one moment, as far as the machine goes by it.

    `done` is what was done of `ONCE`; `barred` what the moment does not allow yet, or no longer.
    """

    state: ClaimState
    done: frozenset[ClaimAction] = frozenset()
    barred: frozenset[ClaimAction] = frozenset()


def allowed(standing: Standing, parties: Collection[Party]) -> list[str]:
    """Return what a caller who is `parties` to a claim may do with it now."""
    return [
        action.value
        for action in ClaimAction
        if (standing.state, action) in TRANSITIONS
        and not set(WHO[action]).isdisjoint(parties)
        and action not in standing.done | standing.barred
    ]


def advance(standing: Standing, action: ClaimAction, parties: Collection[Party]) -> ClaimState:
    """Return the next state. Raises IllegalMove or RefusedByLaw, with what the caller may do instead."""
    instead = allowed(standing, parties)
    if (standing.state, action) not in TRANSITIONS:
        raise IllegalMove(f"A claim that is {standing.state} has no such step.", allowed_actions=instead)
    if set(WHO[action]).isdisjoint(parties):
        raise IllegalMove(f"This step is another's: {', '.join(WHO[action])}.", allowed_actions=instead)
    if action in standing.done:
        raise IllegalMove("This was done before.", allowed_actions=instead)
    if action in standing.barred:
        raise BARRED_BY[action].refuse(BARRED_BY[action].text.en, allowed_actions=instead)
    return TRANSITIONS[standing.state, action]
