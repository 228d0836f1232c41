"""`release.granted` is the only way that a notice comes to be."""

import json
from typing import Any

import pytest
from sqlalchemy import func
from sqlmodel import SQLModel, col, select

from services.consular.notices.models import Notice
from shared import ids
from shared.audit import AuditEntry
from shared.clocks.models import Clock
from shared.delivery import signing
from shared.delivery.models import Delivery, Event
from shared.inbox import InboxRecord
from shared.testing import client, key
from tests.unit.consular.world import DIF, PP, TAPACHULA, Receiver, World, granted


async def count(world: World, model: type[SQLModel]) -> int:
    async with world.runtime.database.work(write=False) as session:
        return int((await session.exec(select(func.count()).select_from(model))).one())


async def told(world: World) -> list[str]:
    """Return the types of the events that are owed to anybody, in their order."""
    async with world.runtime.database.work(write=False) as session:
        statement = select(Event.type).join(Delivery, col(Delivery.event_id) == col(Event.id))
        return list((await session.exec(statement.order_by(col(Event.id)))).all())


async def test_a_release_makes_one_notice_and_one_gated_delivery(world: World, receiver: Receiver) -> None:
    release_id = await world.release()
    async with world.runtime.database.work(write=False) as session:
        notice = (await session.exec(select(Notice))).one()
        delivery = (await session.exec(select(Delivery))).one()
        event = (await session.exec(select(Event))).one()
        clock = (await session.exec(select(Clock))).one()
    assert (notice.release_id, notice.consulate_id, notice.status) == (release_id, TAPACHULA, "issued")
    assert (delivery.gate, delivery.endpoint_id) == (release_id, receiver.registered["id"])
    assert (event.type, event.case_key, event.subject) == ("notice.issued", release_id, notice.id)
    assert (clock.rule, clock.agency, clock.resource_id) == ("C1", TAPACHULA, notice.id)
    assert release_id not in str(event.data)


async def test_the_same_event_twice_has_one_effect(world: World, receiver: Receiver) -> None:
    message = granted()
    for _ in range(2):
        assert (await world.event(message)).status_code == 200
    assert [await count(world, model) for model in (Notice, Delivery, Event, Clock)] == [1, 1, 1, 1]


async def test_one_release_has_one_notice_even_by_two_events(world: World, receiver: Receiver) -> None:
    message = granted()
    assert (await world.event(message)).status_code == 200
    assert (await world.event(message | {"id": ids.new("evt")})).status_code == 200
    assert [await count(world, model) for model in (Notice, Delivery, Event)] == [1, 1, 1]


async def test_each_release_has_a_notice_of_its_own(world: World, receiver: Receiver) -> None:
    await world.release()
    await world.release()
    assert [await count(world, model) for model in (Notice, Delivery)] == [2, 2]


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        ({"nationality": "MEX"}, 409, "refused_by_law"),
        ({"nationality": "XXX"}, 409, "refused_by_law"),
        ({"nationality": ""}, 409, "refused_by_law"),
        ({"addressee": "MEX"}, 409, "refused_by_law"),
        ({"nationality": "MEX", "addressee": "HND"}, 409, "refused_by_law"),
        ({"pp": PP | {"telephone": "call me"}}, 422, "invalid_request"),
        ({"state": "MX-XXX"}, 422, "invalid_request"),
        ({"release_id": "../x"}, 422, "invalid_request"),
        ({"pp": PP | {"name": "x" * 201}}, 422, "invalid_request"),
        ({"pp": PP | {"name": "two\nlines"}}, 422, "invalid_request"),
        ({"dif": DIF | {"id": "NOT A SLUG"}}, 422, "invalid_request"),
        ({"dif": None}, 422, "invalid_request"),
    ],
)
async def test_a_release_that_must_not_be_leaves_nothing(
    world: World, receiver: Receiver, data: dict[str, Any], status: int, code: str
) -> None:
    answer = await world.event(granted(**data))
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    if status == 409:
        assert answer.json()["rule"] == "R20"
    kept = [await count(world, model) for model in (Notice, Delivery, Event, Clock, InboxRecord)]
    assert kept == [0, 0, 0, 0, 0]


async def test_only_referrals_signature_counts(world: World) -> None:
    answer = await world.event(granted(), secret=signing.new_secret())
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
    async with client(world.app) as nobody:
        assert (await nobody.post("/internal/events", json=granted())).status_code == 401
    assert await count(world, Notice) == 0


async def test_no_route_makes_a_notice(world: World) -> None:
    async with world.agency() as inm:
        answer = await inm.post("/v1/consular/notices", json={}, headers=key())
    assert answer.status_code == 405


# -- what cannot be delivered (R19) ----------------------------------------------------------------


async def test_without_an_endpoint_a_person_must_act(world: World) -> None:
    await world.release()
    notice = await world.notice()
    assert (notice["status"], notice["consulate_id"]) == ("letter", TAPACHULA)
    assert notice["allowed_actions"] == ["route_again", "decide"]
    assert [(row["rule"], row["agency"], row["state"]) for row in notice["clocks"]] == [("C3", "pp-chp", "running")]
    assert await told(world) == ["clock.moved"]  # referral alone: the Procuraduría sees there what it owes


@pytest.mark.parametrize("nationality", ["ECU", "ZWE"])
async def test_without_an_open_post_a_person_must_act(world: World, nationality: str) -> None:
    await world.release(nationality)
    notice = await world.notice()
    assert (notice["status"], notice["consulate_id"], notice["letters"]) == ("undeliverable", None, [])
    assert [(row["rule"], row["agency"], row["state"]) for row in notice["clocks"]] == [("C2", "pp-chp", "running")]


async def test_to_the_state_of_residence_where_the_release_says_so(world: World, receiver: Receiver) -> None:
    await world.release("ECU", addressee="HND")
    await world.turn()
    assert [json.loads(body)["data"]["nationality"] for _, body in receiver.got] == ["ECU"]
    async with world.consulate() as consulate:
        (shown,) = (await consulate.get("/v1/consular/notices")).json()["items"]
    assert (shown["nationality"], (await world.notice())["addressee"]) == ("ECU", "HND")


async def test_offices_are_told_with_their_contacts(world: World, receiver: Receiver) -> None:
    await world.release(pp=PP | {"telephone": "+529615550100", "email": "guardia@example.org"})
    await world.turn()
    told = json.loads(receiver.got[0][1])["data"]
    assert (told["pp"]["telephone"], told["pp"]["email"], told["dif"]["telephone"]) == (
        "+529615550100", "guardia@example.org", None
    )  # fmt: skip


async def test_an_endpoint_that_takes_no_notices_is_none(world: World) -> None:
    await world.register("http://127.0.0.1:9/", event_types=["other.thing"])
    await world.release()
    assert (await world.notice())["status"] == "letter"


async def test_what_waits_for_a_letter_is_sent_as_a_message_once_there_is_a_way(world: World) -> None:
    await world.release()
    path = f"/v1/consular/notices/{(await world.notice())['id']}/route_again"
    async with world.agency() as inm:
        refused = await inm.post(path, headers=key())
        await world.register("http://127.0.0.1:9/")
        sent = await inm.post(path, headers=key())
        again = await inm.post(path, headers=key())
    assert (refused.status_code, refused.json()["rule"]) == (409, "R19")
    assert refused.json()["allowed_actions"] == ["route_again", "decide"]
    actions = ["record_acknowledgement", "decide"]
    assert (sent.status_code, sent.json()["status"], sent.json()["allowed_actions"]) == (200, "issued", actions)
    assert [(row["rule"], row["state"]) for row in sent.json()["clocks"]] == [("C1", "running"), ("C3", "cancelled")]
    assert [letter["status"] for letter in sent.json()["letters"]] == ["dropped"]
    assert (again.status_code, again.json()["code"]) == (409, "illegal_move")
    assert await told(world) == ["clock.moved", "notice.issued", "clock.moved"]


async def test_every_change_is_audited(world: World, receiver: Receiver) -> None:
    release_id = await world.release()
    async with world.runtime.database.work(write=False) as session:
        rows = (await session.exec(select(AuditEntry).where(AuditEntry.resource == "notice"))).all()
    assert [(row.action, row.agency, row.details) for row in rows] == [
        ("receive_release", "urn:ruta:consular", {"release_id": release_id})
    ]
