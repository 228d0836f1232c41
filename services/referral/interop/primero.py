"""A referral as Primero v2 has it: the transition of a case to a user of another agency.

Primero keeps no version and answers no second reading with one, so a message is told apart by its moment and status.
"""

from typing import Literal

from pydantic import Field

from services.referral.interop import rules, wire
from services.referral.interop.rules import Book, Door, MapList, System, Told
from services.referral.interop.wire import At, TheirId, View, Word
from services.referral.transfers.models import Transfer
from shared.shapes import Id, In, Note, Out

_SYSTEM = System.PRIMERO
_DATA = "/data"


class PrimeroReferralIn(In):
    """A referral of Primero. Fields of the child or of users are none of it, and are refused."""

    id: TheirId = Field(description="Primero's id of the transition", examples=["8165ff68-e406-4258-bb77-004b1f148290"])
    type: Literal["Referral"] = Field(description="what it is", examples=["Referral"])
    record_type: Literal["case", "Child"] = Field(default="case", description="what was referred", examples=["case"])
    record_id: Id | None = Field(
        default=None, description="our id of the case; needed for what is new",
        examples=["cas_019aa7c3f0e57d1e8c2f4b6a90d31e60"],
    )  # fmt: skip
    service_record_id: Id | None = Field(
        default=None, description="our id of the referral, if it is one of ours",
        examples=["ref_019aa7c3f0e57d1e8c2f4b6a90d31e48"],
    )  # fmt: skip
    status: Word = Field(description="Primero's status", examples=["accepted"])
    service: Word | None = Field(default=None, description="Primero's service type", examples=["legal_support"])
    service_response_timeframe: Word | None = Field(
        default=None, description="Primero's time frame of the service", examples=["1_day"]
    )
    transitioned_by_agency: Word | None = Field(default=None, description="who refers", examples=["pp-chp"])
    transitioned_to_agency: Word | None = Field(default=None, description="who is asked", examples=["UNICEF"])
    consent_overridden: bool | None = Field(
        default=None, description="true: another basis than consent, which the tag in `notes` names", examples=[False]
    )
    notes: Note | None = Field(
        default=None, description="the sender's own words, after the tag with our exact codes if there is one",
        examples=["[ruta lawful_basis=BEST_INTERESTS]"],
    )  # fmt: skip
    rejected_reason: Note | None = Field(
        default=None, description="why it was rejected: a tag with our code, or a phrase of the mapping before a colon",
        examples=["[ruta decline_reason=NO_CAPACITY]"],
    )  # fmt: skip
    remote: bool | None = Field(default=None, description="Primero's mark of who is outside", examples=[True])
    created_at: At = Field(description="when it was made")
    responded_at: At | None = Field(default=None, description="when it was answered")
    last_updated_at: At | None = Field(default=None, description="when it changed last; else the later of the two")


class PrimeroIn(In):
    """One referral, as Primero's API wraps it."""

    data: PrimeroReferralIn = Field(description="the referral")


class PrimeroReferralOut(Out):
    """A referral as Primero's API shows one."""

    id: str = Field(
        description="Primero's id of it where it is known, else ours", examples=["8165ff68-e406-4258-bb77-004b1f148290"]
    )
    type: str = Field(description="Referral, or Transfer", examples=["Referral"])
    record_type: str = Field(description="what was referred", examples=["case"])
    record_id: str = Field(description="our id of the case", examples=["cas_019aa7c3f0e57d1e8c2f4b6a90d31e60"])
    service_record_id: str = Field(
        description="our id of the referral or transfer", examples=["ref_019aa7c3f0e57d1e8c2f4b6a90d31e48"]
    )
    status: str | None = Field(description="Primero's status; null where it has no word for it", examples=["accepted"])
    service: str | None = Field(description="Primero's service type", examples=["legal_support"])
    service_response_timeframe: str | None = Field(description="Primero's time frame", examples=["1_day"])
    transitioned_by_agency: str = Field(description="who refers", examples=["pp-chp"])
    transitioned_to_agency: str = Field(description="who is asked", examples=["UNICEF"])
    consent_overridden: bool | None = Field(
        description="whether it rests on something else than consent; null where you no longer see it", examples=[True]
    )
    notes: str | None = Field(
        description="the tag with our exact codes, and in a single reading the sender's words",
        examples=["[ruta state=working lawful_basis=BEST_INTERESTS]"],
    )
    rejected_reason: str | None = Field(description="why it was rejected, by our code in a tag", examples=[None])
    remote: bool = Field(description="always true: we are outside of Primero", examples=[True])
    created_at: At = Field(description="when it was made")
    responded_at: At | None = Field(description="when it was first answered")
    last_updated_at: At = Field(description="when it changed last")
    version: int = Field(description="counts its changes here", examples=[2])


class PrimeroOut(Out):
    """One referral, as Primero's API wraps it."""

    data: PrimeroReferralOut = Field(description="the referral")


class PrimeroChanges(Out):
    """What has changed of your referrals and you have not confirmed yet."""

    data: list[PrimeroReferralOut] = Field(description="the referrals, each once, as they stand now")
    next: str | None = Field(
        description="send it as `cursor` when you have kept these; null where there is nothing new", examples=[None]
    )


def read(body: PrimeroIn) -> list[Told]:
    """Return what a message of Primero says."""
    given = body.data
    tags, note = rules.untagged(given.notes)
    answered, answer = rules.untagged(given.rejected_reason)
    changed = given.last_updated_at or max(filter(None, (given.created_at, given.responded_at)))
    override = {None: None, False: "consent", True: "override"}[given.consent_overridden]
    said = {
        MapList.STATE: given.status, MapList.KIND: given.type, MapList.SERVICE: given.service,
        MapList.URGENCY: given.service_response_timeframe, MapList.LAWFUL_BASIS: override,
    }  # fmt: skip
    names = dict(zip(said, ("status", "type", "service", "service_response_timeframe", "notes"), strict=True))
    phrase = (answer or "").partition(":")[0].strip()
    own = MapList.DECLINE_REASON in answered
    return [Told(
        door=Door.PRIMERO, partner_id=given.id, version=f"{changed.isoformat()} {given.status}", changed_at=changed,
        theirs={of: word for of, word in said.items() if word is not None}, exact=tags | answered,
        why=phrase if phrase and not own and given.status == "rejected" else None,
        at={of: f"{_DATA}/{name}" for of, name in names.items()} | {
            "why": f"{_DATA}/rejected_reason", "case": f"{_DATA}/record_id",
            MapList.AGENCY: f"{_DATA}/transitioned_to_agency",
        },
        referral_id=given.service_record_id, case_id=given.record_id, sender=given.transitioned_by_agency,
        recipient=given.transitioned_to_agency, note=answer if given.rejected_reason is not None else note,
    )]  # fmt: skip


def write(book: Book, view: View) -> PrimeroReferralOut:
    """Return a referral in Primero's words."""
    its = view.referral

    def said(of: MapList, ours: str | None) -> str | None:
        return book.outward(_SYSTEM, of, ours)

    refused = its.state.value == "declined"
    return PrimeroReferralOut(
        id=view.partner_id or its.id, type=said(MapList.KIND, its.kind) or "Referral", record_type="case",
        record_id=its.case_id, service_record_id=its.id, status=said(MapList.STATE, its.state),
        service=said(MapList.SERVICE, its.service), service_response_timeframe=said(MapList.URGENCY, its.urgency),
        transitioned_by_agency=said(MapList.AGENCY, its.sender) or its.sender,
        transitioned_to_agency=said(MapList.AGENCY, its.recipient) or its.recipient,
        consent_overridden=said(MapList.LAWFUL_BASIS, its.lawful_basis) != "consent",
        notes=wire.head(book, _SYSTEM, its, view.note),
        rejected_reason=_reason(its.answer_reason, view.answer) if refused else None, remote=True,
        created_at=its.created_at, responded_at=its.acknowledged_at, last_updated_at=its.updated_at,
        version=its.version,
    )  # fmt: skip


def _reason(code: str | None, text: str | None) -> str | None:
    return rules.tagged({MapList.DECLINE_REASON: code} if code else {}, text)


def write_transfer(book: Book, its: Transfer, *, reduced: bool, note: str | None) -> PrimeroReferralOut:
    """Return a transfer in Primero's words: there acceptance is ownership, so ours is accepted once it has arrived."""
    said = {MapList.TRANSFER_STATE: its.state.value}
    return PrimeroReferralOut(
        id=its.id, type="Transfer", record_type="case", record_id=its.case_id, service_record_id=its.id,
        status=book.outward(_SYSTEM, MapList.TRANSFER_STATE, its.state), service=None, service_response_timeframe=None,
        transitioned_by_agency=book.outward(_SYSTEM, MapList.AGENCY, its.sender) or its.sender,
        transitioned_to_agency=book.outward(_SYSTEM, MapList.AGENCY, its.recipient) or its.recipient,
        consent_overridden=None if reduced else its.lawful_basis.value != "CONSENT",
        notes=rules.tagged(wire.lost(book, _SYSTEM, said), note), rejected_reason=None, remote=True,
        created_at=its.created_at, responded_at=None if reduced else its.accepted_at, last_updated_at=its.updated_at,
        version=its.version,
    )  # fmt: skip


def again(body: bytes) -> list[Told]:
    """Return what a message that was kept says. Raises pydantic's ValidationError."""
    return read(PrimeroIn.model_validate_json(body, strict=True))
