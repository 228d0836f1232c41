"""What a notice says, who may be told, and how it moves (R16, R18, R20). Pure."""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Any

from pydantic import TypeAdapter, ValidationError

from services.consular.letters.rules import AUTHORITIES
from shared import jsons
from shared.catalogue import Text
from shared.clocks.rules import Deadline
from shared.delivery.rules import Chain, Step, StepKind
from shared.errors import IllegalMove
from shared.law import Rule
from shared.shapes import Country


class NoticeStatus(StrEnum):
    """Where a notice stands. None of them tells whether referral still permits it: nobody here may know."""

    ISSUED = "issued"  # the worker sends it, then the consulate acts
    LETTER = "letter"  # the post takes no messages: a person sends a letter
    ACKNOWLEDGED = "acknowledged"
    UNDELIVERABLE = "undeliverable"  # no post: INM or the Procuraduría acts next


class Action(StrEnum):
    """What may be done to a notice."""

    ACKNOWLEDGE = "acknowledge"
    ROUTE_AGAIN = "route_again"
    HAND_OVER = "hand_over"  # a letter was: recorded there
    RECORD_ACKNOWLEDGEMENT = "record_acknowledgement"  # it came on paper
    DECIDE = "decide"


class Stage(StrEnum):
    """How far a notice has come on its way, as authorities see it.

    A send that the gate holds and one that it has ended look the same here: INM reads this too,
    and no status may tell of an indication.
    """

    NOT_SENT = "not_sent"
    TRYING = "trying"
    RECEIVED = "received"


MOVES: Mapping[tuple[NoticeStatus, Action], NoticeStatus] = {
    (NoticeStatus.ISSUED, Action.ACKNOWLEDGE): NoticeStatus.ACKNOWLEDGED,
    (NoticeStatus.ACKNOWLEDGED, Action.ACKNOWLEDGE): NoticeStatus.ACKNOWLEDGED,  # said twice, counts once
    (NoticeStatus.UNDELIVERABLE, Action.ROUTE_AGAIN): NoticeStatus.ISSUED,  # or LETTER, as the post has it
    (NoticeStatus.LETTER, Action.ROUTE_AGAIN): NoticeStatus.ISSUED,
    (NoticeStatus.LETTER, Action.HAND_OVER): NoticeStatus.ISSUED,
    (NoticeStatus.ISSUED, Action.HAND_OVER): NoticeStatus.ISSUED,  # a reminder, or the embassy's
    (NoticeStatus.ACKNOWLEDGED, Action.HAND_OVER): NoticeStatus.ACKNOWLEDGED,
    (NoticeStatus.ISSUED, Action.RECORD_ACKNOWLEDGEMENT): NoticeStatus.ACKNOWLEDGED,
    (NoticeStatus.ISSUED, Action.DECIDE): NoticeStatus.ISSUED,
    (NoticeStatus.LETTER, Action.DECIDE): NoticeStatus.LETTER,
    (NoticeStatus.UNDELIVERABLE, Action.DECIDE): NoticeStatus.UNDELIVERABLE,
}

ACTORS: Mapping[Action, tuple[str, ...]] = {
    Action.ACKNOWLEDGE: ("CONSULATE",),
    Action.ROUTE_AGAIN: AUTHORITIES,
    Action.HAND_OVER: (),
    Action.RECORD_ACKNOWLEDGEMENT: AUTHORITIES,
    Action.DECIDE: AUTHORITIES,
}


class NoticeDecision(StrEnum):
    """What a person decides who takes a notice over."""

    SEND_LETTER = "send_letter"  # on paper, behind the gate as every letter
    NO_FURTHER_STEP = "no_further_step"  # no consulate learns of this


def advance(status: NoticeStatus, action: Action, kind: str) -> NoticeStatus:
    """Return where `action` leads. Raises IllegalMove, which names what an agency of this kind may do."""
    if (status, action) not in MOVES:
        raise IllegalMove(
            f"A notice that is {status} has no move {action}.", allowed_actions=allowed_actions(status, kind)
        )
    return MOVES[status, action]


def allowed_actions(status: NoticeStatus, kind: str) -> list[str]:
    """Return the actions that would change a notice now and that an agency of this kind may take."""
    return [
        action.value
        for (at, action), to in MOVES.items()
        if at is status and (to is not status or action is Action.DECIDE) and kind in ACTORS[action]
    ]


# -- the law ---------------------------------------------------------------------------------------

R18 = Rule(
    "R18",
    Text(
        "A notice says what LM 112-V says: handover to DIF, notice to the Procuraduría, and both offices. "
        "Never a claim, health or where the child sleeps.",
        "El aviso dice lo que dispone LM 112-V: canalización al DIF, aviso a la Procuraduría y ambas oficinas. "
        "Nunca una solicitud de refugio, la salud ni el lugar de alojamiento.",
    ),
    "LM 112-V; the limit is a design decision",
)
R20 = Rule(
    "R20",
    Text(
        "Mexican nationals, stateless persons and persons of unknown nationality cause no foreign notice.",
        "Las personas mexicanas, apátridas o de nacionalidad desconocida no dan lugar a aviso a un consulado.",
    ),
    "LM 112-V, read with VCCR 37; design decision",
)

C1 = Deadline(
    "C1",
    Text("The consulate acknowledges the notice", "El consulado acusa recibo del aviso"),
    "design decision: LM 112 gives no number",
    verified=False,
    warn=timedelta(hours=24),
    due=timedelta(hours=72),
)
C2 = Deadline(
    "C2",
    Text("A way is found for a notice that cannot be delivered", "Se halla vía para un aviso que no puede entregarse"),
    "design decision: LM 112 gives no number (R19)",
    verified=False,
    warn=timedelta(hours=24),
    due=timedelta(hours=72),
)

C5 = Deadline(
    "C5",
    Text("A person takes over a notice that nobody acknowledges", "Una persona atiende un aviso sin acuse"),
    "design decision: LM 112 gives no number",
    verified=False,
    warn=timedelta(hours=24),
    due=timedelta(hours=72),
)

BY_HAND = Rule(
    "BY-HAND",
    Text(
        "An acknowledgement on paper is recorded with officer and number, of a notice that was sent; so is what a "
        "person decides who takes a notice over. No consulate learns of the decision.",
        "El acuse en papel de un aviso enviado se registra con servidor público y número; también lo que decide quien "
        "atiende un aviso. Ningún consulado conoce la decisión.",
    ),
    "design decision",
    verified=False,
)
ESCALATION = Rule(
    "ESCALATION",
    Text(
        "A notice that was sent and that nobody acknowledges is followed by a reminder after 24 hours; after 48 hours "
        "it goes to the embassy too; after 72 hours a person takes over.",
        "Al aviso enviado y no acusado le sigue un recordatorio a las 24 horas; a las 48 horas se envía también a la "
        "embajada; a las 72 horas lo atiende una persona.",
    ),
    "design decision: LM 112 gives no number",
    verified=False,
)
CHAIN: Chain = (
    Step(timedelta(hours=24), StepKind.REMIND),
    Step(timedelta(hours=48), StepKind.ESCALATE),
    Step(timedelta(hours=72), StepKind.PERSON),
)
"""The steps of ESCALATION, counted from the first send."""

_COUNTRY: TypeAdapter[str] = TypeAdapter(Country)


def must_be_foreign(nationality: str) -> None:
    """Raise R20 unless `nationality` is a country other than Mexico. Unknown means no."""
    try:
        known = _COUNTRY.validate_python(nationality)
    except ValidationError:
        known = "MEX"
    if known == "MEX":
        raise R20.refuse("Only a known foreign nationality causes a notice.")


# -- what it says ----------------------------------------------------------------------------------

STATEMENT = Text(
    "Under article 112, section V, of Mexico's Migration Act you are informed that a child or adolescent of the "
    "nationality stated here was handed over to the DIF system, and that the Office for the Protection of Children "
    "and Adolescents was notified. Please turn to the two offices named in this notice.",
    "Conforme al artículo 112, fracción V, de la Ley de Migración se le comunica que una niña, niño o adolescente "
    "de la nacionalidad que aquí se indica fue canalizado al Sistema DIF y que se dio aviso a la Procuraduría de "
    "Protección de Niñas, Niños y Adolescentes. Diríjase, por favor, a las dos oficinas que este aviso nombra.",
)
CONTENT_BYTES = 4096
"""How long every notice is as canonical JSON: the size of a webhook tells nothing."""


def padded(content: dict[str, Any]) -> dict[str, Any]:
    """Return `content` with a `padding` that makes it CONTENT_BYTES long."""
    missing = CONTENT_BYTES - len(jsons.canonical({**content, "padding": ""}))
    if missing < 0:
        raise ValueError("A notice is longer than a notice may be.")
    return {**content, "padding": "." * missing}


# -- what happened, for authorities ----------------------------------------------------------------


class Happened(StrEnum):
    """One thing in the history of a notice. A send that the gate holds and one that it has ended are none."""

    ISSUED = "issued"
    SENT = "sent"
    RECEIVED = "received"
    REMINDED = "reminded"
    ESCALATED = "escalated"
    LETTER_OWED = "letter_owed"
    LETTER_SENT = "letter_sent"
    ACKNOWLEDGED = "acknowledged"
    WARNED = "warned"
    BREACHED = "breached"
    PERSON = "person"
    DECIDED = "decided"


HISTORY: Mapping[Happened, Text] = {
    Happened.ISSUED: Text("The notice was issued", "Se emitió el aviso"),
    Happened.SENT: Text("It was sent for the first time", "Se envió por primera vez"),
    Happened.RECEIVED: Text("The system of the post received it", "El sistema de la oficina lo recibió"),
    Happened.REMINDED: Text("A reminder was sent", "Se envió un recordatorio"),
    Happened.ESCALATED: Text("It is to go to the embassy too", "Debe enviarse también a la embajada"),
    Happened.LETTER_OWED: Text("A letter is to be sent", "Debe enviarse un oficio"),
    Happened.LETTER_SENT: Text("A letter was handed over", "Se entregó un oficio"),
    Happened.ACKNOWLEDGED: Text("It was acknowledged", "Se acusó recibo"),
    Happened.WARNED: Text("A time limit is nearly over", "Un plazo está por vencer"),
    Happened.BREACHED: Text("A time limit is over", "Venció un plazo"),
    Happened.PERSON: Text("A person is to take it over", "Debe atenderlo una persona"),
    Happened.DECIDED: Text("A person has decided", "Una persona decidió"),
}
