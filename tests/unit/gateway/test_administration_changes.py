"""What waits for a second administrator: for how long, and what may happen meanwhile, on both databases."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from prometheus_client import REGISTRY
from sqlmodel import col, select, update

from gateway.clients import store, upkeep
from gateway.clients.models import Change
from gateway.clients.rules import Subject
from shared import audit, clock, sealer, testing
from shared.audit import AuditEntry
from shared.settings import Settings
from shared.testing import Keys
from tests.unit.gateway.administration_world import ANA, BETO, CARO, KINDS, WHY, Office, client_of, jwk

CONSULATE = KINDS["consulate"]["id"]
ONE = pytest.mark.parametrize("database_kind", ["sqlite"])
"""For what no database has a part in."""


@pytest.fixture
async def office(stored: Settings, keys: Keys) -> AsyncIterator[Office]:
    made = await Office(stored, keys).open()
    yield made
    await made.runtime.close()


async def test_of_two_who_approve_at_the_same_moment_exactly_one_does(office: Office) -> None:
    for number in range(5):
        wanted = client_of("consulate", id=f"con-hnd-{number}")
        proposed = await office.post(ANA, "/clients", wanted, 202)
        path = f"/changes/{proposed['id']}/approve"
        rivals = [office.ask(who, "POST", path) for who in (BETO, CARO)]
        answers = await asyncio.gather(*rivals)
        assert sorted(answer.status_code for answer in answers) == [200, 409]
        rows = [row for row in await office.audited() if row[2] == wanted["id"]]
        assert len(rows) == 1


async def test_of_two_changes_that_exclude_each_other_exactly_one_is_done(office: Office) -> None:
    """Two registrations of one id, one key for two clients, a third key: each check holds until its write."""
    shared = jwk("shared")
    for number in range(3):
        same = jwk("same")
        one, other = (client_of("partner", id=f"x-{number}-{which}", keys=[jwk()]) for which in "ab")
        twins = [other | {"id": f"y-{number}-{which}", "keys": [same]} for which in "ab"]
        for pair in ([one, one | {"keys": [jwk()]}], twins):
            answers = await asyncio.gather(*(office.ask(ANA, "POST", "/clients", body | WHY) for body in pair))
            assert sorted(answer.status_code for answer in answers) == [201, 409]
        path = f"/clients/x-{number}-a/keys"
        answers = await asyncio.gather(*(office.ask(ANA, "POST", path, {"key": jwk()} | WHY) for _ in "ab"))
        assert sorted(answer.status_code for answer in answers) == [201, 409]
    await office.put(client_of("consulate", keys=[shared]))
    assert (await office.post(ANA, "/clients", client_of("partner", keys=[shared]), 409))["code"] == "conflict"


async def test_what_nobody_decides_in_seven_days_has_expired(office: Office) -> None:
    with clock.at(clock.now()):
        proposed = await office.post(ANA, "/clients", client_of("consulate"), 202)
        clock.advance(timedelta(days=7, seconds=-1))
        assert [each["id"] for each in await listed(office, "pending")] == [proposed["id"]]
        await upkeep.turn(office.runtime.database)
        assert (await office.change(proposed["id"])).state == "pending"
        clock.advance(timedelta(seconds=1))
        assert [each["state"] for each in await listed(office, "expired")] == ["expired"]  # before anybody wrote it
        assert await listed(office, "pending") == []
        assert (await office.approve(BETO, proposed["id"], 409))["code"] == "illegal_move"
        await office.post(BETO, f"/changes/{proposed['id']}/reject", status=409)
        await asyncio.gather(*(upkeep.turn(office.runtime.database) for _ in "abc"))  # as several gateways do
        assert (await office.change(proposed["id"])).state == "expired"
        assert [each["id"] for each in await listed(office, "expired")] == [proposed["id"]]
    rows = [row for row in await office.audited() if row[2] == proposed["id"]]
    assert rows == [(ANA, "propose", proposed["id"]), ("system", "expire", proposed["id"])]
    assert await office.client(CONSULATE) is None


async def listed(office: Office, state: str) -> list[dict[str, Any]]:
    return list((await office.ask(ANA, "GET", f"/changes?state={state}")).json()["items"])


@ONE
async def test_what_has_changed_in_between_is_not_written_over(office: Office) -> None:
    await office.put(client_of("consulate"))
    patched = (await office.patch(ANA, CONSULATE, {"role": "supervisor"})).json()
    keyed = await office.post(ANA, f"/clients/{CONSULATE}/keys", {"key": (key := jwk("second"))}, 202)
    renewed = await office.post(ANA, f"/clients/{CONSULATE}/keys", {"key": jwk("second")}, 202)
    await office.approve(BETO, keyed["id"])
    assert "has changed since" in (await office.approve(BETO, patched["id"], 409))["detail"]
    assert "of this kid" in (await office.approve(BETO, renewed["id"], 409))["detail"]
    third = await office.post(ANA, f"/clients/{CONSULATE}/keys", {"key": jwk("third")}, 409)
    assert "remove one first" in third["detail"]
    suspension = (await office.post(ANA, "/suspensions", {"kind": "client", "subject": CONSULATE}, 201))["id"]
    lifts = [await office.post(ANA, f"/suspensions/{suspension}/lift", status=202) for _ in "ab"]
    assert (await office.approve(BETO, lifts[0]["id"]))["state"] == "applied"
    assert "lifted already" in (await office.approve(BETO, lifts[1]["id"], 409))["detail"]
    twins = [await office.post(ANA, "/clients", client_of("consulate", id="con-2"), 202) for _ in "ab"]
    await office.approve(CARO, twins[0]["id"])
    assert "registered already" in (await office.approve(CARO, twins[1]["id"], 409))["detail"]
    moved = await office.post(ANA, "/clients", client_of("consulate", id="con-3", keys=[key]), 409)
    assert "is, or was, registered" in moved["detail"]
    patched = (await office.patch(ANA, CONSULATE, {"role": "supervisor"})).json()
    await office.post(BETO, f"/clients/{CONSULATE}/disable")
    assert "disabled" in (await office.approve(CARO, patched["id"], 409))["detail"]
    stored = await office.client(CONSULATE)
    assert stored is not None
    assert stored.role == "officer"


@ONE
async def test_what_an_older_release_proposed_is_checked_by_the_newer_one(office: Office) -> None:
    proposed = await office.post(ANA, "/clients", client_of("consulate"), 202)
    async with office.runtime.database.work() as session:
        old = proposed["payload"] | {"scopes": ["referral:read"], "secret_word": "canary"}
        await session.exec(update(Change).where(col(Change.id) == proposed["id"]).values(payload=old))
    refused = await office.approve(BETO, proposed["id"], 409)
    assert "not of the shape" in refused["detail"]
    assert "canary" not in str(refused)


@ONE
async def test_a_change_is_rejected_by_another_or_taken_back_by_its_proposer(office: Office) -> None:
    rejected = await office.post(ANA, "/clients", client_of("consulate"), 202)
    taken_back = await office.post(ANA, "/clients", client_of("consulate"), 202)
    shown = (await office.ask(BETO, "GET", f"/changes/{rejected['id']}")).json()
    assert (taken_back["allowed_actions"], shown["allowed_actions"]) == (["reject"], ["approve", "reject"])
    for who, change in ((BETO, rejected), (ANA, taken_back)):
        decided = await office.post(who, f"/changes/{change['id']}/reject", {"reason": "correction"})
        assert (decided["state"], decided["decided_by"]) == ("rejected", who)
        assert (await office.approve(CARO, change["id"], 409))["allowed_actions"] == []
    assert [row[:2] for row in await office.audited()][2:] == [(BETO, "reject"), (ANA, "withdraw")]


async def test_asking_twice_with_one_key_proposes_once(office: Office) -> None:
    body, key = client_of("consulate") | WHY, testing.key()
    answers = [await office.ask(ANA, "POST", "/clients", body, **key) for _ in "ab"]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].json() == answers[1].json()
    assert len(await listed(office, "pending")) == 1


@ONE
async def test_an_update_names_the_version_that_it_was_made_from(office: Office) -> None:
    await office.put(client_of("partner"))
    body = {"role": "supervisor"} | WHY
    path = "/clients/dif-chp-system"
    assert (await office.ask(ANA, "PATCH", path, body)).status_code == 428
    stale = await office.ask(ANA, "PATCH", path, body, if_match='"v7"')
    assert (stale.status_code, stale.json()["current"]) == (412, '"v1"')


@ONE
async def test_no_change_gives_a_client_what_no_registration_could(office: Office) -> None:
    for kind in ("partner", "consulate", "operator"):
        await office.put(client_of(kind))
    for kind, scope in (("consulate", "referral:read"), ("partner", "gateway:admin"), ("operator", "gateway:admin")):
        refused = await office.patch(ANA, KINDS[kind]["id"], {"scopes": [scope]})
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/scopes")
    wrong: list[dict[str, Any]] = [
        {"agency_kind": "DIF"},
        {"country": "HND"},
        {"person": "x"},
        {"keys": []},
        {},
        {"role": None},
    ]
    for fields in wrong:
        assert (await office.patch(ANA, KINDS["partner"]["id"], fields)).status_code == 422


@ONE
async def test_taking_an_administrators_rights_away_by_a_change_takes_two_as_well(office: Office) -> None:
    """Whoever is in a hurry suspends him."""
    answer = await office.patch(ANA, BETO, {"scopes": ["referral:read"]})
    assert answer.status_code == 202
    await office.approve(CARO, answer.json()["id"])
    assert (await office.post(BETO, "/suspensions", {"kind": "client", "subject": ANA}, 403))["code"] == "forbidden"


@ONE
async def test_an_agency_has_one_kind_and_one_country(office: Office) -> None:
    """Else one administrator could make a partner with a consulate's name."""
    for kind in ("partner", "consulate"):
        await office.put(client_of(kind))
    consulate = {"agency_kind": "CONSULATE", "scopes": ["consular:read"]}
    for wrong in (
        client_of("partner", id="x-1", agency_kind="NGO"),
        client_of("partner", id="x-1", country="HND", **consulate),
        client_of("consulate", id="x-1", country="SLV"),
    ):
        refused = await office.post(ANA, "/clients", wrong, 409)
        assert "another kind or country" in refused["detail"]


@ONE
async def test_suspending_the_operators_own_agency_leaves_nobody_who_could_lift_it(office: Office) -> None:
    made = await office.post(ANA, "/suspensions", {"kind": "agency", "subject": "ruta-operations"}, 201)
    await office.post(BETO, f"/suspensions/{made['id']}/lift", status=403)
    foreign = client_of("administrator", id="admin-elsewhere", agency="other-operations", person="eva")
    await office.put(foreign)
    proposed = await office.post("admin-elsewhere", f"/suspensions/{made['id']}/lift", status=202)
    assert (await office.approve(BETO, proposed["id"], 403))["code"] == "forbidden"


@ONE
async def test_who_suspends_must_name_somebody_who_is_there(office: Office) -> None:
    for kind in Subject:
        refused = await office.post(ANA, "/suspensions", {"kind": kind, "subject": "dif-cpn"}, 422)
        assert refused["errors"] == [{"pointer": "/subject", "reason": "unknown"}]


async def test_the_feed_learns_who_is_stopped_and_who_was_until_lately(office: Office) -> None:
    for kind in ("partner", "consulate"):
        await office.put(client_of(kind))

    async def known() -> tuple[list[str], list[str]]:
        async with office.runtime.database.work(write=False) as session:
            found = await store.suspensions(session)
            return [each.subject for each in found], await store.disabled(session)

    with clock.at(clock.now()):
        made = await office.post(ANA, "/suspensions", {"kind": "agency", "subject": "dif-chp"}, 201)
        await office.post(ANA, f"/clients/{CONSULATE}/disable")
        clock.advance(timedelta(days=90))
        assert await known() == (["dif-chp"], [CONSULATE])
        await office.post(ANA, f"/suspensions/{made['id']}/lift")
        clock.advance(timedelta(minutes=10, seconds=-1))
        assert await known() == (["dif-chp"], [CONSULATE])
        clock.advance(timedelta(seconds=1))
        assert await known() == ([], [CONSULATE])


@ONE
async def test_the_gateways_audit_is_chained_like_that_of_a_service(office: Office) -> None:
    await office.post(ANA, "/clients", client_of("partner"), 201)
    assert await sealer.seal(office.runtime.database, office.runtime.signer) == 4
    async with office.runtime.database.work(write=False) as session:
        rows = list((await session.exec(select(AuditEntry).order_by(col(AuditEntry.seq)))).all())
    assert audit.first_broken(rows) is None
    rows[1].client_id = BETO
    assert audit.first_broken(rows) == 2


@ONE
async def test_keys_that_end_within_thirty_days_are_named_and_counted(office: Office) -> None:
    def counted() -> float | None:
        return REGISTRY.get_sample_value("ruta_client_keys_expiring")

    with clock.at(clock.now()):
        await office.put(client_of("partner"))
        await office.put(client_of("consulate"))
        clock.advance(timedelta(days=150, seconds=-1))
        await upkeep.turn(office.runtime.database)
        assert counted() == 0
        clock.advance(timedelta(seconds=2))
        await upkeep.turn(office.runtime.database)
        assert counted() == 5
        page = (await office.ask(ANA, "GET", "/clients?agency_kind=DIF")).json()
        assert [each["keys_expiring"] for each in page["items"]] == [["first"]]
        await office.post(ANA, "/clients/dif-chp-system/disable")
        await upkeep.turn(office.runtime.database)
        assert counted() == 4
        clock.advance(timedelta(days=30))
        await upkeep.turn(office.runtime.database)
        assert counted() == 0  # they have ended: nothing is left to warn of
        assert (await office.ask(ANA, "GET", "/clients")).status_code == 200
        assert (await office.post(ANA, "/suspensions", {"kind": "client", "subject": CONSULATE}, 403))["fix"]


async def test_clients_are_listed_page_by_page_without_a_gap(office: Office) -> None:
    for kind in ("partner", "consulate"):
        await office.put(client_of(kind))
    found, page, cursor = [], {}, ""
    for _ in range(3):
        page = (await office.ask(ANA, "GET", f"/clients?limit=2{cursor}")).json()
        found += [each["id"] for each in page["items"]]
        cursor = f"&cursor={page['next']}"
    assert found == [ANA, BETO, CARO, CONSULATE, "dif-chp-system"]
    assert page["next"] is None
    assert (await office.ask(ANA, "GET", f"/suspensions?cursor={cursor[8:]}x")).status_code == 400
