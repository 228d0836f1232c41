"""What a letter is, who sends it, how long a printed one may be sent, and what follows where nobody answers. Pure."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from shared.catalogue import Text
from shared.clocks.rules import BREACHED, ESCALATED, WARNED, Deadline
from shared.delivery.rules import StepKind
from shared.errors import IllegalMove
from shared.law import Rule

AUTHORITIES = ("INM", "PP")
"""Kinds of agency that send letters, each in its own state."""


class LetterKind(StrEnum):
    """What a letter says."""

    NOTICE = "notice"  # the notice of LM 112-V, whole
    REMINDER = "reminder"  # the same again: nobody has acknowledged it


class LetterStatus(StrEnum):
    """Where a letter stands. None of them tells what the gate says of it."""

    TO_SEND = "to_send"  # a person of INM or the Procuraduría prints and sends it
    SENT = "sent"  # the consulate acts next
    DROPPED = "dropped"  # it is not needed any more


class LetterAction(StrEnum):
    """What may be done to a letter."""

    PRINT = "print"
    RECORD = "record"


class How(StrEnum):
    """How a letter was handed over."""

    IN_PERSON = "in_person"
    COURIER = "courier"
    POST = "post"
    EMAIL = "email"


MOVES: Mapping[tuple[LetterStatus, LetterAction], LetterStatus] = {
    (LetterStatus.TO_SEND, LetterAction.PRINT): LetterStatus.TO_SEND,
    (LetterStatus.TO_SEND, LetterAction.RECORD): LetterStatus.SENT,
}


def advance(status: LetterStatus, action: LetterAction, kind: str) -> LetterStatus:
    """Return where `action` leads. Raises IllegalMove, which names what an agency of this kind may do."""
    if (status, action) not in MOVES:
        raise IllegalMove(
            f"A letter that is {status} has no move {action}.", allowed_actions=allowed_actions(status, kind)
        )
    return MOVES[status, action]


def allowed_actions(status: LetterStatus, kind: str) -> list[str]:
    """Return what an agency of this kind may do with a letter now."""
    return [action.value for at, action in MOVES if at is status and kind in AUTHORITIES]


# -- the law ---------------------------------------------------------------------------------------

LIFE = timedelta(minutes=30)
"""How long after its printing a letter may be handed over. After that it is printed again, and the gate asked again."""

LETTER = Rule(
    "LETTER",
    Text(
        "A consulate with neither an address for messages nor a feed is told by an official letter. Printing it asks "
        "the guard, each time; it is handed over within 30 minutes, and by whom, when, how and under which number is "
        "recorded. Nobody acknowledges it: a reminder after 24 hours, the embassy after 48, a person after 72.",
        "Al consulado sin dirección para mensajes ni canal de consulta se le avisa por oficio. Imprimirlo consulta "
        "cada vez la salvaguarda; se entrega dentro de 30 minutos y se registra quién, cuándo, cómo y con qué número. "
        "Sin acuse: recordatorio a las 24 horas, la embajada a las 48 y una persona a las 72.",
    ),
    "design decision: LM 112-V gives neither form nor number",
    verified=False,
)
R16 = Rule(
    "R16",
    Text(
        "Nothing about a child leaves for a state of origin unless referral permits that very send.",
        "Nada sobre una niña, niño o adolescente sale hacia un Estado de origen sin permiso para ese envío.",
    ),
    "LM 112-V; LRPCAP 21; a permit for each send is a design decision",
)

C3 = Deadline(
    "C3",
    Text("The letter to the consulate is sent", "Se envía el oficio al consulado"),
    "design decision: LM 112 gives no number",
    verified=False,
    warn=timedelta(hours=4),
    due=timedelta(hours=24),
)
C4 = Deadline(
    "C4",
    Text("The consulate acknowledges the letter", "El consulado acusa recibo del oficio"),
    "design decision: LM 112 gives no number",
    verified=False,
    warn=timedelta(hours=24),
    due=timedelta(hours=48),
)
THEN = (timedelta(hours=24),)
"""After what time from the breach of C4 it speaks once more."""
CHAIN: Mapping[str, StepKind] = {
    WARNED: StepKind.REMIND,
    BREACHED: StepKind.ESCALATE,
    ESCALATED: StepKind.PERSON,
}
"""The steps of LETTER: what happens at each word of C4, which runs from the sending of the first letter."""


def in_time(sent_at: datetime, printed: Iterable[datetime]) -> bool:
    """Whether a letter was handed over within its time after one of its printings. Officers write minutes."""
    return any(minute(moment) <= sent_at <= moment + LIFE for moment in printed)


def minute(moment: datetime) -> datetime:
    """Return the minute of a moment."""
    return moment.replace(second=0, microsecond=0)
