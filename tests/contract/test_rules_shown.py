"""Every rule that intake is to enforce has a test that shows the refusal, and one that shows the lawful way."""

import ast
from pathlib import Path
from typing import NamedTuple

import pytest

from services.consular.main import RULES as CONSULAR
from services.intake.main import RULES as INTAKE
from services.referral.main import RULES as REFERRAL

TESTS = Path(__file__).parents[1]


class Shown(NamedTuple):
    """Where a rule is shown: `file::test`, below tests/. Without a lawful way the refusal's test has both."""

    refusal: str
    lawful: str = ""


_LODGING, _FAMILIES = "unit/intake/test_lodging.py", "unit/intake/test_families.py"
_INTERVIEWS, _PERMITS = "unit/intake/test_interviews.py", "unit/intake/test_permits.py"
_MEASURES, _PLANS = "unit/referral/test_measures.py", "unit/referral/test_plans.py"
_BIDS = "unit/referral/test_determinations.py"
_PROCEDURES, _STATISTICS = "unit/intake/test_procedures.py", "unit/intake/test_statistics.py"
_REFUGE, _RETURNS = "unit/referral/test_refuge.py", "unit/referral/test_returns.py"
_CLAIMED = f"{_REFUGE}::test_recognition_is_final_at_once_and_the_case_takes_it"
_RETURNED = f"{_RETURNS}::test_a_child_returns_with_everything_that_the_law_asks_for"

_GUARD, _LIFTS, _ABROAD = (f"unit/referral/test_{name}.py" for name in ("protection", "lifts", "abroad"))

SHOWN = {
    "R1": Shown(f"{_LODGING}::test_a_station_is_refused_to_everybody_for_every_child"),
    "R2": Shown("unit/intake/test_kinds.py::test_a_child_of_today_is_channelled"),
    "R3": Shown("unit/intake/test_child_records.py::test_nobody_becomes_an_adult_without_the_procuradurias_decision"),
    "R5": Shown(
        f"{_PROCEDURES}::test_no_procedure_begins_before_the_procuraduria_was_notified",
        f"{_PROCEDURES}::test_after_the_notice_a_procedure_begins_once",
    ),
    "R8": Shown(f"{_PERMITS}::test_a_permit_depends_on_nothing"),
    "R9": Shown(f"{_FAMILIES}::test_an_adverse_finding_ends_a_carers_share_in_the_permit_until_a_later_one"),
    "R9-PERMIT": Shown(
        "unit/intake/test_carers.py::test_who_was_found_adverse_in_the_family_is_under_no_permit",
        f"{_PERMITS}::test_a_permit_covers_the_carer_until_the_procuraduria_finds_otherwise",
    ),
    "R9-REVIEW": Shown(
        "unit/intake/test_carers.py::test_who_was_found_adverse_in_the_family_is_under_no_permit",
        "unit/intake/test_carers.py::test_a_carer_of_whom_nobody_says_which_one_it_is_waits_for_the_procuraduria",
    ),
    "R10": Shown("unit/intake/test_attendances.py::test_a_carer_waits_for_the_procuraduria_and_is_then_presented"),
    "R12": Shown(
        f"{_FAMILIES}::test_siblings_are_not_parted_without_the_procuraduria",
        f"{_FAMILIES}::test_the_procuraduria_parts_and_reunites_by_reasoned_decisions",
    ),
    "R12-LODGING": Shown(f"{_LODGING}::test_siblings_sleep_in_one_place_whichever_record_names_the_other"),
    "R14": Shown(
        f"{_INTERVIEWS}::test_another_topic_is_refused_and_nothing_kept",
        f"{_INTERVIEWS}::test_an_interview_on_the_topics_of_the_law_is_recorded_and_sealed",
    ),
    "R15": Shown(f"{_GUARD}::test_an_indication_closes_the_guard_tells_comar_and_stops_the_release"),
    "R15-CORRECTED": Shown(f"{_LIFTS}::test_an_indication_entered_in_error_is_marked_once_and_opens_nothing"),
    "R16": Shown(
        f"{_GUARD}::test_an_indication_closes_the_guard_tells_comar_and_stops_the_release",
        f"{_GUARD}::test_a_release_takes_two_authorities_and_tells_consular_the_least",
    ),
    "R17": Shown(f"{_LIFTS}::test_while_a_claim_stands_only_express_consent_lifts"),
    "GUARD": Shown(
        f"{_GUARD}::test_the_law_refuses_by_name",
        f"{_GUARD}::test_only_the_procuraduria_concurs_and_only_inm_releases",
    ),
    "R22-ABROAD": Shown(
        f"{_ABROAD}::test_only_a_body_of_the_childs_own_states_may_be_told",
        f"{_ABROAD}::test_what_was_released_for_a_body_reaches_it_and_says_the_least",
    ),
    "R20": Shown(
        "unit/referral/test_protection.py::test_the_law_refuses_by_name",
        "unit/referral/test_protection.py::test_only_the_procuraduria_concurs_and_only_inm_releases",
    ),
    "R24": Shown(
        "unit/intake/test_holds.py::"
        "test_while_a_hold_stands_no_return_is_prepared_or_recorded_and_the_procedure_stands_still"
    ),
    "R27": Shown(
        f"{_INTERVIEWS}::test_an_unlawful_interview_is_refused",
        f"{_INTERVIEWS}::test_with_an_interpreter_any_language_will_do",
    ),
    "R10-OFICIO": Shown(
        "unit/referral/test_oficios.py::test_it_is_drawn_up_once_the_procuraduria_has_attended_and_intake_is_told",
        "unit/referral/test_oficios.py::test_who_reads_it_and_on_paper_and_each_reading_of_the_name_is_recorded",
    ),
    "R11": Shown(
        f"{_MEASURES}::test_nobody_comes_into_a_centre_without_a_live_measure",
        f"{_MEASURES}::test_a_child_comes_into_a_centre_and_leaves_it",
    ),
    "R13": Shown(
        f"{_MEASURES}::test_a_special_measure_is_ordered_and_not_asked_for",
        f"{_MEASURES}::test_the_mp_has_three_hours_and_the_judge_a_day_and_time_ends_nothing",
    ),
    "R25": Shown(f"{_PLANS}::test_each_agency_does_its_item_the_procuraduria_verifies_and_the_case_may_end"),
    "LGDNNA98": Shown(
        f"{_BIDS}::test_an_initial_assessment_is_made_in_safety_and_privacy",
        f"{_BIDS}::test_signs_of_protection_close_the_guard_with_the_assessment",
    ),
    "LGDNNA123": Shown(
        f"{_PLANS}::test_what_a_plan_needs",
        f"{_PLANS}::test_a_later_version_goes_on_with_what_was_done_and_the_former_one_is_kept",
    ),
    "BID-OPINIONS": Shown(
        f"{_BIDS}::test_who_assessed_does_not_decide",
        f"{_BIDS}::test_from_care_to_a_signed_determination_and_its_review",
    ),
    "BID-PANEL": Shown(
        f"{_BIDS}::test_who_assessed_does_not_decide",
        f"{_BIDS}::test_from_care_to_a_signed_determination_and_its_review",
    ),
    # What is withheld is an answer without the place, which names the rule.
    "R31": Shown(f"{_LODGING}::test_enforcement_does_not_read_where_a_civil_society_shelter_is"),
    "R32": Shown(
        "unit/intake/test_sndif_register.py::"
        "test_the_dif_of_a_state_is_told_by_which_rule_it_does_not_read_the_register"
    ),
    "R33": Shown(f"{_STATISTICS}::test_the_public_chooses_no_period_of_its_own"),
    "R34": Shown(
        "unit/intake/test_children.py::test_a_reading_that_cannot_be_recorded_is_not_given",
        "unit/intake/test_children.py::test_every_reading_is_recorded",
    ),
    "R35-RETENTION": Shown(
        "unit/intake/test_erasure.py::test_a_record_is_erased_once_it_was_blocked_and_its_time_has_come",
        "unit/intake/test_erasure.py::test_of_an_erased_child_no_row_is_left_but_what_the_law_keeps",
    ),
    "R2-RETURN": Shown(f"{_RETURNS}::test_nobody_is_deported", _RETURNED),
    "R16-RETURN": Shown(f"{_RETURNS}::test_a_lift_for_this_return_opens_the_guard_and_no_other_lift_does", _RETURNED),
    "R21": Shown(f"{_RETURNS}::test_a_claim_stops_a_return_that_is_planned_and_inm_is_not_told_why", _RETURNED),
    **dict.fromkeys(
        ("R21-PLAN", "R21-DANGER", "R21-HEARD", "R21-CONCUR", "R21-ESCORT", "R21-ACCEPTED", "R21-HOURS"),
        Shown(f"{_RETURNS}::test_each_gate_is_refused_by_its_rule", _RETURNED),
    ),
    "R21-CLAIM": Shown(
        f"{_RETURNS}::test_no_consent_lets_a_child_return_while_a_claim_an_appeal_or_protection_stands", _RETURNED
    ),
    "R21-FAMILY": Shown(f"{_RETURNS}::test_family_abroad_is_verified_first", _RETURNED),
    "R22": Shown(f"{_RETURNS}::test_a_child_returns_to_its_nationality_or_residence_and_to_no_other_state", _RETURNED),
    "R23": Shown(f"{_REFUGE}::test_a_late_claim_names_its_cause", _CLAIMED),
    "R23-RATIFY": Shown(f"{_REFUGE}::test_a_claim_that_nobody_ratifies_lapses_and_the_guard_stays_closed"),
    "R23-OPINION": Shown(
        f"{_REFUGE}::test_comar_resolves_when_sre_has_answered_or_been_silent_for_fifteen_days", _CLAIMED
    ),
    "R23-APPEAL": Shown(f"{_REFUGE}::test_a_refusal_opens_the_time_to_appeal_and_time_alone_ends_nothing", _CLAIMED),
    "R27-INTERVIEW": Shown(
        f"{_REFUGE}::test_the_child_is_heard_in_person_by_specialists_with_its_representative", _CLAIMED
    ),
    "R27-NOTICE": Shown(f"{_REFUGE}::test_recognition_is_final_at_once_and_the_case_takes_it"),
    "R27-WITHDRAW": Shown(
        f"{_REFUGE}::test_a_claim_is_withdrawn_through_the_representative_when_the_child_wishes_it_never_by_absence"
    ),
    "R38-CLAIM": Shown(f"{_REFUGE}::test_recognition_is_final_at_once_and_the_case_takes_it"),
    "RETURN-POINTS": Shown(f"{_RETURNS}::test_return_points_are_rows_with_their_source_and_their_history"),
}
"""Rule → the tests that show it. Of variants of a rule (`R9-PERMIT`) each has its own."""

NAMELESS = {
    "R34": "who may read may: what cannot be recorded is not answered, and no answer names that rule",
    "R15": "whoever takes part in a case may indicate: what follows is refused by R16",
}
"""Rules that no refusal names, and why."""

ISSUE = ("R1", "R2", "R3", "R5", "R8", "R9", "R12", "R14", "R20", "R27", "R31", "R32", "R33", "R34", "R35")
"""What intake was asked to enforce."""


_LAWFUL = (
    "lodged(",
    "met(",
    "world.get(",
    "house.permit(",
    "granted(",
    ".status_code",
    '"status"',
    ", 200)",
    ", 201)",
    "turn(",
)
"""How tests say that something was done: what must succeed, or a status."""


def functions(file: Path) -> dict[str, str]:
    """Return the functions of a test file, decorators included, by name."""
    source = file.read_text("utf-8")
    found = {}
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
            found[node.name] = "\n".join(source.splitlines()[first - 1 : node.end_lineno])
    return found


def shown(place: str) -> str:
    """Return the text of a test, with the helper by which its file says what a refusal must say."""
    file, _, name = place.partition("::")
    known = functions(TESTS / file)
    assert name in known, f"{place}: there is no such test"
    helper = known.get("refused", "")
    if not helper and "refused(" in known[name]:
        helper = functions(TESTS / _PERMITS)["refused"]  # lent by the tests of permits
    return known[name] + (helper if "refused(" in known[name] else "")


def test_every_rule_of_the_issue_is_shown() -> None:
    assert {name.partition("-")[0] for name in SHOWN} >= set(ISSUE)


@pytest.mark.parametrize("rule", SHOWN)
def test_the_refusal_names_its_rule_and_its_source(rule: str) -> None:
    text = shown(SHOWN[rule].refusal)
    if rule in NAMELESS:
        return
    assert f'"{rule}"' in text, f"{SHOWN[rule].refusal} does not assert the rule"
    assert '"source"' in text or ".source" in text or "article" in text, f"{SHOWN[rule].refusal} names no article"
    published = {each.id: each.source for each in (*INTAKE, *REFERRAL, *CONSULAR)}
    assert published[rule]


@pytest.mark.parametrize("rule", SHOWN)
def test_the_lawful_way_is_shown(rule: str) -> None:
    place = SHOWN[rule].lawful or SHOWN[rule].refusal
    assert any(way in shown(place) for way in _LAWFUL), f"{place} shows no lawful way"
