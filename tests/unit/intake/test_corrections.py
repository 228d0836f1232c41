"""The child's representative asks for a correction: it is applied, or refused with its reason. Once."""

import pytest

from services.intake.corrections.rules import (
    TERMS,
    TRANSITIONS,
    CorrectionAction,
    CorrectionState,
    advance,
    allowed,
)
from shared.errors import IllegalMove
from shared.testing import key
from tests.unit.intake.world import CHILDREN, Row, World, ago, assert_problem

CORRECTIONS = "/v1/intake/corrections"


def asking(**patch: object) -> Row:
    return {"asked_by": "PROCURADURIA", "proof": "PP_REPRESENTATION", "asked_at": ago(days=1), "patch": patch}


async def asked(world: World, **patch: object) -> Row:
    child_id = (await world.met())["child_id"]
    answer = await world.add(child_id, "corrections", asking(**patch), kind="PP")
    assert (answer.status_code, answer.headers["etag"]) == (201, '"v1"'), answer.text
    return dict(answer.json())


async def step(world: World, correction: Row, action: str, etag: str = '"v1"', kind: str = "INM", **body: str) -> Row:
    async with world.calling(kind) as caller:
        path = f"{CORRECTIONS}/{correction['id']}/{action}"
        answer = await caller.post(path, json={"officer": "opi-0417"} | body, headers=key() | {"If-Match": etag})
    return {"status": answer.status_code, "answer": answer, **answer.json()}


@pytest.mark.parametrize("state", list(CorrectionState))
@pytest.mark.parametrize("action", list(CorrectionAction))
def test_a_request_is_decided_once(state: CorrectionState, action: CorrectionAction) -> None:
    if state is CorrectionState.ASKED:
        assert advance(state, action) is TRANSITIONS[state, action]
        assert action.value in allowed(state, "INM")
        assert allowed(state, "PP") == []
        return
    with pytest.raises(IllegalMove) as refused:
        advance(state, action)
    assert refused.value.allowed_actions == []


def test_the_time_limits_are_those_of_the_law() -> None:
    assert {term.id: term.working_days for term in TERMS} == {
        "ARCO_ANSWER": 20, "ARCO_EXTENSION": 10, "ARCO_EXECUTION": 15,
    }  # fmt: skip
    assert all("art. 45" in term.source and term.text.en != term.text.es for term in TERMS)


async def test_an_applied_request_corrects_the_child_and_stands_in_its_history(world: World) -> None:
    identity = {"given_names": "Xóchicanary", "birth_date": "2013-11-29"}
    made = await asked(world, identity=identity, nationalities=["SLV"])
    assert (made["state"], made["fields"], made["allowed_actions"]) == ("asked", ["identity", "nationalities"], [])
    assert "canary" not in repr(await world.everything())
    done = await step(world, made, "apply")
    assert (done["status"], done["state"], done["decided_by"]) == (200, "applied", "inm-chp/opi-0417")
    shown = await world.child(made["child_id"])
    assert (shown["identity"]["given_names"], shown["nationalities"]) == ("Xóchicanary", ["SLV"])
    assert world.referral.facts[-1][2]["nationalities"] == ["SLV"]  # confirmed first
    (change,) = (await world.get(f"{CHILDREN}/{made['child_id']}/history")).json()["items"]
    assert change["request_id"] == made["id"]


async def test_a_refused_request_says_why_and_changes_nothing(world: World) -> None:
    made = await asked(world, sex="M")
    done = await step(world, made, "refuse", refusal="NOT_PROVEN")
    assert (done["state"], done["refusal"], done["allowed_actions"]) == ("refused", "NOT_PROVEN", [])
    assert (await world.child(made["child_id"]))["version"] == 1
    again = await step(world, made, "apply", '"v2"')
    assert_problem(again["answer"], 409, "illegal_move")


async def test_without_referral_a_fact_is_not_corrected_by_request_either(world: World) -> None:
    made = await asked(world, nationalities=["SLV"])
    before = await world.everything()
    done = await step(world.without_referral(), made, "apply")
    assert_problem(done["answer"], 503, "unavailable")
    assert await world.everything() == before


async def test_a_request_is_decided_from_what_was_read(world: World) -> None:
    made = await asked(world, sex="M")
    assert_problem((await step(world, made, "apply", '"v2"'))["answer"], 412, "stale_version")
    assert_problem((await step(world, made, "refuse", '"v2"', refusal="NOT_PROVEN"))["answer"], 412, "stale_version")
    assert_problem((await step(world, made, "refuse"))["answer"], 422, "invalid_request")  # no reason
    assert_problem((await step(world, made, "apply", kind="PP"))["answer"], 403, "forbidden")


async def test_requests_are_listed_without_and_read_with_what_they_ask_for(world: World) -> None:
    made = await asked(world, sex="M")
    await asked(world, languages=["mam"])
    (item,) = (await world.get(f"{CORRECTIONS}?state=asked&child_id={made['child_id']}")).json()["items"]
    assert "patch" not in item
    assert item["allowed_actions"] == ["apply", "refuse"]
    assert len((await world.get(CORRECTIONS)).json()["items"]) == 2
    assert (await world.get(f"{CORRECTIONS}?state=applied")).json()["items"] == []
    assert (await world.get(CORRECTIONS, state="MX-OAX")).json()["items"] == []
    shown = (await world.get(f"{CORRECTIONS}/{made['id']}")).json()
    assert shown["patch"] == {"sex": "M"}
    read = [row for row in await world.rows("audit_entry") if row["action"] == "read"]
    assert [(row["resource"], row["resource_id"]) for row in read] == [("correction", made["id"])]
    assert_problem(await world.get(f"{CORRECTIONS}/{made['id']}", state="MX-OAX"), 404, "not_found")
