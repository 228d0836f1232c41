"""A permit and a family know one carer: what the Procuraduría finds counts in both (R9), and what it parts (R12)."""

from datetime import timedelta
from typing import Any

import pytest

from services.intake.permits.rules import CarerStatus, Finding, check_findings, follow
from shared import clock, ids
from shared.errors import RefusedByLaw
from tests.unit.intake.test_families import MOTHER, decision, met, recorded
from tests.unit.intake.test_families import step as family_step
from tests.unit.intake.test_lodging import DECIDED, lodge, lodged, stay
from tests.unit.intake.test_lodging import refused as not_lodged
from tests.unit.intake.test_permits import AUNT, PERMITS, act, grant, granted, permit, refused, step
from tests.unit.intake.world import Row, World, assert_problem, encounter, girl

STANDING = pytest.mark.asyncio(loop_scope="module")
NOW = clock.now()
BEFORE = NOW - timedelta(days=1)
FATHER: Row = {"tie": "PARENTAL_AUTHORITY", "relation": "FATHER"}


def found(member: str, outcome: str = "ADVERSE", **when: str) -> Row:
    grounds = ["VIOLENCE"] if outcome == "ADVERSE" else []
    return {"member_id": member, "outcome": outcome, "grounds": grounds, "decision": decision(**when)}


class Household:
    """A girl who was met with her aunt, and whose mother and father are in her family."""

    def __init__(self, world: World) -> None:
        self.world = world

    async def gather(self) -> "Household":
        self.met = await self.world.met(encounter(adult=AUNT))
        self.child = str(self.met["child_id"])
        self.family = await recorded(self.world, self.child, carers=[MOTHER, FATHER])
        self.mother, self.father = (each["id"] for each in self.family["members"][1:])
        self.version = 1
        return self

    async def find(self, member: str, outcome: str = "ADVERSE", **when: str) -> Row:
        made = await family_step(
            self.world, self.family, "findings", f'"v{self.version}"', **found(member, outcome, **when)
        )
        assert made["status"] == 200, made
        self.version += 1
        return made

    async def permit(self, **covering: str) -> Row:
        return await granted(self.world, permit(self.child, **covering))

    async def carer_of(self, made: Row) -> tuple[str, str | None, int]:
        shown = (await self.world.get(f"{PERMITS}/{made['id']}")).json()
        assert shown["status"] == "valid", "the child's own permit goes on (R8)"
        return shown["carer"], shown["finding_reference"], shown["version"]


# -- the table of law --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("carer", "member", "found_at", "adverse", "left", "after"),
    [
        ("none", None, None, True, ["m1"], "none"),  # covers nobody
        ("covered", "m1", None, True, ["m1"], "excluded"),
        ("excluded", "m1", BEFORE, False, [], "covered"),
        ("covered", "m2", None, True, ["m1"], "covered"),  # another carer
        ("excluded", "m2", BEFORE, False, [], "excluded"),
        ("covered", None, None, True, ["m1"], "in_review"),
        ("covered", None, BEFORE, True, ["m1"], "in_review"),  # a new finding
        ("covered", None, NOW, True, ["m1"], "covered"),  # the Procuraduría has said since then who it is
        ("covered", None, None, False, [], "covered"),
        ("excluded", None, BEFORE, True, ["m1"], "excluded"),
        ("excluded", None, BEFORE, False, [], "excluded"),  # was excluded itself
        ("in_review", None, BEFORE, False, [], "covered"),
        ("in_review", None, BEFORE, False, ["m2"], "in_review"),  # another one still is
    ],
)
def test_a_permit_follows_what_is_found_of_a_carer(
    carer: str, member: str | None, found_at: Any, adverse: bool, left: list[str], after: str
) -> None:
    finding = Finding("m1", adverse, NOW - timedelta(hours=1))
    assert follow(CarerStatus(carer), member, found_at, finding, left) is CarerStatus(after)


@pytest.mark.parametrize(
    ("member", "adverse", "rule"),
    [
        (None, [], None), ("m1", [], None), ("m1", ["m2"], None), ("m1", ["m1"], "R9-PERMIT"),
        (None, ["m1"], "R9-REVIEW"),
    ],
)  # fmt: skip
def test_whom_of_a_family_a_permit_covers(member: str | None, adverse: list[str], rule: str | None) -> None:
    if rule is None:
        return check_findings(member, adverse)
    with pytest.raises(RefusedByLaw) as said:
        check_findings(member, adverse)
    assert said.value.law is not None
    assert said.value.law.rule == rule


# -- permits -----------------------------------------------------------------------------------------


@STANDING
async def test_who_was_found_adverse_in_the_family_is_under_no_permit(standing_world: World) -> None:
    house = await Household(standing_world).gather()
    await house.find(house.mother)
    refused(await grant(standing_world, permit(house.child, member_id=house.mother)), "R9-PERMIT")
    unnamed = await grant(standing_world, permit(house.child, encounter_id=house.met["id"]))
    refused(unnamed, "R9-REVIEW")
    assert unnamed.json()["allowed_actions"] == ["member_id"]
    alone = await house.permit()  # the child's own is never withheld
    assert alone["carer"] == "none"
    for carer, rule in (({"member_id": house.mother}, "R9-PERMIT"), ({"encounter_id": house.met["id"]}, "R9-REVIEW")):
        refused(await step(standing_world, alone["id"], "link-carer", **carer), rule)
    done = await step(standing_world, alone["id"], "link-carer", member_id=house.father, encounter_id=house.met["id"])
    assert (done.json()["carer"], done.json()["member_id"]) == ("covered", house.father), done.text


@STANDING
async def test_a_finding_ends_and_restores_the_share_of_that_carer_alone(standing_world: World) -> None:
    house = await Household(standing_world).gather()
    made = await house.permit(member_id=house.mother)
    assert (made["carer"], made["encounter_id"]) == ("covered", None)
    await house.find(house.father)
    assert await house.carer_of(made) == ("covered", None, 1)
    await house.find(house.mother, reference="PP-CHP/0500/2026")
    assert await house.carer_of(made) == ("excluded", "PP-CHP/0500/2026", 2)
    assert_problem(await step(standing_world, made["id"], "end", **act()), 412, "stale_version")
    told = [row for row in await standing_world.rows("audit_entry") if row["resource_id"] == made["id"]]
    assert [(row["action"], row["agency"]) for row in told][-2:] == [("follow_finding", "pp-chp"), ("read", "inm-chp")]
    await house.find(house.mother, "NOT_ADVERSE", decided_at=(NOW - timedelta(days=9)).isoformat())  # decided before
    assert (await house.carer_of(made))[0] == "excluded"
    await house.find(house.mother, "NOT_ADVERSE", reference="PP-CHP/0600/2026", decided_at=NOW.isoformat())
    assert await house.carer_of(made) == ("covered", "PP-CHP/0600/2026", 3)


@STANDING
async def test_of_a_carer_in_the_family_the_procuraduria_decides_there(standing_world: World) -> None:
    house = await Household(standing_world).gather()
    made = await house.permit(member_id=house.mother)
    there = await step(standing_world, made["id"], "exclude-carer")
    assert assert_problem(there, 409, "illegal_move")["allowed_actions"] == ["pp_finding"]
    seen = (await standing_world.get(f"{PERMITS}/{made['id']}", kind="PP")).json()
    assert seen["allowed_actions"] == []
    removal: Row = {"member_id": house.mother, "reason": "NOT_RELATED", "decision": decision()}
    await family_step(standing_world, house.family, "remove", **removal)
    (seen,) = (await standing_world.get(f"{PERMITS}?child_id={house.child}", kind="PP")).json()["items"]
    assert seen["allowed_actions"] == ["exclude_carer"]  # no longer of the family: nothing is found of her there
    assert (await step(standing_world, made["id"], "exclude-carer")).json()["carer"] == "excluded"


@STANDING
async def test_a_carer_of_whom_nobody_says_which_one_it_is_waits_for_the_procuraduria(standing_world: World) -> None:
    house = await Household(standing_world).gather()
    made = await house.permit(encounter_id=house.met["id"])
    await house.find(house.mother)
    assert await house.carer_of(made) == ("in_review", "PP-CHP/0417/2026", 2)
    inm = (await standing_world.get(f"{PERMITS}/{made['id']}")).json()
    assert inm["allowed_actions"] == ["end"]
    back = await step(standing_world, made["id"], "restore-carer", '"v2"')  # it is the aunt, the Procuraduría says
    assert (back.json()["carer"], back.json()["finding_reference"]) == ("covered", "PP/9")
    await house.find(house.father)  # decided before the Procuraduría said so
    assert (await house.carer_of(made))[0] == "covered"
    out = await house.find(house.father, decided_at=clock.now().isoformat())
    assert (out["outcome"], (await house.carer_of(made))[0]) == ("ADVERSE", "in_review")
    excluded = await step(standing_world, made["id"], "exclude-carer", f'"v{(await house.carer_of(made))[2]}"')
    assert excluded.json()["carer"] == "excluded"


@STANDING
async def test_a_review_ends_with_the_last_adverse_finding(standing_world: World) -> None:
    house = await Household(standing_world).gather()
    made = await house.permit(encounter_id=house.met["id"])
    for member in (house.mother, house.father):
        await house.find(member)
    for member, state in ((house.mother, "in_review"), (house.father, "covered")):
        await house.find(member, "NOT_ADVERSE", decided_at=NOW.isoformat())
        assert (await house.carer_of(made))[0] == state


@STANDING
async def test_only_a_carer_of_the_childs_own_family_is_covered(standing_world: World) -> None:
    house, other = await Household(standing_world).gather(), await Household(standing_world).gather()
    child_member = house.family["members"][0]["id"]
    for nobody in (other.mother, child_member, ids.new("fmb")):
        assert_problem(await grant(standing_world, permit(house.child, member_id=nobody)), 404, "not_found")
    made = await house.permit()
    nobody_named = await step(standing_world, made["id"], "link-carer")
    assert_problem(nobody_named, 422, "invalid_request")
    await other.find(other.mother)
    assert (await step(standing_world, made["id"], "link-carer", member_id=house.mother)).json()["carer"] == "covered"


# -- lodging -----------------------------------------------------------------------------------------


async def parted(world: World, family: Row, *members: str, etag: str = '"v1"') -> Row:
    body: Row = {"members": [{"member_id": each} for each in members], "reason": "VIOLENCE", "decision": decision()}
    made = await family_step(world, family, "separate", etag, **body)
    assert made["status"] == 200, made
    return made


@STANDING
async def test_who_is_parted_from_every_carer_sleeps_without_them(standing_world: World) -> None:
    child = (await standing_world.met(encounter(adult={"tie": "PARENTAL_AUTHORITY"})))["child_id"]
    family = await recorded(standing_world, child, carers=[MOTHER, FATHER])
    _, mother, father = (each["id"] for each in family["members"])
    await parted(standing_world, family, mother)
    not_lodged(await lodge(standing_world, stay(child)), "R12-LODGING", "98")  # it sleeps with its father
    both = await parted(standing_world, family, father, etag='"v2"')
    made = await lodged(standing_world, stay(child))
    standing = {each["id"]: each["reference"] for each in both["separations"]}
    assert made["split_reference"] == standing[made["separation_id"]]
    assert (made["split_reason"], "VIOLENCE" in str(made)) == (None, False)  # for the Procuraduría alone


@STANDING
async def test_siblings_who_are_parted_sleep_apart_until_they_are_reunited(standing_world: World) -> None:
    first, second = await met(standing_world), await met(standing_world, given_names="Berta")
    family = await recorded(standing_world, first, second)
    made = await parted(standing_world, family, family["members"][0]["id"])
    separation = made["separations"][0]["id"]
    await lodged(standing_world, stay(first, "cas-a"))
    apart = await lodged(standing_world, stay(second, "cas-b"))
    assert (apart["separation_id"], apart["split_reference"]) == (separation, "PP-CHP/0417/2026")
    async with standing_world.calling("DIF") as dif:
        headers = {"If-Match": '"v1"', "Idempotency-Key": ids.opaque("idk")}
        await dif.post(f"/v1/intake/lodging/{apart['id']}/void", json={"officer": "dif-0031"}, headers=headers)
    reunion: Row = {"separation_id": separation, "decision": decision()}
    assert (await family_step(standing_world, family, "reunite", '"v2"', **reunion))["status"] == 200
    not_lodged(await lodge(standing_world, stay(second, "cas-b")), "R12-LODGING", "98")
    told = await lodged(standing_world, stay(second, "cas-b", family_decision=DECIDED))
    assert (told["separation_id"], told["split_reason"]) == (None, "CHILD_ASKS")


@STANDING
async def test_siblings_who_are_parted_from_others_stay_together(standing_world: World) -> None:
    made = [await met(standing_world, given_names=name) for name in ("Ana", "Berta", "Carla")]
    family = await recorded(standing_world, *made)
    await parted(standing_world, family, *(each["id"] for each in family["members"][:2]))
    await lodged(standing_world, stay(made[0], "cas-a"))
    not_lodged(await lodge(standing_world, stay(made[1], "cas-b")), "R12-LODGING", "98")
    assert (await lodged(standing_world, stay(made[1], "cas-a")))["separation_id"] is None
    stranger = (await standing_world.met(encounter(child=girl(relatives=[made[2]]))))["child_id"]
    await lodged(standing_world, stay(made[2], "cas-b"))
    not_lodged(await lodge(standing_world, stay(stranger, "cas-c")), "R12-LODGING", "98")  # of no family, yet a sibling
