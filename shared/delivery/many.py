"""Many events published together, in a few statements for all of them: for whoever speaks in batches."""

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlmodel import SQLModel, text
from sqlmodel.ext.asyncio.session import AsyncSession

from shared.bundle import bare, fields
from shared.db import run
from shared.delivery import bulk, rules, service
from shared.delivery.models import Delivery, Endpoint, Event

_EVENTS, _DELIVERIES = (SQLModel.metadata.tables[name] for name in ("event", "delivery"))
_MINT = {
    "postgresql": "INSERT INTO event_counter (case_key, n) "
    "SELECT * FROM unnest(CAST(:keys AS varchar[]), CAST(:counts AS integer[])) ORDER BY 1 ",
    "sqlite": "INSERT INTO event_counter (case_key, n) "
    "SELECT k.value, c.value FROM json_each(:keys) k JOIN json_each(:counts) c ON c.key = k.key WHERE true ",
}
_GROW = "ON CONFLICT (case_key) DO UPDATE SET n = event_counter.n + excluded.n RETURNING case_key, n"


@dataclass(frozen=True, slots=True)
class Word:
    """One of many events."""

    type: str
    case: str
    subject: str
    audience: Sequence[str]
    data: dict[str, Any]


async def publish_all(session: AsyncSession, words: Sequence[Word]) -> None:
    """Insert events and owe each to every endpoint of its audience, as `service.publish` does for one."""
    served: dict[str, list[Endpoint]] = defaultdict(list)
    for receiver in await service.receivers(session, sorted({owner for word in words for owner in word.audience})):
        served[receiver.owner].append(receiver)
    counts = Counter(word.case for word in words)
    last = await _last_numbers(session, counts)
    facts, owed = [], []
    for word in words:
        counts[word.case] -= 1
        seq = last[word.case] - counts[word.case]
        fact = service.event(
            word.type, case=word.case, seq=seq, subject=word.subject, data=word.data, make=partial(bare, Event)
        )
        facts.append(fields(fact))
        owed += [
            fields(service.delivery(fact, receiver.id, make=partial(bare, Delivery)))
            for owner in word.audience
            for receiver in served[owner]
            if rules.wants(receiver.event_types, word.type)
        ]
    await bulk.insert(session, _EVENTS, facts)
    await bulk.insert(session, _DELIVERIES, owed)


async def _last_numbers(session: AsyncSession, counts: Mapping[str, int]) -> dict[str, int]:
    """Take so many numbers of each case, in one order for everybody. Returns the last one of each."""
    kind = session.get_bind().dialect.name
    keys = sorted(counts)
    values: dict[str, Any] = {"keys": keys, "counts": [counts[key] for key in keys]}
    if kind == "sqlite":
        values = {name: json.dumps(value) for name, value in values.items()}
    return {row[0]: row[1] for row in await run(session, text(_MINT[kind] + _GROW), values)}
