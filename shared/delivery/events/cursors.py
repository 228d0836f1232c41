"""Places in a feed as its readers hold them: sealed, so that they tell nothing, not even a count."""

import base64
import struct
from dataclasses import dataclass

from shared.crypto import SealBroken, open_with, seal_with
from shared.delivery.models import Endpoint
from shared.errors import Refusal

_PLAIN = struct.Struct(">IQ2x")
"""Epoch and position. All cursors are equally long, and two more bytes spare a reader the `=` of base64."""

ANEW = "The feed of this endpoint starts anew since a restore from a backup: read it from the beginning."


@dataclass(frozen=True, slots=True)
class Cursors:
    """Makes and reads the cursors of one feed. They hold for one service, agency and endpoint, in one epoch."""

    key: bytes
    place: str
    epoch: int
    position: int
    """The last place that was given in the feed."""

    @classmethod
    def of(cls, key: bytes, service: str, receiver: Endpoint) -> "Cursors":
        """Return those of an endpoint."""
        return cls(key, f"feed/{service}/{receiver.owner}/{receiver.id}", receiver.epoch, receiver.position)

    def at(self, position: int) -> str:
        """Return the cursor that goes on behind a place; 0 is the beginning."""
        sealed = seal_with(self.key, _PLAIN.pack(self.epoch, position), self.place)
        return base64.urlsafe_b64encode(sealed).decode()

    def position_of(self, cursor: str) -> int:
        """Read a cursor. Raises Refusal when it is of another feed, another epoch, or nobody's."""
        try:
            sealed = base64.urlsafe_b64decode(cursor.encode("ascii"))
            # Decoding passes over what is not base64: one cursor has one text.
            if base64.urlsafe_b64encode(sealed).decode() != cursor:
                raise Refusal(code="bad_cursor")
            epoch, position = _PLAIN.unpack(open_with(self.key, sealed, self.place))
        except (ValueError, SealBroken, struct.error):
            raise Refusal(code="bad_cursor") from None
        # A place that was never given here was given before the restore, though nobody has counted it.
        if epoch != self.epoch or position > self.position:
            raise Refusal(ANEW, code="bad_cursor")
        return int(position)
