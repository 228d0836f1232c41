"""A whole story told through the API, a canary in each of its texts: none is found in anything that the service keeps.

Not in the database's files with their write-ahead log, a dump, a backup, the log, metrics, status, or an event.
"""

import base64
import json
import os
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, get_args
from urllib.parse import quote

import pytest
from pydantic import BaseModel, TypeAdapter
from sqlalchemy import text

from services.intake.children.schemas import Officer, Reference
from services.intake.disclosures.schemas import FieldName, KindCode, RoleCode
from services.intake.identifiers.schemas import Issuer
from services.intake.interviews.schemas import TopicCode
from services.intake.main import ROUTERS
from services.intake.releases.schemas import Month
from shared import ids, telemetry
from shared.db import Database
from shared.routing import body_model_of
from shared.shapes import Country, Id, Language, Slug
from shared.testing import client
from tests import postgres
from tests.unit.intake.canary import DAYS, STEM, found, writings
from tests.unit.intake.story import PLANT, Story
from tests.unit.intake.world import Row, World, eventually

OPEN = {
    "Place.municipality", "Place.point", "EncounterIn.return_point",  # dimensions of the official tables
    "EncounterIn.external_id",  # an agency's own number of a meeting
    "ReleaseIn.note",  # is published
}  # fmt: skip
"""Texts that stand open in the database, and why."""
CODED = (
    Country, FieldName, Id, Issuer, KindCode, Language, Month, Officer, Reference, RoleCode, Slug, TopicCode,
)  # fmt: skip
CODES = {TypeAdapter(kind).json_schema()["pattern"] for kind in CODED}
"""What only codes, ids and numbers of officers and decisions are written like: no texts."""


# -- every text there is -----------------------------------------------------------------------------


def texts() -> set[str]:
    """Every field of a request that holds a text or a birth date, as `Shape.field`."""
    shapes: set[type[BaseModel]] = set()
    for router in ROUTERS:
        for route in router.routes:
            if (body := body_model_of(route)) is not None:  # type: ignore[arg-type]  # our routers have no other kind
                shapes.update(_shapes(body))
    return {
        f"{_owner(shape, name)}.{name}"
        for shape in shapes
        for name, schema in shape.model_json_schema()["properties"].items()
        if name == "birth_date" or any(map(_is_text, _parts(schema)))
    }


def _shapes(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
        for field in annotation.model_fields.values():
            yield from _shapes(field.annotation)
    for inner in get_args(annotation):
        yield from _shapes(inner)


def _owner(shape: type[BaseModel], name: str) -> str:
    """The shape that says of a field what it is, for those that inherit it."""
    return next(each.__name__ for each in reversed(shape.__mro__) if name in getattr(each, "__annotations__", {}))


def _parts(schema: Row) -> Iterator[Row]:
    yield schema
    for inner in (*schema.get("anyOf", []), *([schema["items"]] if "items" in schema else [])):
        yield from _parts(inner)


def _is_text(schema: Row) -> bool:
    coded = {"enum", "const", "format"} & schema.keys() or schema.get("pattern") in CODES
    return schema.get("type") == "string" and not coded


# -- where it must not be ----------------------------------------------------------------------------


async def _told(world: World, path: str) -> bytes:
    async with client(world.app) as anybody:
        answer = await anybody.get(path)
    assert answer.status_code == 200, answer.text
    return bytes(answer.content)


def logged(log: pytest.LogCaptureFixture) -> str:
    """Every line of every logger; but not of the test's own client, which tells what it asks for."""
    return "\n".join(f"{each.getMessage()} {each.exc_text or ''}" for each in log.records if each.name != "httpx")


async def around(world: World, log: str) -> dict[str, bytes]:
    """What the process says of itself, and to its sister."""
    heard = json.dumps([world.referral.events, [[path, body] for path, _, body in world.referral.facts]])
    assert "encounter.recorded" in heard
    assert "FEAR_OF_RETURN" in heard
    metrics = await _told(world, "/metrics")
    assert b'route="/v1/intake/encounters"' in metrics
    rest = {path: await _told(world, path) for path in ("/status", "/ages", "/livez", "/readyz")}
    return rest | {"metrics": metrics, "log": log.encode(), "what referral hears": heard.encode()}


def sqlite_kept(database: Database, folder: Path) -> dict[str, bytes]:
    """The files as they stand, their write-ahead log among them, and as either way of backing up copies them."""
    file = Path(database.url.partition(":///")[2])
    kept = {each.name: each.read_bytes() for each in file.parent.glob(f"{file.name}*")}
    assert f"{file.name}-wal" in kept
    vacuumed, copied = folder / f"vacuumed-{file.name}", folder / f"copied-{file.name}"
    with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(copied)) as target:
        source.execute("VACUUM INTO ?", [str(vacuumed)])
        source.backup(target)
        dump = "\n".join(source.iterdump())
    return (
        kept | {each.name: each.read_bytes() for each in (vacuumed, copied)} | {f"dump of {file.name}": dump.encode()}
    )


async def postgres_kept(database: Database, folder: Path) -> dict[str, bytes]:
    """The database's own files, the log that was written since it began, and what pg_dump makes of it."""
    url, program = database.url.replace("+asyncpg", ""), postgres.find_binaries() / "pg_dump"
    kept = {}
    for form in ("plain", "custom"):
        file = folder / f"{ids.opaque('dmp')}.{form}"
        uncompressed = ["--compress=0"] if form == "custom" else []
        subprocess.run([program, "-F", form, *uncompressed, "-f", file, url], check=True)
        kept[f"{form} dump {file.stem}"] = file.read_bytes()
    async with database.engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        await connection.execute(text("CHECKPOINT"))
        found = "SELECT current_setting('data_directory'), oid, pg_walfile_name(pg_current_wal_lsn()) "
        row = (await connection.execute(text(f"{found} FROM pg_database WHERE datname = current_database()"))).one()
    data = Path(row[0])
    if not os.access(data, os.R_OK | os.X_OK):
        return kept  # somebody's own server, whose disk is not ours
    files = [*(data / "base" / str(row[1])).iterdir(), data / "pg_wal" / row[2]]
    return kept | {f"file {each.name}": each.read_bytes().rstrip(b"\0") for each in files}


async def media(world: World, log: str, folder: Path) -> dict[str, bytes]:
    """Everything that is kept or said anywhere, by what it is."""
    said = await around(world, log)
    for database in (world.runtime.database, world.keyring.database):
        said |= sqlite_kept(database, folder) if database.is_sqlite else await postgres_kept(database, folder)
    return said


async def test_a_whole_story_leaves_no_word_of_it_behind(
    world: World, log: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    story = Story(world)
    await story.tell()
    assert texts() - story.planted == OPEN, "a text that is new is planted in this story, or stands in OPEN"
    telemetry.say("info", "planted", text=PLANT)
    async with world.working():  # the match keys, the counts, the sealed audit and the deliveries

        async def done() -> bool:
            waiting = [row for row in await world.rows("delivery") if row["state"] != "delivered"]
            uncounted = [row for row in await world.rows("encounter") if row["counted_at"] is None]
            return not waiting and not uncounted and len(await world.rows("match_child", "1")) == 5

        await eventually(done)
        kept = await media(world, logged(log), tmp_path)
    assert {name: places for name, content in kept.items() if (places := found(content))} == {}
    sown = [name for name, content in kept.items() if PLANT.encode() in content]
    assert len(sown) >= (4 if world.runtime.database.is_sqlite else 3), f"only {sown} would have shown a text"
    assert "log" in sown


# -- and that it would be found ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "encode",
    [
        str.encode,
        lambda text: text.encode("utf-16-le"),
        lambda text: text.encode("utf-16-be"),
        lambda text: text.encode().hex().encode(),
        lambda text: json.dumps(text).encode(),
        lambda text: quote(text).encode(),
        lambda text: base64.b64encode(text.encode()),
        lambda text: base64.urlsafe_b64encode(text.encode()),
    ],
    ids=["plain", "utf-16-le", "utf-16-be", "hex", "json", "url", "base64", "base64url"],
)
def test_a_canary_is_found_however_it_is_written(encode: Callable[[str], bytes]) -> None:
    for written in (*writings(STEM), *(day.isoformat() for day in DAYS)):
        for before in ("", "a", "ab"):
            assert found(b"\0\1" + encode(f"{before}{written}xyz") + b"\0"), (before, written)
            assert not found(encode(f"{before}{written[:5]}xyz"))
