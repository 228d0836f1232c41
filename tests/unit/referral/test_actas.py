"""The acta de canalización: only now, signed, final (R4, R6)."""

from typing import Any

import pytest
from sqlmodel import select

from services.referral.actas import rules
from services.referral.actas.models import Acta
from services.referral.actas.service import digest_of
from services.referral.cases.models import CaseEntry
from shared import ids, jwt
from shared.audit import AuditEntry
from tests.unit.referral.world import World, fact, together


def acta_in(case_id: str) -> dict[str, Any]:
    return {"case_id": case_id, "dif_recipient": "Ana López", "place": "Tapachula"}


@pytest.mark.parametrize(
    ("done", "lacking"),
    [
        ([], ["PP_NOTICE", "DIF_HANDOVER"]),
        (["PP_NOTICE"], ["DIF_HANDOVER"]),
        (["DIF_HANDOVER"], ["PP_NOTICE"]),
    ],
)
async def test_no_acta_before_notice_and_acceptance(world: World, done: list[str], lacking: list[str]) -> None:
    child = await world.encounter()
    for kind in done:
        referral = await world.opened(child, kind)
        await world.post(referral["recipient"], f"/referrals/{referral['id']}/accept", status=200)
    case = await world.file(child)
    refused = (await world.post("inm-chp", "/actas", acta_in(case["id"]), 409)).json()
    assert (refused["code"], refused["rule"]) == ("refused_by_law", "R6")
    assert "issue_acta" not in refused["allowed_actions"]
    assert "112" in refused["source"]
    for kind in ("PP_NOTICE", "DIF_HANDOVER"):
        assert (kind in refused["detail"]) == (kind in lacking)
    assert await world.rows(Acta) == []


async def test_dif_having_only_received_is_not_enough(world: World) -> None:
    child = await world.encounter()
    for kind in ("PP_NOTICE", "DIF_HANDOVER"):
        referral = await world.opened(child, kind)
        await world.post(referral["recipient"], f"/referrals/{referral['id']}/receive", status=200)
    await world.post("inm-chp", "/actas", acta_in((await world.file(child))["id"]), 409)


async def test_an_acta_is_issued_signed_and_moves_the_case(world: World) -> None:
    child = await world.encounter()
    await world.answered(child)
    case = await world.file(child)
    answer = await world.post("inm-chp", "/actas", acta_in(case["id"]), 201)
    acta = answer.json()
    assert acta["content"]["dif"] | {"accepted_at": ""} == {
        "agency": "dif-chp", "accepted_at": "", "recipient": "Ana López",
    }  # fmt: skip
    assert acta["content"]["pp_notice"]["agency"] == "pp-chp"
    assert (await world.file(child))["status"] == "CHANNELLED"
    assert [event.data["duty"] for event in await world.sent("service:intake")] == ["D1", "D2"]
    assert "Ana" not in repr([row.details for row in await world.rows(AuditEntry)])
    for agency in ("inm-chp", "pp-chp", "dif-chp", "pp-fed"):
        assert await world.get(agency, f"/actas/{acta['id']}") == acta
    assert (await world.get("dif-chp", f"/actas?case_id={case['id']}"))["items"] == [acta]


async def test_the_signature_verifies_offline_and_shows_any_change(world: World) -> None:
    await world.channelled()
    (acta,) = (await world.get("pp-chp", "/actas"))["items"]
    public = jwt.public_key(world.keys.signers["referral"].public_jwk())
    claims = jwt.verify(
        acta["signature"], public, typ=rules.TYPE, issuer="urn:ruta:referral", audience=rules.AUDIENCE,
        longest=rules.LIFE, required=frozenset({"sub", "sha256"}),
    )  # fmt: skip
    assert (claims["sub"], claims["sha256"]) == (acta["id"], digest_of(acta["content"]))
    assert digest_of(acta["content"] | {"place": "Tijuana"}) != claims["sha256"]


async def test_a_hand_over_has_one_acta(world: World) -> None:
    child = await world.encounter()
    await world.answered(child)
    case = await world.file(child)
    answers = await together(*(world.post("inm-chp", "/actas", acta_in(case["id"])) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    assert len(await world.rows(Acta)) == 1


async def second_state(world: World, child: str) -> str:
    """Let INM of Tamaulipas meet the child. Returns the encounter's id."""
    encounter = ids.new("enc")
    met = fact(child, encounter_id=encounter, state="MX-TAM", agency="inm-tam")
    assert (await world.event("encounter.recorded", met)).status_code == 200
    return encounter


async def test_each_hand_over_has_an_acta_of_its_own_and_its_own_duty_is_met(world: World) -> None:
    """Both databases: another state's INM hands the child to another DIF."""
    case = await world.channelled()
    await world.post("inm-chp", "/actas", acta_in(case["id"]), 409)
    encounter = await second_state(world, case["child_id"])
    await world.post("inm-tam", "/actas", acta_in(case["id"]), 409)  # nobody has accepted the child there
    notice, handover = [await world.opened(case["child_id"], kind) for kind in ("PP_NOTICE", "DIF_HANDOVER")]
    await world.post("dif-tam", f"/referrals/{handover['id']}/accept", status=200)
    assert [row.data["duty"] for row in await world.sent("service:intake")] == ["D1", "D2"]  # acceptance is not enough
    refused = (await world.post("inm-tam", "/actas", acta_in(case["id"]), 409)).json()
    assert (refused["rule"], "PP_NOTICE" in refused["detail"]) == ("R6", True)
    await world.post("pp-tam", f"/referrals/{notice['id']}/receive", status=200)
    answers = await together(*(world.post("inm-tam", "/actas", acta_in(case["id"])) for _ in range(3)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409]
    again = next(answer.json() for answer in answers if answer.status_code == 201)
    (first,) = (await world.get("dif-chp", "/actas"))["items"]
    assert (again["follows"], again["handover_id"], first["follows"]) == (first["id"], handover["id"], None)
    said = again["content"]
    assert (said["state"], said["dif"]["agency"], said["pp_notice"]["agency"]) == ("MX-TAM", "dif-tam", "pp-tam")
    assert (await world.file(case["child_id"]))["status"] == "CHANNELLED"
    met = [(row.data["duty"], row.data["encounters"]) for row in await world.sent("service:intake")]
    assert met == [("D1", None), ("D2", None), ("D1", None), ("D2", [encounter])]
    entries = await world.rows(CaseEntry, CaseEntry.code == "acta.issued")
    assert [entry.subject for entry in entries] == [again["id"]]


async def test_an_acta_of_older_code_is_of_what_had_been_accepted_by_then(world: World) -> None:
    case = await world.channelled()
    async with world.runtime.database.work() as session:
        for acta in (await session.exec(select(Acta))).all():
            acta.handover_id = None
    await world.post("inm-chp", "/actas", acta_in(case["id"]), 409)
    await second_state(world, case["child_id"])
    notice, handover = [await world.opened(case["child_id"], kind) for kind in ("PP_NOTICE", "DIF_HANDOVER")]
    await world.post("dif-tam", f"/referrals/{handover['id']}/accept", status=200)
    await world.post("pp-tam", f"/referrals/{notice['id']}/receive", status=200)
    await world.post("inm-tam", "/actas", acta_in(case["id"]), 201)
    assert len(await world.rows(Acta)) == 2


async def test_a_child_met_again_while_its_hand_over_has_an_acta_owes_no_other(world: World) -> None:
    case = await world.channelled()
    again = fact(case["child_id"], encounter_id=ids.new("enc"))
    await world.event("encounter.recorded", again)
    met = [(row.data["duty"], row.data["encounters"]) for row in await world.sent("service:intake")]
    assert met[2:] == [("D1", [again["encounter_id"]]), ("D2", [again["encounter_id"]])]


async def test_only_inm_issues_and_only_where_it_may_read(world: World) -> None:
    child = await world.encounter()
    await world.answered(child)
    case = await world.file(child)
    await world.post("dif-chp", "/actas", acta_in(case["id"]), 403)
    await world.post("inm-oax", "/actas", acta_in(case["id"]), 404, state="MX-OAX")


async def test_who_only_gives_a_service_does_not_read_the_acta(world: World) -> None:
    case = await world.channelled()
    await world.service(case["id"], "unicef")
    assert (await world.get("unicef", "/actas"))["items"] == []
    (acta,) = await world.rows(Acta)
    await world.get("unicef", f"/actas/{acta.id}", 404)


async def test_an_acta_has_no_way_to_be_changed(world: World) -> None:
    await world.channelled()
    (acta,) = await world.rows(Acta)
    async with world.agency("inm-chp") as caller:
        for method in ("PUT", "PATCH", "DELETE", "POST"):
            answer = await caller.request(method, f"/v1/referral/actas/{acta.id}")
            assert answer.status_code == 405


async def test_a_recipients_name_is_one_line(world: World) -> None:
    case = await world.file(await world.encounter())
    body = acta_in(case["id"]) | {"dif_recipient": "Ana\nLópez"}
    await world.post("inm-chp", "/actas", body, 422)
