"""A referral as the exchange between Primero and UNHCR's proGres has it: interventions, and decisions on them.

The names of fields are proGres' own, its two spellings of one of them included. A batch holds many; each is taken in
or refused by itself. Decisions name our case and our referral in full, `cas_…#ref_…`, and both must agree.
"""

import re
from datetime import datetime
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from services.referral.interop import rules, wire
from services.referral.interop.rules import Book, Door, MapList, System, Told
from services.referral.interop.wire import At, TheirId, View, Word
from shared.shapes import In, Note, Out

_SYSTEM = System.PROGRES
INTERVENTION = "intervention"
MOST = 100
"""Interventions in one message. More is refused, never cut off."""

_NAMED = re.compile(r"(?:(cas_[0-9a-f]{32}))?#?(?:(ref_[0-9a-f]{32}))?")
OurIds = Annotated[
    str, StringConstraints(pattern=r"^(cas_[0-9a-f]{32}|ref_[0-9a-f]{32}|cas_[0-9a-f]{32}#ref_[0-9a-f]{32})$")
]
_DECISION = "progres_reviewdecision"


class ProgresInterventionIn(In):
    """An intervention, or a decision on one of ours. Fields of individuals or users are none of it, and refused."""

    progres_interventionnumber: TheirId | None = Field(
        default=None, description="proGres' number of the intervention", examples=["INT-00417"]
    )
    progres_interoperabilityreferralnumber: TheirId | None = Field(
        default=None, description="proGres' number of the referral, in a decision", examples=["IOR-00417"]
    )
    progres_orgreferralid: OurIds = Field(
        description="our case, our referral, or both with # between them",
        examples=["ref_019aa7c3f0e57d1e8c2f4b6a90d31e48"],
    )  # fmt: skip
    progres_interventiontype: Word | None = Field(
        default=None, description="what is asked for", examples=["Psychosocial Service"]
    )
    progres_priority: Word | None = Field(default=None, description="how urgent it is", examples=["Medium"])
    progres_interventionserviceprovider: Word | None = Field(
        default=None, description="who is asked", examples=["dif-chp"]
    )
    progres_interventionstartdate: At | None = Field(default=None, description="when the intervention began")
    progres_interventiondescription: Note | None = Field(
        default=None, description="the sender's own words, after the tag with our exact codes",
        examples=["[ruta lawful_basis=BEST_INTERESTS]"],
    )  # fmt: skip
    status: Word | None = Field(default=None, description="the exchange's status", examples=["acknowledged"])
    closure_reason: Note | None = Field(
        default=None, description="what is said with the status", examples=["[ruta decline_reason=NO_CAPACITY]"]
    )
    progres_reviewdecision: Word | None = Field(
        default=None, description="the decision: 125080000 accepted, 125080001 rejected", examples=["125080000"]
    )
    progres_reviewdate: At | None = Field(default=None, description="when it was decided")
    progres_interoperabiltyreferralrejectionreason: Word | None = Field(
        default=None, description="why it was rejected", examples=["125080002"]
    )
    progres_interoperabilityreferralrejectionomment: Note | None = Field(
        default=None, description="what is said with that, as the jobs spell it", examples=["Duplicada"]
    )
    progres_interoperabilityreferralrejectioncomment: Note | None = Field(
        default=None, description="the same, as others spell it", examples=["Duplicada"]
    )

    @model_validator(mode="after")
    def _told_apart(self) -> Self:
        if self.progres_reviewdate is None and self.progres_interventionstartdate is None:
            raise ValueError("a message has a moment: progres_reviewdate or progres_interventionstartdate")
        if self.number is None and "ref_" not in self.progres_orgreferralid:
            raise ValueError("what is new has a number")
        return self

    @property
    def number(self) -> str | None:
        """Their id of it."""
        return self.progres_interventionnumber or self.progres_interoperabilityreferralnumber

    @property
    def moment(self) -> datetime:
        """When they decided or sent it."""
        found = self.progres_reviewdate or self.progres_interventionstartdate
        assert found is not None
        return found


class ProgresIn(In):
    """A message of proGres: interventions, each by itself."""

    interventions: Annotated[list[ProgresInterventionIn], Field(min_length=1, max_length=MOST)] = Field(
        description="the interventions or decisions"
    )
    request_type: Word | None = Field(
        default=None, description="the exchange's name of the message", examples=["PrimeroIncomingReferralDecision"]
    )


class ProgresInterventionOut(Out):
    """A referral in the words of the exchange."""

    case_id: str = Field(description="our case", examples=["cas_019aa7c3f0e57d1e8c2f4b6a90d31e60"])
    progres_orgreferralid: str = Field(
        description="our case and our referral",
        examples=["cas_019aa7c3f0e57d1e8c2f4b6a90d31e60#ref_019aa7c3f0e57d1e8c2f4b6a90d31e48"],
    )
    progres_interventionnumber: str | None = Field(
        description="proGres' number, where it is known", examples=["INT-00417"]
    )
    progres_interventiontype: str | None = Field(
        description="what is asked for; null where the exchange has no word", examples=["Psychosocial Service"]
    )
    progres_priority: str | None = Field(description="how urgent it is", examples=["Medium"])
    progres_interventionserviceprovider: str = Field(description="who is asked", examples=["UNHCR"])
    progres_interventionstartdate: At = Field(description="when it was sent")
    progres_interventiondescription: str | None = Field(
        description="the tag with our exact codes, and in a single reading the sender's words",
        examples=["[ruta lawful_basis=BEST_INTERESTS]"],
    )
    status: str | None = Field(
        description="the exchange's status; null where it has no word for ours", examples=["acknowledged"]
    )
    closure_reason: str | None = Field(description="why, by our code in a tag", examples=[None])
    progres_interoperabiltyreferralrejectionreason: str | None = Field(
        description="why it was rejected, where the exchange has a word for it", examples=[None]
    )
    request_type: str = Field(
        description="the exchange's name of the message", examples=["ReceiveDecisionOutgoingReferral"]
    )
    last_updated_at: At = Field(description="when it changed last")
    version: int = Field(description="counts its changes here", examples=[2])


class ProgresChanges(Out):
    """What has changed of your referrals and you have not confirmed yet."""

    interventions: list[ProgresInterventionOut] = Field(description="the referrals, each once, as they stand now")
    next: str | None = Field(
        description="send it as `cursor` when you have kept these; null where there is nothing new", examples=[None]
    )


def read(body: ProgresIn) -> list[Told]:
    """Return what each intervention of a message says."""
    return [_read(each, f"/interventions/{n}") for n, each in enumerate(body.interventions)]


def _read(given: ProgresInterventionIn, place: str) -> Told:
    named = _NAMED.fullmatch(given.progres_orgreferralid)
    comment = (
        given.progres_interoperabilityreferralrejectionomment or given.progres_interoperabilityreferralrejectioncomment
    )
    told, note = rules.untagged(given.progres_interventiondescription)
    closing, closed = rules.untagged(given.closure_reason)
    deciding, decided = rules.untagged(comment)
    state = given.progres_reviewdecision or given.status or (None if closing else "Pending Acknowledgement")
    said = {
        MapList.STATE: state, MapList.KIND: INTERVENTION, MapList.SERVICE: given.progres_interventiontype,
        MapList.URGENCY: given.progres_priority,
    }  # fmt: skip
    names = dict(zip(said, (_word_of(given), "", "progres_interventiontype", "progres_priority"), strict=True))
    return Told(
        door=Door.PROGRES,
        partner_id=given.number or (named[2] if named else ""),
        version=f"{given.moment.isoformat()} {state or (closing | deciding).get(MapList.STATE, '')}",
        changed_at=given.moment, theirs={of: word for of, word in said.items() if word is not None},
        exact=told | closing | deciding, why=given.progres_interoperabiltyreferralrejectionreason,
        at={of: f"{place}/{name}" for of, name in names.items()} | {
            MapList.LAWFUL_BASIS: f"{place}/progres_interventiondescription", "case": f"{place}/progres_orgreferralid",
            MapList.AGENCY: f"{place}/progres_interventionserviceprovider",
            "why": f"{place}/progres_interoperabiltyreferralrejectionreason",
        },
        referral_id=named[2] if named else None, case_id=named[1] if named else None,
        recipient=given.progres_interventionserviceprovider, note=decided or closed or note,
    )  # fmt: skip


def _word_of(given: ProgresInterventionIn) -> str:
    return "status" if given.progres_reviewdecision is None else _DECISION


def write(book: Book, view: View) -> ProgresInterventionOut:
    """Return a referral in the words of the exchange."""
    its = view.referral

    def said(of: MapList, ours: str | None) -> str | None:
        return book.outward(_SYSTEM, of, ours)

    own = wire.lost(book, _SYSTEM, wire.exact(its))
    closing = {of: own.pop(of) for of in (MapList.STATE, *rules.WHY.values()) if of in own}
    mine = view.partner_id is not None
    return ProgresInterventionOut(
        case_id=its.case_id, progres_orgreferralid=f"{its.case_id}#{its.id}",
        progres_interventionnumber=view.partner_id, progres_interventiontype=said(MapList.SERVICE, its.service),
        progres_priority=said(MapList.URGENCY, its.urgency),
        progres_interventionserviceprovider=said(MapList.AGENCY, its.recipient) or its.recipient,
        progres_interventionstartdate=its.created_at, progres_interventiondescription=rules.tagged(own, view.note),
        status=said(MapList.STATE, its.state), closure_reason=rules.tagged(closing, view.answer),
        progres_interoperabiltyreferralrejectionreason=said(MapList.DECLINE_REASON, its.answer_reason),
        request_type="ReceiveDecisionOutgoingReferral" if mine else "ReceiveIncomingReferral",
        last_updated_at=its.updated_at, version=its.version,
    )  # fmt: skip


def again(body: bytes) -> list[Told]:
    """Return what a message that was kept says. Raises pydantic's ValidationError."""
    return read(ProgresIn.model_validate_json(body, strict=True))
