"""Signing keys: one replaces another without a message that nobody can verify, and a revoked one never signs."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from shared import clock
from shared.audit import AuditEntry
from shared.delivery import signing
from shared.delivery.endpoints.rules import MOST_KEYS
from shared.delivery.parcels import Parcel, Permit, Verdict
from shared.delivery.queue import Queue
from shared.delivery.rules import Outcome
from tests.unit.delivery.endpoint_world import PATH, act, call, opened, read, register
from tests.unit.delivery.posts import Post, run_dry
from tests.unit.shared.world import World

ONE = pytest.mark.parametrize("database_kind", ["sqlite"])
DAY = timedelta(days=1)


@pytest.fixture
async def world(database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    """The small service with its endpoints."""
    async with opened(database_url, tmp_path) as made:
        yield made


async def proven(world: World, **body: Any) -> dict[str, Any]:
    """Register an endpoint, and let its address count as proven."""
    made = await register(world, **body)
    await world.change_endpoint(made["id"], state="active", proof_challenge=None, proof_due_at=None)
    return made


async def rotate(world: World, endpoint_id: str, scheme: str = "v1", **body: Any) -> dict[str, Any]:
    answer = await call(world, "POST", f"{PATH}/{endpoint_id}/keys", {"scheme": scheme, **body})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def revoke(world: World, endpoint_id: str, key_id: str) -> int:
    return (await call(world, "POST", f"{PATH}/{endpoint_id}/keys/{key_id}/revoke")).status_code


async def shown(world: World, endpoint_id: str) -> list[dict[str, Any]]:
    page = (await call(world, "GET", f"{PATH}/{endpoint_id}/keys")).json()
    assert page["next"] is None
    return list(page["items"])


async def listed(world: World, endpoint_id: str) -> list[str]:
    return [each["id"] for each in await shown(world, endpoint_id)]


def signed_by(parcel: Parcel, *keys: str) -> list[bool]:
    """Say of each key whether a message was signed by it."""
    return [_verifies(parcel, key) for key in keys]


def _verifies(parcel: Parcel, key: str) -> bool:
    try:
        signing.verify(parcel.headers, parcel.body, [key])
    except signing.BadSignature:
        return False
    return True


async def sent(world: World) -> Parcel:
    """Publish an event, and return what left for the endpoint."""
    post = Post()
    await world.publish(to="inm-chp")
    await run_dry(world, post)
    return post.sent[-1]


# -- rotate ----------------------------------------------------------------------------------------


async def test_old_and_new_keys_sign_side_by_side_until_the_overlap_ends(world: World) -> None:
    with clock.at(clock.now()):
        made = await proven(world)
        old = made["secret"]
        assert signed_by(await sent(world), old) == [True]
        new = await rotate(world, made["id"])
        assert (new["scheme"], new["expires_at"], new["key"] != old) == ("v1", None, True)
        assert signed_by(await sent(world), old, new["key"]) == [True, True]
        clock.advance(DAY - timedelta(minutes=5))
        assert signed_by(await sent(world), old, new["key"]) == [True, True]
        clock.advance(timedelta(minutes=5))
        assert signed_by(await sent(world), old, new["key"]) == [False, True]


async def test_keys_are_listed_with_their_times_and_without_what_they_are_made_of(world: World) -> None:
    with clock.at(clock.now()):
        made = await proven(world)
        first = made["keys"][0]
        new = await rotate(world, made["id"], overlap_hours=168)
        week = (clock.now() + 7 * DAY).isoformat().replace("+00:00", "Z")
        assert await shown(world, made["id"]) == [
            {name: new[name] for name in ("id", "scheme", "created_at", "expires_at")},
            {"id": first["id"], "scheme": "v1", "created_at": first["created_at"], "expires_at": week},
        ]
        clock.advance(7 * DAY)
        assert await listed(world, made["id"]) == [new["id"]]
        again = await rotate(world, made["id"])
        kept = await world.endpoint(made["id"])
        assert {each.id for each in signing.load(opened_keys(world, kept))} == {new["id"], again["id"]}


def opened_keys(world: World, kept: Any) -> bytes:
    return world.runtime.vault.open(kept.signing_keys, "endpoint.signing_keys", kept.id)


@ONE
async def test_without_an_overlap_the_old_key_ends_at_once(world: World) -> None:
    with clock.at(clock.now()):
        made = await proven(world)
        new = await rotate(world, made["id"], overlap_hours=0)
        assert await listed(world, made["id"]) == [new["id"]]
        assert signed_by(await sent(world), made["secret"], new["key"]) == [False, True]


@ONE
async def test_a_shorter_overlap_ends_older_keys_sooner_and_a_longer_one_not_later(world: World) -> None:
    with clock.at(clock.now()):
        made = await proven(world)
        await rotate(world, made["id"], overlap_hours=2)
        await rotate(world, made["id"], overlap_hours=100)
        moments = [each["expires_at"] for each in await shown(world, made["id"])]
        ends = [moment and datetime.fromisoformat(moment) - clock.now() for moment in moments]
        assert ends == [None, timedelta(hours=100), timedelta(hours=2)]


async def test_a_key_of_another_scheme_leaves_the_others_as_they_are(world: World) -> None:
    with clock.at(clock.now()):
        made = await proven(world)
        public = await rotate(world, made["id"], "v1a")
        assert public["key"].startswith("whpk_")
        clock.advance(30 * DAY)
        assert signed_by(await sent(world), made["secret"], public["key"]) == [True, True]
        other = await rotate(world, made["id"], "v1a", overlap_hours=0)
        assert signed_by(await sent(world), made["secret"], public["key"], other["key"]) == [True, False, True]


@ONE
async def test_so_many_keys_and_no_more_sign_at_a_time(world: World) -> None:
    made = await proven(world)
    for _ in range(MOST_KEYS - 1):
        await rotate(world, made["id"])
    full = await call(world, "POST", f"{PATH}/{made['id']}/keys", {"scheme": "v1"})
    assert (full.status_code, full.json()["code"]) == (409, "conflict")
    await rotate(world, made["id"], overlap_hours=0)
    assert len(await listed(world, made["id"])) == 1


@ONE
@pytest.mark.parametrize(
    ("body", "pointer", "reason"),
    [
        ({}, "/scheme", "missing"), ({"scheme": "v2"}, "/scheme", "enum"),
        ({"scheme": "v1", "overlap_hours": -1}, "/overlap_hours", "greater_than_equal"),
        ({"scheme": "v1", "overlap_hours": 169}, "/overlap_hours", "less_than_equal"),
        ({"scheme": "v1", "overlap_hours": "1"}, "/overlap_hours", "int_type"),
        ({"scheme": "v1", "key": "whsec_mine"}, "", "unknown_field"),
    ],
)  # fmt: skip
async def test_a_rotation_is_refused_where_it_is_wrong(
    world: World, body: dict[str, Any], pointer: str, reason: str
) -> None:
    made = await proven(world)
    answer = await call(world, "POST", f"{PATH}/{made['id']}/keys", body)
    assert (answer.status_code, answer.json()["errors"]) == (422, [{"pointer": pointer, "reason": reason}])


# -- revoke ----------------------------------------------------------------------------------------


async def test_a_revoked_key_signs_nothing_more(world: World) -> None:
    with clock.at(clock.now()):
        made = await proven(world)
        new = await rotate(world, made["id"])
        assert await revoke(world, made["id"], made["keys"][0]["id"]) == 204
        assert await listed(world, made["id"]) == [new["id"]]
        assert signed_by(await sent(world), made["secret"], new["key"]) == [False, True]
        kept = await world.endpoint(made["id"])
        old_form = world.runtime.vault.open(kept.secrets, "endpoint", made["id"])
        assert made["secret"].encode() not in opened_keys(world, kept) + old_form
        assert new["key"].encode() in old_form


async def test_the_last_key_that_goes_on_signing_stays(world: World) -> None:
    with clock.at(clock.now()):
        made = await proven(world)
        assert await revoke(world, made["id"], made["keys"][0]["id"]) == 409
        new = await rotate(world, made["id"])
        assert await revoke(world, made["id"], new["id"]) == 409  # the older one ends in a day
        await rotate(world, made["id"])
        assert await revoke(world, made["id"], new["id"]) == 204
        assert await revoke(world, made["id"], new["id"]) == 404
        assert signed_by(await sent(world), made["secret"]) == [True]
        public = await rotate(world, made["id"], "v1a")
        for key_id in [each for each in await listed(world, made["id"]) if each != public["id"]]:
            assert await revoke(world, made["id"], key_id) == 204
        assert signed_by(await sent(world), made["secret"], public["key"]) == [False, True]


@ONE
async def test_keys_can_be_changed_while_nothing_is_sent(world: World) -> None:
    made = await register(world)
    await act(world, made["id"], "pause")
    new = await rotate(world, made["id"])
    assert await revoke(world, made["id"], made["keys"][0]["id"]) == 204
    assert await listed(world, made["id"]) == [new["id"]]
    assert "revoke" in (await read(world, made["id"]))["allowed_actions"]
    async with world.database.work(write=False) as session:
        entries = (await session.exec(select(AuditEntry).order_by(AuditEntry.id))).all()
    assert [(each.action, each.details) for each in entries][2:] == [
        ("rotate", {"key": new["id"], "scheme": "v1"}),
        ("revoke", {"key": made["keys"][0]["id"]}),
    ]


# -- while something is on its way -----------------------------------------------------------------


@pytest.mark.hard_case(34)
async def test_a_key_that_is_replaced_between_claim_and_send_still_verifies(world: World) -> None:
    with clock.at(clock.now()):
        made = await proven(world)
        await world.publish(to="inm-chp")
        queue = Queue(world.runtime.vault, timedelta(seconds=30), gated=False)
        async with world.database.work() as session:
            claimed = await queue.claim(session, 10)
        new = await rotate(world, made["id"])
        (parcel,) = claimed.parcels
        assert signed_by(parcel, made["secret"], new["key"]) == [True, False]  # the receiver still takes the old one
        clock.advance(timedelta(seconds=31))
        post = Post()
        await run_dry(world, post)
        assert signed_by(post.sent[0], made["secret"], new["key"]) == [True, True]
        assert post.sent[0].body == parcel.body


@pytest.mark.hard_case(34)
async def test_a_key_that_is_revoked_between_claim_and_permit_signs_nothing(world: World) -> None:
    with clock.at(clock.now()):
        made = await proven(world)
        await world.publish(to="inm-chp", gate="rel_1")
        queue = Queue(world.runtime.vault, timedelta(seconds=30), gated=True)
        async with world.database.work() as session:
            (leased,) = (await queue.claim(session, 10)).asked
        new = await rotate(world, made["id"])
        await revoke(world, made["id"], made["keys"][0]["id"])
        async with world.database.work() as session:
            parcel = await queue.open(session, leased, Permit(Verdict.OPEN))
    assert parcel is not None
    with clock.at(clock.now()):
        assert signed_by(parcel, made["secret"], new["key"]) == [False, True]


@pytest.mark.hard_case(34)
async def test_a_key_that_is_revoked_before_a_repetition_does_not_sign_it(world: World) -> None:
    with clock.at(clock.now()):
        made = await proven(world)
        await world.publish(to="inm-chp")
        post = Post(lambda _: Outcome.FAILED)
        await run_dry(world, post, turns=1)
        new = await rotate(world, made["id"])
        await revoke(world, made["id"], made["keys"][0]["id"])
        clock.advance(timedelta(minutes=1))
        post.answer = lambda _: Outcome.DELIVERED
        await run_dry(world, post)
        assert [signed_by(parcel, made["secret"], new["key"]) for parcel in post.sent] == [[True, False], [False, True]]
        assert post.sent[0].body == post.sent[1].body
