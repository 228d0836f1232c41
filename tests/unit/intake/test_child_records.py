"""What a child's record holds beyond a name and a date: forms of names, evidence, alerts, numbers, its own history."""

from datetime import date
from typing import Any

import pytest
from stdnum.mx import curp

from services.intake.children.models import Child
from services.intake.children.rules import EXAMS, AgeEvidence, NameForm, Sex, check_evidence, curp_warnings, fits
from services.intake.identifiers.rules import plain
from shared import clock, ids
from shared.errors import RefusedByLaw
from tests.unit.intake.world import CHILDREN, Row, World, again, assert_problem, encounter, estimated, girl

pytestmark = pytest.mark.asyncio(loop_scope="module")
CANARY = "Citlalcanary"
BORN = date(2012, 3, 5)
GOOD = "PEXF120305MCSXXXA4"


async def new(world: World, **changes: Any) -> str:
    return str((await world.met(encounter(child=girl(**changes))))["child_id"])


async def readings(world: World, child_id: str) -> list[str]:
    rows = await world.rows("audit_entry")
    return [row["resource"] for row in rows if row["action"] == "read" and row["resource_id"] == child_id]


# -- names -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("form", "given", "first", "second", "fitting"),
    [
        ("TWO_SURNAMES", 1, 1, 1, True),
        ("TWO_SURNAMES", 1, 1, 0, True),  # the second is not known
        ("TWO_SURNAMES", 0, 0, 0, True),
        ("ONE_SURNAME", 1, 1, 0, True),
        ("ONE_SURNAME", 1, 1, 1, False),
        ("MONONYM", 1, 0, 0, True),
        ("MONONYM", 1, 1, 0, False),
        ("MONONYM", 0, 0, 0, False),
        ("UNKNOWN", 0, 0, 0, True),
        ("UNKNOWN", 1, 0, 0, False),
        ("UNKNOWN", 0, 0, 1, False),
    ],
)
async def test_a_name_is_of_its_form(form: str, given: int, first: int, second: int, fitting: bool) -> None:
    assert fits(NameForm(form), given=bool(given), first=bool(first), second=bool(second)) is fitting


async def test_a_mononym_is_no_lost_surname(standing_world: World) -> None:
    child_id = await new(standing_world, first_surname=None, name_form="MONONYM")
    shown = (await standing_world.child(child_id))["identity"]
    assert (shown["given_names"], shown["first_surname"], shown["name_form"]) == ("Ana", None, "MONONYM")
    refused = await standing_world.post(encounter(child=girl(name_form="MONONYM")))
    assert_problem(refused, 422, "invalid_request")


# -- CURP: looked at, never refused ------------------------------------------------------------------


def with_check(number: str) -> str:
    return number[:17] + curp.calc_check_digit(number + "0")


@pytest.mark.parametrize(
    ("number", "sex", "warnings"),
    [
        (with_check("PEXF120305MCSXXXA"), "F", []),
        (with_check("PEXF120305MCSXXXA").lower(), "F", []),
        (with_check("PEXF120305XCSXXXA"), "X", []),  # non-binary, since 2023
        (with_check("PEXF120305MCSXXXA"), "X", ["SEX"]),
        (with_check("PEXF120305MCSXXXA"), "M", ["SEX"]),
        (with_check("PEXF120306MCSXXXA"), "F", ["BIRTH_DATE"]),
        (with_check("PEXF120305MNEXXXA"), "F", []),  # born abroad
        (GOOD[:17] + str((int(with_check(GOOD[:17])[-1]) + 1) % 10), "F", ["CHECK_DIGIT"]),
        ("PEXF129905MCSXXXA4", "F", ["FORM"]),
        ("PEXF120305MZZXXXA4", "F", ["FORM"]),
        ("PEXF120305QCSXXXA4", "F", ["FORM"]),
        ("PEXF", "F", ["FORM"]),
        ("", "F", ["FORM"]),
    ],
)
async def test_what_looks_wrong_with_a_curp_is_said(number: str, sex: str, warnings: list[str]) -> None:
    assert curp_warnings(number, BORN, Sex(sex)) == warnings


async def test_without_a_birth_date_none_is_compared() -> None:
    assert curp_warnings(with_check("PEXF120306MCSXXXA"), None, Sex.F) == []


async def test_a_wrong_curp_keeps_nobody_out(standing_world: World) -> None:
    child_id = await new(standing_world, curp="NO SE SABE", birth_date=BORN.isoformat())
    shown = await standing_world.child(child_id)
    assert (shown["identity"]["curp"], shown["curp_warnings"]) == ("NO SE SABE", ["FORM"])
    assert "NO SE SABE" not in repr(await standing_world.everything())


# -- estimated ages and their evidence ---------------------------------------------------------------


@pytest.mark.parametrize("evidence", list(AgeEvidence))
async def test_an_examination_needs_the_procuradurias_order(evidence: AgeEvidence) -> None:
    check_evidence([evidence], "PP-CHP/1/2026")
    if evidence not in EXAMS:
        return check_evidence([evidence], None)
    with pytest.raises(RefusedByLaw) as refused:
        check_evidence([evidence], None)
    assert refused.value.law is not None
    assert refused.value.law.rule == "R3-EXAM"


def by_exam(order: str | None) -> Row:
    child = estimated(13, 16)
    child["estimated_age"] |= {"evidence": ["CHILD_STATEMENT", "DENTAL_EXAM"], "pp_order": order}
    return encounter(child=child)


async def test_an_estimate_by_examination_is_lawful_only_by_order(standing_world: World) -> None:
    document = assert_problem(await standing_world.post(by_exam(None)), 409, "refused_by_law")
    assert document["rule"] == "R3-EXAM"
    made = await standing_world.met(by_exam("PP-CHP/7/2026"))
    shown = (await standing_world.child(made["child_id"]))["identity"]["estimated_age"]
    assert (shown["evidence"], shown["pp_order"]) == (["CHILD_STATEMENT", "DENTAL_EXAM"], "PP-CHP/7/2026")
    identity = {"estimated_age": shown | {"pp_order": None}}
    refused = await standing_world.patch(made["child_id"], {"identity": identity})
    assert assert_problem(refused, 409, "refused_by_law")["rule"] == "R3-EXAM"


# -- R3: the Procuraduría decides on an age in doubt --------------------------------------------------

DECISION: Row = {
    "outcome": "ADULT", "evidence": ["DOCUMENT"], "officer": "pp-0001", "reference": "PP-CHP/9/2026",
    "child_heard": True, "decided_at": "2026-01-05T10:00:00Z",
}  # fmt: skip


async def test_nobody_becomes_an_adult_without_the_procuradurias_decision(standing_world: World) -> None:
    child_id = (await standing_world.met(encounter(child=estimated(16, 19))))["child_id"]
    older = {"identity": {"estimated_age": {"low": 18, "high": 20, "basis": "acta"}}}
    refused = assert_problem(await standing_world.patch(child_id, older), 409, "refused_by_law")
    assert (refused["rule"], refused["allowed_actions"]) == ("R3", ["age_decision"])
    assert "Ley de Migración, art. 3, fr. XVI" in refused["source"]
    by_inm = await standing_world.add(child_id, "age-decisions", DECISION)
    assert_problem(by_inm, 403, "forbidden")
    decided = await standing_world.add(child_id, "age-decisions", DECISION, kind="PP")
    assert (decided.status_code, decided.json()["approved_by"]) == (201, "pp-chp/pp-0001")
    assert (await standing_world.patch(child_id, older, '"v2"')).status_code == 200
    adult = assert_problem(await standing_world.post(again(child_id)), 409, "refused_by_law")
    assert adult["rule"] == "LM3-XVI"
    assert "Procuraduría" in adult["detail"]


async def test_an_age_decision_is_kept_with_who_approved_it(standing_world: World) -> None:
    child_id = await new(standing_world)
    for outcome in ("ADULT", "ADOLESCENT"):
        await standing_world.add(child_id, "age-decisions", DECISION | {"outcome": outcome}, kind="PP")
    listed = (await standing_world.get(f"{CHILDREN}/{child_id}/age-decisions")).json()["items"]
    assert [each["outcome"] for each in listed] == ["ADULT", "ADOLESCENT"]
    assert (await standing_world.child(child_id))["age_decision"] == "ADOLESCENT"
    assert (await standing_world.met(again(child_id)))["age_group"] == "ADOLESCENT"  # the last one counts
    assert "age_decisions" in await readings(standing_world, child_id)


@pytest.mark.parametrize("change", [{"child_heard": False}, {"evidence": []}, {"reference": "<b>"}])
async def test_an_age_decision_is_reasoned_and_the_child_was_heard(standing_world: World, change: Row) -> None:
    child_id = await new(standing_world)
    answer = await standing_world.add(child_id, "age-decisions", DECISION | change, kind="PP")
    assert_problem(answer, 422, "invalid_request")


async def test_a_decision_by_examination_names_its_order(standing_world: World) -> None:
    child_id = await new(standing_world)
    exam = DECISION | {"evidence": ["MEDICAL_EXAM"]}
    refused = await standing_world.add(child_id, "age-decisions", exam, kind="PP")
    assert assert_problem(refused, 409, "refused_by_law")["rule"] == "R3-EXAM"
    answer = await standing_world.add(child_id, "age-decisions", exam | {"pp_order": "PP-1"}, kind="PP")
    assert answer.status_code == 201


# -- alerts ------------------------------------------------------------------------------------------


async def test_alerts_are_sealed_and_corrected_whole(standing_world: World) -> None:
    alerts: Row = {"disabilities": ["HEARING"], "health": ["PREGNANCY", "MEDICATION"]}
    child_id = await new(standing_world, alerts=alerts)
    confirmed = len(standing_world.referral.facts)
    assert (await standing_world.child(child_id))["alerts"] == alerts
    assert "PREGNANCY" not in repr(await standing_world.everything())
    answer = await standing_world.patch(child_id, {"alerts": {"health": ["ALLERGY"]}})
    assert answer.json()["alerts"] == {"disabilities": [], "health": ["ALLERGY"]}
    assert len(standing_world.referral.facts) == confirmed  # nothing that the guard goes by


# -- history -----------------------------------------------------------------------------------------


async def test_every_change_keeps_who_when_what_and_what_was_before(standing_world: World) -> None:
    child_id = await new(standing_world, given_names=CANARY, residence="HND")
    changes: list[Row] = [
        {"identity": {"given_names": "Inés", "birth_date": "2013-11-29"}, "sex": "X"},
        {"residence": None},
        {"alerts": {"health": ["INJURY"]}},
    ]
    for version, change in enumerate(changes, 1):
        assert (await standing_world.patch(child_id, change, f'"v{version}"', office="inm-chp-tap")).status_code == 200
    assert CANARY not in repr(await standing_world.everything())
    items = (await standing_world.get(f"{CHILDREN}/{child_id}/history", kind="PP")).json()["items"]
    assert [(each["version"], each["fields"]) for each in items] == [
        (4, ["alerts"]), (3, ["residence"]), (2, ["identity", "sex"]),
    ]  # fmt: skip
    assert (items[2]["before"]["identity"]["given_names"], items[2]["before"]["sex"]) == (CANARY, "F")
    assert (items[1]["before"]["residence"], items[0]["before"]["alerts"]) == ("HND", None)
    assert {(each["agency"], each["office"], each["client_id"]) for each in items} == {
        ("inm-chp", "inm-chp-tap", "inm-chp-system")
    }
    assert "child_history" in await readings(standing_world, child_id)


async def test_a_history_is_walked_page_by_page_by_the_state_alone(standing_world: World) -> None:
    child_id = await new(standing_world)
    for version, sex in enumerate("MFX", 1):
        await standing_world.patch(child_id, {"sex": sex}, f'"v{version}"')
    path = f"{CHILDREN}/{child_id}/history?limit=2"
    first = (await standing_world.get(path)).json()
    rest = (await standing_world.get(f"{path}&cursor={first['next']}")).json()
    assert [each["before"]["sex"] for each in first["items"] + rest["items"]] == ["F", "M", "F"]
    assert_problem(await standing_world.get(path, state="MX-OAX"), 404, "not_found")
    assert_problem(await standing_world.get(path, kind="DIF"), 403, "forbidden")


async def test_a_refused_change_leaves_no_history(standing_world: World) -> None:
    child_id = await new(standing_world)
    await standing_world.patch(child_id, {"sex": "M"}, '"v9"')
    assert (await standing_world.get(f"{CHILDREN}/{child_id}/history")).json()["items"] == []


async def test_a_blocked_record_is_read_by_nobody(standing_world: World) -> None:
    child_id = await new(standing_world)
    async with standing_world.runtime.database.work() as session:
        (await session.get_one(Child, child_id)).blocked_at = clock.now()
    assert_problem(await standing_world.get(f"{CHILDREN}/{child_id}"), 404, "not_found")
    assert_problem(await standing_world.post(again(child_id)), 404, "not_found")


# -- numbers of other systems ------------------------------------------------------------------------


@pytest.mark.parametrize(("value", "same"), [("217-26C00417", "21726C00417"), (" 217 26c00417 ", "21726C00417")])
async def test_a_number_is_compared_by_its_signs_alone(value: str, same: str) -> None:
    assert plain(value) == same


async def test_a_number_is_sealed_and_its_reading_recorded(standing_world: World) -> None:
    child_id = await new(standing_world)
    number: Row = {"system": "NATIONAL", "issuer": "HND", "value": "0801-2012-Canary"}
    for _ in range(2):  # a second time it is the same
        assert (await standing_world.add(child_id, "external-ids", number)).status_code == 201
    (item,) = (await standing_world.get(f"{CHILDREN}/{child_id}/external-ids", kind="PP")).json()["items"]
    assert {name: item[name] for name in number} == number
    assert item["possible_duplicates"] == []
    assert "Canary" not in repr(await standing_world.everything())
    assert "external_ids" in await readings(standing_world, child_id)


async def test_a_new_child_comes_with_its_numbers(standing_world: World) -> None:
    numbers = [{"system": "UNHCR_CASE", "value": ids.opaque("n")}]
    made = await standing_world.met(encounter(external_ids=numbers))
    (item,) = (await standing_world.get(f"{CHILDREN}/{made['child_id']}/external-ids")).json()["items"]
    assert item["value"] == numbers[0]["value"]
    assert_problem(await standing_world.post(again(made["child_id"], external_ids=numbers)), 422, "invalid_request")


async def test_a_second_child_of_one_number_is_told_to_who_may_read_the_first(standing_world: World) -> None:
    first, second = await new(standing_world), await new(standing_world)
    away = (await standing_world.met(encounter(place={"state": "MX-OAX"}), state="MX-OAX"))["child_id"]
    number = {"system": "ICRC", "value": ids.opaque("n")}
    told = []
    for child_id, state in ((first, "MX-CHP"), (second, "MX-CHP"), (away, "MX-OAX")):
        answer = await standing_world.add(child_id, "external-ids", number, state=state)
        told.append(answer.json()["possible_duplicates"])
    assert told == [[], [first], []]  # Oaxaca learns nothing of Chiapas
    items = (await standing_world.get(f"{CHILDREN}/{first}/external-ids", state=None)).json()["items"]
    assert items[0]["possible_duplicates"] == [second, away]  # a federal office reads all


async def test_a_number_is_found_after_the_key_of_the_service_has_changed(
    standing_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = await new(standing_world), await new(standing_world)
    number = {"system": "ICRC", "value": ids.opaque("n")}
    made = await standing_world.add(first, "external-ids", number)
    vault = standing_world.runtime.vault
    monkeypatch.setattr(vault, "_keys", {**vault._keys, "next": bytes(32)})
    monkeypatch.setattr(vault, "current", "next")
    told = await standing_world.add(second, "external-ids", number)
    assert told.json()["possible_duplicates"] == [first]
    assert (await standing_world.add(first, "external-ids", number)).json()["id"] == made.json()["id"]


async def test_one_number_of_two_systems_is_two_numbers(standing_world: World) -> None:
    first, second = await new(standing_world), await new(standing_world)
    value = ids.opaque("n")
    await standing_world.add(first, "external-ids", {"system": "NATIONAL", "issuer": "HND", "value": value})
    for other in (
        {"system": "NATIONAL", "issuer": "GTM", "value": value},
        {"system": "AGENCY", "issuer": "unicef", "value": value},
        {"system": "ICRC", "value": value},
    ):
        answer = await standing_world.add(second, "external-ids", other)
        assert answer.json()["possible_duplicates"] == []


@pytest.mark.parametrize(
    "body",
    [
        {"system": "AGENCY", "value": "17"}, {"system": "ICRC", "issuer": "unicef", "value": "17"},
        {"system": "NATIONAL", "issuer": "hnd!", "value": "17"}, {"system": "ICRC", "value": "--"},
    ],
)  # fmt: skip
async def test_a_number_names_its_issuer_where_there_are_several(standing_world: World, body: Row) -> None:
    assert_problem(await standing_world.add(await new(standing_world), "external-ids", body), 422, "invalid_request")


async def test_numbers_of_another_states_child_are_nobodys(standing_world: World) -> None:
    child_id = await new(standing_world)
    number = {"system": "ICRC", "value": "17-A"}
    assert_problem(await standing_world.add(child_id, "external-ids", number, state="MX-OAX"), 404, "not_found")
    assert_problem(await standing_world.get(f"{CHILDREN}/{child_id}/external-ids", state="MX-OAX"), 404, "not_found")
