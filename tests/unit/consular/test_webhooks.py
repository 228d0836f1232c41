"""The catalogue of webhooks says what is really sent."""

import json
from pathlib import Path

import jsonschema_rs
import pytest

from services.consular.notices import chain
from services.consular.notices.rules import CHAIN
from services.consular.notices.webhooks import FACTS, catalogue, example
from shared import clock
from shared.delivery import chains
from shared.delivery.chains import OWN_TYPES
from shared.events import NoticeIssued
from shared.testing import key
from tests.unit.consular.world import Receiver, World

DOCS = Path(__file__).parents[3] / "docs"


def judge(kind: str, body: object) -> list[str]:
    schema = catalogue()[kind]["post"]["requestBody"]["content"]["application/json"]["schema"]
    validator = jsonschema_rs.Draft202012Validator(schema, validate_formats=True)
    return [error.message for error in validator.iter_errors(body)]


def test_every_type_that_a_consulate_may_get_is_in_it() -> None:
    assert set(catalogue()) == {NoticeIssued.TYPE, *OWN_TYPES}


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: fact.__name__)
def test_an_example_is_of_its_schema_and_is_the_one_of_the_documents(fact: type) -> None:
    shown = example(fact)
    assert judge(shown["type"], shown) == []
    assert judge(shown["type"], shown | {"type": "other.thing"})
    kept = json.loads((DOCS / "events" / f"{shown['type']}.json").read_text("utf-8"))
    assert judge(shown["type"], kept) == []
    assert set(kept["data"]) == set(shown["data"])


def test_the_committed_description_has_it() -> None:
    whole = json.loads((DOCS / "openapi.json").read_text("utf-8"))
    assert whole["webhooks"] == json.loads(json.dumps(catalogue()))


async def test_what_is_sent_is_as_described(world: World, receiver: Receiver) -> None:
    await world.release()
    await world.turn()
    with clock.at(clock.now() + CHAIN[0].after * 2):
        await chains.step(world.runtime.database, {NoticeIssued.TYPE: CHAIN}, chain.escalate)
    path = f"/v1/consular/endpoints/{receiver.registered['id']}/test"
    async with world.consulate() as consulate:
        assert (await consulate.post(path, headers=key())).status_code == 202
    await world.turn(after=3 * CHAIN[0].after.total_seconds())
    got = [json.loads(body) for _, body in receiver.got]
    assert {each["type"] for each in got} == {"notice.issued", "event.reminder", "endpoint.test"}
    assert [judge(each["type"], each) for each in got] == [[]] * len(got)
