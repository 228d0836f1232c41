"""Law as data: each rule with its source, and whether anybody has verified it."""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.catalogue import Text
from shared.errors import Law, RefusedByLaw


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule that the software enforces. `source` names the article, or says that it is a design decision."""

    id: str
    text: Text
    source: str
    verified: bool = True

    def refuse(self, detail: str, *, allowed_actions: Sequence[str] | None = None) -> RefusedByLaw:
        """Return the refusal to raise when the rule is not met."""
        return RefusedByLaw(detail, law=Law(self.id, self.source), allowed_actions=allowed_actions)
