"""Who else learns of a breach. Law as data; pure."""

from services.referral.agencies.rules import Kind
from shared.catalogue import Text
from shared.law import Rule

WARNED = "clock.warned"
BREACHED = "clock.breached"

ESCALATION = {
    "D1": Kind.PP,  # intake's: detection to notice
    "D2": Kind.DIF,  # intake's: detection to hand-over
    "NEEDS": Kind.PP,  # intake's: food, health, rest, a call [design]
    "VRH": Kind.PP,  # intake's: the permit of a foreign child [design]
    "TRACING": Kind.PP,  # intake's: an answer to a search for a relative [design]
    "ACK_PP": Kind.PP,
    "ACK_DIF": Kind.DIF,
    "ACK_COMAR": Kind.PP,
    "D14": Kind.PP,
    "SEARCH_FIRST": Kind.PP,
    "SEARCH_NEXT": Kind.PP,
    "R38_LIFE_PLAN": Kind.DIF,
    "R38_DOCUMENTS": Kind.PP,
    "R38_AFTERCARE": Kind.DIF,
}
"""Deadline → the kind whose federal body learns of a breach. The sender learns of every breach."""

ESCALATES = Rule(
    "R7",
    Text(
        "A duty that is not done in time warns whoever owes it, then escalates to the sender and the federal body.",
        "Un deber no cumplido a tiempo advierte a quien lo debe y después escala a quien envió y al órgano federal.",
    ),
    "Ley de Migración, art. 112 (immediately); the times and the recipients are a design decision",
    verified=False,
)
RULES = (ESCALATES,)
