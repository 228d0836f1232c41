"""Every cell of both machines, the dates of ten histories worked by hand, and what no history leads to."""

from collections.abc import Collection
from dataclasses import replace
from datetime import date, datetime
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.referral.cases.rules import Part
from services.referral.refuge import rules as refuge
from services.referral.refuge.rules import ClaimAction, ClaimState, Party, Standing
from services.referral.return_points.rules import INSTRUMENTS, Instrument
from services.referral.returns import rules as returns
from services.referral.returns.rules import Danger, Hindrance, Known, ReturnAction, ReturnState
from shared.clocks import rules as clock_rules
from shared.clocks.calendar import FEDERAL, Calendar, Span, last_day
from shared.clocks.rules import Deadline, WorkingDays
from shared.clocks.service import started
from shared.errors import IllegalMove, RefusedByLaw

CLAIMS = """
filed: ratify>ratified lapse>lapsed withdraw>withdrawn tell_inm>filed
ratified: admit>admitted extend>ratified withdraw>withdrawn tell_inm>ratified
admitted: interview>interviewed extend>admitted withdraw>withdrawn tell_inm>admitted
interviewed: interview>interviewed ask_opinion>opinion_asked extend>interviewed withdraw>withdrawn tell_inm>interviewed
opinion_asked: interview>opinion_asked receive_opinion>opinion_asked extend>opinion_asked resolve>resolved
 withdraw>withdrawn tell_inm>opinion_asked
resolved: notify>notified tell_inm>resolved
notified: appeal>appealed finalise>final tell_inm>notified
appealed: decide_appeal>final remand>opinion_asked withdraw>final tell_inm>appealed
final: recognise>final
"""
RETURNS = """
proposed: assess>assessed cancel>cancelled
assessed: assess>assessed concur>assessed authorise>authorised cancel>cancelled
authorised: assess>assessed plan>planned cancel>cancelled
planned: assess>assessed plan>planned depart>departed cancel>cancelled
departed: receive>received fail>failed
"""
"""The machines, written down once more by hand: the tables in the rules have to say the same."""

_CHILDS = {Party.PP, Party.REPRESENTATIVE}
MAY: dict[ClaimAction, set[Party]] = {
    ClaimAction.RATIFY: {Party.COMAR, *_CHILDS}, ClaimAction.LAPSE: {Party.SYSTEM}, ClaimAction.ADMIT: {Party.COMAR},
    ClaimAction.INTERVIEW: {Party.COMAR}, ClaimAction.ASK_OPINION: {Party.COMAR},
    ClaimAction.RECEIVE_OPINION: {Party.COMAR}, ClaimAction.EXTEND: {Party.COMAR}, ClaimAction.RESOLVE: {Party.COMAR},
    ClaimAction.NOTIFY: {Party.COMAR}, ClaimAction.APPEAL: _CHILDS, ClaimAction.DECIDE_APPEAL: {Party.COMAR},
    ClaimAction.REMAND: {Party.COMAR},
    ClaimAction.FINALISE: {*_CHILDS, Party.SYSTEM}, ClaimAction.WITHDRAW: _CHILDS,
    ClaimAction.TELL_INM: {Party.COMAR}, ClaimAction.RECOGNISE: {Party.COMAR, Party.PP},
}  # fmt: skip
MOVES: dict[ReturnAction, set[Part]] = {
    ReturnAction.ASSESS: {Part.PP_HERE}, ReturnAction.CONCUR: {Part.PP_HERE}, ReturnAction.AUTHORISE: {Part.INM},
    ReturnAction.PLAN: {Part.INM}, ReturnAction.DEPART: {Part.INM}, ReturnAction.RECEIVE: {Part.INM},
    ReturnAction.FAIL: {Part.INM}, ReturnAction.CANCEL: {Part.PP_HERE, Part.INM},
}  # fmt: skip


def by_hand(text: str) -> dict[tuple[str, str], str]:
    found = {}
    for line in text.replace("\n ", " ").strip().splitlines():
        state, _, moves = line.partition(": ")
        for each in moves.split():
            action, _, target = each.partition(">")
            found[state, action] = target
    return found


def test_the_tables_are_those_that_were_written_by_hand() -> None:
    assert by_hand(CLAIMS) == {(str(at), str(do)): str(to) for (at, do), to in refuge.TRANSITIONS.items()}
    assert by_hand(RETURNS) == {(str(at), str(do)): str(to) for (at, do), to in returns.TRANSITIONS.items()}
    assert {do: set(who) for do, who in refuge.WHO.items()} == MAY
    assert {do: set(who) for do, who in returns.WHO.items()} == MOVES


def test_every_cell_of_a_claim_is_taken_once_by_whom_it_belongs_to_and_refused_else() -> None:
    lawful = by_hand(CLAIMS)
    for state, action, party in product(ClaimState, ClaimAction, Party):
        standing, cell = Standing(state), (str(state), str(action))
        if cell in lawful and party in MAY[action]:
            assert refuge.advance(standing, action, {party}) == lawful[cell]
            assert action.value in refuge.allowed(standing, {party})
            if action in refuge.ONCE:
                with pytest.raises(IllegalMove):
                    refuge.advance(Standing(state, done=frozenset({action})), action, {party})
            continue
        with pytest.raises(IllegalMove) as refused:
            refuge.advance(standing, action, {party})
        assert action.value not in (refused.value.allowed_actions or ())


@pytest.mark.parametrize("action", list(refuge.BARRED_BY))
def test_what_the_moment_does_not_allow_is_refused_by_its_rule(action: ClaimAction) -> None:
    state = next(at for at, do in refuge.TRANSITIONS if do is action)
    standing = Standing(state, barred=frozenset({action}))
    with pytest.raises(RefusedByLaw) as refused:
        refuge.advance(standing, action, set(MAY[action]))
    assert refused.value.law is not None
    assert refused.value.law.rule == refuge.BARRED_BY[action].id
    assert "LRPCAP" in refused.value.law.source
    assert action.value not in refuge.allowed(standing, set(MAY[action]))


def test_every_cell_of_a_return_is_taken_by_whom_it_belongs_to_and_refused_else() -> None:
    lawful = by_hand(RETURNS)
    for state, action, part in product(ReturnState, ReturnAction, Part):
        cell = (str(state), str(action))
        if cell in lawful and part in MOVES[action]:
            assert returns.move(state, action, {part}, (), concurred=False) == lawful[cell]
            continue
        with pytest.raises(IllegalMove) as refused:
            returns.move(state, action, {part}, (), concurred=False)
        assert action.value not in (refused.value.allowed_actions or ())


@pytest.mark.parametrize("obstacle", list(Hindrance))
def test_each_obstacle_stops_by_a_rule_with_its_article(obstacle: Hindrance) -> None:
    for action, stopped in returns.STOPPED_BY.items():
        state = next(at for at, do in returns.TRANSITIONS if do is action)
        parts = MOVES[action]
        if obstacle not in stopped:
            assert returns.move(state, action, parts, {obstacle}, concurred=False)
            continue
        with pytest.raises(RefusedByLaw) as refused:
            returns.move(state, action, parts | {Part.PP_HERE}, {obstacle}, concurred=False)
        assert refused.value.law is not None
        assert (refused.value.law.rule, refused.value.law.source) == (
            returns.LAW_OF[obstacle].id, returns.LAW_OF[obstacle].source,
        )  # fmt: skip
    assert obstacle in returns.STOPPED_BY[ReturnAction.PLAN]


def test_inm_is_told_that_something_forbids_it_and_not_what() -> None:
    telling = [Hindrance.CLAIM_PENDING, Hindrance.APPEAL_PENDING, Hindrance.RETURN_UNLAWFUL, Hindrance.PROTECTED]
    assert returns.shown_to({Part.INM}, [*telling, Hindrance.DANGER, Hindrance.NO_ESCORT]) == ["BARRED", "NO_ESCORT"]
    assert returns.shown_to({Part.PP_HERE}, telling) == telling


def test_every_rule_is_published_and_every_instrument_has_its_source() -> None:
    assert set(returns.LAW_OF.values()) <= set(returns.RULES)
    assert set(refuge.BARRED_BY.values()) <= set(refuge.RULES)
    assert set(returns.LAW_OF) == set(Hindrance)
    assert set(INSTRUMENTS) == set(Instrument)
    assert all(each.source for each in INSTRUMENTS.values())
    assert not INSTRUMENTS[Instrument.MOU_2006].in_force(date(2026, 1, 1))
    assert len(refuge.GROUNDS) == 5


# -- the dates of ten histories, worked by hand --------------------------------------------------------------

HOLY_WEEK = Span(date(2027, 3, 22), date(2027, 3, 26))
"""As an authority would gazette it: Monday to Friday before Easter of 2027 (28 March)."""
WINTER = Span(date(2026, 12, 21), date(2027, 1, 5))


def ends(deadline: Deadline, day: str, *closed: Span, more: int = 0) -> str:
    """Return the last day of a deadline that starts at noon of a day, extended by so many."""
    calendar = Calendar(closed, deadline.authority)
    at = datetime.fromisoformat(f"{day}T12:00:00").replace(tzinfo=FEDERAL)
    longer = deadline
    if more:
        assert isinstance(deadline.due, WorkingDays)
        clock_rules.check_extension(deadline, WorkingDays(more), "HEALTH", 0)
        longer = replace(deadline, due=WorkingDays(deadline.due.days + more))
    made = started(longer, case="c", resource_id="r", agency="a", at=at, zone=FEDERAL, calendar=calendar)
    return last_day(made.due_at, FEDERAL).isoformat()


@pytest.mark.parametrize(
    ("history", "deadline", "day", "closed", "more", "last"),
    [
        # 16 Nov 2026 is a rest day (20 November, moved); from 17 Nov: 9 days to 27 Nov, 4-18 Dec ..., 25 Dec is one
        ("entry on Friday 13 November", refuge.D6, "2026-11-13", (), 0, "2026-12-29"),
        ("the same, COMAR closed in winter", refuge.D6, "2026-11-13", (WINTER,), 0, "2027-01-13"),
        ("filed late: counted from entry", refuge.D6, "2026-01-05", (), 0, "2026-02-17"),
        ("filed by another on Friday, ratified by Wednesday", refuge.D7, "2026-11-06", (), 0, "2026-11-11"),
        ("lapsed over a moved Monday", refuge.D7, "2026-11-13", (), 0, "2026-11-19"),
        ("filed on 1 March, Holy Week counts by law", refuge.D10, "2027-03-01", (), 0, "2027-05-04"),
        ("filed on 1 March, COMAR suspends Holy Week", refuge.D10, "2027-03-01", (HOLY_WEEK,), 0, "2027-05-11"),
        ("the same, extended by 45", refuge.D10, "2027-03-01", (HOLY_WEEK,), 45, "2027-07-13"),
        ("SRE asked on the Friday before Holy Week", refuge.D9, "2027-03-19", (HOLY_WEEK,), 0, "2027-04-16"),
        ("refusal notified on 15 September", refuge.D12, "2026-09-15", (), 0, "2026-10-07"),
    ],
)  # fmt: skip
def test_a_deadline_ends_on_the_day_that_was_worked_out_by_hand(
    history: str, deadline: Deadline, day: str, closed: Collection[Span], more: int, last: str
) -> None:
    assert ends(deadline, day, *closed, more=more) == last, history


def test_there_is_one_extension_of_45_days_at_most() -> None:
    with pytest.raises(RefusedByLaw):
        clock_rules.check_extension(refuge.D10, WorkingDays(46), "HEALTH", 0)
    with pytest.raises(RefusedByLaw):
        clock_rules.check_extension(refuge.D10, WorkingDays(1), "HEALTH", 1)


# -- what no history leads to ------------------------------------------------------------------------------

READY = Known(
    restitution=True, plan_signed=True, plan_allows=True, danger=Danger.NO_DANGER, claim=False, appeal=False,
    unlawful=False, protected=False, heard=True, homes=frozenset({"HND"}), destination="HND", family_verified=True,
    concurred=True, escort=True, accepted=True, receives=True, in_good_time=True,
)  # fmt: skip
FLAGS = ("restitution", "plan_signed", "claim", "appeal", "unlawful", "protected", "heard", "family_verified",
         "escort", "accepted", "receives")  # fmt: skip
FACTS = st.fixed_dictionaries({
    **dict.fromkeys(FLAGS, st.booleans()),
    "plan_allows": st.sampled_from([None, True, False]),
    "danger": st.sampled_from([None, *Danger]),
    "homes": st.sampled_from([None, frozenset({"HND"}), frozenset({"GTM", "MEX"}), frozenset({"SLV", "HND"})]),
    "destination": st.sampled_from(["HND", "GTM", "USA"]),
})  # fmt: skip
STEPS = st.lists(
    st.tuples(st.sampled_from(list(ReturnAction)), st.sampled_from([Part.INM, Part.PP_HERE]), st.none() | FACTS),
    max_size=14,
)


def test_with_everything_on_record_nothing_stands_in_the_way() -> None:
    assert returns.obstacles(READY) == []


@settings(max_examples=300, deadline=None)
@given(STEPS)
def test_no_history_leads_to_a_departure_that_the_law_forbids(
    steps: list[tuple[ReturnAction, Part, dict[str, Any] | None]],
) -> None:
    """Whatever happens between the steps: no departure with a claim pending, unheard, into danger, to a third state."""
    state, concurred, known = ReturnState.PROPOSED, False, READY
    for action, part, happened in steps:
        known = replace(READY, **happened) if happened is not None else known
        known = replace(known, concurred=concurred)
        try:
            state = returns.move(state, action, {part}, returns.obstacles(known), concurred=concurred)
        except (IllegalMove, RefusedByLaw):
            continue
        concurred = action is ReturnAction.CONCUR or (concurred and action is not ReturnAction.ASSESS)
        if action in (ReturnAction.DEPART, ReturnAction.RECEIVE):
            assert True not in (known.claim, known.appeal, known.unlawful, known.protected)
            assert known.danger is not Danger.DANGER
        if action is ReturnAction.DEPART:
            assert known.heard
            assert known.danger is Danger.NO_DANGER
            assert known.destination in (known.homes or ())
            assert "MEX" not in (known.homes or ())
            assert (known.plan_allows, known.escort, known.accepted, known.receives) == (True, True, True, True)
            assert concurred


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(list(ClaimAction)), st.sampled_from(list(Party))), max_size=20))
def test_no_history_ends_a_claim_but_by_the_child_or_by_law(steps: list[tuple[ClaimAction, Party]]) -> None:
    """A claim leaves what is pending only by a lapse, the representative, an appeal's end, or the window's end."""
    state = ClaimState.FILED
    for action, party in steps:
        before = state
        try:
            state = refuge.advance(Standing(state), action, {party})
        except IllegalMove:
            assert state is before
            continue
        if before in refuge.LIVE and state not in refuge.LIVE:
            ending = {ClaimAction.LAPSE, ClaimAction.WITHDRAW, ClaimAction.DECIDE_APPEAL, ClaimAction.FINALISE}
            assert action in ending
            assert action is not ClaimAction.WITHDRAW or party in _CHILDS
        assert before in refuge.LIVE or state is before  # nothing comes back to life
