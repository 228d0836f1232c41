"""The oficio of an adult carer (R10): drawn up after the Procuraduría attended, signed, final; its name is sealed."""

from datetime import timedelta
from typing import Any

import pytest

from services.referral.cases.rules import Gate
from services.referral.oficios import rules
from services.referral.oficios.models import Oficio
from services.referral.oficios.service import digest_of
from services.referral.timeline.rules import TEXTS
from shared import clock, ids, jwt
from shared.audit import AuditEntry
from shared.errors import RefusedByLaw
from tests.unit.referral.world import V1, World, together

_READ = {"inm-chp": 200, "pp-chp": 200, "pp-fed": 200, "pp-oax": 404, "inm-oax": 404, "dif-chp": 403, "unicef": 403}


def oficio_in(case: Any, **more: Any) -> dict[str, Any]:
    return {
        "case_id": case["id"], "encounter_id": f"enc_{case['child_id'][-32:]}", "number": "OF-CHP/0017/2026",
        "adult": "Ficticia Tía", "tie": "CUSTOMARY_CARE", "place": "Tapachula", "officer": "pp-0001",
        "attended_at": clock.now().isoformat(),
    } | more  # fmt: skip


def test_the_procuraduria_knows_of_the_child_and_attends_then() -> None:
    now = clock.now()
    rules.check({Gate.PP_ACKNOWLEDGED}, now, now, [])
    for gates, notified in ((set(), None), (set(Gate) - {Gate.PP_ACKNOWLEDGED}, now), ({Gate.PP_ACKNOWLEDGED}, None)):
        with pytest.raises(RefusedByLaw, match="has not acknowledged"):
            rules.check(gates, notified, now, [])
    with pytest.raises(RefusedByLaw) as refused:
        rules.check({Gate.PP_ACKNOWLEDGED}, now, now - timedelta(seconds=1), ["x"])
    assert refused.value.law is not None
    assert (refused.value.law.rule, "95 and 98" in refused.value.law.source) == ("R10-OFICIO", True)
    assert refused.value.allowed_actions == ["x"]


async def test_it_is_drawn_up_once_the_procuraduria_has_attended_and_intake_is_told(world: World) -> None:
    """Both databases: refused before the notice, lawful after, and then final."""
    case = await world.file(await world.encounter())
    early = (await world.post("pp-chp", "/oficios", oficio_in(case), 409)).json()
    assert (early["rule"], "95 and 98" in early["source"]) == ("R10-OFICIO", True)
    await world.answered(case["child_id"])
    before = oficio_in(case, attended_at=(clock.now() - timedelta(hours=1)).isoformat())
    assert (await world.post("pp-chp", "/oficios", before, 409)).json()["rule"] == "R10-OFICIO"
    await world.post("pp-chp", "/oficios", oficio_in(case, encounter_id=ids.new("enc")), 422)
    body = oficio_in(case)
    answers = await together(*(world.post("pp-chp", "/oficios", body) for _ in range(3)))
    assert sorted(each.status_code for each in answers) == [201, 409, 409]
    made = next(each.json() for each in answers if each.status_code == 201)
    assert (made["content"]["adult"]["name"], made["allowed_actions"]) == ("Ficticia Tía", [])
    (told,) = [each.data for each in await world.sent("service:intake") if each.type == "oficio.issued"]
    assert told == {
        "oficio_id": made["id"], "encounter_id": body["encounter_id"], "child_id": case["child_id"], "agency": "pp-chp",
        "officer": "pp-0001", "attended_at": told["attended_at"], "issued_at": told["issued_at"],
    }  # fmt: skip
    (row,) = await world.rows(Oficio)
    assert "Ficticia" not in repr((row, [each.details for each in await world.rows(AuditEntry)]))
    assert "oficio.issued" in TEXTS


async def test_who_reads_it_and_on_paper_and_each_reading_of_the_name_is_recorded(world: World) -> None:
    child = await world.encounter()
    await world.answered(child)
    case = await world.file(child)
    made = (await world.post("pp-chp", "/oficios", oficio_in(case), 201)).json()
    path = f"/oficios/{made['id']}"
    papers = set()
    for agency, status in _READ.items():
        state = "MX-OAX" if agency.endswith("oax") else "MX-CHP"
        found = await world.get(agency, path, status, state=state)
        assert status != 200 or found == made
        async with world.agency(agency, state=state) as caller:
            answer = await caller.get(f"{V1}{path}.pdf")
        assert answer.status_code == status
        papers |= {answer.content} if status == 200 else set()
    (paper,) = papers  # the same bytes each time
    assert paper.startswith(b"%PDF-1.7")
    listed = (await world.get("inm-chp", f"/oficios?case_id={case['id']}"))["items"]
    assert [(each["id"], each["content"]["adult"]) for each in listed] == [(made["id"], None)]
    read = [row for row in await world.rows(AuditEntry) if (row.action, row.resource) == ("read", "oficio")]
    assert len(read) == 6
    for agency in ("inm-chp", "dif-chp"):
        await world.post(agency, "/oficios", oficio_in(case), 403)
    async with world.agency("pp-chp") as caller:
        for method in ("PUT", "PATCH", "DELETE", "POST"):
            assert (await caller.request(method, f"{V1}{path}")).status_code == 405


async def test_the_signature_verifies_offline_and_covers_the_name(world: World) -> None:
    child = await world.encounter()
    await world.answered(child)
    made = (await world.post("pp-chp", "/oficios", oficio_in(await world.file(child)), 201)).json()
    public = jwt.public_key(world.keys.signers["referral"].public_jwk())
    claims = jwt.verify(
        made["signature"], public, typ=rules.TYPE, issuer="urn:ruta:referral", audience=rules.AUDIENCE,
        longest=rules.LIFE, required=frozenset({"sub", "sha256"}),
    )  # fmt: skip
    adult, content = made["content"]["adult"], {name: each for name, each in made["content"].items() if name != "adult"}
    assert (claims["sub"], claims["sha256"]) == (made["id"], digest_of(content, adult))
    assert digest_of(content, adult | {"name": "Otra"}) != claims["sha256"]
