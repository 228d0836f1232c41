"""The life of a search for relatives, and who never searches. Pure."""

from datetime import timedelta
from enum import StrEnum

from shared.catalogue import Text
from shared.clocks.rules import Deadline
from shared.errors import IllegalMove
from shared.law import Rule


class TracingState(StrEnum):
    """Where a search stands."""

    OPEN = "open"
    FOUND = "found"
    NOT_FOUND = "not_found"
    WITHDRAWN = "withdrawn"


class TracingAction(StrEnum):
    """What moves a search."""

    FIND = "find"
    GIVE_UP = "give_up"
    WITHDRAW = "withdraw"
    REOPEN = "reopen"


TRANSITIONS: dict[tuple[TracingState, TracingAction], TracingState] = {
    (TracingState.OPEN, TracingAction.FIND): TracingState.FOUND,
    (TracingState.OPEN, TracingAction.GIVE_UP): TracingState.NOT_FOUND,
    (TracingState.OPEN, TracingAction.WITHDRAW): TracingState.WITHDRAWN,
    (TracingState.NOT_FOUND, TracingAction.REOPEN): TracingState.OPEN,
    (TracingState.WITHDRAWN, TracingAction.REOPEN): TracingState.OPEN,
}
"""Every move there is."""


class Searcher(StrEnum):
    """Who is to search."""

    OWN_AGENCY = "OWN_AGENCY"
    PP = "PP"
    DIF = "DIF"
    RED_CROSS = "RED_CROSS"
    UNHCR = "UNHCR"
    IOM = "IOM"
    CIVIL_SOCIETY = "CIVIL_SOCIETY"
    CONSULATE = "CONSULATE"
    ORIGIN_CHILD_PROTECTION = "ORIGIN_CHILD_PROTECTION"


SEARCHERS: dict[Searcher, Text] = {
    Searcher.OWN_AGENCY: Text("the agency that records it", "la autoridad que la registra"),
    Searcher.PP: Text("a Procuraduría", "una Procuraduría"),
    Searcher.DIF: Text("a DIF system", "un sistema DIF"),
    Searcher.RED_CROSS: Text("the Red Cross movement", "el Movimiento de la Cruz Roja"),
    Searcher.UNHCR: Text("UNHCR", "ACNUR"),
    Searcher.IOM: Text("IOM", "OIM"),
    Searcher.CIVIL_SOCIETY: Text("a civil-society body", "una organización de la sociedad civil"),
    Searcher.CONSULATE: Text("a consulate: never from here", "un consulado: nunca desde aquí"),
    Searcher.ORIGIN_CHILD_PROTECTION: Text(
        "the child-protection body of the country of origin: never from here",
        "la autoridad de protección a la infancia del país de origen: nunca desde aquí",
    ),
}
ORIGIN_STATE = frozenset({Searcher.CONSULATE, Searcher.ORIGIN_CHILD_PROTECTION})
"""Recipients of the state that the child may have fled."""

GUARDED = Rule(
    "R16",
    Text(
        "No search for relatives is handed to a recipient of the state of origin: such a request passes the guard, "
        "with the Procuraduría's release, or it does not leave.",
        "Ninguna búsqueda de familiares se entrega a un destinatario del Estado de origen: esa solicitud pasa por la "
        "salvaguarda, con la liberación de la Procuraduría, o no sale.",
    ),
    "Ley de Migración, art. 112, fr. V; Ley sobre Refugiados, Protección Complementaria y Asilo Político, art. 21",
)
RULES = (GUARDED,)

TRACING = Deadline(
    "TRACING",
    Text(
        "A relative is to be looked for → found, or that nobody was found",
        "Se pide buscar a un familiar → se le encuentra o se informa que no",
    ),
    "LGDNNA, art. 92, fr. IV (the child is heard); that an answer is due, and the days, are a design decision",
    verified=False,
    warn=timedelta(days=3),
    due=timedelta(days=10),
)
DEADLINES = (TRACING,)
"""From the child's wish, or from when a search is taken up again, to an answer."""


def check_searcher(searcher: Searcher) -> None:
    """Raise RefusedByLaw where somebody of the state of origin is to search (R16)."""
    if searcher in ORIGIN_STATE:
        raise GUARDED.refuse(
            "A recipient of the state of origin is not asked from here, whatever is known of the child.",
            allowed_actions=[each.value for each in Searcher if each not in ORIGIN_STATE],
        )


def advance(state: TracingState, action: TracingAction) -> TracingState:
    """Return the next state. Raises IllegalMove with what may be done instead."""
    if (state, action) not in TRANSITIONS:
        raise IllegalMove(f"A search that is {state} cannot take this step.", allowed_actions=allowed(state))
    return TRANSITIONS[state, action]


def allowed(state: TracingState) -> list[str]:
    """Return what may be done with a search now."""
    return [action.value for start, action in TRANSITIONS if start is state]
