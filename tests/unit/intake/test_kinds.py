"""Each kind of encounter says what belongs to it, opens what the law orders for it, and nothing else."""

import json
from datetime import timedelta
from typing import Any

import pytest

from services.intake.encounters import rules
from services.intake.encounters.rules import AnnouncedBy, CarerPresentation, EncounterKind, Outcome, Tie
from shared import clock, ids
from shared.errors import RefusedByLaw
from tests.unit.intake.world import ENCOUNTERS, Row, World, again, ago, assert_problem, encounter, estimated, girl

pytestmark = pytest.mark.asyncio(loop_scope="module")
RETURNED: Row = {"return_point": "Nuevo Laredo II", "returned_from": "USA", "state_of_origin": "MX-OAX"}


def returned(**changes: Any) -> Row:
    """A Mexican girl received from the United States."""
    child = girl(nationalities=["MEX"])
    return encounter(kind="MEXICAN_RETURNED", **({"child": child} | RETURNED | changes))


def announced(**changes: Any) -> Row:
    """A girl of whom the consulate's country told, not met yet."""
    return encounter(kind="ANNOUNCED", **({"announced_by": "COUNTRY", "announcing_country": "GTM"} | changes))


async def events_of(world: World, encounter_id: str) -> list[Any]:
    found = [row for row in await world.rows("event", "case_seq") if row["subject"] == encounter_id]
    told = [row for row in found if row["type"] == "encounter.recorded"]
    return [row | {"data": json.loads(row["data"]) if isinstance(row["data"], str) else row["data"]} for row in told]


# -- what belongs to a kind --------------------------------------------------------------------------


async def test_a_returned_mexican_child_is_handed_to_procuraduria_and_dif(standing_world: World) -> None:
    made = await standing_world.met(returned())
    assert RETURNED.items() <= made.items()
    assert [each["rule"] for each in made["clocks"]] == ["D1", "D2", "NEEDS"]
    assert made["handover"]["status"] == "pending"
    assert len(await events_of(standing_world, made["id"])) == 1


async def test_a_grupo_beta_meets_foreign_and_mexican_children(standing_world: World) -> None:
    for nationalities in (["HND"], ["MEX"], ["MEX", "GTM"], []):
        made = await standing_world.met(encounter(kind="BETA_MET", child=girl(nationalities=nationalities)))
        assert [each["rule"] for each in made["clocks"]][:2] == ["D1", "D2"]


@pytest.mark.parametrize(
    ("body", "pointer", "reason"),
    [
        (lambda: returned(return_point=None), "/return_point", "missing"),
        (lambda: returned(returned_from=None), "/returned_from", "missing"),
        (lambda: announced(announced_by=None), "/announced_by", "missing"),
        (lambda: encounter(return_point="Suchiate"), "/return_point", "not_of_this_kind"),
        (lambda: encounter(kind="BETA_MET", state_of_origin="MX-OAX"), "/state_of_origin", "not_of_this_kind"),
        (lambda: encounter(announcing_agency="unicef"), "/announcing_agency", "not_of_this_kind"),
        (lambda: announced(returned_from="USA"), "/returned_from", "not_of_this_kind"),
    ],
)
async def test_a_kind_says_what_belongs_to_it_and_nothing_else(
    standing_world: World, body: Any, pointer: str, reason: str
) -> None:
    document = assert_problem(await standing_world.post(body()), 422, "invalid_request")
    assert document["errors"] == [{"pointer": pointer, "reason": reason}]


@pytest.mark.parametrize(
    ("kind", "nationalities", "instead"),
    [
        ("FOREIGN_MET", {"MEX"}, ["MEXICAN_RETURNED", "BETA_MET"]),
        ("FOREIGN_MET", {"MEX", "HND"}, None),  # dual nationals stay
        ("FOREIGN_MET", set(), None),  # unknown
        ("MEXICAN_RETURNED", {"MEX"}, None),
        ("MEXICAN_RETURNED", {"MEX", "USA"}, None),
        ("MEXICAN_RETURNED", {"HND"}, ["FOREIGN_MET"]),
        ("MEXICAN_RETURNED", set(), ["FOREIGN_MET"]),
        ("BETA_MET", {"MEX"}, None),
        ("ANNOUNCED", {"MEX"}, None),
    ],
)
async def test_kind_and_nationality_agree(kind: str, nationalities: set[str], instead: list[str] | None) -> None:
    if instead is None:
        rules.check_nationality(EncounterKind(kind), nationalities)
        return
    with pytest.raises(RefusedByLaw) as refused:
        rules.check_nationality(EncounterKind(kind), nationalities)
    assert refused.value.law is not None
    assert (refused.value.law.rule, refused.value.allowed_actions) == ("LM20-XI", instead)
    assert "art. 20, fr. XI" in refused.value.law.source
    assert instead[0] in refused.value.detail


async def test_a_child_who_is_known_to_be_mexican_alone_is_not_met_as_a_foreigner(standing_world: World) -> None:
    child_id = (await standing_world.met(returned()))["child_id"]
    document = assert_problem(await standing_world.post(again(child_id)), 409, "refused_by_law")
    assert (document["rule"], document["allowed_actions"]) == ("LM20-XI", ["MEXICAN_RETURNED", "BETA_MET"])


# -- R2: nobody is presented -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("outcome", "day", "lawful"),
    [
        (None, "2026-05-01", True),
        ("CHANNELLED", "2026-05-01", True),
        ("CHANNELLED", "2016-05-01", True),
        ("PRESENTED", "2016-05-01", True),  # what the old tables counted
        ("PRESENTED", "2021-01-10", True),
        ("PRESENTED", "2021-01-11", False),  # the reform is in force
        ("PRESENTED", "2026-05-01", False),
    ],
)
async def test_no_child_is_presented_since_the_reform(outcome: str | None, day: str, lawful: bool) -> None:
    given = (Outcome(outcome) if outcome else None, clock.now().date().fromisoformat(day))
    if lawful:
        return rules.check_outcome(*given)
    with pytest.raises(RefusedByLaw) as refused:
        rules.check_outcome(*given)
    assert refused.value.law is not None
    assert (refused.value.law.rule, refused.value.allowed_actions) == ("R2", ["CHANNELLED"])
    assert "art. 99" in refused.value.law.source


async def test_a_child_of_today_is_channelled(standing_world: World) -> None:
    assert (await standing_world.met(encounter(outcome="CHANNELLED")))["outcome"] == "CHANNELLED"
    document = assert_problem(await standing_world.post(encounter(outcome="PRESENTED")), 409, "refused_by_law")
    assert (document["rule"], "art. 99, 112, fr. I and III, and 120" in document["source"]) == ("R2", True)


# -- R10: the adult who cares for the child ----------------------------------------------------------

EARLY, LATE = clock.now() - timedelta(hours=3), clock.now() - timedelta(hours=2)


@pytest.mark.parametrize("tie", list(Tie))
@pytest.mark.parametrize(
    ("presented", "attended", "oficio", "lawful"),
    [
        (None, None, None, True),
        (None, LATE, "OF-1", True),
        (LATE, EARLY, "OF-1", True),
        (LATE, LATE, "OF-1", True),
        (LATE, EARLY, None, False),
        (LATE, None, "OF-1", False),
        (LATE, None, None, False),
        (EARLY, LATE, "OF-1", False),  # the Procuraduría came afterwards
    ],
)
async def test_a_carer_is_presented_after_procuraduria_and_oficio(
    tie: Tie, presented: Any, attended: Any, oficio: str | None, lawful: bool
) -> None:
    stranger = tie in (Tie.OTHER_ADULT, Tie.NOBODY)
    if lawful or (stranger and (presented, attended) != (EARLY, LATE)):
        return rules.check_carer(tie, presented, attended, oficio)
    with pytest.raises(RefusedByLaw) as refused:
        rules.check_carer(tie, presented, attended, oficio)
    assert refused.value.law is not None
    assert (refused.value.law.rule, refused.value.law.source) == ("R10", "Ley de Migración, art. 95 and 98")
    assert refused.value.allowed_actions == ["pp_attended_at", "oficio"]


@pytest.mark.parametrize(
    ("tie", "attended", "oficio", "state"),
    [
        (Tie.NOBODY, None, None, CarerPresentation.NOT_A_CARER),
        (Tie.OTHER_ADULT, LATE, "OF-1", CarerPresentation.NOT_A_CARER),
        (Tie.CUSTOMARY_CARE, None, None, CarerPresentation.BLOCKED),
        (Tie.PARENTAL_AUTHORITY, LATE, None, CarerPresentation.BLOCKED),
        (Tie.GUARDIANSHIP, LATE, "OF-1", CarerPresentation.ALLOWED),
    ],
)
async def test_an_encounter_says_whether_its_adult_may_be_presented(
    tie: Tie, attended: Any, oficio: str | None, state: CarerPresentation
) -> None:
    assert rules.carer_presentation(tie, attended, oficio) is state


async def test_the_adult_is_sealed_and_every_reading_of_it_recorded(standing_world: World) -> None:
    adult = {
        "tie": "CUSTOMARY_CARE", "proofs": ["CHILD_STATEMENT", "ADULT_DOCUMENTS"], "relation": "AUNT_OR_UNCLE",
        "identity": {"given_names": "Tiacanary", "birth_date": "1987-07-01", "nationalities": ["HND"]},
        "pp_attended_at": ago(minutes=40), "oficio": "OF-CHP/2026/17", "presented_at": ago(minutes=30),
    }  # fmt: skip
    made = await standing_world.met(encounter(adult=adult))
    assert (made["travel_condition"], made["carer_presentation"]) == ("SEPARATED", "ALLOWED")
    assert (made["tie_proofs"], made["adult_relation"]) == (["CHILD_STATEMENT", "ADULT_DOCUMENTS"], "AUNT_OR_UNCLE")
    assert "Tiacanary" not in repr(await standing_world.everything())
    assert (await events_of(standing_world, made["id"]))[0]["data"]["carer_with_child"] is True
    shown = await standing_world.get(f"{ENCOUNTERS}/{made['id']}/adult", kind="PP")
    assert (
        shown.json()["identity"] | {"given_names": "Tiacanary", "birth_date": "1987-07-01"} == shown.json()["identity"]
    )
    readings = [row["resource"] for row in await standing_world.rows("audit_entry") if row["resource_id"] == made["id"]]
    assert readings == ["encounter", "adult_met"]
    assert_problem(await standing_world.get(f"{ENCOUNTERS}/{made['id']}/adult", state="MX-OAX"), 404, "not_found")


async def test_nobody_has_no_name(standing_world: World) -> None:
    body = encounter(adult={"tie": "NOBODY", "identity": {"given_names": "Tía"}})
    assert_problem(await standing_world.post(body), 422, "invalid_request")
    made = await standing_world.met()
    assert_problem(await standing_world.get(f"{ENCOUNTERS}/{made['id']}/adult"), 404, "not_found")


async def test_a_carers_presentation_is_refused_with_rule_and_article(standing_world: World) -> None:
    adult = {"tie": "PARENTAL_AUTHORITY", "presented_at": ago(minutes=5)}
    document = assert_problem(await standing_world.post(encounter(adult=adult)), 409, "refused_by_law")
    assert (document["rule"], document["source"]) == ("R10", "Ley de Migración, art. 95 and 98")


# -- announced, then met -----------------------------------------------------------------------------


async def test_who_is_only_announced_starts_no_duty(standing_world: World) -> None:
    made = await standing_world.met(announced())
    assert (made["clocks"], made["unmet_needs"]) == ([], [])
    assert made["handover"] == {"to": "referral", "status": "not_due"}
    assert await events_of(standing_world, made["id"]) == []
    shown = (await standing_world.get(f"{ENCOUNTERS}/{made['id']}")).json()
    assert shown == made


async def test_of_children_whom_an_adult_left_elsewhere_the_procuraduria_is_told(standing_world: World) -> None:
    made = await standing_world.met(announced(announced_by="ADULT_MET", announcing_country=None))
    (event,) = await events_of(standing_world, made["id"])
    assert event["data"]["referrals"] == ["PP"]
    assert made["clocks"] == []


async def test_an_announced_child_becomes_met_once(standing_world: World) -> None:
    told = await standing_world.met(announced())
    meeting = again(told["child_id"], announcement_id=told["id"])
    met = await standing_world.met(meeting)
    assert [each["rule"] for each in met["clocks"]] == ["D1", "D2", "NEEDS", "VRH"]
    (event,) = await events_of(standing_world, met["id"])
    assert event["case_seq"] == 1  # the announcement took no number
    assert (await standing_world.get(f"{ENCOUNTERS}/{told['id']}")).json()["met_by"] == met["id"]
    assert (await standing_world.get(f"{ENCOUNTERS}/{told['id']}")).json()["kind"] == "ANNOUNCED"
    assert_problem(await standing_world.post(meeting), 409, "conflict")


async def test_a_meeting_answers_an_announcement_of_the_same_child(standing_world: World) -> None:
    told, other = await standing_world.met(announced()), await standing_world.met()
    for name, child_id in (
        (told["id"], other["child_id"]),
        (other["id"], other["child_id"]),
        (ids.new("enc"), told["child_id"]),
    ):
        document = assert_problem(
            await standing_world.post(again(child_id, announcement_id=name)), 422, "invalid_request"
        )
        assert document["errors"] == [{"pointer": "/announcement_id", "reason": "no_announcement_of_this_child"}]


async def test_only_what_an_adult_told_is_a_referral_before_the_meeting() -> None:
    told = {how: rules.referrals_of(EncounterKind.ANNOUNCED, how) for how in AnnouncedBy}
    assert told == {AnnouncedBy.AGENCY: (), AnnouncedBy.COUNTRY: (), AnnouncedBy.ADULT_MET: ("PP",)}


# -- history is never rewritten ----------------------------------------------------------------------


async def test_what_was_counted_stays_when_the_child_is_corrected(standing_world: World) -> None:
    made = await standing_world.met(encounter(child=estimated(13, 15)))
    patch = {"sex": "X", "nationalities": ["SLV"]}
    assert (await standing_world.patch(made["child_id"], patch)).status_code == 200
    rows = {row["id"]: row for row in await standing_world.rows("encounter")}
    assert (rows[made["id"]]["sex"], rows[made["id"]]["nationality"]) == ("F", "HND")


async def test_one_agencys_own_id_is_one_encounter(standing_world: World) -> None:
    name = ids.opaque("own")
    assert (await standing_world.met(encounter(external_id=name)))["external_id"] == name
    assert_problem(await standing_world.post(encounter(external_id=name)), 409, "conflict")
    other = await standing_world.met(encounter(external_id=name, place={"state": "MX-OAX"}), state="MX-OAX")
    assert other["external_id"] == name
