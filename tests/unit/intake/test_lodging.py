"""Where a child sleeps: never in a station, never among strangers, with its family, and never unknown in silence."""

from datetime import datetime
from typing import Any

import httpx
import pytest

from services.intake.encounters.rules import TravelCondition
from services.intake.lodging import rules
from services.intake.lodging.rules import (
    FORBIDDEN,
    TRANSITIONS,
    EndReason,
    FacilityKind,
    Night,
    Quarters,
    StayAction,
    StayPurpose,
    StayStatus,
    advance,
    allowed,
    check_night,
    check_place,
    knows_location,
)
from shared import ids
from shared.errors import IllegalMove, RefusedByLaw
from shared.testing import key
from tests.unit.intake.world import Row, World, again, ago, assert_problem, encounter, girl

LODGING = "/v1/intake/lodging"
DECIDED = {"reason": "CHILD_ASKS", "reference": "PP-CHP/0417/2026", "decided_at": "2026-01-05T10:00:00Z"}
MOTHER = {"tie": "PARENTAL_AUTHORITY"}
STANDING = pytest.mark.asyncio(loop_scope="module")


def stay(child_id: str, place: str = "cas-tapachula-01", **changes: object) -> Row:
    """A girl sleeps in a public CAS at Tapachula since half an hour ago. None leaves a field out."""
    facility = {
        "kind": changes.pop("kind", "CAS_PUBLIC"), "state": changes.pop("state", "MX-CHP"),
        "place": {"id": place, "name": "Casa Nochecanary", "municipality": "Tapachula"},
    }  # fmt: skip
    body = {
        "child_id": child_id, "facility": facility, "purpose": "CARE", "quarters": "WITH_CHILDREN",
        "since": ago(minutes=30), "officer": "dif-0031",
    }  # fmt: skip
    return {name: value for name, value in (body | changes).items() if value is not None}


async def lodge(world: World, body: Row, kind: str = "DIF", **who: Any) -> httpx.Response:
    async with world.calling(kind, **who) as caller:
        answer: httpx.Response = await caller.post(LODGING, json=body, headers=key())
    return answer


async def lodged(world: World, body: Row, kind: str = "DIF", **who: Any) -> Row:
    answer = await lodge(world, body, kind, **who)
    assert (answer.status_code, answer.headers["etag"]) == (201, '"v1"'), answer.text
    return dict(answer.json())


async def step(world: World, stay_id: str, action: str, etag: str = '"v1"', **body: str) -> httpx.Response:
    async with world.calling("DIF") as caller:
        path = f"{LODGING}/{stay_id}/{action}"
        answer: httpx.Response = await caller.post(
            path, json={"officer": "dif-0031"} | body, headers=key() | {"If-Match": etag}
        )
    return answer


async def sought(world: World, kind: str = "DIF", **who: Any) -> dict[str, Row]:
    answer = await world.get(f"{LODGING}/unknown", kind=kind, **who)
    assert answer.status_code == 200, answer.text
    return {each["child_id"]: each for each in answer.json()["items"]}


def refused(answer: httpx.Response, rule: str, article: str) -> Row:
    problem = assert_problem(answer, 409, "refused_by_law")
    assert problem["rule"] == rule
    assert article in problem["source"]
    assert problem["allowed_actions"]
    return problem


# -- the tables of law -------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", list(FacilityKind))
def test_no_child_sleeps_in_a_place_of_detention(kind: FacilityKind) -> None:
    if kind.value not in ("MIGRATION_STATION", "ENABLED_PLACE"):
        check_place(kind, StayPurpose.CARE)
        return
    assert kind in FORBIDDEN
    with pytest.raises(RefusedByLaw) as told:
        check_place(kind, StayPurpose.CARE)
    assert told.value.law is not None
    assert (told.value.law.rule, "99" in told.value.law.source, "112" in told.value.law.source) == ("R1", True, True)
    assert set(told.value.allowed_actions or ()) == set(FacilityKind) - FORBIDDEN


@pytest.mark.parametrize("purpose", list(StayPurpose))
def test_what_is_done_to_adults_only_is_no_purpose(purpose: StayPurpose) -> None:
    if purpose.value not in ("PRESENTATION", "DEPORTATION"):
        check_place(FacilityKind.CAS_PUBLIC, purpose)
        return
    with pytest.raises(RefusedByLaw) as told:
        check_place(FacilityKind.CAS_PUBLIC, purpose)
    assert told.value.law is not None
    assert told.value.law.rule == "R2"


@pytest.mark.parametrize("condition", list(TravelCondition))
@pytest.mark.parametrize("quarters", list(Quarters))
@pytest.mark.parametrize("decided", [False, True])
def test_with_whom_a_child_may_sleep(condition: TravelCondition, quarters: Quarters, decided: bool) -> None:
    night = Night(FacilityKind.CAS_PUBLIC, StayPurpose.CARE, quarters, condition, decided)
    strangers = quarters is Quarters.WITH_UNRELATED_ADULTS  # never, whoever decides
    split = condition is TravelCondition.ACCOMPANIED and quarters is not Quarters.WITH_FAMILY and not decided
    if not (strangers or split):
        check_night(night)
        return
    with pytest.raises(RefusedByLaw) as told:
        check_night(night)
    assert told.value.law is not None
    assert (told.value.law.rule, "LGDNNA" in told.value.law.source) == ("R12-LODGING", True)


def test_a_hospital_takes_a_child_apart_from_its_family_and_never_among_strangers() -> None:
    medical = StayPurpose.MEDICAL_CARE
    check_night(Night(FacilityKind.HOSPITAL, medical, Quarters.WITH_CHILDREN, TravelCondition.ACCOMPANIED, False))
    with pytest.raises(RefusedByLaw):
        check_night(
            Night(FacilityKind.HOSPITAL, medical, Quarters.WITH_UNRELATED_ADULTS, TravelCondition.ACCOMPANIED, False)
        )


@pytest.mark.parametrize("kind", list(FacilityKind))
@pytest.mark.parametrize(
    ("agency", "role", "knows"),
    [("INM", "officer", False), ("INM", "agent", False), ("INM", "opi", True), ("PP", "officer", True),
     ("DIF", "officer", True)],
)  # fmt: skip
def test_who_knows_where_a_civil_society_shelter_is(kind: FacilityKind, agency: str, role: str, knows: bool) -> None:
    assert knows_location(kind, agency, role) is (knows or kind.value != "CIVIL_SOCIETY_SHELTER")


@pytest.mark.parametrize("status", list(StayStatus))
@pytest.mark.parametrize("action", list(StayAction))
def test_a_stay_ends_once_and_may_be_voided(status: StayStatus, action: StayAction) -> None:
    if (status, action) in TRANSITIONS:
        assert advance(status, action) is TRANSITIONS[status, action]
        assert action.value in allowed(status)
        return
    with pytest.raises(IllegalMove) as told:
        advance(status, action)
    assert told.value.allowed_actions == allowed(status)


# -- refused, and the lawful way ---------------------------------------------------------------------


@STANDING
@pytest.mark.parametrize("kind", ["MIGRATION_STATION", "ENABLED_PLACE"])
@pytest.mark.parametrize("agency", ["INM", "DIF"])
@pytest.mark.parametrize("adult", [{"tie": "NOBODY"}, MOTHER])
async def test_a_station_is_refused_to_everybody_for_every_child(
    standing_world: World, kind: str, agency: str, adult: Row
) -> None:
    child = (await standing_world.met(encounter(adult=adult)))["child_id"]
    problem = refused(await lodge(standing_world, stay(child, kind=kind), agency), "R1", "99")
    assert "CAS_PUBLIC" in problem["allowed_actions"]
    await lodged(standing_world, stay(child, quarters="WITH_FAMILY"), agency)


@STANDING
@pytest.mark.parametrize("purpose", ["PRESENTATION", "DEPORTATION"])
async def test_the_words_of_the_adult_flow_are_refused(standing_world: World, purpose: str) -> None:
    child = (await standing_world.met())["child_id"]
    refused(await lodge(standing_world, stay(child, purpose=purpose)), "R2", "112")
    await lodged(standing_world, stay(child, purpose="AWAITING_ASSISTED_RETURN"))


@STANDING
async def test_a_child_alone_shares_no_quarters_with_unrelated_adults(standing_world: World) -> None:
    child = (await standing_world.met())["child_id"]
    refused(await lodge(standing_world, stay(child, quarters="WITH_UNRELATED_ADULTS")), "R12-LODGING", "94")
    made = await lodged(standing_world, stay(child))
    assert (made["travel_condition"], made["quarters"]) == ("UNACCOMPANIED", "WITH_CHILDREN")


@STANDING
async def test_an_accompanied_child_sleeps_with_its_family_or_by_decision_of_the_procuraduria(
    standing_world: World,
) -> None:
    child = (await standing_world.met(encounter(adult=MOTHER)))["child_id"]
    refused(await lodge(standing_world, stay(child)), "R12-LODGING", "98")
    made = await lodged(standing_world, stay(child, family_decision=DECIDED))
    assert (made["split_reason"], made["split_reference"]) == ("CHILD_ASKS", "PP-CHP/0417/2026")


@STANDING
async def test_how_the_child_travelled_is_that_of_the_last_meeting(standing_world: World) -> None:
    child = (await standing_world.met(encounter(occurred_at=ago(days=3), adult=MOTHER)))["child_id"]
    await standing_world.met(again(child, occurred_at=ago(days=1)))  # alone this time
    told = {"kind": "ANNOUNCED", "announced_by": "COUNTRY", "announcing_country": "HND", "adult": MOTHER}
    await standing_world.met(again(child, **told))  # what others tell is no meeting
    assert (await lodged(standing_world, stay(child)))["travel_condition"] == "UNACCOMPANIED"


@STANDING
async def test_siblings_sleep_in_one_place_whichever_record_names_the_other(standing_world: World) -> None:
    first = (await standing_world.met())["child_id"]
    second = (await standing_world.met(encounter(child=girl(relatives=[first]))))["child_id"]
    one = await lodged(standing_world, stay(first, "cas-a"))
    refused(await lodge(standing_world, stay(second, "cas-b")), "R12-LODGING", "98")
    await lodged(standing_world, stay(second, "CAS-A"))  # one id however it is written
    await step(standing_world, one["id"], "end", until=ago(minutes=10), end_reason="MOVED")
    apart = stay(first, "cas-b", since=ago(minutes=10))  # its own record names nobody
    refused(await lodge(standing_world, apart), "R12-LODGING", "98")
    await lodged(standing_world, apart | {"family_decision": DECIDED})


@STANDING
async def test_a_sibling_may_be_in_hospital(standing_world: World) -> None:
    first = (await standing_world.met())["child_id"]
    second = (await standing_world.met(encounter(child=girl(relatives=[first]))))["child_id"]
    await lodged(standing_world, stay(first, "hospital-1", kind="HOSPITAL", purpose="MEDICAL_CARE"))
    await lodged(standing_world, stay(second, "cas-b"))


# -- times -------------------------------------------------------------------------------------------


@STANDING
async def test_a_child_sleeps_in_one_place_at_a_time(standing_world: World) -> None:
    child = (await standing_world.met(encounter(occurred_at=ago(days=9))))["child_id"]

    def between(since: int, until: int) -> Row:
        return stay(child, since=ago(days=since), until=ago(days=until), end_reason="MOVED")

    await lodged(standing_world, between(6, 4))
    for since, until in ((7, 5), (5, 3), (6, 4), (7, 3), (5, 4)):
        assert_problem(await lodge(standing_world, between(since, until)), 409, "conflict")
    assert_problem(await lodge(standing_world, stay(child, since=ago(days=7))), 409, "conflict")
    await lodged(standing_world, between(9, 8))
    open_one = await lodged(standing_world, stay(child, since=ago(days=2)))
    assert_problem(await lodge(standing_world, stay(child)), 409, "conflict")  # one that lasts meets every later one
    assert (await step(standing_world, open_one["id"], "void")).status_code == 200
    await lodged(standing_world, stay(child))  # what was never true is in nobody's way


@STANDING
async def test_stays_may_touch(standing_world: World) -> None:
    child, moment = (await standing_world.met())["child_id"], ago(minutes=20)
    first = await lodged(standing_world, stay(child))
    done = await step(standing_world, first["id"], "end", until=moment, end_reason="MOVED")
    assert (done.json()["status"], done.json()["end_reason"], done.headers["etag"]) == ("ended", "MOVED", '"v2"')
    await lodged(standing_world, stay(child, since=moment))


@STANDING
@pytest.mark.parametrize(
    "wrong",
    [{"until": ago(minutes=1)}, {"end_reason": "MOVED"}, {"until": ago(hours=2), "end_reason": "MOVED"}],
)
async def test_an_end_has_a_reason_and_comes_after_the_beginning(standing_world: World, wrong: Row) -> None:
    child = (await standing_world.met())["child_id"]
    assert_problem(await lodge(standing_world, stay(child, **wrong)), 422, "invalid_request")


@STANDING
async def test_a_stay_is_ended_from_what_was_read_and_once(standing_world: World) -> None:
    made = await lodged(standing_world, stay((await standing_world.met())["child_id"]))
    ending = {"until": ago(minutes=1), "end_reason": "MOVED"}
    assert_problem(await step(standing_world, made["id"], "end", '"v2"', **ending), 412, "stale_version")
    early = await step(standing_world, made["id"], "end", until=ago(hours=3), end_reason="MOVED")
    assert assert_problem(early, 422, "invalid_request")["errors"] == [{"pointer": "/until", "reason": "before_since"}]
    assert (await step(standing_world, made["id"], "end", **ending)).status_code == 200
    again_ = assert_problem(await step(standing_world, made["id"], "end", '"v2"', **ending), 409, "illegal_move")
    assert again_["allowed_actions"] == ["void"]


# -- of whom nobody knows ----------------------------------------------------------------------------


async def test_a_child_of_whom_nobody_says_where_it_sleeps_is_sought(world: World) -> None:
    met = await world.met()
    child = met["child_id"]
    told = await world.met(encounter(kind="ANNOUNCED", announced_by="AGENCY"))
    assert (await sought(world)).keys() == {child}
    assert told["child_id"] not in await sought(world)  # nobody has met it
    assert await sought(world, "PP", state="MX-OAX") == {}
    (entry,) = (await sought(world, "PP")).values()
    assert datetime.fromisoformat(entry["unknown_since"]) == datetime.fromisoformat(met["occurred_at"])
    assert (entry["last_stay_id"], entry["end_reason"]) == (None, None)
    assert_problem(await world.get(f"{LODGING}/unknown"), 403, "forbidden")  # not INM's to look for
    made = await lodged(world, stay(child))
    assert await sought(world) == {}
    await step(world, made["id"], "void")
    assert (await sought(world)).keys() == {child}


@pytest.mark.parametrize("reason", list(EndReason))
async def test_after_a_stay_some_are_sought_and_some_are_settled(world: World, reason: EndReason) -> None:
    child = (await world.met())["child_id"]
    made, left = await lodged(world, stay(child)), ago(minutes=5)
    await step(world, made["id"], "end", until=left, end_reason=reason.value)
    found = await sought(world)
    if reason.value in ("MOVED", "LEFT"):
        assert (found[child]["last_stay_id"], found[child]["end_reason"]) == (made["id"], reason.value)
        assert datetime.fromisoformat(found[child]["unknown_since"]) == datetime.fromisoformat(left)
        return
    assert reason in rules.SETTLED
    assert found == {}
    await world.met(again(child, occurred_at=ago(minutes=1)))
    assert found != (await sought(world))  # met again, and sleeping nowhere that is known


async def test_who_is_taken_to_another_state_is_known_in_both(world: World) -> None:
    child = (await world.met())["child_id"]
    body = stay(child, state="MX-OAX")
    assert_problem(await lodge(world, body, state="MX-OAX"), 404, "not_found")  # not theirs yet
    made = await lodged(world, body)
    for state in ("MX-CHP", "MX-OAX", None):
        assert (await world.get(f"{LODGING}/{made['id']}", kind="DIF", state=state)).status_code == 200
    assert_problem(await world.get(f"{LODGING}/{made['id']}", kind="DIF", state="MX-TAM"), 404, "not_found")
    await step(world, made["id"], "end", until=ago(minutes=5), end_reason="LEFT")
    assert child in await sought(world, state="MX-OAX")


# -- who reads what ----------------------------------------------------------------------------------


async def test_enforcement_does_not_read_where_a_civil_society_shelter_is(world: World) -> None:
    child = (await world.met())["child_id"]
    made = await lodged(world, stay(child, kind="CIVIL_SOCIETY_SHELTER"))
    for role in ("officer", "agent"):
        for state in ("MX-CHP", None):
            answer = await world.get(f"{LODGING}/{made['id']}", role=role, state=state)
            shown = answer.json()
            assert (shown["place"], shown["withheld"], shown["kind"]) == (None, "R31", "CIVIL_SOCIETY_SHELTER")
            book = (await world.get("/v1/intake/rules")).json()["rules"]
            assert ["art. 76" in rule["source"] for rule in book if rule["id"] == shown["withheld"]] == [True]
            assert "canary" not in answer.text
            assert "Tapachula" not in answer.text
    for who in ({"kind": "INM", "role": "opi"}, {"kind": "PP"}, {"kind": "DIF"}):
        shown = (await world.get(f"{LODGING}/{made['id']}", **who)).json()
        assert (shown["place"]["name"], shown["withheld"]) == ("Casa Nochecanary", None)
    read = [row for row in await world.rows("audit_entry") if (row["action"], row["resource"]) == ("read", "stay")]
    assert len(read) == 7


async def test_nobody_finds_a_shelter_by_trying_places_for_a_sibling(world: World) -> None:
    first = (await world.met())["child_id"]
    second = (await world.met(encounter(child=girl(relatives=[first]))))["child_id"]
    await lodged(world, stay(first, "casa-migrante", kind="CIVIL_SOCIETY_SHELTER"))
    answers = [await lodge(world, stay(second, place, kind="CIVIL_SOCIETY_SHELTER"), "INM")
               for place in ("casa-migrante", "casa-otra")]  # fmt: skip
    texts = [{**refused(each, "R12-LODGING", "98"), "request_id": None} for each in answers]
    assert texts[0] == texts[1]
    await lodged(world, stay(second, "casa-migrante", kind="CIVIL_SOCIETY_SHELTER"), "INM", role="opi")


async def test_a_place_is_sealed_and_in_no_list(world: World, log: pytest.LogCaptureFixture) -> None:
    made = await lodged(world, stay((await world.met())["child_id"], "cas-idcanary"))
    assert "canary" not in repr(await world.everything())
    assert b"canary" not in world.files()
    assert "canary" not in log.text
    (item,) = (await world.get(f"{LODGING}?status=sleeping&child_id={made['child_id']}", kind="PP")).json()["items"]
    assert {"place", "withheld"}.isdisjoint(item)
    assert item["allowed_actions"] == ["end", "void"]
    assert (await world.get(f"{LODGING}?status=ended")).json()["items"] == []
    assert (await world.get(LODGING, state="MX-OAX")).json()["items"] == []


@STANDING
async def test_a_stay_is_of_a_child_whom_the_caller_may_know(standing_world: World) -> None:
    child = (await standing_world.met())["child_id"]
    for body, who in ((stay(ids.new("chd")), {}), (stay(child), {"state": "MX-TAM"})):
        assert_problem(await lodge(standing_world, body, **who), 404, "not_found")
    for kind in ("UNICEF", "CONSULATE", "NGO", "COMAR"):
        assert_problem(await lodge(standing_world, stay(child), kind), 403, "forbidden")


@STANDING
async def test_a_stay_that_is_sent_again_is_the_same_one(standing_world: World) -> None:
    body, same = stay((await standing_world.met())["child_id"]), key()
    async with standing_world.calling("DIF") as caller:
        answers = [await caller.post(LODGING, json=body, headers=same) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert len((await standing_world.get(f"{LODGING}?child_id={body['child_id']}")).json()["items"]) == 1
