"""Who sees which notice, and when: all others get the 404 of a notice that never was."""

import re

import pytest
from sqlmodel import select

from services.consular.notices.models import Notice
from services.consular.notices.rules import STATEMENT
from shared import ids
from shared.delivery.models import Endpoint
from shared.testing import client, key
from tests.unit.consular.world import (
    DIF,
    PP,
    SALVADORAN,
    TAPACHULA,
    Receiver,
    World,
    same_but_for_request,
    server,
)

BASE = "/v1/consular/notices"


async def the_id(world: World) -> str:
    async with world.runtime.database.work(write=False) as session:
        return (await session.exec(select(Notice))).one().id


async def test_a_consulate_sees_nothing_before_the_first_send(world: World, receiver: Receiver) -> None:
    world.referral.default = "wait"
    async with world.consulate() as consulate:
        paths = [BASE, "/v1/consular/deliveries", "/v1/consular/events", "/v1/consular/endpoints"]
        before = [same_but_for_request(await consulate.get(path)) for path in paths]
        await world.release()
        await world.turn()
        assert [same_but_for_request(await consulate.get(path)) for path in paths] == before
        hidden = await consulate.get(f"{BASE}/{await the_id(world)}")
        unknown = await consulate.get(f"{BASE}/{ids.opaque('ntc')}")
        acknowledged = await consulate.post(f"{BASE}/{await the_id(world)}/acknowledge", headers=key())
    assert same_but_for_request(hidden) == same_but_for_request(unknown)
    assert (hidden.status_code, acknowledged.status_code) == (404, 404)


async def test_a_consulate_sees_what_it_has_received_and_nothing_else(world: World, receiver: Receiver) -> None:
    unknown = {"telephone": None, "email": None}
    await world.release()
    await world.turn()
    async with world.consulate() as consulate:
        (listed,) = (await consulate.get(BASE)).json()["items"]
        read = (await consulate.get(f"{BASE}/{listed['id']}")).json()
        events = (await consulate.get("/v1/consular/events")).json()["items"]
        deliveries = (await consulate.get("/v1/consular/deliveries")).json()["items"]
    assert listed == read == {
        "id": await the_id(world), "nationality": "HND", "state": "MX-CHP", "pp": PP | unknown, "dif": DIF | unknown,
        "statement_es": STATEMENT.es, "statement_en": STATEMENT.en, "status": "issued",
        "acknowledged_at": None, "allowed_actions": ["acknowledge"],
    }  # fmt: skip
    assert [event["data"]["notice_id"] for event in events] == [listed["id"]]
    assert [(row["sequence"], row["state"]) for row in deliveries] == [(1, "delivered")]


@pytest.mark.parametrize(
    ("agency", "claims"),
    [
        (SALVADORAN, {"country": "SLV"}),
        ("con-hnd-embassy", {"country": "HND"}),
        (TAPACHULA, {"country": "SLV"}),
        (TAPACHULA, {}),
    ],
)
async def test_another_consulate_gets_the_404_of_no_notice(
    world: World, receiver: Receiver, agency: str, claims: dict[str, str]
) -> None:
    await world.release()
    await world.turn()
    notice_id = await the_id(world)
    async with client(world.app, world.token(agency, "CONSULATE", **claims)) as other:
        for method, tail in [("GET", ""), ("POST", "/acknowledge")]:
            there = await other.request(method, f"{BASE}/{notice_id}{tail}", headers=key())
            nowhere = await other.request(method, f"{BASE}/{ids.opaque('ntc')}{tail}", headers=key())
            assert there.status_code == 404
            assert same_but_for_request(there) == same_but_for_request(nowhere)
        assert (await other.get(BASE)).json() == {"items": [], "next": None}


@pytest.mark.parametrize(
    ("agency", "kind", "state"),
    [
        ("inm-tab", "INM", "MX-TAB"), ("pp-tab", "PP", "MX-TAB"), ("dif-chp", "DIF", "MX-CHP"),
        ("comar", "COMAR", "MX-CHP"), ("unhcr", "UNHCR", "MX-CHP"),
    ],
)  # fmt: skip
async def test_everybody_else_gets_it_too(world: World, receiver: Receiver, agency: str, kind: str, state: str) -> None:
    await world.release()
    await world.turn()
    async with world.agency(agency, kind, state) as other:
        there = await other.get(f"{BASE}/{await the_id(world)}")
        nowhere = await other.get(f"{BASE}/{ids.opaque('ntc')}")
        assert (await other.get(BASE)).json() == {"items": [], "next": None}
    assert there.status_code == 404
    assert same_but_for_request(there) == same_but_for_request(nowhere)


async def test_authorities_of_the_state_see_how_far_it_has_come(world: World, receiver: Receiver) -> None:
    world.referral.default = "wait"
    await world.release()
    await world.turn()
    waiting = (await world.notice())["sending"]
    world.referral.default, receiver.status = "open", 500
    await world.turn(after=3)
    trying = (await world.notice())["sending"]
    receiver.status = 204
    await world.turn(after=60)
    (received,) = await world.notices(world.agency("pp-chp", "PP"))
    assert (waiting["stage"], trying["stage"], received["sending"]["stage"]) == ("not_sent", "trying", "received")
    assert received["sending"]["received_at"] is not None
    assert [(row["rule"], row["agency"]) for row in received["clocks"]] == [("C1", TAPACHULA)]


async def test_authorities_cannot_tell_a_closed_gate_from_one_that_waits(world: World, receiver: Receiver) -> None:
    world.referral.default = "wait"
    release_id = await world.release()
    await world.turn()
    waiting = await world.notice()
    world.referral.verdicts[release_id] = "closed"
    await world.turn(after=3)
    assert await world.notice() == waiting


async def test_what_was_received_stays_readable_after_the_gate_has_closed(world: World, receiver: Receiver) -> None:
    release_id = await world.release()
    await world.turn()
    async with world.consulate() as consulate:
        before = [same_but_for_request(await consulate.get(path)) for path in (BASE, "/v1/consular/events")]
        world.referral.verdicts[release_id] = "closed"
        await world.turn(after=60)
        assert [same_but_for_request(await consulate.get(path)) for path in (BASE, "/v1/consular/events")] == before
        path = f"{BASE}/{await the_id(world)}"
        assert (await consulate.get(path)).status_code == 200
        assert (await consulate.post(f"{path}/acknowledge", headers=key())).status_code == 200


async def test_a_notice_whose_receipt_is_in_doubt_is_not_listed_but_can_be_acknowledged(world: World) -> None:
    """The receiver took it and its answer got lost; then the gate closed. Whoever names the id has received it."""
    answerless = Receiver()

    async with server(answerless.handle) as url:
        await world.register(url)
        await world.release()
        async with world.runtime.database.work() as session:  # nothing listens at this address any more
            endpoint = (await session.exec(select(Endpoint).where(Endpoint.owner == TAPACHULA))).one()
            endpoint.url = "http://127.0.0.1:9/"
        await world.turn()
    assert await world.notices(world.consulate()) == []
    path = f"{BASE}/{await the_id(world)}"
    async with world.consulate() as consulate:
        assert (await consulate.get(path)).status_code == 200
        assert (await consulate.post(f"{path}/acknowledge", headers=key())).status_code == 200
        assert len((await consulate.get(BASE)).json()["items"]) == 1


async def test_lists_page_and_filter(world: World, receiver: Receiver) -> None:
    for _ in range(3):
        await world.release()
    await world.release("ECU")
    while await world.turn():
        pass
    async with world.consulate() as consulate, world.agency() as inm:
        first = (await consulate.get(BASE, params={"limit": 2})).json()
        second = (await consulate.get(BASE, params={"limit": 2, "cursor": first["next"]})).json()
        stuck = (await inm.get(BASE, params={"status": "undeliverable"})).json()["items"]
        stolen = await inm.get(BASE, params={"cursor": first["next"]})
    assert (len(first["items"]), len(second["items"]), second["next"]) == (2, 1, None)
    assert [row["nationality"] for row in stuck] == ["ECU"]
    assert (stolen.status_code, stolen.json()["code"]) == (400, "bad_cursor")


async def test_an_id_of_another_form_is_nobodys(world: World) -> None:
    async with world.consulate() as consulate:
        answer = await consulate.get(f"{BASE}/1")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert re.fullmatch(r"req_[0-9a-f]{32}", answer.json()["request_id"])


async def test_the_rulebook_names_rules_and_deadlines(world: World) -> None:
    async with world.agency() as inm:
        book = (await inm.get("/v1/consular/rules")).json()
    assert [rule["id"] for rule in book["rules"]] == [
        "R16", "R18", "R19", "R20", "ESCALATION", "LETTER", "BY-HAND", "CONSULATES",
    ]  # fmt: skip
    assert [(row["id"], row["verified"], row["warn_seconds"], row["due_seconds"]) for row in book["deadlines"]] == [
        ("C1", False, 86400, 259200),
        ("C2", False, 86400, 259200),
        ("C3", False, 14400, 86400),
        ("C4", False, 86400, 172800),
        ("C5", False, 86400, 259200),
    ]
    assert "design decision" in book["deadlines"][0]["source"]
