"""By what means a child speaks with relatives, and what is kept of it. Pure."""

from enum import StrEnum

from shared.catalogue import Text
from shared.law import Rule


class Means(StrEnum):
    """How the child and the relative spoke."""

    PHONE = "PHONE"
    VIDEO = "VIDEO"
    MESSAGE = "MESSAGE"
    VISIT = "VISIT"


MEANS: dict[Means, Text] = {
    Means.PHONE: Text("by telephone", "por teléfono"),
    Means.VIDEO: Text("by video call", "por videollamada"),
    Means.MESSAGE: Text("by message", "por mensaje"),
    Means.VISIT: Text("in person", "en persona"),
}

FREE = Rule(
    "CONTACT-FREE",
    Text(
        "A child's contact with relatives costs the child nothing, and nobody keeps what was said.",
        "El contacto con familiares no cuesta nada a la niña, niño o adolescente, y nadie guarda lo que se dijo.",
    ),
    "INM practice of child-protection officers: free calls with the family; LGDNNA, art. 76 to 80 (privacy)",
    verified=False,
)
RULES = (FREE,)


def check_free(*, free: bool) -> None:
    """Raise RefusedByLaw where the child paid."""
    if not free:
        raise FREE.refuse("The child's call is paid by the authority: give it back, and record it as free.",
                          allowed_actions=["free"])  # fmt: skip
