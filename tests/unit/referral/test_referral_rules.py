"""The table of moves, cell by cell."""

from datetime import timedelta
from itertools import product

import pytest

from services.referral.agencies.rules import Service
from services.referral.cases.rules import Risk
from services.referral.referrals import deadlines, rules
from services.referral.referrals.codes import Reason, Urgency
from services.referral.referrals.rules import NEXT, TRANSITIONS, Action, Party, ReferralKind, Standing, State
from shared.errors import IllegalMove, RefusedByLaw

FINAL = {State.DECLINED, State.COMPLETED, State.NOT_ACHIEVED, State.WITHDRAWN, State.EXPIRED, State.ENTERED_IN_ERROR}
SERVICE, HANDOVER = ReferralKind.SERVICE, ReferralKind.DIF_HANDOVER
JUDGING = {Action.CONFIRM_REFUSAL, Action.RETURN_REFUSAL}


def standings() -> list[Standing]:
    """Every situation that a step depends on."""
    found = [Standing(*each) for each in product(State, ReferralKind)]
    found += [Standing(state, HANDOVER, last_resort=True) for state in State]
    return found + [Standing(state, kind, proposed=True) for state, kind in product(rules.UNANSWERED, ReferralKind)]


@pytest.mark.parametrize("kind", ReferralKind)
def test_every_cell_moves_or_refuses(kind: ReferralKind) -> None:
    for standing, action, party in product(standings(), Action, Party):
        if standing.kind is not kind:
            continue
        offered = {step for step in Action if step.value in rules.allowed(standing, {party})}
        if action in offered:
            assert rules.move(standing, action, {party}) is TRANSITIONS[standing.state, action]
            continue
        with pytest.raises((IllegalMove, RefusedByLaw)) as refused:
            rules.move(standing, action, {party})
        assert set(refused.value.allowed_actions or ()) == offered


def test_a_step_that_the_table_has_is_offered_to_whose_it_is_unless_a_rule_forbids_it() -> None:
    for standing, action in product(standings(), Action):
        offered = action.value in rules.allowed(standing, {rules.who(action, standing.kind)})
        assert offered == (rules.exists(action, standing) and rules.forbidden(action, standing) is None)
        assert not (set(Party) - {rules.who(action, standing.kind)}) & {
            party for party in Party if action.value in rules.allowed(standing, {party})
        }


def test_who_only_reads_moves_nothing() -> None:
    for standing, action in product(standings(), Action):
        with pytest.raises((IllegalMove, RefusedByLaw)) as refused:
            rules.move(standing, action, set())
        assert refused.value.allowed_actions == []


def test_what_has_ended_can_only_have_been_an_error() -> None:
    assert set(State) - rules.LIVE == FINAL
    for state in FINAL:
        assert {action for where, action in TRANSITIONS if where is state} <= {Action.ENTER_IN_ERROR}


def test_after_acceptance_the_recipient_cannot_decline_any_more() -> None:
    declinable = {state for state, action in TRANSITIONS if action is Action.DECLINE}
    assert declinable == rules.UNANSWERED


@pytest.mark.parametrize("kind", ReferralKind)
@pytest.mark.parametrize("state", sorted(rules.LIVE))
def test_while_a_referral_lives_somebody_acts_next_and_can(state: State, kind: ReferralKind) -> None:
    party = NEXT[state]
    assert party is not None
    if state is State.UNDELIVERABLE and kind is not SERVICE:
        party = Party.RECIPIENT  # what the law orders its sender cannot take back: it tells the recipient otherwise
    assert rules.allowed(Standing(state, kind), {party})


# -- what rules forbid -----------------------------------------------------------------------------------


def _refused(standing: Standing, action: Action) -> str:
    with pytest.raises(RefusedByLaw) as refused:
        rules.move(standing, action, {rules.who(action, standing.kind)})
    assert refused.value.law is not None
    return refused.value.law.rule


@pytest.mark.parametrize("kind", sorted(rules.UNREFUSABLE))
def test_the_law_lets_nobody_decline_a_notice(kind: ReferralKind) -> None:
    assert _refused(Standing(State.SENT, kind), Action.DECLINE) == "LM112"


@pytest.mark.parametrize("kind", sorted(set(ReferralKind) - {SERVICE}))
def test_what_the_law_orders_is_neither_withdrawn_nor_expires_and_stands_once_it_was_accepted(
    kind: ReferralKind,
) -> None:
    assert _refused(Standing(State.SENT, kind), Action.WITHDRAW) == "LM112"
    assert _refused(Standing(State.SENT, kind), Action.EXPIRE) == "LM112"
    for state in rules.STANDING:
        assert _refused(Standing(state, kind), Action.ENTER_IN_ERROR) == "ACCEPTED-STANDS"
    assert rules.move(Standing(State.RECEIVED, kind), Action.ENTER_IN_ERROR, {Party.PROCURADURIA})
    with pytest.raises(IllegalMove):
        rules.move(Standing(State.RECEIVED, kind), Action.ENTER_IN_ERROR, {Party.SENDER})


def test_a_sender_may_say_of_a_request_in_any_state_that_it_was_an_error() -> None:
    for state in set(State) - {State.ENTERED_IN_ERROR}:
        assert rules.move(Standing(state), Action.ENTER_IN_ERROR, {Party.SENDER}) is State.ENTERED_IN_ERROR


def test_the_national_system_cannot_decline_what_a_state_could_not_take_and_hands_it_on() -> None:
    state, national = Standing(State.SENT, HANDOVER), Standing(State.SENT, HANDOVER, last_resort=True)
    assert rules.move(state, Action.DECLINE, {Party.RECIPIENT}) is State.DECLINED
    assert _refused(national, Action.DECLINE) == "DIF-NATIONAL"
    assert _refused(Standing(State.WORKING, HANDOVER, last_resort=True), Action.NOT_ACHIEVE) == "DIF-NATIONAL"
    assert rules.move(national, Action.HAND_ON, {Party.RECIPIENT}) is State.COMPLETED
    for other in (state, Standing(State.ACCEPTED, HANDOVER, last_resort=True), Standing(State.SENT, last_resort=True)):
        with pytest.raises(IllegalMove):
            rules.move(other, Action.HAND_ON, {Party.RECIPIENT})


def test_the_procuraduria_cannot_give_up_finding_somebody() -> None:
    assert _refused(Standing(State.WORKING, ReferralKind.PP_FIND), Action.NOT_ACHIEVE) == "NEVER-ALONE"
    assert rules.move(Standing(State.WORKING, ReferralKind.PP_FIND), Action.HAND_ON, {Party.RECIPIENT})


# -- refusals --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reason", "service", "risks", "second"),
    [
        (Reason.NEED_ASSESSED, Service.HEALTH, (None, None), False),
        (Reason.NEED_ASSESSED, Service.HEALTH, (Risk.MEDIUM, Risk.LOW), False),
        (Reason.NEED_ASSESSED, Service.HEALTH, (Risk.HIGH, None), True),
        (Reason.NEED_ASSESSED, Service.HEALTH, (None, Risk.HIGH), True),
        (Reason.URGENT_CARE, Service.HEALTH, (None, None), True),
        (Reason.NEED_ASSESSED, Service.URGENT_MEASURES, (None, None), True),
        ("ENCOUNTER", None, (None, None), False),
    ],
)
def test_a_refusal_needs_a_second_party_where_the_risk_is_high_or_the_care_urgent(
    reason: str, service: Service | None, risks: tuple[Risk | None, ...], second: bool
) -> None:
    assert rules.needs_second(reason, service, risks) is second


def test_only_a_proposed_refusal_is_judged_and_it_neither_expires_nor_is_proposed_twice() -> None:
    for state in rules.UNANSWERED:
        waiting, plain = Standing(state, proposed=True), Standing(state)
        assert set(rules.allowed(waiting, {Party.REVIEWER})) == {action.value for action in JUDGING}
        assert rules.allowed(plain, {Party.REVIEWER}) == []
        assert rules.move(waiting, Action.CONFIRM_REFUSAL, {Party.REVIEWER}) is State.DECLINED
        assert rules.move(waiting, Action.RETURN_REFUSAL, {Party.REVIEWER}) is state
        assert "accept" in rules.allowed(waiting, {Party.RECIPIENT})
        for action, party in ((Action.DECLINE, Party.RECIPIENT), (Action.EXPIRE, Party.SYSTEM)):
            with pytest.raises(IllegalMove):
                rules.move(waiting, action, {party})


# -- time limits -----------------------------------------------------------------------------------------


def test_every_kind_and_urgency_has_its_clocks() -> None:
    for kind, urgency in product(ReferralKind, Urgency):
        deadline = deadlines.acknowledgement(kind, urgency)
        assert isinstance(deadline.due, timedelta)
        assert isinstance(deadline.warn, timedelta)
        assert deadline.warn < deadline.due
        assert deadline in deadlines.DEADLINES
        assert not deadline.verified
    limits = [each.due for each in deadlines.START_SERVICE.values()]
    assert limits == [timedelta(hours=hours) for hours in (1, 3, 24, 72)]
    assert len({each.id for each in deadlines.DEADLINES}) == len(deadlines.DEADLINES)
