"""Cases: who sees them, and how the first steps move them."""

from shared import ids
from tests.unit.referral.world import World


async def test_a_case_is_seen_by_its_territory_and_by_who_takes_part(world: World) -> None:
    child = await world.encounter()
    case = await world.file(child)
    for agency in ("inm-chp", "pp-chp", "pp-fed", "dif-chp"):
        assert (await world.get(agency, f"/cases/{case['id']}"))["child_id"] == child
    assert (await world.get("inm", f"/cases/{case['id']}", kind="INM"))["id"] == case["id"]  # federal: no state
    missing = await world.get("unicef", f"/cases/{ids.new('cas')}", 404)
    for agency, state in (
        ("unicef", None),
        ("comar", None),
        ("dif-nacional", None),
        ("pp-oax", "MX-OAX"),
        ("inm-oax", "MX-OAX"),
    ):
        hidden = await world.get(agency, f"/cases/{case['id']}", 404, state=state)
        assert hidden | {"request_id": ""} == missing | {"request_id": ""}
        assert (await world.get(agency, "/cases", state=state))["items"] == []
    await world.service(case["id"], "unicef")
    seen = await world.get("unicef", f"/cases/{case['id']}")
    assert [each["kind"] for each in seen["referrals"]] == ["SERVICE"]
    assert [each["rule"] for each in seen["clocks"]] == ["ACK_SERVICE_1D"]


async def test_a_case_leaves_detected_when_the_procuraduria_acknowledges(world: World) -> None:
    child = await world.encounter()
    notice = await world.opened(child, "PP_NOTICE")
    await world.post("pp-chp", f"/referrals/{notice['id']}/accept", status=200)
    case = await world.file(child, "inm-chp")
    assert (case["status"], case["notified_by"]) == ("NOTIFIED", "pp-chp")
    assert "issue_acta" not in case["allowed_actions"]  # DIF has not accepted
    (event,) = await world.sent("service:intake")
    assert (event.type, event.case_key) == ("duty.met", child)
    assert (event.data["duty"], event.data["child_id"]) == ("D1", child)


async def test_only_the_first_acknowledgement_moves_the_case(world: World) -> None:
    child = await world.encounter()
    notice = await world.opened(child, "PP_NOTICE")
    await world.post("pp-chp", f"/referrals/{notice['id']}/receive", status=200)
    first = await world.file(child)
    await world.post("pp-chp", f"/referrals/{notice['id']}/accept", status=200)
    second = await world.file(child)
    assert (second["notified_at"], second["version"]) == (first["notified_at"], first["version"])


async def test_who_may_issue_the_acta_is_told_so(world: World) -> None:
    child = await world.encounter()
    await world.answered(child)
    assert (await world.file(child, "inm-chp"))["allowed_actions"] == ["issue_acta", "report_missing"]
    assert (await world.file(child, "pp-chp"))["allowed_actions"] == ["report_missing"]


async def test_lists_are_filtered_and_paged(world: World) -> None:
    children = [await world.encounter() for _ in range(3)]
    await world.answered(children[0])
    await world.encounter(state="MX-OAX", agency="inm-oax")
    assert len((await world.get("inm-chp", "/cases"))["items"]) == 3
    assert len((await world.get("pp-fed", "/cases?state=MX-OAX"))["items"]) == 1
    (notified,) = (await world.get("pp-chp", "/cases?status=NOTIFIED"))["items"]
    assert notified["child_id"] == children[0]
    page = await world.get("pp-chp", "/cases?limit=2")
    rest = await world.get("pp-chp", f"/cases?limit=2&cursor={page['next']}")
    assert [case["child_id"] for case in page["items"] + rest["items"]] == children[::-1]
    await world.get("pp-oax", f"/cases?limit=2&cursor={page['next']}", 400, state="MX-OAX")


async def test_a_case_has_an_etag(world: World) -> None:
    case = await world.file(await world.encounter())
    async with world.agency("pp-chp") as caller:
        answer = await caller.get(f"/v1/referral/cases/{case['id']}")
    assert answer.headers["etag"] == f'"v{case["version"]}"'


async def test_the_rulebook_publishes_what_is_enforced(world: World) -> None:
    book = await world.get("unicef", "/rules")
    assert {"R4", "R6", "R7", "R26", "R28", "R37"} <= {rule["id"] for rule in book["rules"]}
    assert {"ACK_PP", "ACK_DIF", "ACK_COMAR"} <= {deadline["id"] for deadline in book["deadlines"]}
    assert all(rule["source"] for rule in book["rules"])
