"""What is done with endpoints once they are there: changed, paused, resumed, tested, removed; and their alarms."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from shared import clock
from shared.audit import AuditEntry
from shared.delivery.endpoints import rules
from shared.delivery.endpoints.rules import Action, Party
from shared.delivery.rules import DeliveryState, EndpointState, Outcome
from shared.errors import Forbidden, IllegalMove
from tests.unit.delivery.endpoint_world import (
    NOWHERE,
    OPERATOR,
    PATH,
    act,
    call,
    change,
    opened,
    read,
    register,
    strict,
)
from tests.unit.delivery.posts import Post, run_dry
from tests.unit.shared.world import World

ONE = pytest.mark.parametrize("database_kind", ["sqlite"])
PENDING, ACTIVE, PAUSED, GONE, REMOVED = EndpointState
STEPS = ("pause", "resume", "verify", "test")


@pytest.fixture
async def world(database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    """The small service with its endpoints."""
    async with opened(database_url, tmp_path) as made:
        yield made


async def endpoint_in(world: World, state: EndpointState, **more: Any) -> str:
    """Register an endpoint of INM, and let it have come to be in this state with its address proven."""
    made = await register(world)
    values = {"state": state, **more}
    if state is not PENDING:
        values = {"proof_challenge": None, "proof_due_at": None, **values}
    await world.change_endpoint(made["id"], **values)
    return str(made["id"])


# -- the machine -----------------------------------------------------------------------------------

MOVES = {
    (PENDING, "pause"): PAUSED,
    (PENDING, "verify"): PENDING,
    (ACTIVE, "pause"): PAUSED,
    (ACTIVE, "test"): ACTIVE,
    (PAUSED, "resume"): ACTIVE,
    (PAUSED, "test"): PAUSED,
    (GONE, "resume"): PENDING,
}
ALWAYS = ["rotate", "revoke", "remove"]
ALLOWED = {
    PENDING: ["change", "pause", "verify", *ALWAYS],
    ACTIVE: ["change", "pause", "test", *ALWAYS],
    PAUSED: ["change", "resume", "test", *ALWAYS],
    GONE: ["change", "resume", *ALWAYS],
}


@pytest.mark.parametrize("state", ALLOWED)
async def test_each_state_has_its_steps_and_no_others(world: World, state: EndpointState) -> None:
    for step in STEPS:
        endpoint_id = await endpoint_in(world, state)
        before = await read(world, endpoint_id)
        assert before["allowed_actions"] == ALLOWED[state]
        answer = await act(world, endpoint_id, step)
        if (state, step) in MOVES:
            assert answer.status_code == (202 if step == "test" else 200)
            assert (await read(world, endpoint_id))["state"] == MOVES[state, step]
            continue
        refusal = answer.json()
        assert (answer.status_code, refusal["code"]) == (409, "illegal_move"), step
        assert refusal["allowed_actions"] == ALLOWED[state]
        assert await read(world, endpoint_id) == before


@ONE
async def test_what_is_removed_is_nobodys_any_more(world: World) -> None:
    for state in ALLOWED:
        endpoint_id = await endpoint_in(world, state)
        own = f"{PATH}/{endpoint_id}"
        assert (await call(world, "DELETE", own)).status_code == 204
        for method, path in (("GET", own), ("DELETE", own), ("GET", f"{own}/keys"), ("POST", f"{own}/pause")):
            for claims in ({}, OPERATOR):
                assert (await call(world, method, path, **claims)).status_code == 404
    assert (await call(world, "GET", PATH)).json()["items"] == []


def test_every_move_is_in_the_table() -> None:
    told = {(state, Action(step)): after for (state, step), after in MOVES.items()}
    same = {(state, action): state for state in ALLOWED for action in (Action.CHANGE, Action.ROTATE, Action.REVOKE)}
    moved = {(state, Action.MOVE): PAUSED if state is PAUSED else PENDING for state in ALLOWED}
    ended = {(state, Action.REMOVE): REMOVED for state in ALLOWED}
    assert rules.TRANSITIONS == told | same | moved | ended | {(PENDING, Action.PROVE): ACTIVE}


@pytest.mark.parametrize("state", EndpointState)
@pytest.mark.parametrize("action", Action)
def test_only_who_may_and_only_what_there_is(state: EndpointState, action: Action) -> None:
    for party in Party:
        if action not in rules.MAY[party]:
            with pytest.raises(Forbidden):
                rules.move(state, action, {party}, proven=True)
        elif (state, action) not in rules.TRANSITIONS:
            with pytest.raises(IllegalMove):
                rules.move(state, action, {party}, proven=True)
        else:
            assert rules.move(state, action, {party}, proven=False) is not ACTIVE


# -- pause and resume ------------------------------------------------------------------------------


async def test_a_paused_endpoint_keeps_what_it_is_owed_and_comes_back_gently(world: World) -> None:
    with clock.at(clock.now()):
        ahead = clock.now() + timedelta(hours=1)
        endpoint_id = await endpoint_in(world, ACTIVE)
        post = Post(lambda _: Outcome.FAILED)
        early = await world.publish(to="inm-chp")
        await run_dry(world, post, turns=1)
        await act(world, endpoint_id, "pause")
        await world.change_endpoint(endpoint_id, failures=7, hold_until=ahead, pace=4)
        held = await read(world, endpoint_id)
        assert (held["breaker"], held["failures"], held["next_probe_at"] is None) == ("open", 7, False)
        late = [await world.publish(case, to="inm-chp") for case in ("cas_1", "cas_2", "cas_3")]
        post.answer = lambda _: Outcome.DELIVERED
        await run_dry(world, post)
        assert len(post.sent) == 1
        shown = (await act(world, endpoint_id, "resume")).json()
        assert (shown["breaker"], shown["failures"], shown["next_probe_at"]) == ("closed", 0, None)
        worker = world.deliverer(post)
        assert await worker.turn() == 1  # one at a time, and at once: not when its repetition would have come
        await worker.drain()
        await run_dry(world, post)
    assert sorted(post.ids()) == sorted([early, early, *late])
    assert [sent for sent in post.ids() if sent in (early, late[0])] == [early, early, late[0]]  # one case


@ONE
async def test_an_endpoint_that_was_paused_before_it_was_proven_has_to_be_proven_still(world: World) -> None:
    endpoint_id = (await register(world))["id"]
    first = (await world.endpoint(endpoint_id)).proof_challenge
    assert (await act(world, endpoint_id, "pause")).json()["proof"] is None
    with clock.at(clock.now() + timedelta(days=1)):
        back = (await act(world, endpoint_id, "resume")).json()
        kept = await world.endpoint(endpoint_id)
        assert (back["state"], kept.proof_due_at, kept.proof_attempts) == ("pending", clock.now(), 0)
    assert kept.proof_challenge not in (None, first)


async def test_an_endpoint_that_was_gone_has_to_be_proven_anew(world: World) -> None:
    with clock.at(clock.now()):
        endpoint_id = await endpoint_in(world, ACTIVE)
        await world.publish(to="inm-chp")
        post = Post(lambda _: Outcome.GONE)
        await run_dry(world, post)
        gone = await read(world, endpoint_id)
        assert (gone["state"], gone["last_outcome"], [each["kind"] for each in gone["alarms"]]) == (
            "gone",
            "gone",
            ["gone"],
        )
        assert (await act(world, endpoint_id, "resume", **OPERATOR)).json()["state"] == "pending"
        kept = await world.endpoint(endpoint_id)
        assert (kept.proof_due_at, kept.proof_challenge is None) == (clock.now(), False)
        await run_dry(world, post)
    assert (len(post.sent), await world.states()) == (1, [DeliveryState.PARKED])


@ONE
async def test_verify_puts_the_address_to_the_proof_now(world: World) -> None:
    endpoint_id = (await register(world))["id"]
    await world.change_endpoint(endpoint_id, proof_due_at=clock.now() + timedelta(hours=1), proof_attempts=9)
    with clock.at(clock.now()):
        shown = (await act(world, endpoint_id, "verify")).json()
        assert (await world.endpoint(endpoint_id)).proof_due_at == clock.now()
    assert shown["proof"]["attempts"] == 9


# -- change ----------------------------------------------------------------------------------------


async def test_each_field_can_be_changed_and_the_rest_stays(world: World) -> None:
    with clock.at(clock.now()):
        endpoint_id = await endpoint_in(world, ACTIVE)
        before = await read(world, endpoint_id)
        changes: list[dict[str, Any]] = [
            {"event_types": ["memo.written"]}, {"cap": 1}, {"retry_ceiling": 600}, {"heartbeat_seconds": 900},
            {"mutual_tls": False}, {"url": NOWHERE},
            {"event_types": None}, {"retry_ceiling": None}, {"heartbeat_seconds": None},
        ]  # fmt: skip
        for body in changes:
            answer = await change(world, endpoint_id, body)
            before |= body
            assert (answer.status_code, answer.json()) == (200, before)
            beat = before["heartbeat_seconds"]
            expected = clock.now() + timedelta(seconds=beat) if beat else None
            assert (await world.endpoint(endpoint_id)).heartbeat_at == expected
    assert before["state"] == "active"  # the same address is not another one


@pytest.mark.parametrize("state", [PENDING, ACTIVE, GONE, PAUSED])
@ONE
async def test_another_address_has_to_be_proven(world: World, state: EndpointState, tmp_path: Path) -> None:
    (tmp_path / "client.pem").write_text("")
    strict(world, webhook_certificate_file=tmp_path / "client.pem", allow_loopback_webhooks=True)
    for body in ({"url": f"{NOWHERE}/new"}, {"mutual_tls": True}):
        endpoint_id = await endpoint_in(world, state)
        first = (await world.endpoint(endpoint_id)).proof_challenge
        with clock.at(clock.now() + timedelta(days=1)):
            answer = await change(world, endpoint_id, body)
            assert answer.json()["state"] == ("paused" if state is PAUSED else "pending")
            kept = await world.endpoint(endpoint_id)
            assert (kept.proof_due_at, kept.proof_attempts, kept.proof_outcome) == (clock.now(), 0, None)
        assert kept.proof_challenge not in (None, first)
        if state is PAUSED:  # it asked for silence; its new address is called when it resumes
            assert (await act(world, endpoint_id, "resume")).json()["state"] == "pending"


@ONE
async def test_a_change_names_the_version_that_it_was_made_from(world: World) -> None:
    own = f"{PATH}/{await endpoint_in(world, ACTIVE)}"
    assert (await call(world, "PATCH", own, {"cap": 1})).status_code == 428
    tag = (await call(world, "GET", own)).headers["etag"]
    changed = await call(world, "PATCH", own, (tag, {"cap": 1}))
    assert (changed.status_code, changed.headers["etag"] != tag) == (200, True)
    stale = await call(world, "PATCH", own, (tag, {"cap": 2}))
    assert (stale.status_code, stale.json()["current"]) == (412, changed.headers["etag"])
    async with world.database.work(write=False) as session:
        entries = (await session.exec(select(AuditEntry).where(AuditEntry.action == "change"))).all()
    assert [each.details for each in entries] == [{"fields": ["cap"]}]


@ONE
async def test_a_change_is_refused_where_it_is_wrong(world: World) -> None:
    webhook = f"{PATH}/{await endpoint_in(world, ACTIVE)}"
    feed = f"{PATH}/{(await register(world, None, channel='pull'))['id']}"
    strict(world)
    refused: list[tuple[str, dict[str, Any], str, str]] = [
        (webhook, {}, "", "not_acceptable"), (webhook, {"url": None}, "", "not_acceptable"),
        (webhook, {"cap": None}, "", "not_acceptable"), (webhook, {"mutual_tls": None}, "", "not_acceptable"),
        (webhook, {"channel": "pull"}, "", "unknown_field"), (webhook, {"schemes": ["v1"]}, "", "unknown_field"),
        (webhook, {"cap": 9}, "/cap", "less_than_equal"), (webhook, {"url": NOWHERE}, "/url", "not_https"),
        (webhook, {"mutual_tls": True}, "/mutual_tls", "no_client_certificate"),
        (feed, {"url": "https://hooks.example.org"}, "/url", "webhook_only"),
        (feed, {"mutual_tls": True}, "/mutual_tls", "webhook_only"),
        (feed, {"heartbeat_seconds": 600}, "/heartbeat_seconds", "webhook_only"),
    ]  # fmt: skip
    for path, body, pointer, reason in refused:
        tag = (await call(world, "GET", path)).headers["etag"]
        answer = await call(world, "PATCH", path, (tag, body))
        assert (answer.status_code, answer.json()["errors"]) == (422, [{"pointer": pointer, "reason": reason}]), body
        assert (await call(world, "GET", path)).headers["etag"] == tag


# -- test and remove -------------------------------------------------------------------------------


async def test_a_test_event_arrives_whatever_the_endpoint_asked_for(world: World) -> None:
    endpoint_id = await endpoint_in(world, PAUSED, event_types=["other.type"])
    sent = [(await act(world, endpoint_id, "test")).json() for _ in range(2)]
    await act(world, endpoint_id, "resume")
    post = Post()
    with clock.at(clock.now()):
        await run_dry(world, post)
    assert post.ids() == [each["event_id"] for each in sent]
    assert [parcel.delivery_id for parcel in post.sent] == [each["delivery_id"] for each in sent]
    assert [parcel.event_type for parcel in post.sent] == ["endpoint.test"] * 2
    assert b'"data":{}' in post.sent[0].body


async def test_a_removed_endpoint_is_sent_nothing_and_has_no_keys(world: World) -> None:
    endpoint_id = await endpoint_in(world, ACTIVE, failures=9, heartbeat_at=clock.now())
    await world.publish(to="inm-chp")
    assert (await call(world, "DELETE", f"{PATH}/{endpoint_id}")).status_code == 204
    kept = await world.endpoint(endpoint_id)
    vault = world.runtime.vault
    assert vault.open(kept.signing_keys or b"", "endpoint.signing_keys", endpoint_id) == b"[]"
    assert vault.open(kept.secrets, "endpoint", endpoint_id) == b"[]"
    assert (kept.state, kept.failures, kept.heartbeat_at) == (REMOVED, 0, None)
    post = Post()
    with clock.at(clock.now()):
        await run_dry(world, post)
    assert (post.sent, await world.states()) == ([], [DeliveryState.PENDING])
