"""Referrals over HTTP: who sees them, who moves them, and what a repetition or a rival meets."""

from typing import Any

import pytest
from sqlmodel import col

from services.referral.referrals.models import Referral
from services.referral.referrals.rules import Action
from shared import ids
from shared.audit import AuditEntry
from shared.clocks.models import Clock
from shared.clocks.rules import ClockState
from shared.testing import key
from tests.unit.referral.world import World, service_in, together

BODIES: dict[Action, Any] = {
    Action.HOLD: {},
    Action.COMPLETE: {"note": "hecho"},
    Action.NOT_ACHIEVE: {},
    Action.WITHDRAW: {},
    Action.DECLINE: {"reason": "NO_CAPACITY"},
}


def path(referral_id: str, action: Action) -> str:
    return f"/referrals/{referral_id}/{action.value.replace('_', '-')}"


@pytest.fixture
async def case_id(world: World) -> str:
    file = await world.file(await world.encounter())
    return str(file["id"])


async def test_the_representative_may_read_and_not_move(world: World, case_id: str) -> None:
    referral = await world.service(case_id, "unicef", "inm-chp")
    seen = await world.get("pp-chp", f"/referrals/{referral['id']}")
    assert seen["allowed_actions"] == []
    answer = await world.post("pp-chp", path(referral["id"], Action.WITHDRAW), {})
    assert (answer.status_code, answer.json()["allowed_actions"]) == (409, [])


async def test_answers_say_what_is_possible_and_who_acts_next(world: World, case_id: str) -> None:
    referral = await world.service(case_id)
    assert (referral["allowed_actions"], referral["next"]) == (["withdraw", "enter_in_error"], "recipient")
    seen = await world.get("unicef", f"/referrals/{referral['id']}")
    assert seen["allowed_actions"] == ["receive", "accept", "decline"]
    done = (await world.post("unicef", path(referral["id"], Action.DECLINE), {"reason": "SAFETY"}, 200)).json()
    assert (done["state"], done["answer_reason"], done["next"]) == ("declined", "SAFETY", "sender")
    assert done["allowed_actions"] == []
    assert done["closed_at"] is not None


# -- rivals, repetitions, versions -----------------------------------------------------------------------


async def test_of_accept_and_decline_at_the_same_time_one_wins(world: World, case_id: str) -> None:
    for _ in range(50):
        referral = (await world.service(case_id))["id"]
        answers = await together(
            world.post("unicef", path(referral, Action.ACCEPT), client_id="unicef-a"),
            world.post("unicef", path(referral, Action.DECLINE), {"reason": "NO_CAPACITY"}, client_id="unicef-b"),
        )
        assert sorted(answer.status_code for answer in answers) == [200, 409]
        won = next(answer.json() for answer in answers if answer.status_code == 200)
        assert (await world.get("unicef", f"/referrals/{referral}"))["state"] == won["state"]


async def test_a_repeated_request_gets_the_same_answer_and_one_effect(world: World, case_id: str) -> None:
    again = key()
    first = await world.post("pp-chp", "/referrals", service_in(case_id), 201, again)
    second = await world.post("pp-chp", "/referrals", service_in(case_id), 201, again)
    assert first.content == second.content
    assert second.headers["idempotent-replayed"] == "true"
    assert second.headers["location"] == first.headers["location"]
    assert len(await world.rows(Referral, col(Referral.kind) == "SERVICE")) == 1
    step = path(first.json()["id"], Action.ACCEPT)
    answers = [await world.post("unicef", step, status=200, headers=again) for _ in range(2)]
    assert answers[0].content == answers[1].content


async def test_a_step_decided_on_an_older_version_is_refused(world: World, case_id: str) -> None:
    referral = await world.service(case_id)
    step = path(referral["id"], Action.RECEIVE)
    await world.post("unicef", step, status=200, headers={"If-Match": '"v1"'})
    stale = await world.post("unicef", path(referral["id"], Action.ACCEPT), headers={"If-Match": '"v1"'})
    assert (stale.status_code, stale.json()["current"]) == (412, '"v2"')
    await world.post("unicef", path(referral["id"], Action.ACCEPT), status=200, headers={"If-Match": '"v2"'})


# -- opening ---------------------------------------------------------------------------------------------


async def test_a_service_referral_starts_its_clock_and_tells_both(world: World, case_id: str) -> None:
    await world.register("pp-chp", "unicef")
    referral = await world.service(case_id, urgency="3h")
    await world.post("unicef", path(referral["id"], Action.ACCEPT), status=200)
    for agency in ("pp-chp", "unicef"):
        events = [event for event in await world.sent(agency) if event.subject == referral["id"]]
        assert [(event.type, event.data["state"]) for event in events] == [
            ("referral.sent", "sent"),
            ("referral.moved", "accepted"),
        ]
    running = await world.rows(Clock, col(Clock.resource_id) == referral["id"])
    assert sorted((each.rule, each.agency, each.state) for each in running) == [
        ("ACK_SERVICE_3H", "unicef", ClockState.MET),
        ("START_SERVICE_3H", "unicef", ClockState.RUNNING),
    ]
    written = [row.action for row in await world.rows(AuditEntry, col(AuditEntry.resource_id) == referral["id"])]
    assert sorted(written) == ["accept", "open"]


async def test_a_withdrawn_referral_owes_no_answer(world: World, case_id: str) -> None:
    referral = await world.service(case_id)
    await world.post("pp-chp", path(referral["id"], Action.WITHDRAW), {}, 200)
    (stopped,) = await world.rows(Clock, col(Clock.resource_id) == referral["id"])
    assert stopped.state is ClockState.CANCELLED


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"lawful_basis": None}, "/lawful_basis"),
        ({"recipient": "con-hnd-tapachula"}, "/recipient"),
        ({"service": "X"}, "/service"),
        ({"kind": "PP_NOTICE"}, ""),
    ],
)
async def test_a_referral_that_is_not_whole_is_refused(
    world: World, case_id: str, change: dict[str, Any], pointer: str
) -> None:
    body = {name: value for name, value in (service_in(case_id) | change).items() if value is not None}
    answer = await world.post("pp-chp", "/referrals", body, 422)
    assert [fault["pointer"] for fault in answer.json()["errors"]] == [pointer]


async def test_a_referral_to_oneself_is_refused(world: World, case_id: str) -> None:
    await world.post("pp-chp", "/referrals", service_in(case_id, "pp-chp"), 409)


async def test_who_takes_part_may_refer_on_and_others_may_not(world: World, case_id: str) -> None:
    await world.service(case_id, "unicef")
    await world.post("unhcr", "/referrals", service_in(case_id, "iom"), 404)
    await world.service(case_id, "iom", sender="unicef")


# -- who sees what ---------------------------------------------------------------------------------------


async def test_another_agency_gets_the_same_404_as_for_nothing(world: World, case_id: str) -> None:
    referral = (await world.service(case_id))["id"]
    for real, step in ((referral, None), (referral, Action.ACCEPT)):
        answers = []
        for name in (real, ids.new("ref")):
            if step is None:
                async with world.agency("unhcr") as caller:
                    answers.append(await caller.get(f"/v1/referral/referrals/{name}"))
            else:
                answers.append(await world.post("unhcr", path(name, step)))
        assert [answer.status_code for answer in answers] == [404, 404]
        bodies = [answer.json() | {"request_id": ""} for answer in answers]
        assert bodies[0] == bodies[1]


async def test_lists_hold_what_the_reader_may_see(world: World, case_id: str) -> None:
    referral = await world.service(case_id, "unicef")
    seen = {
        agency: await kinds(world, agency) for agency in ("unicef", "unhcr", "dif-chp", "inm-chp", "pp-chp", "pp-fed")
    }
    assert seen == {
        "unicef": ["SERVICE"],
        "unhcr": [],
        "dif-chp": ["DIF_HANDOVER"],
        "inm-chp": ["DIF_HANDOVER", "PP_NOTICE"],
        "pp-chp": ["DIF_HANDOVER", "PP_NOTICE", "SERVICE"],
        "pp-fed": ["DIF_HANDOVER", "PP_NOTICE", "SERVICE"],
    }
    assert await kinds(world, "pp-chp", "?kind=SERVICE") == ["SERVICE"]
    assert await kinds(world, "pp-chp", f"?state=sent&case_id={case_id}&kind=PP_NOTICE") == ["PP_NOTICE"]
    assert await kinds(world, "pp-chp", "?state=completed") == []
    first = await world.get("pp-chp", "/referrals?limit=1")
    assert first["items"][0]["id"] == referral["id"]
    second = await world.get("pp-chp", f"/referrals?limit=2&cursor={first['next']}")
    assert len(second["items"]) == 2
    assert second["next"] is None


async def kinds(world: World, agency: str, query: str = "") -> list[str]:
    return sorted(each["kind"] for each in (await world.get(agency, f"/referrals{query}"))["items"])


# -- what the law orders ---------------------------------------------------------------------------------


async def test_the_notice_cannot_be_declined_nor_the_handover_withdrawn(world: World) -> None:
    child = await world.encounter()
    notice, handover = [await world.opened(child, kind) for kind in ("PP_NOTICE", "DIF_HANDOVER")]
    refused = await world.post("pp-chp", path(notice["id"], Action.DECLINE), {"reason": "NOT_COMPETENT"}, 409)
    assert refused.json()["code"] == "refused_by_law"
    assert (refused.json()["rule"], refused.json()["allowed_actions"]) == (
        "LM112",
        ["receive", "accept", "enter_in_error"],
    )
    await world.post("inm-chp", path(handover["id"], Action.WITHDRAW), {}, 409)


@pytest.mark.parametrize("steps", [[Action.DECLINE], [Action.ACCEPT, Action.NOT_ACHIEVE]])
async def test_where_the_states_dif_cannot_the_national_one_is_asked(world: World, steps: list[Action]) -> None:
    child = await world.encounter()
    first = await world.opened(child, "DIF_HANDOVER")
    for step in steps:
        await world.post("dif-chp", path(first["id"], step), BODIES.get(step), 200)
    second = await world.opened(child, "DIF_HANDOVER")
    assert (second["recipient"], second["sender"], second["state"]) == ("dif-nacional", "inm-chp", "sent")
    assert (await world.file(child))["dif"] is None
    refused = await world.post("dif-nacional", path(second["id"], Action.DECLINE), {"reason": "NO_CAPACITY"}, 409)
    assert refused.json()["rule"] == "DIF-NATIONAL"
    await world.post("dif-nacional", path(second["id"], Action.ACCEPT), status=200)
    assert (await world.file(child))["dif"] == "dif-nacional"
