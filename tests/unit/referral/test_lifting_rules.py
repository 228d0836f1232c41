"""The rules of lifts, reviews and corrections, row by row (R17): no I/O."""

from dataclasses import FrozenInstanceError
from datetime import timedelta
from itertools import product

import pytest

from services.referral.protection import lifting
from services.referral.protection.lifting import (
    CorrectionReason,
    LiftAction,
    Lifted,
    LiftGround,
    LiftPurpose,
    LiftState,
    ReviewOutcome,
    ReviewState,
    ReviewSubject,
)
from services.referral.protection.rules import Act
from shared.clocks.rules import Deadline
from shared.errors import IllegalMove

HONDURAS = "child-protection-hnd"

CELLS = {
    (LiftState.PROPOSED, LiftAction.CONCUR, "COMAR", LiftGround.JOINT): LiftState.LIVE,
    (LiftState.PROPOSED, LiftAction.CONCUR, "PP", LiftGround.CONSENT): LiftState.LIVE,
    (LiftState.PROPOSED, LiftAction.REFUSE, "COMAR", LiftGround.JOINT): LiftState.REFUSED,
    (LiftState.PROPOSED, LiftAction.REFUSE, "PP", LiftGround.CONSENT): LiftState.REFUSED,
    **{(LiftState.PROPOSED, LiftAction.WITHDRAW, "PP", each): LiftState.WITHDRAWN for each in LiftGround},
    **{(LiftState.PROPOSED, LiftAction.END, "SYSTEM", each): LiftState.ENDED for each in LiftGround},
    **{
        (LiftState.LIVE, LiftAction.END, who, each): LiftState.ENDED
        for who, each in product(("PP", "COMAR", "SYSTEM"), LiftGround)
    },
}


def test_every_cell_of_a_lift() -> None:
    for cell in product(LiftState, LiftAction, ("PP", "COMAR", "INM", "DIF", "SYSTEM"), LiftGround):
        state, action, who, ground = cell
        if cell in CELLS:
            assert lifting.advance(state, action, ground, who) is CELLS[cell]
            assert action.value in lifting.allowed(state, ground, who)
            continue
        with pytest.raises(IllegalMove) as refused:
            lifting.advance(state, action, ground, who)
        assert refused.value.allowed_actions == lifting.allowed(state, ground, who)
        assert action.value not in lifting.allowed(state, ground, who)
        assert f"that is {state} cannot" in str(refused.value)


def test_what_may_be_done_with_a_lift_is_told_in_order() -> None:
    assert lifting.allowed(LiftState.PROPOSED, LiftGround.JOINT, "COMAR") == ["concur", "refuse"]
    assert lifting.allowed(LiftState.PROPOSED, LiftGround.JOINT, "PP") == ["withdraw"]
    assert lifting.allowed(LiftState.PROPOSED, LiftGround.CONSENT, "PP") == ["concur", "refuse", "withdraw"]
    assert lifting.allowed(LiftState.LIVE, LiftGround.JOINT, "COMAR") == ["end"]


def test_a_lift_covers_its_purpose_and_its_recipients_and_a_joint_one_nothing_while_a_claim_stands() -> None:
    notice, abroad = Act("HND", True, "spa", objects=False), Act("HND", True, "spa", objects=False, recipient=HONDURAS)
    home = Act("HND", True, None, returns=True)
    for ground, purpose, recipients, standing in product(
        LiftGround, LiftPurpose, (("HND",), (HONDURAS,), ("SLV",)), (False, True)
    ):
        lift = Lifted(ground, purpose, recipients)
        lawful = ground is LiftGround.CONSENT or not standing
        told = purpose is LiftPurpose.CONSULAR_NOTICE and recipients == ("HND",)
        asked = purpose is LiftPurpose.CROSS_BORDER and recipients == (HONDURAS,)
        assert lifting.covers(lift, notice, standing=standing) is (lawful and told)
        assert lifting.covers(lift, abroad, standing=standing) is (lawful and asked)
        goes = purpose is LiftPurpose.RETURN and recipients == ("HND",)
        assert lifting.covers(lift, home, standing=standing) is (lawful and goes)


def test_every_cell_of_a_review() -> None:
    for state, subject, outcome in product(ReviewState, ReviewSubject, ReviewOutcome):
        ends = outcome is not (ReviewOutcome.END if subject is ReviewSubject.BAR else ReviewOutcome.PROPOSE_LIFT)
        if state is ReviewState.DUE and ends:
            assert lifting.decide(state, subject, outcome) is ReviewState.DONE
            continue
        with pytest.raises(IllegalMove) as refused:
            lifting.decide(state, subject, outcome)
        can = [each.value for each in ReviewOutcome if each in lifting.OUTCOMES[subject]]
        assert refused.value.allowed_actions == (can if state is ReviewState.DUE else [])
        assert f"cannot come to {outcome}." in str(refused.value)


def test_an_officers_number_is_one_however_it_is_written_and_wherever() -> None:
    assert lifting.one_officer("pp-chp/pp-0001", "comar/PP-0001")
    assert lifting.one_officer("PP-0001", "pp-chp/pp-0001")
    assert not lifting.one_officer("pp-chp/pp-0001", "pp-chp/pp-0002")
    assert not lifting.one_officer("pp-chp/pp-0001", "pp-0001/pp-chp")


# -- the tables ------------------------------------------------------------------------------------------


def test_codes_are_called_what_they_are() -> None:
    for code in (*LiftGround, *LiftPurpose, *ReviewSubject, *ReviewOutcome, *CorrectionReason):
        assert code.value == code.name
    for each in (*LiftState, *LiftAction, *ReviewState):
        assert each.value == each.name.lower()
    assert set(lifting.OPEN_LIFTS) == {LiftState.PROPOSED, LiftState.LIVE}


def test_each_rule_has_its_source_and_says_whether_somebody_has_verified_it() -> None:
    assert [(each.id, each.source[:8], each.verified) for each in lifting.RULES] == [
        ("R17", "LRPCAP, ", True), ("R15-CORRECTED", "Design d", False),
    ]  # fmt: skip
    assert all(each.text.en and each.text.es and each.text.en != each.text.es for each in lifting.RULES)


@pytest.mark.parametrize(
    ("deadline", "name", "warn", "due"),
    [
        (lifting.REVIEW_BAR, "REVIEW_BAR", timedelta(days=83), timedelta(days=90)),
        (lifting.REVIEW_RELEASE, "REVIEW_RELEASE", timedelta(days=83), timedelta(days=90)),
        (lifting.REVIEW_LIFT, "REVIEW_LIFT", timedelta(days=23), timedelta(days=30)),
        (lifting.NOTICE_INM, "NOTICE_INM", timedelta(days=2), timedelta(days=3)),
        (lifting.NOTICE_PP, "NOTICE_PP", timedelta(days=2), timedelta(days=3)),
        (lifting.GATE_WAITS, "GATE_WAITS", timedelta(minutes=30), timedelta(hours=1)),
    ],
)
def test_each_time_limit_is_ours_and_says_so(deadline: Deadline, name: str, warn: timedelta, due: timedelta) -> None:
    assert (deadline.id, deadline.warn, deadline.due, deadline.verified) == (name, warn, due, False)
    assert deadline.source.startswith("Design decision: no source")
    assert deadline.name.en
    assert deadline.name.es
    assert deadline.name.en != deadline.name.es
    assert deadline in lifting.DEADLINES


def test_each_thing_that_is_reviewed_has_its_time() -> None:
    assert {each: lifting.REVIEWS[each].id for each in ReviewSubject} == {
        ReviewSubject.BAR: "REVIEW_BAR", ReviewSubject.RELEASE: "REVIEW_RELEASE", ReviewSubject.LIFT: "REVIEW_LIFT",
    }  # fmt: skip
    assert len(lifting.DEADLINES) == 6


def test_a_lift_that_holds_changes_in_nothing() -> None:
    lift = Lifted(LiftGround.JOINT, LiftPurpose.RETURN, ("HND",))
    with pytest.raises(FrozenInstanceError):
        lift.recipients = ()  # type: ignore[misc]  # that is what is tried
