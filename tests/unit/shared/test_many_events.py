"""Events published together are what they would be one by one: numbered in their cases, owed to whom they are for."""

from sqlmodel import col, select

from shared.delivery.many import Word, publish_all
from shared.delivery.models import Delivery, Event
from tests.unit.shared.world import World


async def test_many_events_are_numbered_in_their_cases_and_owed_to_their_audiences(world: World) -> None:
    endpoints = {name: await world.owner(name, "http://127.0.0.1:9/") for name in ("pp", "dif")}
    await world.owner("deaf", "http://127.0.0.1:9/", event_types=["other"])
    await world.publish(case="cas_1")  # to the Procuraduría, as number 1
    said = [("cas_1", ["pp", "dif"]), ("cas_2", ["deaf", "nobody"]), ("cas_1", ["dif"]), ("cas_2", [])]
    words = [Word("memo.written", case, f"mem_{n}", to, {"n": n}) for n, (case, to) in enumerate(said)]
    async with world.database.work() as session:
        await publish_all(session, words)
    async with world.database.work(write=False) as session:
        events = (await session.exec(select(Event).where(Event.subject != "mem_1").order_by(col(Event.id)))).all()
        late = (await session.exec(select(Event).where(Event.subject == "mem_1").order_by(col(Event.case_seq)))).all()
        owed = (await session.exec(select(Delivery).order_by(col(Delivery.case_key), col(Delivery.case_seq)))).all()
    assert [(each.case_key, each.case_seq, each.data) for each in events] == [
        ("cas_1", 2, {"n": 0}), ("cas_1", 3, {"n": 2}), ("cas_2", 2, {"n": 3}),
    ]  # fmt: skip
    assert [(each.case_key, each.case_seq) for each in late] == [("cas_1", 1), ("cas_2", 1)]
    assert sorted((each.case_seq, each.endpoint_id) for each in owed) == sorted(
        [(1, endpoints["pp"]), (2, endpoints["pp"]), (2, endpoints["dif"]), (3, endpoints["dif"])]
    )
