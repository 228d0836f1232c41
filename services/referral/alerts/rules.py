"""What an alert of a flow says, who posts one, and when it is over. Pure."""

from datetime import datetime, timedelta
from enum import StrEnum

from shared.catalogue import Text
from shared.errors import IllegalMove
from shared.law import Rule

AUTHORITIES = ("INM", "PP", "DIF", "COMAR", "MUNICIPAL_DIF", "SRE", "UPM")
"""Who posts and reads alerts: "all authorities" lead stage 0."""

LONGEST = timedelta(days=90)
"""How long an alert may last [design]: what is expected for longer is planning."""


class Level(StrEnum):
    """How much is asked of those who read it [design]."""

    WATCH = "WATCH"
    PREPARE = "PREPARE"
    SURGE = "SURGE"  # more than there are places


class AlertSource(StrEnum):
    """Where it comes from [design]."""

    FIELD_OBSERVATION = "FIELD_OBSERVATION"
    GRUPO_BETA = "GRUPO_BETA"
    FOREIGN_AUTHORITY = "FOREIGN_AUTHORITY"
    INTERNATIONAL_BODY = "INTERNATIONAL_BODY"
    CIVIL_SOCIETY = "CIVIL_SOCIETY"
    STATISTICS = "STATISTICS"
    PRESS = "PRESS"


LEVELS = {
    Level.WATCH: Text("Watch", "Vigilar"),
    Level.PREPARE: Text("Prepare", "Prepararse"),
    Level.SURGE: Text("More children than places", "Más niñas y niños que lugares"),
}
SOURCES = {
    AlertSource.FIELD_OBSERVATION: Text("Seen in the field", "Observación en campo"),
    AlertSource.GRUPO_BETA: Text("Grupo Beta", "Grupo Beta"),
    AlertSource.FOREIGN_AUTHORITY: Text("An authority of another state", "Autoridad de otro Estado"),
    AlertSource.INTERNATIONAL_BODY: Text("An international body", "Organismo internacional"),
    AlertSource.CIVIL_SOCIETY: Text("Civil society", "Sociedad civil"),
    AlertSource.STATISTICS: Text("Statistics", "Estadística"),
    AlertSource.PRESS: Text("The press", "Prensa"),
}


class AlertState(StrEnum):
    """Where an alert stands. Time alone ends one."""

    STANDING = "standing"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


READY = Rule(
    "STAGE0",
    Text(
        "Stage 0: every authority that sees a flow coming says so, with where, when and how many, and the authorities "
        "of the territory read it until it is over.",
        "Etapa 0: toda autoridad que ve venir un flujo lo avisa, con dónde, cuándo y cuántos, y las autoridades del "
        "territorio lo leen hasta que termine.",
    ),
    "Ruta (SIPINNA 2019), stage 0; the form of an alert is a design decision",
    verified=False,
)
RULES = (READY,)


def state(ends_at: datetime, withdrawn_at: datetime | None, now: datetime) -> AlertState:
    """Return where an alert stands at a moment."""
    if withdrawn_at is not None:
        return AlertState.WITHDRAWN
    return AlertState.EXPIRED if ends_at <= now else AlertState.STANDING


def check_withdraw(standing: AlertState) -> None:
    """Raise IllegalMove unless there is still something to withdraw."""
    if standing is not AlertState.STANDING:
        raise IllegalMove("This alert is over.", allowed_actions=[])
