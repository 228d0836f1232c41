"""Who learns when a duty is not done in time, and when. Law as data; pure.

One row for each deadline of the route, those of intake and consular too. A rule that has no row is told to whoever owes
the duty and to the sender, and counts as confidential: unknown means no.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from services.referral.agencies.rules import Kind
from shared.catalogue import Text
from shared.clocks.rules import BREACHED, ESCALATED, WARNED
from shared.law import Rule

__all__ = ["BREACHED", "ESCALATED", "WARNED", "Kind"]


class To(StrEnum):
    """Who learns, by its relation to the duty."""

    OWNER = "OWNER"  # whoever owes it
    SENDER = "SENDER"  # of the referral that it is about
    FEDERAL = "FEDERAL"  # the body of the chain's kind that acts in the whole country
    INM = "INM"  # of the territory
    PP = "PP"  # of the territory: it represents the child


@dataclass(frozen=True, slots=True)
class Step:
    """Somebody learns when a duty is still not done so long after its breach."""

    after: timedelta
    to: tuple[To, ...]


@dataclass(frozen=True, slots=True)
class Chain:
    """Who learns of one deadline: at its warning the owner, at its breach `breached`, then step by step.

    `confidential`: it tells of refuge or of protection. Then neither INM nor a body bound to a foreign state learns of
    it (the guard).
    """

    rule: str
    breached: tuple[To, ...]
    then: tuple[Step, ...] = ()
    federal: Kind | None = None
    confidential: bool = False

    def at(self, kind: str, step: int) -> tuple[To, ...]:
        """Return who learns of a warning, of the breach, or at a step after it (from 1)."""
        if kind == WARNED:
            return (To.OWNER,)
        return self.breached if kind == BREACHED else self.then[step - 1].to


def _after(hours: float, *to: To) -> Step:
    return Step(timedelta(hours=hours), to)


_OWN, _SENT = (To.OWNER,), (To.OWNER, To.SENDER)
_UP = (To.OWNER, To.FEDERAL)
_ALL = (To.OWNER, To.SENDER, To.FEDERAL)
_PP = (To.OWNER, To.PP)
_WEEK = 7 * 24

CHAINS = {
    chain.rule: chain
    for chain in (
        # intake: INM owes them
        Chain("D1", _UP, (_after(24, To.PP), _after(72, To.INM, To.FEDERAL)), Kind.PP),
        Chain("D2", _UP, (_after(24, To.PP), _after(72, To.INM, To.FEDERAL)), Kind.DIF),
        Chain("NEEDS", _UP, (_after(24, To.PP),), Kind.PP),
        Chain("VRH", _UP, (_after(72, To.PP),), Kind.PP),
        Chain("TRACING", _UP, (_after(_WEEK, To.PP),), Kind.PP),
        # the guard: what waits for a decision, and what stands
        Chain("NOTICE_INM", _OWN, (_after(24, To.PP),)),
        Chain("NOTICE_PP", _UP, (_after(72, To.FEDERAL),), Kind.PP),
        Chain("GATE_WAITS", _OWN, (_after(3, To.PP),)),
        Chain("REVIEW_RELEASE", _UP, (_after(_WEEK, To.FEDERAL),), Kind.PP),
        Chain("REVIEW_BAR", _UP, (_after(_WEEK, To.FEDERAL),), Kind.PP, confidential=True),
        Chain("REVIEW_LIFT", _UP, (_after(_WEEK, To.FEDERAL),), Kind.PP, confidential=True),
        # consular: a notice that has no way
        Chain("C2", _OWN, (_after(24, To.INM),)),
        Chain("C3", _OWN, (_after(24, To.INM),)),
        Chain("C5", _OWN, (_after(24, To.INM),)),
        # what an agency was sent
        Chain("ACK_PP", _ALL, (_after(24, To.FEDERAL),), Kind.PP),
        Chain("ACK_DIF", _ALL, (_after(24, To.PP),), Kind.DIF),
        Chain("ACK_COMAR", _ALL, (_after(3, To.PP), _after(24, To.FEDERAL)), Kind.PP, confidential=True),
        Chain("ACK_MP", _ALL, (_after(3, To.PP), _after(24, To.FEDERAL)), Kind.PP, confidential=True),
        Chain("ACK_SERVICE_1H", _SENT, (_after(3, To.PP),)),
        Chain("ACK_SERVICE_3H", _SENT, (_after(12, To.PP),)),
        Chain("ACK_SERVICE_1D", _SENT, (_after(48, To.PP),)),
        Chain("ACK_SERVICE_3D", _SENT, (_after(_WEEK, To.PP),)),
        # what an agency took on, a refusal that waits, a child on its way
        Chain("START_SERVICE_1H", _SENT, (_after(3, To.PP),)),
        Chain("START_SERVICE_3H", _SENT, (_after(12, To.PP),)),
        Chain("START_SERVICE_1D", _SENT, (_after(48, To.PP),)),
        Chain("START_SERVICE_3D", _SENT, (_after(_WEEK, To.PP),)),
        Chain("LAPSE_SERVICE", _SENT),  # no clock runs for it: the breach before it was told
        Chain("APPOINTMENT", _SENT, (_after(48, To.PP),)),
        Chain("CONFIRM_REFUSAL", _ALL, (_after(3, To.FEDERAL),), Kind.PP),
        Chain("TRANSFER_ANSWER", _PP),
        Chain("TRANSFER_DEPART", _PP),
        Chain("TRANSFER_ARRIVE", _PP, (_after(3, To.PP),)),
        # consents: what they let be read may tell of a wish for protection
        Chain("CONSENT_REVIEW", _PP, confidential=True),
        Chain("WITHDRAWAL_ACK", _PP, (_after(72, To.PP, To.FEDERAL),), Kind.PP),
        Chain("OVERRIDE_REVIEW", _PP, (_after(24, To.FEDERAL),), Kind.PP, confidential=True),
        # a child who is missing, and one who is about to come of age
        Chain("SEARCH_FIRST", _UP, (_after(24, To.PP, To.FEDERAL),), Kind.PP),
        Chain("SEARCH_NEXT", _UP, (_after(72, To.PP, To.FEDERAL),), Kind.PP),
        Chain("R38_LIFE_PLAN", _UP, (_after(_WEEK, To.PP),), Kind.DIF),
        Chain("R38_DOCUMENTS", _UP, (_after(_WEEK, To.FEDERAL),), Kind.PP),
        Chain("R38_AFTERCARE", _UP, (_after(_WEEK, To.PP),), Kind.DIF),
        # urgent measures (LGDNNA 122)
        Chain("D3", (To.OWNER, To.PP, To.FEDERAL), (_after(3, To.PP, To.FEDERAL),), Kind.PP),
        Chain("D4", (To.OWNER, To.PP, To.FEDERAL), (_after(24, To.PP, To.FEDERAL),), Kind.PP),
        # refuge (LRPCAP): the child's own duties are the representative's
        Chain("D5", _ALL, (_after(3, To.PP), _after(24, To.FEDERAL)), Kind.PP, confidential=True),
        Chain("D6", (To.OWNER, To.PP), (_after(24, To.FEDERAL),), Kind.PP, confidential=True),
        Chain("D7", (To.OWNER, To.PP), (_after(24, To.FEDERAL),), Kind.PP, confidential=True),
        Chain("D8", _PP, (_after(24, To.FEDERAL),), Kind.PP, confidential=True),
        Chain("D9", _PP, (), confidential=True),
        Chain(
            "D10", _PP, (_after(_WEEK, To.FEDERAL), _after(4 * _WEEK, To.PP, To.FEDERAL)), Kind.PP, confidential=True
        ),
        Chain("D11", _PP, (_after(_WEEK, To.FEDERAL),), Kind.PP, confidential=True),
        Chain("D12", (To.OWNER, To.PP), (_after(24, To.FEDERAL),), Kind.PP, confidential=True),
        # a child on its way to its country: INM owes it
        Chain("RETURN_ARRIVAL", _PP, (_after(3, To.PP, To.FEDERAL), _after(24, To.PP, To.FEDERAL)), Kind.PP),
        # the plan, and the half-year's report
        Chain("PRD_ITEM", (To.OWNER, To.PP), (_after(_WEEK, To.FEDERAL),), Kind.PP, confidential=True),
        Chain("D13", _UP, (_after(_WEEK, To.FEDERAL),), Kind.PP),
        Chain("D14", _UP, (_after(4 * _WEEK, To.FEDERAL),), Kind.PP),
    )
}
"""Deadline → who learns. The kinds of body are law (whom the article names) or design; the times are design."""


ORDERED = frozenset({
    "D1", "D2", "NEEDS", "VRH", "TRACING", "NOTICE_INM", "GATE_WAITS", "ACK_DIF", "ACK_COMAR", "ACK_MP", "D3", "D4",
    "D5", "D8", "D10", "D11", "WITHDRAWAL_ACK",
})  # fmt: skip
"""Duties that the law gives to an agency that is no Procuraduría: they stay when a case is kept from it (R29)."""


def chain(rule: str) -> Chain:
    """Return the chain of a deadline."""
    return CHAINS.get(rule) or Chain(rule, _SENT, confidential=True)


STEPS = {rule: [step.after for step in each.then] for rule, each in CHAINS.items()}
"""Deadline → the times after its breach at which its clock speaks again."""


def fit(chain: Chain, kind: str | None, bound_to: str | None, *, owner: bool) -> bool:
    """Whether a body may learn of a clock (the guard): one that serves a foreign state never, who owes it always.

    `kind` is null for a body that is in no directory.
    """
    if bound_to is not None:
        return False
    return not chain.confidential or (owner or kind not in (Kind.INM, None))


RESOURCES = {
    "ref": "referral", "enc": "encounter", "ntc": "notice", "cas": "case", "rel": "release", "act": "acta",
    "trc": "tracing", "rep": "report", "trf": "transfer", "rvw": "search_review", "tsk": "task",
    "msr": "measure", "itm": "plan_item",
    "cst": "consent", "wdn": "withdrawal_notice", "ovr": "override",
    "grv": "guard_review", "crs": "crossing", "lft": "lift",
    "rcl": "claim", "ret": "return",
}  # fmt: skip
"""The prefix of an id → the kind of resource."""


def resource(resource_id: str) -> str:
    """Return what kind of resource a clock is about; its id's own prefix, where that is of a later release."""
    prefix = resource_id.partition("_")[0]
    return RESOURCES.get(prefix, prefix)


ESCALATES = Rule(
    "R7",
    Text(
        "A duty that is not done in time warns whoever owes it, then escalates step by step to the sender, the federal "
        "body and the child's Procuraduría.",
        "Un deber no cumplido a tiempo advierte a quien lo debe y después escala por pasos a quien envió, al órgano "
        "federal y a la Procuraduría de la niña o niño.",
    ),
    "Ley de Migración, art. 112 (immediately); the times and the recipients are a design decision",
    verified=False,
)
RULES: Sequence[Rule] = (ESCALATES,)
