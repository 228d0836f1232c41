"""Families stay together unless the Procuraduría parts them (R12); what it finds of a carer counts (R9)."""

from typing import Any

import pytest
from sqlmodel import col, update

from services.intake.families import rules
from services.intake.families.models import FamilyMember
from services.intake.families.rules import (
    CARING,
)
from shared import clock, ids
from shared.testing import key
from tests.unit.intake.world import CHILDREN, Row, World, ago, assert_problem, encounter, girl

FAMILIES = "/v1/intake/families"
ONE = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
"""For what no statement of SQL decides: one database is enough."""
MOTHER: Row = {
    "tie": "PARENTAL_AUTHORITY", "relation": "MOTHER", "proofs": ["ADULT_DOCUMENTS"],
    "identity": {"given_names": "Canarina", "first_surname": "Pruebacanary", "birth_date": "1988-01-02"},
}  # fmt: skip


def decision(**changes: Any) -> Row:
    return {
        "officer": "pp-0001", "reference": "PP-CHP/0417/2026", "decided_at": ago(hours=2), "child_heard": True,
    } | changes  # fmt: skip


async def met(world: World, state: str = "MX-CHP", **child: Any) -> str:
    body = encounter(place={"state": state}, child=girl(**child))
    return str((await world.met(body, state=state))["child_id"])


async def recorded(world: World, *child_ids: str, carers: Any = (), **who: Any) -> Row:
    body = {"children": [{"child_id": each} for each in child_ids], "carers": list(carers)}
    async with world.calling(**who) as caller:
        answer = await caller.post(FAMILIES, json=body, headers=key())
    return {"status": answer.status_code, "answer": answer, **answer.json()}


async def step(world: World, family: Row, action: str, etag: str = '"v1"', kind: str = "PP", **body: Any) -> Row:
    state = body.pop("by_state", "MX-CHP")
    async with world.calling(kind, state) as caller:
        headers = key() | {"If-Match": etag}
        answer = await caller.post(f"{FAMILIES}/{family['id']}/{action}", json=body, headers=headers)
    return {"status": answer.status_code, "answer": answer, **answer.json()}


def refused(outcome: Row, rule: str, article: str) -> Row:
    problem = assert_problem(outcome["answer"], 409, "refused_by_law")
    assert problem["rule"] == rule
    assert article in problem["source"]
    return problem


async def siblings(world: World, count: int = 2, **more: Any) -> Row:
    made = [await met(world, given_names=name) for name in ("Ana", "Berta", "Carla")[:count]]
    family = await recorded(world, *made, **more)
    assert family["status"] == 201, family
    return family


# -- who belongs together ------------------------------------------------------------------------------------


async def test_children_of_a_family_are_relatives_to_the_guard_before_it_is_recorded(world: World) -> None:
    stranger = await met(world)
    one = await met(world, relatives=[stranger])
    two = await met(world, given_names="Berta")
    family = await recorded(world, one, two)
    assert (family["status"], family["answer"].headers["etag"]) == (201, '"v1"')
    told = {path: body["relatives"] for path, _, body in world.referral.facts}
    assert told == {f"/internal/facts/{one}": sorted([stranger, two]), f"/internal/facts/{two}": [one]}
    shown = await world.child(one)
    assert (shown["relatives"], shown["version"]) == (sorted([stranger, two]), 2)
    (change,) = (await world.get(f"{CHILDREN}/{one}/history")).json()["items"]
    assert (change["fields"], change["before"]["relatives"]) == (["relatives"], [stranger])


async def test_without_referral_no_family_is_recorded(world: World) -> None:
    one, two = await met(world), await met(world, given_names="Berta")
    before = await world.everything()
    assert_problem((await recorded(world.without_referral(), one, two))["answer"], 503, "unavailable")
    assert await world.everything() == before


async def test_a_child_who_joins_is_a_relative_of_all(world: World) -> None:
    family = await siblings(world)
    third = await met(world, given_names="Carla")
    world.referral.facts.clear()
    grown = await step(world, family, "children", kind="INM", child_id=third, relation="COUSIN")
    assert (grown["status"], grown["answer"].headers["etag"], len(grown["members"])) == (200, '"v2"', 3)
    first, second, last = (each["child_id"] for each in grown["members"])
    assert (last, grown["members"][2]["relation"]) == (third, "COUSIN")
    told = {path.rpartition("/")[2]: body["relatives"] for path, _, body in world.referral.facts}
    assert told == {first: sorted([second, third]), second: sorted([first, third]), third: sorted([first, second])}


async def test_nobody_is_told_twice_what_is_known(world: World) -> None:
    one = await met(world)
    two = await met(world, relatives=[one])
    world.referral.facts.clear()
    await recorded(world, one, two)
    assert [path.rpartition("/")[2] for path, _, _ in world.referral.facts] == [one]


@ONE
async def test_a_carer_is_sealed_and_named_only_to_who_reads_the_family(world: World) -> None:
    family = await recorded(world, await met(world), carers=[MOTHER])
    assert "canary" not in repr(await world.everything()).lower()
    assert b"canary" not in world.files().lower()
    assert "canary" not in family["answer"].text.lower()
    assert "canary" not in (await world.get(FAMILIES)).text.lower()
    shown = (await world.get(f"{FAMILIES}/{family['id']}", kind="PP")).json()
    (carer,) = [each for each in shown["members"] if each["role"] == "CARER"]
    assert (carer["identity"]["given_names"], carer["child_id"]) == ("Canarina", None)
    assert (carer["tie"], carer["relation"], carer["permit_extends"]) == ("PARENTAL_AUTHORITY", "MOTHER", True)
    read = [row for row in await world.rows("audit_entry") if row["action"] == "read"]
    assert [(row["resource"], row["resource_id"], row["agency"]) for row in read] == [
        ("family", family["id"], "pp-chp")
    ]


@ONE
async def test_an_erased_carer_has_no_name_left_and_a_blocked_one_none_to_read(world: World) -> None:
    family = await recorded(world, await met(world), carers=[MOTHER, MOTHER])
    one, two = [each for each in await world.rows("family_member") if each["key_id"]]
    await world.keyring.erase(one["key_id"])
    async with world.runtime.database.work() as session:
        await session.exec(update(FamilyMember).where(col(FamilyMember.id) == two["id"]).values(blocked_at=clock.now()))
    shown = (await world.get(f"{FAMILIES}/{family['id']}")).json()
    assert [each["identity"] for each in shown["members"]] == [None, None, None]


@ONE
async def test_an_erased_sibling_keeps_nobody_from_joining(world: World) -> None:
    family = await siblings(world)
    gone = family["members"][0]["child_id"]
    (row,) = [each for each in await world.rows("child") if each["id"] == gone]
    await world.keyring.erase(row["key_id"])
    joined = await step(world, family, "children", child_id=await met(world, given_names="Carla"))
    assert (joined["status"], len(joined["members"])) == (200, 3)


@ONE
@pytest.mark.parametrize("tie", ["OTHER_ADULT", "NOBODY"])
async def test_a_smuggler_or_stranger_is_no_carer(world: World, tie: str) -> None:
    assert tie not in CARING
    outcome = await recorded(world, await met(world), carers=[MOTHER | {"tie": tie}])
    assert_problem(outcome["answer"], 422, "invalid_request")


async def test_a_child_belongs_to_one_family(world: World) -> None:
    family = await siblings(world)
    taken = family["members"][0]["child_id"]
    other = await met(world, given_names="Carla")
    assert_problem((await recorded(world, taken, other))["answer"], 409, "conflict")
    assert_problem((await step(world, family, "children", child_id=taken))["answer"], 409, "conflict")
    removed = await step(
        world, family, "remove", member_id=family["members"][0]["id"], reason="NOT_RELATED", decision=decision()
    )
    assert removed["status"] == 200, removed
    assert (await recorded(world, taken, other))["status"] == 201


@ONE
async def test_a_family_has_two_members_one_of_them_a_child(world: World) -> None:
    child = await met(world)
    assert_problem((await recorded(world, child))["answer"], 422, "invalid_request")
    assert_problem((await recorded(world, child, child))["answer"], 422, "invalid_request")
    assert_problem((await recorded(world, carers=[MOTHER, MOTHER]))["answer"], 422, "invalid_request")
    family = await recorded(world, child, carers=[MOTHER])
    member = family["members"][0]["id"]
    last = await step(world, family, "remove", member_id=member, reason="RECORDED_BY_MISTAKE", decision=decision())
    problem = assert_problem(last["answer"], 422, "invalid_request")
    assert problem["errors"] == [{"pointer": "/member_id", "reason": "the_last_child"}]


@ONE
async def test_a_family_is_no_larger_than_the_relatives_that_a_child_names(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    family = await siblings(world)
    monkeypatch.setattr(rules, "LARGEST", 2)
    assert_problem((await step(world, family, "carers", **MOTHER))["answer"], 422, "invalid_request")
    third = await met(world, given_names="Carla")
    assert_problem((await step(world, family, "children", child_id=third))["answer"], 422, "invalid_request")


# -- two states ----------------------------------------------------------------------------------------------


async def test_a_family_over_two_states_hides_from_each_the_child_of_the_other(world: World) -> None:
    here, there = await met(world), await met(world, "MX-TAM", given_names="Berta")
    assert_problem((await recorded(world, here, there))["answer"], 404, "not_found")
    unknown = await recorded(world, here, ids.new("chd"))
    assert_problem(unknown["answer"], 404, "not_found")
    family = await recorded(world, here, there, state=None)
    assert family["status"] == 201, family
    for state, shown in (("MX-CHP", [here, None]), ("MX-TAM", [None, there]), (None, [here, there])):
        found = (await world.get(f"{FAMILIES}/{family['id']}", state=state)).json()
        assert [each["child_id"] for each in found["members"]] == shown
        (item,) = (await world.get(FAMILIES, state=state)).json()["items"]
        assert [each["child_id"] for each in item["members"]] == shown
    assert_problem(await world.get(f"{FAMILIES}/{family['id']}", state="MX-OAX"), 404, "not_found")
    assert (await world.get(FAMILIES, state="MX-OAX")).json()["items"] == []
    assert (await world.get(f"{FAMILIES}?child_id={there}")).json()["items"] == []  # not a child of this state
    assert len((await world.get(f"{FAMILIES}?child_id={here}")).json()["items"]) == 1
    third = await met(world, given_names="Carla")
    world.referral.facts.clear()
    assert (await step(world, family, "children", child_id=third))["status"] == 200
    told = {path.rpartition("/")[2]: body["relatives"] for path, _, body in world.referral.facts}
    assert told[there] == sorted([here, third])  # what protects one protects all, whoever may read them
    body: Row = {"member_id": family["members"][1]["id"], "reason": "NOT_RELATED", "decision": decision()}
    assert (await step(world, family, "remove", '"v2"', **body))["status"] == 200
    assert_problem(await world.get(f"{FAMILIES}/{family['id']}", state="MX-TAM"), 404, "not_found")
    assert (await world.get(f"{FAMILIES}?child_id={there}", state=None)).json()["items"] == []


# -- R12 -----------------------------------------------------------------------------------------------------


async def test_siblings_are_not_parted_without_the_procuraduria(world: World) -> None:
    family = await siblings(world, 3)
    parted = [{"member_id": family["members"][0]["id"]}]
    before = await world.everything()
    body: Row = {"members": parted, "reason": "CARER_UNAVAILABLE"}
    problem = refused(await step(world, family, "separate", kind="INM", **body), "R12", "94")
    assert problem["allowed_actions"] == ["pp_decision"]
    refused(await step(world, family, "separate", kind="INM", **body, decision=decision()), "R12", "94")
    refused(await step(world, family, "separate", **body), "R12", "94")
    assert await world.everything() == before


async def test_the_procuraduria_parts_and_reunites_by_reasoned_decisions(world: World) -> None:
    family = await siblings(world, 3)
    one, two, three = (each["id"] for each in family["members"])
    parted = await step(world, family, "separate", members=[{"member_id": one}], reason="VIOLENCE", decision=decision())
    assert (parted["status"], parted["answer"].headers["etag"]) == (200, '"v2"'), parted
    assert [each["apart_from"] for each in parted["members"]] == [[two, three], [one], [one]]
    (separation,) = parted["separations"]
    assert (separation["state"], separation["reason"], separation["decided_by"], separation["reference"]) == (
        "standing", "VIOLENCE", "pp-chp/pp-0001", "PP-CHP/0417/2026",
    )  # fmt: skip
    assert "reunite" in parted["allowed_actions"]
    seen = (await world.get(f"{FAMILIES}/{family['id']}")).json()
    assert [each["reason"] for each in seen["separations"]] == [None]  # why is the Procuraduría's to know
    body: Row = {"separation_id": separation["id"]}
    refused(await step(world, family, "reunite", '"v2"', "INM", **body, decision=decision()), "R12", "94")
    refused(await step(world, family, "reunite", '"v2"', **body), "R12", "94")
    back = await step(world, family, "reunite", '"v2"', **body, decision=decision(reference="PP-CHP/0500/2026"))
    assert [each["apart_from"] for each in back["members"]] == [[], [], []]
    assert (back["separations"][0]["state"], back["separations"][0]["end_reference"]) == ("ended", "PP-CHP/0500/2026")
    again = await step(world, family, "reunite", '"v3"', **body, decision=decision())
    assert_problem(again["answer"], 409, "illegal_move")


@ONE
async def test_a_child_is_parted_from_a_carer_alike(world: World) -> None:
    family = await recorded(world, await met(world), carers=[MOTHER])
    carer = family["members"][1]["id"]
    body: Row = {"members": [{"member_id": carer}], "reason": "TRAFFICKING"}
    refused(await step(world, family, "separate", kind="INM", **body), "R12", "94")
    parted = await step(world, family, "separate", **body, decision=decision())
    assert [len(each["apart_from"]) for each in parted["members"]] == [1, 1]


@ONE
async def test_some_are_parted_from_the_others_never_all_and_no_strangers(world: World) -> None:
    family = await siblings(world)
    everybody = [{"member_id": each["id"]} for each in family["members"]]
    for members in (everybody, [{"member_id": ids.new("fmb")}]):
        outcome = await step(world, family, "separate", members=members, reason="CHILD_ASKS", decision=decision())
        problem = assert_problem(outcome["answer"], 422, "invalid_request")
        assert problem["errors"] == [{"pointer": "/members", "reason": "not_some_of_the_family"}]


@ONE
async def test_a_decision_without_the_child_heard_is_none(world: World) -> None:
    family = await siblings(world)
    body: Row = {"members": [{"member_id": family["members"][0]["id"]}], "reason": "CHILD_ASKS"}
    outcome = await step(world, family, "separate", **body, decision=decision(child_heard=False))
    assert_problem(outcome["answer"], 422, "invalid_request")


@ONE
async def test_nobody_leaves_a_family_without_the_procuraduria(world: World) -> None:
    family = await siblings(world, 3)
    body: Row = {"member_id": family["members"][0]["id"], "reason": "NOT_RELATED"}
    refused(await step(world, family, "remove", kind="INM", **body, decision=decision()), "R12", "94")
    refused(await step(world, family, "remove", **body), "R12", "94")
    left = await step(world, family, "remove", **body, decision=decision())
    assert [each["id"] for each in left["members"]] == [each["id"] for each in family["members"][1:]]
    gone = await step(world, family, "remove", '"v2"', **body, decision=decision())
    assert_problem(gone["answer"], 404, "not_found")
    child = family["members"][0]["child_id"]
    assert len((await world.child(child))["relatives"]) == 2  # the guard forgets no relative


@ONE
async def test_a_family_is_changed_from_what_was_read(world: World) -> None:
    family = await siblings(world)
    third = await met(world, given_names="Carla")
    bodies: dict[str, Row] = {
        "children": {"child_id": third}, "carers": MOTHER,
        "separate": {"members": [{"member_id": family["members"][0]["id"]}], "reason": "NEGLECT"},
        "reunite": {"separation_id": ids.new("sep")},
        "remove": {"member_id": family["members"][0]["id"], "reason": "NOT_RELATED"},
        "findings": {"member_id": family["members"][0]["id"], "outcome": "ADVERSE", "decision": decision()},
    }  # fmt: skip
    for action, body in bodies.items():
        assert_problem((await step(world, family, action, '"v2"', **body))["answer"], 412, "stale_version")


# -- R9 ------------------------------------------------------------------------------------------------------


async def test_an_adverse_finding_ends_a_carers_share_in_the_permit_until_a_later_one(world: World) -> None:
    family = await recorded(world, await met(world), carers=[MOTHER])
    carer = family["members"][1]["id"]
    body: Row = {"member_id": carer, "outcome": "ADVERSE", "grounds": ["VIOLENCE"], "decision": decision()}
    refused(await step(world, family, "findings", kind="INM", **body), "R9", "52")
    refused(await step(world, family, "findings", **body | {"grounds": []}), "R9", "52")
    found = await step(world, family, "findings", **body)
    assert (found["status"], found["grounds"], found["decided_by"]) == (200, ["VIOLENCE"], "pp-chp/pp-0001"), found
    seen = (await world.get(f"{FAMILIES}/{family['id']}")).json()
    assert [each["permit_extends"] for each in seen["members"]] == [None, False]
    assert "VIOLENCE" not in str(seen)
    earlier = body | {"outcome": "NOT_ADVERSE", "grounds": [], "decision": decision(decided_at=ago(days=3))}
    await step(world, family, "findings", '"v2"', **earlier)  # recorded later, decided before
    later = body | {"outcome": "NOT_ADVERSE", "grounds": [], "decision": decision(decided_at=ago(minutes=1))}
    for etag, told, extends in (('"v3"', earlier, False), ('"v4"', later, True)):
        await step(world, family, "findings", etag, **told)
        seen = (await world.get(f"{FAMILIES}/{family['id']}")).json()
        assert seen["members"][1]["permit_extends"] is extends
    kept = (await world.get(f"{FAMILIES}/{family['id']}/findings", kind="PP")).json()["items"]
    assert [each["outcome"] for each in kept] == ["NOT_ADVERSE", "NOT_ADVERSE", "ADVERSE", "NOT_ADVERSE"]
    assert_problem(await world.get(f"{FAMILIES}/{family['id']}/findings"), 403, "forbidden")  # INM
    read = [row for row in await world.rows("audit_entry") if row["resource"] == "carer_findings"]
    assert [(row["action"], row["agency"]) for row in read] == [("read", "pp-chp")]


@ONE
async def test_a_finding_is_about_a_carer_of_the_family(world: World) -> None:
    family = await siblings(world)
    for member, status, code in (
        (family["members"][0]["id"], 422, "invalid_request"),
        (ids.new("fmb"), 404, "not_found"),
    ):
        body: Row = {"member_id": member, "outcome": "ADVERSE", "grounds": ["NEGLECT"], "decision": decision()}
        assert_problem((await step(world, family, "findings", **body))["answer"], status, code)


@ONE
async def test_sent_again_a_family_is_recorded_once(world: World) -> None:
    children = [await met(world), await met(world, given_names="Berta")]
    body = {"children": [{"child_id": each} for each in children]}
    headers = key()
    async with world.calling() as caller:
        answers = [await caller.post(FAMILIES, json=body, headers=headers) for _ in range(2)]
    assert [each.status_code for each in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert len(await world.rows("family")) == 1
