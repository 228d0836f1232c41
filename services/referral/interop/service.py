"""Use cases of import: a partner's message is taken in whole, or waits, or is refused and leaves nothing."""

import hmac
from typing import Any

from pydantic import ValidationError
from sqlalchemy.exc import IntegrityError
from sqlmodel.ext.asyncio.session import AsyncSession

from services.referral.interop import quarantine, rules, store
from services.referral.interop.models import Quarantined, Receipt
from services.referral.interop.rules import MUST_SAY_WHY, ONE_CHILD, UNKNOWN_WAITS, WHY, Book, MapList, Meaning, Told
from services.referral.interop.schemas import TakenOut
from services.referral.interop.shelf import book
from services.referral.interop.steps import steps
from services.referral.referrals import service as referrals
from services.referral.referrals.models import Referral
from services.referral.referrals.rules import Party, ReferralKind, State
from services.referral.referrals.schemas import ReferralIn
from services.referral.referrals.service import SentBefore
from services.referral.referrals.steps import Said, standing
from shared import audit, clock, ids
from shared.auth import Caller
from shared.crypto import Vault
from shared.errors import Conflict, Fault, Invalid, NotFound

__all__ = ["UNKNOWN_WAITS", "replay", "take"]
OPENED, MOVED, UNCHANGED, STALE, KNOWN = "opened", "moved", "unchanged", "stale", "known"


async def take(session: AsyncSession, vault: Vault, caller: Caller, told: Told, body: bytes) -> TakenOut | Quarantined:
    """Take a message in, once for its id and version. What is not understood is kept instead, and changes nothing.

    Raises NotFound, Conflict, IllegalMove, RefusedByLaw or Invalid, as the plain API does.
    """
    digest = hmac.digest(vault.derive("interop"), body, "sha256")
    before = await _before(session, caller, told, digest)
    if before is not None:
        return await _shown(session, caller, before, KNOWN)
    last = await store.latest(session, caller, told.door.system, told.partner_id)
    referral = await _meant(session, caller, told, last)
    of_today = await book(session)
    meaning = rules.resolve(of_today, told, opens=referral is None)
    if meaning.unknown:
        return await quarantine.keep(session, vault, caller, told, body, opens=referral is None)
    receipt = Receipt(
        id=ids.new("rcp"), agency=caller.agency, system=told.door.system, partner_id=told.partner_id,
        partner_version=told.version, digest=digest, changed_at=told.changed_at, referral_id="", result="",
        codes=_codes(told, meaning, opens=referral is None), received_at=clock.now(),
    )  # fmt: skip
    try:
        async with session.begin_nested():  # a rival with the same message waits here, and finds it taken in
            session.add(receipt)
    except IntegrityError:
        rival = await _before(session, caller, told, digest)
        if rival is None:
            raise
        return await _shown(session, caller, rival, KNOWN)
    if referral is None:
        receipt.result, referral = OPENED, await _open(session, vault, caller, told, meaning)
    elif last is not None and told.changed_at < last.changed_at:
        receipt.result = STALE
    else:
        receipt.result, referral = await _move(session, vault, caller, told, of_today, meaning, referral)
    receipt.referral_id = referral.id
    await quarantine.settle(session, caller, told, referral.id)
    audit.wrote(session, caller, "import", "referral", referral.id, door=told.door.value, result=receipt.result)
    return await _shown(session, caller, receipt, receipt.result)


async def _before(session: AsyncSession, caller: Caller, told: Told, digest: bytes) -> Receipt | None:
    """Return the receipt of this message. Raises Conflict where another one had its id and version."""
    found = await store.receipt(session, caller, told.door.system, told.partner_id, told.version)
    if found is not None and not hmac.compare_digest(found.digest, digest):
        raise Conflict("Another message of yours had this id and this version.", allowed_actions=[])
    return found


def _codes(told: Told, meaning: Meaning, *, opens: bool) -> dict[str, Any]:
    """Return the codes that were read, for dry runs: no text of a person."""
    lists = {MapList.STATE, *(rules.SAID_WITH_IT if opens else ())}
    theirs = {of.value: word for of, word in told.theirs.items() if of in lists}
    if told.why is not None and meaning.why is not None and meaning.state is not None:
        theirs[WHY[meaning.state].value] = told.why
    return {"theirs": theirs}


async def _shown(session: AsyncSession, caller: Caller, receipt: Receipt, result: str) -> TakenOut:
    referral = await referrals.find(session, caller, receipt.referral_id)
    represents = bool(await referrals.represented(session, caller, [referral]))
    return TakenOut(
        partner_id=receipt.partner_id, partner_version=receipt.partner_version, result=result,
        referral_id=referral.id, case_id=referral.case_id, state=referral.state, waits_for=referral.refusal_to,
        version=referral.version, allowed_actions=referrals.allowed(caller, referral, represents=represents),
    )  # fmt: skip


# -- which child -----------------------------------------------------------------------------------------


async def _meant(session: AsyncSession, caller: Caller, told: Told, last: Receipt | None) -> Referral | None:
    """Return the referral that a message is about; none where it is new. Raises NotFound, RefusedByLaw.

    By our own id, or by theirs as they used it before: never by anything that several children may share.
    """
    found: dict[str, Referral] = {}
    if told.referral_id is not None:
        named = await referrals.find(session, caller, told.referral_id)
        found[named.id] = named
    if last is not None:
        used = await referrals.find(session, caller, last.referral_id)
        found[used.id] = used
    elif told.referral_id is None and (sent := await store.sent_as(session, caller, told.partner_id)) is not None:
        found[sent.id] = sent
    if len(found) > 1:
        raise ONE_CHILD.refuse("Your id was used for another referral.", allowed_actions=[])
    referral = next(iter(found.values()), None)
    if referral is not None:
        _must_agree(told, referral)
    return referral


def _must_agree(told: Told, referral: Referral) -> None:
    for said, its in (
        (told.case_id, referral.case_id), (told.child_id, referral.child_id), (told.parent_id, referral.parent_id)
    ):  # fmt: skip
        if said is not None and said != its:
            raise ONE_CHILD.refuse("It names another case, child or referral than ours has.", allowed_actions=[])


# -- what follows ----------------------------------------------------------------------------------------


async def _move(
    session: AsyncSession, vault: Vault, caller: Caller, told: Told, of_today: Book, meaning: Meaning,
    referral: Referral,
) -> tuple[str, Referral]:  # fmt: skip
    """Take the steps that lead to what the message says; none, where it says what is so."""
    target = meaning.state
    if target is None:
        raise Invalid("It says no status.", faults=[Fault(told.at.get(MapList.STATE, ""), "missing")])
    waits = target is State.DECLINED and referral.refusal_reason is not None
    if waits or rules.same(of_today, told, meaning, referral.state):
        return UNCHANGED, referral
    represents = bool(await referrals.represented(session, caller, [referral]))
    parties = referrals.parties(caller, referral, represents=represents)
    if target is State.SENT and Party.SENDER in parties:  # who asked asks again: that is no step back
        return UNCHANGED, referral
    way = steps(standing(referral), parties, target)
    if target in MUST_SAY_WHY and meaning.why is None:
        raise Invalid("That needs a coded reason.", faults=[Fault(told.at.get("why", ""), "missing")])
    known = await referrals.words(session, vault, caller, referral) if told.note else {}
    note = told.note if told.note not in known.values() else None
    await referrals.hold(session, referral.case_id)  # of several steps the last may need every clock of the case
    for action in way:
        last = Said(reason=meaning.why, note=note) if action is way[-1] else Said()
        referral = await referrals.act(session, vault, caller, referral.id, action, last)
    return MOVED, referral


async def _open(session: AsyncSession, vault: Vault, caller: Caller, told: Told, meaning: Meaning) -> Referral:
    """Open what a partner asks for: a service, as the plain API would. Raises what that raises, and Invalid."""
    said = meaning.codes
    wanted = {
        "state": (told.at.get(MapList.STATE, ""), meaning.state is State.SENT),
        "kind": (told.at.get(MapList.KIND, ""), said.get(MapList.KIND) in (None, ReferralKind.SERVICE.value)),
        "sender": ("", told.sender in (None, caller.agency)),
    }
    if unfit := [Fault(pointer, "unfit") for pointer, fits in wanted.values() if not fits]:
        raise Invalid("Only a service is new, as sent, and by who sends it.", faults=unfit)
    needed = (MapList.SERVICE, MapList.REASON, MapList.URGENCY, MapList.LAWFUL_BASIS, MapList.AGENCY)
    missing = [Fault(told.at.get(of, ""), "missing") for of in needed if of not in said]
    if told.case_id is None or missing:
        faults = missing or [Fault(told.at.get("case", ""), "missing")]
        raise Invalid("What is new says case, recipient, service, reason, urgency and basis.", faults=faults)
    asked = {
        "case_id": told.case_id, "recipient": said[MapList.AGENCY], "service": said[MapList.SERVICE],
        "reason": said[MapList.REASON], "urgency": said[MapList.URGENCY],
        "lawful_basis": said[MapList.LAWFUL_BASIS], "note": told.note, "parent_id": told.parent_id,
        "external_id": told.partner_id,
    }  # fmt: skip
    try:
        opened = await referrals.request_service(session, vault, caller, ReferralIn.model_validate(asked))
    except ValidationError:  # an id of another form is nobody's id
        raise NotFound from None
    except SentBefore:  # by a rival, a moment ago
        found = await store.sent_as(session, caller, told.partner_id)
        if found is None:
            raise
        _must_agree(told, found)
        return found
    if told.child_id not in (None, opened.child_id):
        raise ONE_CHILD.refuse("The case is another child's.", allowed_actions=[])
    return opened


async def replay(session: AsyncSession, vault: Vault, caller: Caller, quarantine_id: str) -> TakenOut | Quarantined:
    """Take in a message that waits, by the mapping and the rights of today. Raises what `take` does, IllegalMove."""
    found = await quarantine.find(session, caller, quarantine_id)
    body = vault.open(quarantine.opened(found), quarantine.PLACE, found.id)
    return await take(session, vault, caller, quarantine.parse(found.door, body), body)
