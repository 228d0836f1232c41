"""What one administrator does alone, and what takes two: every action for every kind of client, on both databases."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from shared.settings import Settings
from shared.testing import Keys
from tests.unit.gateway.administration_world import (
    ANA,
    BETO,
    CARO,
    KINDS,
    STRANGER,
    TAKES_TWO,
    WHY,
    Office,
    client_of,
    jwk,
)

ONE = pytest.mark.parametrize("database_kind", ["sqlite"])
"""For what no database has a part in."""


@pytest.fixture
async def office(stored: Settings, keys: Keys) -> AsyncIterator[Office]:
    made = await Office(stored, keys).open()
    yield made
    await made.runtime.close()


async def decided_by_two(office: Office, change: dict[str, Any]) -> None:
    """What was answered is a change that only another administrator can approve."""
    assert (change["state"], change["proposed_by"]) == ("pending", ANA)
    assert (await office.approve(ANA, change["id"], 403))["code"] == "forbidden"
    applied = await office.approve(BETO, change["id"])
    assert (applied["state"], applied["decided_by"], applied["allowed_actions"]) == ("applied", BETO, [])
    assert (await office.approve(CARO, change["id"], 409))["code"] == "illegal_move"


async def registered(office: Office, kind: str) -> None:
    wanted = client_of(kind)
    answer = await office.ask(ANA, "POST", "/clients", wanted | WHY)
    if TAKES_TWO[kind]:
        assert answer.status_code == 202
        assert answer.headers["location"] == f"/v1/gateway/changes/{answer.json()['id']}"
        assert answer.json()["payload"] | wanted == answer.json()["payload"]
        assert await office.client(wanted["id"]) is None
        await decided_by_two(office, answer.json())
    else:
        assert answer.status_code == 201
        assert answer.headers["location"] == f"/v1/gateway/clients/{wanted['id']}"
    made = await office.client(wanted["id"])
    assert made is not None
    assert (made.agency, made.scopes, made.secret_hash) == (wanted["agency"], wanted["scopes"], None)


async def changed(office: Office, kind: str) -> None:
    client_id = KINDS[kind]["id"]
    answer = await office.patch(ANA, client_id, {"role": "supervisor", "dpop": True, "office": "x-1"})
    if TAKES_TWO[kind]:
        assert answer.status_code == 202
        before = await office.client(client_id)
        assert before is not None
        assert (before.role, before.dpop, before.version) == ("officer", False, 1)
        await decided_by_two(office, answer.json())
    else:
        assert answer.status_code == 200
        assert (answer.json()["role"], answer.headers["etag"]) == ("supervisor", '"v2"')
    made = await office.client(client_id)
    assert made is not None
    assert (made.role, made.dpop, made.office, made.version) == ("supervisor", True, "x-1", 2)


async def given_a_key(office: Office, kind: str) -> None:
    client_id = KINDS[kind]["id"]
    answer = await office.ask(ANA, "POST", f"/clients/{client_id}/keys", {"key": jwk("second")} | WHY)
    if TAKES_TWO[kind]:
        assert answer.status_code == 202
        before = await office.client(client_id)
        assert before is not None
        assert [key["kid"] for key in before.jwks["keys"]] == ["first"]
        await decided_by_two(office, answer.json())
    else:
        assert answer.status_code == 201
    made = await office.client(client_id)
    assert made is not None
    assert [key["kid"] for key in made.jwks["keys"]] == ["first", "second"]


async def stopped_and_let_in_again(office: Office, kind: str, subject: str) -> None:
    """Stopping is never delayed, whoever it is; letting in again is giving rights."""
    who = KINDS[kind]["id"] if subject == "client" else KINDS[kind]["agency"]
    made = await office.post(ANA, "/suspensions", {"kind": subject, "subject": who}, 201)
    assert (made["by"], made["lifted_at"], made["reason"], made["reference"]) == (ANA, None, "incident", "OPS-7")
    shown = (await office.ask(BETO, "GET", f"/clients/{KINDS[kind]['id']}")).json()
    assert shown["suspended"]
    again = await office.post(BETO, "/suspensions", {"kind": subject, "subject": who}, 409)
    assert again["code"] == "conflict"
    answer = await office.ask(ANA, "POST", f"/suspensions/{made['id']}/lift", WHY)
    if TAKES_TWO[kind]:
        assert answer.status_code == 202
        assert (await office.suspension(made["id"])).lifted_at is None
        await decided_by_two(office, answer.json())
    else:
        assert (answer.status_code, answer.json()["allowed_actions"]) == (200, [])
    lifted = await office.suspension(made["id"])
    assert lifted.lifted_at is not None
    assert lifted.lifted_by == (BETO if TAKES_TWO[kind] else ANA)
    assert (await office.post(CARO, f"/suspensions/{made['id']}/lift", status=409))["code"] == "conflict"


async def stopped_for_ever(office: Office, kind: str) -> None:
    client_id = KINDS[kind]["id"]
    less = await office.post(ANA, f"/clients/{client_id}/keys/remove", {"kid": "first"})
    assert [key["kid"] for key in less["keys"]] == ["second"]
    gone = await office.post(ANA, f"/clients/{client_id}/disable")
    assert (gone["allowed_actions"], gone["disabled_at"] is None) == ([], False)
    for path, body in (("keys", {"key": jwk()}), ("keys/remove", {"kid": "second"}), ("disable", None)):
        assert (await office.post(BETO, f"/clients/{client_id}/{path}", body, 409))["code"] == "conflict"
    assert (await office.patch(BETO, client_id, {"role": "officer"})).status_code == 409


@pytest.mark.parametrize("kind", KINDS)
async def test_giving_rights_to_consulates_and_the_operator_takes_two_and_stopping_anybody_takes_one(
    office: Office, kind: str
) -> None:
    client_id = KINDS[kind]["id"]
    await registered(office, kind)
    await changed(office, kind)
    await given_a_key(office, kind)
    await stopped_and_let_in_again(office, kind, "client")
    if kind in ("partner", "consulate"):  # the operator's own agency: another test
        await stopped_and_let_in_again(office, kind, "agency")
    await stopped_for_ever(office, kind)
    rows = await office.audited()
    done = [(who, action) for who, action, resource in rows if resource == client_id]
    last = BETO if TAKES_TWO[kind] else ANA
    rights, stops = ["register", "change", "add_key"], ["remove_key", "disable"]
    assert done == [(last, action) for action in rights] + [(ANA, action) for action in stops]
    decisions = [(who, action) for who, action, resource in rows if resource.startswith("chg_")]
    times = len([action for _, action, _ in rows if action in (*rights, "lift")]) if TAKES_TWO[kind] else 0
    assert decisions == [(ANA, "propose"), (BETO, "approve")] * times
    suspended = [(who, action) for who, action, resource in rows if resource.startswith("sus_")]
    assert suspended == [(ANA, "suspend"), (last, "lift")] * (2 if kind in ("partner", "consulate") else 1)
    for row in await office.audit():
        assert row.details is not None
        assert row.action in ("approve",) or row.client_id == "system" or row.details["reason"] == "incident"


@ONE
async def test_a_change_concerns_nobody_who_approves_it(office: Office) -> None:
    """Not by his other client, not as a second client of his, not his own agency."""
    await office.put(client_of("administrator", id="admin-ana-2", person="ana"))
    proposed = await office.post(ANA, "/clients", client_of("consulate"), 202)
    assert "proposed it" in (await office.approve("admin-ana-2", proposed["id"], 403))["detail"]
    for body in (client_of("administrator", person="beto"), client_of("administrator", id="x-2", person="beto")):
        proposed = await office.post(ANA, "/clients", body, 202)
        assert "concerns himself" in (await office.approve(BETO, proposed["id"], 403))["detail"]
        assert (await office.post(BETO, f"/changes/{proposed['id']}/reject", status=403))["code"] == "forbidden"
    proposed = (await office.patch(ANA, BETO, {"role": "supervisor"})).json()
    assert "concerns himself" in (await office.approve(BETO, proposed["id"], 403))["detail"]
    proposed = await office.post(ANA, f"/clients/{BETO}/keys", {"key": jwk()}, 202)
    assert "concerns himself" in (await office.approve(BETO, proposed["id"], 403))["detail"]
    assert (await office.approve(CARO, proposed["id"]))["state"] == "applied"
    own = await office.post(BETO, f"/clients/{BETO}/keys/remove", {"kid": "first"})  # stopping oneself is allowed
    assert len(own["keys"]) == 1


@ONE
async def test_an_administrator_who_is_stopped_does_nothing_more_with_the_token_he_has(office: Office) -> None:
    await office.put(client_of("partner"))
    proposed = await office.post(BETO, "/clients", client_of("consulate"), 202)
    suspension = await office.post(ANA, "/suspensions", {"kind": "client", "subject": BETO}, 201)
    for path, body in (
        ("/suspensions", {"kind": "client", "subject": ANA}),
        (f"/suspensions/{suspension['id']}/lift", None),
        ("/clients/dif-chp-system/disable", None),
        ("/clients/dif-chp-system/keys", {"key": jwk()}),
    ):
        assert (await office.post(BETO, path, body, 403))["code"] == "forbidden"
    stale = await office.approve(CARO, proposed["id"], 409)  # what he proposed counts no more either
    assert "no administrator now" in stale["detail"]
    await office.post(ANA, f"/clients/{BETO}/disable")
    proposed = await office.post(ANA, f"/suspensions/{suspension['id']}/lift", status=202)
    await office.approve(CARO, proposed["id"])
    assert (await office.post(BETO, "/suspensions", {"kind": "client", "subject": ANA}, 403))["code"] == "forbidden"


@ONE
async def test_whoever_is_no_administrator_is_told_so(office: Office) -> None:
    for kind in KINDS:
        await office.put(client_of(kind))
    paths = ["/clients", f"/clients/{ANA}", "/suspensions", "/suspensions/sus_" + "0" * 32, "/changes"]
    paths += ["/changes/chg_" + "0" * 32]
    writes = ["/clients", "/clients/x-1/keys", "/clients/x-1/keys/remove", "/clients/x-1/disable", "/suspensions"]
    writes += [f"/suspensions/sus_{'0' * 32}/lift", f"/changes/chg_{'0' * 32}/approve"]
    for kind in ("partner", "consulate", "operator"):
        answers = [await office.ask(kind, "GET", path) for path in paths]
        answers += [await office.ask(kind, "POST", path, WHY) for path in writes]
        answers += [await office.ask(kind, "PATCH", "/clients/x-1", WHY)]
        assert {answer.status_code for answer in answers} == {403}
    assert (await office.ask(STRANGER, "GET", "/clients")).status_code == 403


@ONE
async def test_a_client_sees_itself_and_nothing_of_how_it_is_administered(office: Office) -> None:
    for kind in ("partner", "consulate", "administrator"):
        await office.put(client_of(kind))
        shown = (await office.ask(kind, "GET", "/clients/me")).json()
        assert shown.keys() == {
            "id", "agency", "agency_kind", "office", "state", "role", "country", "scopes", "dpop", "keys", "created_at"
        }  # fmt: skip
        assert shown["id"] == KINDS[kind]["id"]
        assert shown["keys"][0].keys() == {"kid", "thumbprint", "registered_at", "expires_at", "expires_soon"}
    assert (await office.ask("admin-whom-nobody-knows", "GET", "/clients/me")).status_code == 404
