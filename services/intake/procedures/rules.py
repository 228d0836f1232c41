"""When a child's migration procedure may begin (R5). Pure."""

from datetime import datetime

from shared.catalogue import Text
from shared.law import Rule

AFTER_NOTICE = Rule(
    "R5",
    Text(
        "No migration procedure (PAM) of a child begins before the Procuraduría was notified of the child.",
        "Ningún procedimiento administrativo migratorio de una niña, niño o adolescente inicia antes del aviso a la "
        "Procuraduría.",
    ),
    "Ley de Migración, art. 11, 95, 98 and 112, fr. II",
)
RULES = (AFTER_NOTICE,)


def check_start(started_at: datetime, notified_at: datetime | None) -> None:
    """Raise RefusedByLaw where the procedure would begin before the Procuraduría's notice, or without one (R5)."""
    if notified_at is None or started_at < notified_at:
        raise AFTER_NOTICE.refuse(
            "The Procuraduría is notified first: its notice of this meeting is not acknowledged yet, or is later.",
            allowed_actions=["pp_notice"],
        )
