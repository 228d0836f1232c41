"""What a partner system's words mean, and how ours are said there: one book of rows, read both ways. Pure.

Nothing is guessed. A word that the book does not know is not "other": the message waits in quarantine until somebody
adds the row. Where the other side has one word for several of ours, a row says which of ours wins, and our exact code
travels beside theirs (FHIR: codings of our own; Primero, proGres: a tag at the head of a text).
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from services.referral.agencies.rules import Service
from services.referral.referrals import codes
from services.referral.referrals.rules import ReferralKind, State
from services.referral.transfers.rules import TransferRefusal, TransferState, TransferWithdrawal
from shared.catalogue import Text
from shared.law import Rule


class System(StrEnum):
    """Whose words they are. FHIR R4 and R5 have the same ones."""

    PRIMERO = "primero"
    PROGRES = "progres"
    FHIR = "fhir"


class Door(StrEnum):
    """The form in which a message comes and goes."""

    PRIMERO = "primero"
    PROGRES = "progres"
    FHIR_R4 = "fhir-r4"
    FHIR_R5 = "fhir-r5"

    @property
    def system(self) -> System:
        """Whose words are spoken there."""
        return System.FHIR if self in (Door.FHIR_R4, Door.FHIR_R5) else System(self.value)


class MapList(StrEnum):
    """Which of our code lists a row is about."""

    STATE = "state"
    KIND = "kind"
    SERVICE = "service"
    URGENCY = "urgency"
    REASON = "reason"
    LAWFUL_BASIS = "lawful_basis"
    AGENCY = "agency"
    DECLINE_REASON = "decline_reason"
    HOLD_REASON = "hold_reason"
    OUTCOME = "outcome"
    NOT_ACHIEVED_REASON = "not_achieved_reason"
    WITHDRAW_REASON = "withdraw_reason"
    ERROR_REASON = "error_reason"
    TRANSFER_STATE = "transfer_state"
    TRANSFER_REFUSAL = "transfer_refusal"
    TRANSFER_WITHDRAWAL = "transfer_withdrawal"


class Way(StrEnum):
    """In which direction a row holds."""

    BOTH = "both"
    OUT = "out"
    IN = "in"


OURS: Mapping[MapList, type[StrEnum]] = {
    MapList.STATE: State,
    MapList.KIND: ReferralKind,
    MapList.SERVICE: Service,
    MapList.URGENCY: codes.Urgency,
    MapList.REASON: codes.Reason,
    MapList.LAWFUL_BASIS: codes.LawfulBasis,
    MapList.DECLINE_REASON: codes.DeclineReason,
    MapList.HOLD_REASON: codes.HoldReason,
    MapList.OUTCOME: codes.Outcome,
    MapList.NOT_ACHIEVED_REASON: codes.NotAchievedReason,
    MapList.WITHDRAW_REASON: codes.WithdrawReason,
    MapList.ERROR_REASON: codes.ErrorReason,
    MapList.TRANSFER_STATE: TransferState,
    MapList.TRANSFER_REFUSAL: TransferRefusal,
    MapList.TRANSFER_WITHDRAWAL: TransferWithdrawal,
}
"""Our codes of each list. The bodies of the directory (AGENCY) are data, not code."""

WHY: Mapping[State, MapList] = {
    State.DECLINED: MapList.DECLINE_REASON,
    State.ON_HOLD: MapList.HOLD_REASON,
    State.COMPLETED: MapList.OUTCOME,
    State.NOT_ACHIEVED: MapList.NOT_ACHIEVED_REASON,
    State.WITHDRAWN: MapList.WITHDRAW_REASON,
    State.ENTERED_IN_ERROR: MapList.ERROR_REASON,
}
"""The list of the reasons for a state."""

MUST_SAY_WHY = frozenset({State.DECLINED, State.ENTERED_IN_ERROR})
"""What nobody does without a reason."""

UNSAID = ""
"""Stands, as a word of theirs, for a message that does not say it because their form has no place for it."""

SLUG = re.compile(r"[a-z0-9-]{2,48}")

UNKNOWN_WAITS = Rule(
    "NEVER-OTHER",
    Text(
        "A code of a partner that the mapping does not know changes nothing and is never taken for another: the "
        "message waits, sealed, until somebody adds the row.",
        "Un código que el mapeo no conoce no cambia nada ni se toma por otro: el mensaje espera, sellado, hasta que "
        "alguien agregue el renglón.",
    ),
    "Design decision, after what the Primero-proGres exchange maps to Other",
    verified=False,
)
ONE_CHILD = Rule(
    "NEVER-WRONG-CHILD",
    Text(
        "A message is matched by our own ids alone, and everything in it that names a referral, case or child must "
        "agree; nobody is found by a number that several may have.",
        "Un mensaje se liga sólo por nuestros identificadores, y todo lo que nombre canalización, caso o NNA debe "
        "coincidir; nadie se busca por un número que varias personas puedan tener.",
    ),
    "Design decision, after the Primero-proGres exchange, which takes the first of several hits",
    verified=False,
)
RULES = (UNKNOWN_WAITS, ONE_CHILD)


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the mapping. `ours` null: known, and nothing of ours; `theirs` null: they have no word for it."""

    id: str
    system: System
    list: MapList
    ours: str | None
    theirs: str | None
    way: Way
    source: str
    verified: bool
    valid_from: date
    valid_to: date | None = None
    note: Text | None = None

    def holds(self, on: date) -> bool:
        """Whether it is in force on a day."""
        return self.valid_from <= on and (self.valid_to is None or on <= self.valid_to)


class Book:
    """The rows that are in force on a day. Later rows win over earlier ones."""

    def __init__(self, rows: Iterable[Row], on: date) -> None:
        self.rows = [row for row in rows if row.holds(on)]
        self._out: dict[tuple[System, MapList, str], Row] = {}
        self._in: dict[tuple[System, MapList, str], Row] = {}
        for row in self.rows:
            if row.way is not Way.IN and row.ours is not None:
                self._out[row.system, row.list, row.ours] = row
            if row.way is not Way.OUT and row.theirs is not None:
                self._in[row.system, row.list, row.theirs] = row

    def outward(self, system: System, of: MapList, ours: str | None) -> str | None:
        """Return how a code of ours is said there; null where they have no word for it."""
        row = self._out.get((system, of, ours)) if ours is not None else None
        if row is None and of is MapList.AGENCY:
            return ours
        return row.theirs if row is not None else None

    def inward(self, system: System, of: MapList, theirs: str) -> str | None:
        """Return what a word of theirs means here; null where that is unknown."""
        row = self._in.get((system, of, theirs))
        if row is None and of is MapList.AGENCY:
            return theirs if SLUG.fullmatch(theirs) else None
        return row.ours if row is not None else None

    def lossy(self, system: System, of: MapList, ours: str) -> bool:
        """Whether a code of ours does not come back from there by their word alone."""
        theirs = self.outward(system, of, ours)
        return theirs is None or self.inward(system, of, theirs) != ours

    def standing(self) -> Iterator[tuple[Row, bool]]:
        """Yield each row that nothing later has replaced, and whether something is lost by it."""
        for row in self.rows:
            goes = row.ours is not None and self._out.get((row.system, row.list, row.ours)) is row
            comes = row.theirs is not None and self._in.get((row.system, row.list, row.theirs)) is row
            if goes or comes:
                yield row, goes and row.ours is not None and self.lossy(row.system, row.list, row.ours)


def faults(row: Row) -> list[tuple[str, str]]:
    """Return what is wrong with a new row: fields and kinds of fault."""
    found = []
    if row.ours is None and row.theirs is None:
        found.append(("theirs", "missing"))
    if row.way is not Way.OUT and row.theirs is None:
        found.append(("theirs", "missing"))
    if row.way is not Way.IN and row.ours is None:
        found.append(("ours", "missing"))
    known = OURS.get(row.list)
    if row.ours is not None and (row.ours not in list(known) if known else not SLUG.fullmatch(row.ours)):
        found.append(("ours", "unknown"))
    if row.valid_to is not None and row.valid_to < row.valid_from:
        found.append(("valid_to", "before_valid_from"))
    return list(dict.fromkeys(found))


# -- what a message says ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Told:
    """A message of a partner, in the words that it uses. `at` says where in the message each word stands."""

    door: Door
    partner_id: str
    version: str
    changed_at: datetime
    theirs: Mapping[MapList, str]
    exact: Mapping[MapList, str] = field(default_factory=dict)
    why: str | None = None
    """Their word for the reason of the state."""
    at: Mapping[MapList | str, str] = field(default_factory=dict)
    referral_id: str | None = None
    case_id: str | None = None
    child_id: str | None = None
    sender: str | None = None
    recipient: str | None = None
    parent_id: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Unknown:
    """A word that the book does not know: where it stands, of which list, and the word."""

    pointer: str
    list: MapList
    code: str


@dataclass(frozen=True, slots=True)
class Meaning:
    """A message in our words."""

    state: State | None
    codes: Mapping[MapList, str]
    why: str | None
    unknown: tuple[Unknown, ...] = ()


SAID_WITH_IT = (MapList.KIND, MapList.SERVICE, MapList.URGENCY, MapList.REASON, MapList.LAWFUL_BASIS)


def resolve(book: Book, told: Told, *, opens: bool) -> Meaning:
    """Return what a message means. What the book does not know stands in `unknown`.

    Of a referral that there is, a message moves the state alone: what else it repeats is not read again.
    """
    unknown: list[Unknown] = []

    def mean(of: MapList, theirs: str | None) -> str | None:
        code, given = _meant(book, told.door.system, of, theirs, told.exact.get(of))
        if code is None and given is not None:
            unknown.append(Unknown(told.at.get(of) or told.at.get("why", ""), of, given))
        return code

    found = mean(MapList.STATE, told.theirs.get(MapList.STATE))
    state = State(found) if found is not None else None
    lists = SAID_WITH_IT if opens else ()
    said = {of: code for of in lists if (code := mean(of, told.theirs.get(of))) is not None}
    if opens and (asked := mean(MapList.AGENCY, told.recipient)) is not None:
        said[MapList.AGENCY] = asked
    why = mean(WHY[state], told.why) if state is not None and state in WHY else None
    return Meaning(state, said, why, tuple(unknown))


def _meant(
    book: Book, system: System, of: MapList, theirs: str | None, exact: str | None
) -> tuple[str | None, str | None]:
    """Return our code, and the word that was not understood where there is none.

    Our exact code counts while it still agrees with their word: who changes the word there leaves the code stale.
    """
    known = OURS.get(of)
    understood = book.inward(system, of, theirs) if theirs is not None else None
    if exact is not None and known is not None and exact in list(known):
        said = book.outward(system, of, exact)
        if (said == theirs and said is not None) or theirs is None or (said is None and understood is None):
            return exact, None
    if theirs is not None:
        return understood, theirs
    return book.inward(system, of, UNSAID), exact


def same(book: Book, told: Told, meaning: Meaning, state: State) -> bool:
    """Whether a referral in this state is already what the message says, as far as its sender can tell them apart.

    Their word decides, not our code beside it: that is often an echo of what we said before.
    """
    theirs = told.theirs.get(MapList.STATE)
    return meaning.state is state or (
        theirs is not None and book.outward(told.door.system, MapList.STATE, state) == theirs
    )


# -- our codes in their texts ----------------------------------------------------------------------------

_TAG = re.compile(r"\[ruta((?: [a-z_]+=[A-Za-z0-9_.:-]+)+)\]\s*")
_LISTS = {each.value: each for each in MapList}


def tagged(said: Mapping[MapList, str], text: str | None = None) -> str | None:
    """Put our exact codes at the head of a text: `[ruta state=on_hold hold_reason=CHILD_UNWELL] …`."""
    if not said:
        return text
    tag = "".join(f" {of.value}={code}" for of, code in said.items())
    return f"[ruta{tag}]" + (f" {text}" if text else "")


def untagged(text: str | None) -> tuple[dict[MapList, str], str | None]:
    """Return our exact codes from the head of a text, and the rest of it."""
    found = _TAG.match(text or "")
    if text is None or found is None:
        return {}, text
    pairs = (pair.split("=", 1) for pair in found[1].split())
    return {_LISTS[of]: code for of, code in pairs if of in _LISTS}, text[found.end() :] or None
