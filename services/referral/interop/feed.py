"""Use cases of export: one referral in a partner's form, and what has changed since the partner said that it has it.

A cursor names what was shown, and is sent back as a confirmation of just that. So nothing is passed over that a slow
transaction commits late, what is not confirmed comes again, and what is confirmed comes again only once it has changed.
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence

from sqlmodel.ext.asyncio.session import AsyncSession

from services.referral.interop import store
from services.referral.interop.rules import Door
from services.referral.interop.wire import View
from services.referral.referrals import service as referrals
from services.referral.referrals.models import Referral
from services.referral.transfers import service as transfers
from services.referral.transfers.models import Transfer
from services.referral.transfers.rules import View as TransferView
from shared import audit, clock
from shared.auth import Caller
from shared.crypto import Vault
from shared.errors import Refusal

_MAC, _ID, _VERSION = 12, 16, 4


def sign(key: bytes, caller: Caller, door: Door, shown: Sequence[Referral]) -> str | None:
    """Return the cursor that confirms these referrals in these versions; none for none."""
    if not shown:
        return None
    content = b"".join(bytes.fromhex(each.id[-32:]) + each.version.to_bytes(_VERSION, "big") for each in shown)
    return base64.urlsafe_b64encode(_mac(key, caller, door, content) + content).decode()


def _mac(key: bytes, caller: Caller, door: Door, content: bytes) -> bytes:
    return hmac.digest(key, f"interop\0{door.value}\0{caller.agency}\0".encode() + content, hashlib.sha256)[:_MAC]


def confirmed(key: bytes, caller: Caller, door: Door, cursor: str) -> list[tuple[str, int]]:
    """Return which referrals in which versions a cursor confirms. Raises Refusal for one that is not the caller's."""
    try:
        raw = base64.urlsafe_b64decode(cursor.encode("ascii"))
    except ValueError:
        raise Refusal(code="bad_cursor") from None
    mac, content = raw[:_MAC], raw[_MAC:]
    if not hmac.compare_digest(mac, _mac(key, caller, door, content)):
        raise Refusal(code="bad_cursor")
    size = _ID + _VERSION
    rows = [content[at : at + size] for at in range(0, len(content), size)]
    return [(f"ref_{row[:_ID].hex()}", int.from_bytes(row[_ID:], "big")) for row in rows]


async def changes(
    session: AsyncSession, key: bytes, caller: Caller, door: Door, cursor: str | None, limit: int
) -> tuple[list[View], str | None]:
    """Confirm what a cursor names, and return what else has changed. Without what people said: a single reading has it.

    That the recipient's system has it counts as having read it. Raises Refusal.
    """
    if cursor is not None:
        await store.keep(session, caller, door, confirmed(key, caller, door, cursor), clock.now())
    found = await store.changed(session, caller, door, limit)
    for each in found:
        if each.read_at is None and caller.agency == each.recipient:
            each.read_at = clock.now()
    theirs = await store.partner_ids(session, caller, door.system, [each.id for each in found])
    if found:
        audit.wrote(session, caller, "export", "referral", found[0].id, door=door.value, referrals=len(found))
    views = [View(each, partner_id=_own_id(caller, each, theirs)) for each in found]
    return views, sign(key, caller, door, found)


def _own_id(caller: Caller, referral: Referral, theirs: dict[str, str]) -> str | None:
    own = referral.external_id if referral.sender == caller.agency else None
    return theirs.get(referral.id) or own


async def one(session: AsyncSession, vault: Vault, caller: Caller, door: Door, referral_id: str) -> View:
    """Return one referral with what people said of it; that is recorded. Raises NotFound."""
    referral = await referrals.read(session, caller, referral_id)
    theirs = await store.partner_ids(session, caller, door.system, [referral.id])
    said = await referrals.words(session, vault, caller, referral)
    return View(referral, said["note"], said["answer_note"], _own_id(caller, referral, theirs))


async def transfer(
    session: AsyncSession, vault: Vault, caller: Caller, transfer_id: str
) -> tuple[Transfer, bool, str | None]:
    """Return one transfer, whether the caller's view of it is reduced, and what was said if not. Raises NotFound."""
    found = await transfers.find(session, caller, transfer_id)
    reduced = transfers.view_of(caller, found) is TransferView.REDUCED
    return found, reduced, transfers.words(session, vault, caller, found).get("note")
