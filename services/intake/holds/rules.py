"""What stands still while a procedure is held up (R24). Pure. Why it is held up is in no table of intake."""

from shared.catalogue import Text
from shared.law import Rule

HELD = Rule(
    "R24",
    Text(
        "While a child's procedure is held up it stands still, and no return of the child is prepared or recorded.",
        "Mientras el procedimiento de una niña, niño o adolescente está suspendido no avanza, ni se prepara o registra "
        "su retorno.",
    ),
    "Ley de Migración, art. 74 and 120; LGDNNA, art. 96 and 97; what holds it up is referral's to say",
)
RULES = (HELD,)


def check_return(*, held: bool, allowed_actions: list[str]) -> None:
    """Raise RefusedByLaw where a return would be prepared or recorded during a hold."""
    if held:
        raise HELD.refuse(HELD.text.en, allowed_actions=allowed_actions)
