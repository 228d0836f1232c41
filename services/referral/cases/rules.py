"""Where a case stands, what moves it, who may, and what must be proven first: the whole machine as tables. Pure.

The states are ours [design], after the stages of the Ruta. `TRANSITIONS` is the machine, `WHO` says whose step it
is, `GATES` what upper slices must have proven, `BARS` what they must not have set.
"""

from enum import StrEnum

from services.referral.agencies.rules import Kind
from services.referral.cases import laws
from shared.law import Rule


class Status(StrEnum):
    """Where a case stands."""

    DETECTED = "DETECTED"  # the Procuraduría acts next: it acknowledges the notice
    NOTIFIED = "NOTIFIED"  # INM acts next: it issues the acta once DIF has accepted
    CHANNELLED = "CHANNELLED"  # DIF acts next: it takes the child into care
    IN_CARE = "IN_CARE"  # the Procuraduría acts next: it opens the determination of best interests
    BID_OPEN = "BID_OPEN"  # the Procuraduría acts next: it hears, determines and issues the plan
    PRD_ISSUED = "PRD_ISSUED"  # the Procuraduría acts next: it sets the plan to work
    RESTITUTION = "RESTITUTION"  # those whom the plan names act
    RETURN = "RETURN"
    REGULARISED = "REGULARISED"
    REFUGE = "REFUGE"
    FAMILY_REUNIFIED = "FAMILY_REUNIFIED"
    TRANSITION_18 = "TRANSITION_18"  # DIF and the Procuraduría act: adult life is near
    CLOSED = "CLOSED"
    TRANSFERRED = "TRANSFERRED"  # on the way to another authority: the recipient acts next
    LEFT_CARE = "LEFT_CARE"  # whoever finds the child says so
    MISSING = "MISSING"  # the search goes on
    REOPENED = "REOPENED"  # the Procuraduría acts next: it resumes the case


class Action(StrEnum):
    """What moves a case. Those of `ELSEWHERE` are taken through another resource, never by themselves."""

    NOTIFY = "notify"
    ISSUE_ACTA = "issue_acta"
    ADMIT = "admit"
    OPEN_BID = "open_bid"
    ISSUE_PRD = "issue_prd"
    BEGIN_RESTITUTION = "begin_restitution"
    RETURN = "return"
    REGULARISE = "regularise"
    RECOGNISE = "recognise"
    REUNIFY = "reunify"
    BEGIN_TRANSITION = "begin_transition"
    TAKE_UP = "take_up"  # the outcome did not hold: the plan goes on
    TRANSFER = "transfer"
    ARRIVE = "arrive"
    CALL_OFF = "call_off"  # the transfer ends where it began
    REPORT_LEFT_CARE = "report_left_care"
    REPORT_MISSING = "report_missing"
    FIND = "find"
    REQUEST_CLOSE = "request_close"
    CLOSE = "close"
    REOPEN = "reopen"
    RESUME = "resume"


class Gate(StrEnum):
    """A fact that must be on record before some step. The slice that holds the fact opens it."""

    PP_ACKNOWLEDGED = "PP_ACKNOWLEDGED"
    DIF_ACCEPTED = "DIF_ACCEPTED"
    MEASURE_LIVE = "MEASURE_LIVE"
    REPRESENTED = "REPRESENTED"
    CHILD_HEARD = "CHILD_HEARD"
    BID_SIGNED = "BID_SIGNED"
    PRD_SIGNED = "PRD_SIGNED"
    ITEMS_SETTLED = "ITEMS_SETTLED"
    RETURN_READY = "RETURN_READY"
    RECOGNISED = "RECOGNISED"
    MAJORITY_NEAR = "MAJORITY_NEAR"
    CLOSING_ASKED = "CLOSING_ASKED"  # by another officer than the one who approves


class Bar(StrEnum):
    """A fact that forbids some step for as long as it stands."""

    CLAIM_PENDING = "CLAIM_PENDING"
    APPEAL_PENDING = "APPEAL_PENDING"
    RETURN_UNLAWFUL = "RETURN_UNLAWFUL"


class Part(StrEnum):
    """What a caller who may read a case is to it."""

    SYSTEM = "SYSTEM"
    PARTY = "PARTY"  # anybody who may read it
    INM = "INM"
    PP = "PP"  # any Procuraduría that takes part
    PP_HERE = "PP_HERE"  # the one of the territory, or the federal one
    PP_SUPERVISOR = "PP_SUPERVISOR"
    DIF = "DIF"  # any DIF that takes part
    DIF_IN_CHARGE = "DIF_IN_CHARGE"  # the one that has accepted the child
    CAS = "CAS"
    COMAR = "COMAR"


class Seen(StrEnum):
    """Who may read an entry of the timeline, of those who may read the case."""

    ALL = "ALL"
    AUTHORITIES = "AUTHORITIES"  # INM and the Procuraduría of the territory
    PARTIES = "PARTIES"  # the agencies that the entry names, and the Procuraduría of the territory
    PP = "PP"  # the Procuraduría of the territory alone: whatever tells of refuge or protection


class Representation(StrEnum):
    """Who represents the child (R26). The Procuraduría stands by in every case, as *coadyuvante*."""

    PP_EN_SUPLENCIA = "PP_EN_SUPLENCIA"
    LEGAL_REPRESENTATIVE = "LEGAL_REPRESENTATIVE"


class Risk(StrEnum):
    """How much harm threatens the child: HIGH is significant harm or death likely, LOW a risk of harm (CPIMS+)."""

    HIGH = "HIGH"
    MEDIUM = "MEDIUM"
    LOW = "LOW"


class RepresentativeEnd(StrEnum):
    """Why somebody stopped representing a child."""

    REPLACED = "REPLACED"
    TERRITORY = "TERRITORY"  # another Procuraduría is competent
    RESIGNED = "RESIGNED"
    REMOVED = "REMOVED"
    CONFLICT_OF_INTEREST = "CONFLICT_OF_INTEREST"
    UNREACHABLE = "UNREACHABLE"
    DEATH = "DEATH"


class Document(StrEnum):
    """By what a legal representative is accredited."""

    PARENTAL_AUTHORITY = "PARENTAL_AUTHORITY"
    GUARDIANSHIP = "GUARDIANSHIP"
    COURT_ORDER = "COURT_ORDER"
    POWER_OF_ATTORNEY = "POWER_OF_ATTORNEY"
    PP_DESIGNATION = "PP_DESIGNATION"


class RiskReason(StrEnum):
    """On what an assessment of risk rests."""

    INITIAL_ASSESSMENT = "INITIAL_ASSESSMENT"
    NEW_FACTS = "NEW_FACTS"
    THREAT = "THREAT"
    VIOLENCE = "VIOLENCE"
    EXPLOITATION = "EXPLOITATION"
    SELF_HARM = "SELF_HARM"
    HEALTH = "HEALTH"
    MEASURES_WORKED = "MEASURES_WORKED"


FEDERAL_PP = "pp-fed"
SUPERVISOR = "supervisor"
"""The role, in tokens, of who may approve what another officer asks for."""

BACK = None
"""To where the case was before it stepped aside: `resumes`."""

OUTCOMES = (Status.RETURN, Status.REGULARISED, Status.REFUGE, Status.FAMILY_REUNIFIED, Status.TRANSITION_18)
SIDE = (Status.TRANSFERRED, Status.LEFT_CARE, Status.MISSING, Status.REOPENED)
"""The states that keep what the case returns to."""

ON_THE_ROUTE = tuple(status for status in Status if status not in SIDE and status is not Status.CLOSED)
CHANNELLED_SINCE = tuple(status for status in ON_THE_ROUTE if status not in (Status.DETECTED, Status.NOTIFIED))
"""The states that only a child with an acta can be in."""
ENDING = (Status.RESTITUTION, *OUTCOMES, Status.LEFT_CARE, Status.MISSING)
"""The states that a case may be closed from."""
_IN_CARE = tuple(status for status in CHANNELLED_SINCE if status not in (Status.RETURN, Status.FAMILY_REUNIFIED))
_TOWARDS_18 = tuple(each for each in _IN_CARE if each not in (Status.CHANNELLED, Status.TRANSITION_18))

TRANSITIONS: dict[tuple[Status, Action], Status | None] = {
    (Status.DETECTED, Action.NOTIFY): Status.NOTIFIED,
    (Status.NOTIFIED, Action.ISSUE_ACTA): Status.CHANNELLED,
    (Status.CHANNELLED, Action.ADMIT): Status.IN_CARE,
    (Status.IN_CARE, Action.OPEN_BID): Status.BID_OPEN,
    (Status.BID_OPEN, Action.ISSUE_PRD): Status.PRD_ISSUED,
    (Status.PRD_ISSUED, Action.BEGIN_RESTITUTION): Status.RESTITUTION,
    (Status.PRD_ISSUED, Action.OPEN_BID): Status.BID_OPEN,  # a review
    (Status.RESTITUTION, Action.OPEN_BID): Status.BID_OPEN,
    (Status.RESTITUTION, Action.RETURN): Status.RETURN,
    (Status.RESTITUTION, Action.REGULARISE): Status.REGULARISED,
    (Status.RESTITUTION, Action.RECOGNISE): Status.REFUGE,
    (Status.RESTITUTION, Action.REUNIFY): Status.FAMILY_REUNIFIED,
    (Status.REGULARISED, Action.RECOGNISE): Status.REFUGE,
    (Status.TRANSITION_18, Action.RECOGNISE): Status.REFUGE,  # R38: a claim outlives the birthday
    (Status.TRANSITION_18, Action.REGULARISE): Status.REGULARISED,
    (Status.REFUGE, Action.REGULARISE): Status.REGULARISED,
    **{(status, Action.BEGIN_TRANSITION): Status.TRANSITION_18 for status in _TOWARDS_18},
    **{(status, Action.TAKE_UP): Status.RESTITUTION for status in OUTCOMES},
    **{(each, Action.TRANSFER): Status.TRANSFERRED for each in CHANNELLED_SINCE if each is not Status.RETURN},
    (Status.TRANSFERRED, Action.ARRIVE): BACK,
    (Status.TRANSFERRED, Action.CALL_OFF): BACK,
    **{(status, Action.REPORT_LEFT_CARE): Status.LEFT_CARE for status in (*_IN_CARE, Status.TRANSFERRED)},
    **{(status, Action.REPORT_MISSING): Status.MISSING for status in ON_THE_ROUTE if status is not Status.RETURN},
    (Status.TRANSFERRED, Action.REPORT_MISSING): Status.MISSING,
    (Status.LEFT_CARE, Action.REPORT_MISSING): Status.MISSING,
    (Status.REOPENED, Action.REPORT_MISSING): Status.MISSING,
    (Status.LEFT_CARE, Action.FIND): BACK,
    (Status.MISSING, Action.FIND): BACK,
    **{(each, Action.REQUEST_CLOSE): each for each in ENDING},
    **{(each, Action.CLOSE): Status.CLOSED for each in ENDING},
    (Status.CLOSED, Action.REOPEN): Status.REOPENED,
    (Status.REOPENED, Action.RESUME): BACK,
}
"""Every move there is. A pair that is missing is refused. None leads back to what the case `resumes`."""

WHO: dict[Action, tuple[Part, ...]] = {
    Action.NOTIFY: (Part.PP,),
    Action.ISSUE_ACTA: (Part.INM,),
    Action.ADMIT: (Part.DIF_IN_CHARGE, Part.CAS),
    Action.OPEN_BID: (Part.PP_HERE,),
    Action.ISSUE_PRD: (Part.PP_HERE,),
    Action.BEGIN_RESTITUTION: (Part.PP_HERE,),
    Action.RETURN: (Part.INM,),
    Action.REGULARISE: (Part.INM,),
    Action.RECOGNISE: (Part.COMAR, Part.PP_HERE),
    Action.REUNIFY: (Part.PP_HERE,),
    Action.BEGIN_TRANSITION: (Part.DIF_IN_CHARGE, Part.PP_HERE),
    Action.TAKE_UP: (Part.PP_HERE,),
    Action.TRANSFER: (Part.PP_HERE, Part.DIF_IN_CHARGE, Part.CAS),
    Action.ARRIVE: (Part.PP, Part.DIF, Part.CAS),
    Action.CALL_OFF: (Part.PP, Part.DIF, Part.CAS),
    Action.REPORT_LEFT_CARE: (Part.PARTY,),
    Action.REPORT_MISSING: (Part.PARTY,),
    Action.FIND: (Part.PP, Part.DIF, Part.CAS, Part.INM),
    Action.REQUEST_CLOSE: (Part.PP_HERE, Part.DIF_IN_CHARGE),
    Action.CLOSE: (Part.PP_SUPERVISOR,),
    Action.REOPEN: (Part.PP_HERE,),
    Action.RESUME: (Part.PP_HERE,),
}
"""Whose step it is. Ruta itself may take each: gates and bars hold for it too."""

ELSEWHERE: dict[Action, str] = {
    Action.NOTIFY: "referrals",
    Action.ISSUE_ACTA: "actas",
    Action.OPEN_BID: "measures",
    Action.ISSUE_PRD: "measures",
    Action.RETURN: "returns",
    Action.RECOGNISE: "refuge-claims",
    Action.TRANSFER: "transfers",
    Action.ARRIVE: "transfers",
    Action.CALL_OFF: "transfers",
}
"""Steps that follow from another resource. The others have a route of their own below the case."""

GATES: dict[Action, tuple[Gate, ...]] = {
    Action.NOTIFY: (Gate.PP_ACKNOWLEDGED,),
    Action.ISSUE_ACTA: (Gate.PP_ACKNOWLEDGED, Gate.DIF_ACCEPTED),
    Action.ADMIT: (Gate.MEASURE_LIVE,),
    Action.OPEN_BID: (Gate.REPRESENTED,),
    Action.ISSUE_PRD: (Gate.REPRESENTED, Gate.CHILD_HEARD, Gate.BID_SIGNED, Gate.PRD_SIGNED),
    Action.BEGIN_RESTITUTION: (Gate.PRD_SIGNED,),
    Action.RETURN: (Gate.PRD_SIGNED, Gate.CHILD_HEARD, Gate.RETURN_READY),
    Action.REGULARISE: (Gate.PRD_SIGNED,),
    Action.RECOGNISE: (Gate.RECOGNISED,),
    Action.REUNIFY: (Gate.PRD_SIGNED, Gate.CHILD_HEARD),
    Action.BEGIN_TRANSITION: (Gate.MAJORITY_NEAR,),
    Action.REQUEST_CLOSE: (Gate.ITEMS_SETTLED,),
    Action.CLOSE: (Gate.ITEMS_SETTLED, Gate.CLOSING_ASKED),
    Action.RESUME: (Gate.PP_ACKNOWLEDGED,),
}
BARS: dict[Action, tuple[Bar, ...]] = {
    Action.RETURN: (Bar.CLAIM_PENDING, Bar.APPEAL_PENDING, Bar.RETURN_UNLAWFUL),
    Action.REQUEST_CLOSE: (Bar.CLAIM_PENDING, Bar.APPEAL_PENDING),
    Action.CLOSE: (Bar.CLAIM_PENDING, Bar.APPEAL_PENDING),
}
FORWARD: dict[Status, Action] = {
    Status.DETECTED: Action.NOTIFY,
    Status.NOTIFIED: Action.ISSUE_ACTA,
    Status.CHANNELLED: Action.ADMIT,
    Status.IN_CARE: Action.OPEN_BID,
    Status.BID_OPEN: Action.ISSUE_PRD,
    Status.PRD_ISSUED: Action.BEGIN_RESTITUTION,
    Status.RESTITUTION: Action.REQUEST_CLOSE,
    **dict.fromkeys(OUTCOMES, Action.REQUEST_CLOSE),
    Status.REOPENED: Action.RESUME,
}
"""The step that the route takes next: what it lacks is owed."""

STAGES = {
    Status.DETECTED: 1, Status.NOTIFIED: 1, Status.CHANNELLED: 1, Status.IN_CARE: 2, Status.BID_OPEN: 2,
    Status.PRD_ISSUED: 3, Status.RESTITUTION: 3, Status.RETURN: 3, Status.REGULARISED: 3, Status.REFUGE: 3,
    Status.FAMILY_REUNIFIED: 3, Status.TRANSITION_18: 4,
}  # fmt: skip
"""Stages 1 to 4 of the Ruta by state. Stage 0, monitoring, has no case: see the alerts."""

LEADS: dict[Status, Kind] = {
    Status.DETECTED: Kind.INM, Status.NOTIFIED: Kind.INM, Status.CHANNELLED: Kind.DIF, Status.IN_CARE: Kind.PP,
    Status.BID_OPEN: Kind.PP, Status.PRD_ISSUED: Kind.PP, Status.RESTITUTION: Kind.DIF, Status.RETURN: Kind.INM,
    Status.REGULARISED: Kind.INM, Status.REFUGE: Kind.DIF, Status.FAMILY_REUNIFIED: Kind.DIF,
    Status.TRANSITION_18: Kind.DIF, Status.MISSING: Kind.PP, Status.LEFT_CARE: Kind.PP, Status.REOPENED: Kind.PP,
}  # fmt: skip
"""Who leads. Stages 2 and 3 after the Ruta (SIPINNA 2019); the rest, and one body for stage 3, are our design."""

LAWS: dict[Gate, Rule] = {
    Gate.PP_ACKNOWLEDGED: laws.NOTICE, Gate.DIF_ACCEPTED: laws.HANDOVER, Gate.MEASURE_LIVE: laws.MEASURE,
    Gate.REPRESENTED: laws.REPRESENTED, Gate.CHILD_HEARD: laws.HEARD, Gate.BID_SIGNED: laws.DETERMINED,
    Gate.PRD_SIGNED: laws.DETERMINED, Gate.ITEMS_SETTLED: laws.PLAN, Gate.RETURN_READY: laws.RETURNS,
    Gate.RECOGNISED: laws.RECOGNITION, Gate.MAJORITY_NEAR: laws.MAJORITY,
    Gate.CLOSING_ASKED: laws.PLAN,
}  # fmt: skip
OWES: dict[Gate, Kind] = {
    Gate.PP_ACKNOWLEDGED: Kind.PP, Gate.DIF_ACCEPTED: Kind.DIF, Gate.MEASURE_LIVE: Kind.PP, Gate.REPRESENTED: Kind.PP,
    Gate.CHILD_HEARD: Kind.PP, Gate.BID_SIGNED: Kind.PP, Gate.PRD_SIGNED: Kind.PP, Gate.ITEMS_SETTLED: Kind.PP,
}  # fmt: skip
"""Who owes what a gate on the way forward asks for."""

SETTLED = frozenset({Action.REQUEST_CLOSE, Action.CLOSE})
"""Whatever else is done with a case ends a request to close it: what was asked for is no longer what is."""

BARRED: dict[Action, Rule] = {
    Action.RETURN: laws.RETURNS, Action.REQUEST_CLOSE: laws.PENDING, Action.CLOSE: laws.PENDING,
}  # fmt: skip
"""The rule by which a bar forbids a step."""
