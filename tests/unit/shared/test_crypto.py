"""What is sealed opens in its own place only, and with its own key."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import text

from shared.crypto import SealBroken, Vault, open_with, seal_with
from shared.db import Database
from shared.keyring import Keyring, open_field, seal_field
from tests.conftest import DatabaseFactory

OLD, NEW = bytes(range(32)), bytes(range(1, 33))
VAULT = Vault("k1", {"k1": OLD})
PLAIN = b"Xochitl"


def test_what_is_sealed_opens_again() -> None:
    assert VAULT.open(VAULT.seal(PLAIN, "child", "chd_1"), "child", "chd_1") == PLAIN
    assert VAULT.seal(PLAIN, "child", "chd_1") != VAULT.seal(PLAIN, "child", "chd_1")


@pytest.mark.parametrize(("table", "row"), [("child", "chd_2"), ("family", "chd_1"), ("", ""), ("child/chd_1", "")])
def test_moved_to_another_row_or_table_it_does_not_open(table: str, row: str) -> None:
    with pytest.raises(SealBroken):
        VAULT.open(VAULT.seal(PLAIN, "child", "chd_1"), table, row)


def test_no_bit_of_it_can_be_changed() -> None:
    sealed = VAULT.seal(PLAIN, "child", "chd_1")
    for place in range(len(sealed) * 8):
        changed = bytearray(sealed)
        changed[place // 8] ^= 1 << place % 8
        with pytest.raises(SealBroken):
            VAULT.open(bytes(changed), "child", "chd_1")


def test_no_byte_of_the_key_id_has_two_spellings() -> None:
    sealed = VAULT.seal(PLAIN, "child", "chd_1")
    for space in (b"\t", b"\n", b"\r", b"\x0b", b"\x0c", b"\x1c", b"\x1f", b"\0"):
        with pytest.raises(SealBroken):
            VAULT.open(sealed[:2] + space + sealed[3:], "child", "chd_1")


@given(st.binary(max_size=80))
def test_whatever_was_not_sealed_here_is_seal_broken(junk: bytes) -> None:
    for attempt in (junk, b"k1      " + junk):
        with pytest.raises(SealBroken):
            VAULT.open(attempt, "child", "chd_1")


def test_truncated_it_does_not_open() -> None:
    sealed = VAULT.seal(PLAIN, "child", "chd_1")
    for length in range(len(sealed)):
        with pytest.raises(SealBroken):
            VAULT.open(sealed[:length], "child", "chd_1")


def test_after_a_rotation_the_old_key_still_opens_and_the_new_one_seals() -> None:
    sealed = VAULT.seal(PLAIN, "child", "chd_1")
    rotated = Vault("k2", {"k1": OLD, "k2": NEW})
    assert rotated.open(sealed, "child", "chd_1") == PLAIN
    assert rotated.seal(PLAIN, "child", "chd_1")[:8] == b"k2      "
    with pytest.raises(SealBroken):
        Vault("k2", {"k2": NEW}).open(sealed, "child", "chd_1")
    with pytest.raises(SealBroken):
        Vault("k1", {"k1": NEW}).open(sealed, "child", "chd_1")


@pytest.mark.parametrize(
    ("current", "keys"),
    [
        ("k1", {}), ("k2", {"k1": OLD}), ("k1", {"k1": OLD[:31]}), ("k1", {"k1": OLD + b"x"}), ("", {"": OLD}),
        ("too-long1", {"too-long1": OLD}), ("ñandúñé", {"ñandúñé": OLD}),
        ("k1 ", {"k1 ": OLD}), ("a\tb", {"a\tb": OLD}),
    ],
)  # fmt: skip
def test_a_key_file_that_would_lose_what_it_seals_is_refused(current: str, keys: dict[str, bytes]) -> None:
    with pytest.raises(ValueError, match="key"):
        Vault(current, keys)


def test_a_key_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "kek.json"
    file.write_text(json.dumps({"current": "k1", "keys": {"k1": base64.b64encode(OLD).decode()}}))
    assert Vault.read(file).open(VAULT.seal(PLAIN, "a", "b"), "a", "b") == PLAIN


def test_derived_keys_are_unlike_each_other() -> None:
    assert len({VAULT.derive("cursors"), VAULT.derive("cursor"), OLD}) == 3
    assert VAULT.derive("cursors") == Vault("k1", {"k1": OLD}).derive("cursors")


# -- fields under a child's key --------------------------------------------------------------------------

PLACE = {"table": "child", "column": "name", "row": "chd_1"}


@pytest.mark.parametrize(
    "change", [{"table": "family"}, {"column": "surname"}, {"row": "chd_2"}, {"key_id": "key_2"}, {"key": NEW}]
)
def test_a_field_opens_in_its_own_row_and_column_only(change: dict[str, str]) -> None:
    sealed = seal_field("key_1", OLD, PLAIN, **PLACE)
    assert open_field("key_1", OLD, sealed, **PLACE) == PLAIN
    with pytest.raises(SealBroken):
        open_field(**{"key_id": "key_1", "key": OLD, "sealed": sealed, **PLACE, **change})  # type: ignore[arg-type]


def test_a_field_whose_key_was_erased_does_not_open() -> None:
    with pytest.raises(SealBroken, match="erased"):
        open_field("key_1", None, seal_field("key_1", OLD, PLAIN, **PLACE), **PLACE)


def test_a_nonce_is_never_used_twice() -> None:
    assert len({seal_with(OLD, b"", "p")[:12] for _ in range(2000)}) == 2000
    assert open_with(OLD, seal_with(OLD, b"", "p"), "p") == b""


# -- the keyring -----------------------------------------------------------------------------------------


@pytest.fixture
async def ring(new_database: DatabaseFactory) -> AsyncIterator[Keyring]:
    """A keyring with an empty database."""
    made = Keyring(Database(new_database()), VAULT)
    await made.create()
    yield made
    await made.database.close()


async def stored(ring: Keyring) -> int:
    async with ring.database.work(write=False) as session:
        return int(await session.scalar(text("SELECT count(*) FROM data_key")))


async def test_every_key_is_handed_out_once_and_was_stored_before(ring: Keyring) -> None:
    await ring.create()  # again: nothing happens
    drawn = await asyncio.gather(*(ring.fresh() for _ in range(100)))
    assert len({name for name, _ in drawn}) == len({key for _, key in drawn}) == 100
    found = await ring.find(*(name for name, _ in drawn))
    assert found == dict(drawn)
    assert await stored(ring) == 128


async def test_a_key_that_could_not_be_stored_is_never_handed_out(
    ring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.ids.opaque", lambda _: "key_same")  # so that the insert fails
    with pytest.raises(Exception, match=r".") as caught:
        await ring.fresh()
    assert "data_key" in str(caught.value)
    assert (ring._ready, await stored(ring)) == ([], 0)


async def test_an_erased_key_is_gone(ring: Keyring) -> None:
    (one, _), (other, key) = await ring.fresh(), await ring.fresh()
    await ring.erase(one)
    assert await ring.find(one, other, "key_nobody") == {other: key}
    assert await ring.find() == {}


@pytest.mark.parametrize("database_kind", ["sqlite"])
async def test_of_an_erased_key_the_file_keeps_nothing(ring: Keyring) -> None:
    name, _ = await ring.fresh()
    file = Path(ring.database.url.partition(":///")[2])
    async with ring.database.work(write=False) as session:
        wrapped = bytes(await session.scalar(text("SELECT wrapped FROM data_key WHERE id = :id"), {"id": name}))
    await ring.erase(name)
    await ring.database.close()  # its end brings the write-ahead log into the file
    assert wrapped not in file.read_bytes()
    assert name.encode() not in file.read_bytes()
