"""What the answers of a batch change: deliveries, how their endpoints stand, alarms."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from random import random  # noqa: TID251  (spreads repetitions; nothing to guess)
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from shared import clock, ids, telemetry
from shared.delivery import metrics, rules, store
from shared.delivery.bulk import Row
from shared.delivery.parcels import Parcel, Result
from shared.delivery.rules import AlarmKind, DeliveryState, EndpointState, Outcome, Standing


class Account:
    """What the results of one batch change: deliveries, endpoints, alarms. One endpoint may have several."""

    def __init__(self, lanes: Mapping[str, Row], now: datetime) -> None:
        self.lanes = {key: dict(lane) for key, lane in lanes.items()}
        self.now = now
        self.deliveries: list[Row] = []
        self.touched: set[str] = set()
        self.recovered: set[str] = set()
        self.well: set[str] = set()
        self.alarms: set[tuple[str, AlarmKind, str]] = set()
        self.unstuck: set[str] = set()
        self.unsent: list[Row] = []

    def add(self, parcel: Parcel, result: Result, row: Row) -> None:
        lane, outcome = self.lanes[parcel.endpoint_id], result.outcome
        before = Standing(lane["failures"], lane["pace"], lane["hold_until"])
        schedule = rules.SISTER_SCHEDULE if parcel.internal else rules.SCHEDULE
        ceiling = timedelta(seconds=lane["retry_ceiling"]) if lane["retry_ceiling"] else None
        chance = random()  # noqa: S311
        after = rules.after(
            before, outcome, self.now, cap=lane["cap"], schedule=schedule, chance=chance,
            wait=result.retry_after, ceiling=ceiling,
        )  # fmt: skip
        lane.update(failures=after.failures, pace=after.pace, hold_until=after.hold_until)
        change = {
            "id": row["id"], "token": None, "sending": False, "state": DeliveryState.PENDING, "delivered_at": None,
            "due_at": row["due_at"], "attempts": row["attempts"], "last_outcome": outcome.value,
            "last_status": result.status,
        }  # fmt: skip
        if outcome is Outcome.DELIVERED:
            change |= {"state": DeliveryState.DELIVERED, "delivered_at": self.now}
            self._succeeded(lane, before, row)
        elif outcome is Outcome.UNKNOWN:
            change["due_at"] = self.now
        elif outcome in rules.UNCHARGED:
            change |= {"due_at": self.now + rules.GATE_WAIT, "attempts": row["attempts"] - 1}
            if row["attempts"] == 1 and row["origin"] == "live":
                self.unsent.append(row)
        elif outcome is Outcome.GONE and not parcel.internal and _speaks_of(lane, parcel):
            change["state"] = DeliveryState.PARKED
            lane["state"] = EndpointState.GONE
        else:
            change["due_at"] = rules.next_due(
                row["attempts"], self.now, schedule, chance=chance, retry_after=result.retry_after, ceiling=ceiling
            )
        self.deliveries.append(change)
        self._remember(lane, parcel, outcome, row)

    def _succeeded(self, lane: dict[str, Any], before: Standing, row: Row) -> None:
        lane.update(delivered=lane["delivered"] + (row["origin"] == "live"), last_success_at=self.now)
        if before.failures >= rules.OPEN_AFTER:
            self.recovered.add(lane["id"])
        if lane["last_outcome"] != Outcome.DELIVERED:
            self.well.add(lane["id"])
        if row["attempts"] >= rules.STUCK_AFTER:
            self.unstuck.add(lane["id"])

    def _remember(self, lane: dict[str, Any], parcel: Parcel, outcome: Outcome, row: Row) -> None:
        if outcome in rules.UNCHARGED:
            return
        self.touched.add(lane["id"])
        lane["last_outcome"] = outcome.value
        if parcel.internal:
            return
        if (kind := rules.ALARMS.get(outcome)) is not None and _speaks_of(lane, parcel):
            self.alarms.add((lane["id"], kind, parcel.delivery_id))
        if outcome is Outcome.REFUSED and row["attempts"] >= rules.STUCK_AFTER:
            self.alarms.add((lane["id"], AlarmKind.STUCK, parcel.delivery_id))

    async def write(self, session: AsyncSession) -> None:
        """Write everything down, in the order of the endpoints' locks."""
        await store.change_deliveries(session, self.deliveries)
        await self._forget_unsent(session)
        names = ("state", "failures", "pace", "hold_until", "last_outcome", "delivered", "last_success_at")
        changes = [
            {"id": key, "last_attempt_at": self.now, **{name: self.lanes[key][name] for name in names}}
            for key in sorted(self.touched)
        ]
        await store.change_endpoints(session, changes)
        for key in self.recovered:
            await store.hurry(session, key, self.now)
        if self.well:
            await store.clear_alarms(session, sorted(self.well), sorted(rules.CLEARED_BY_SUCCESS), self.now)
        if self.unstuck:
            await store.clear_alarms(session, sorted(self.unstuck), [AlarmKind.STUCK], self.now)
        for endpoint_id, kind, delivery_id in sorted(self.alarms):
            await raise_alarm(session, endpoint_id, kind, delivery_id)

    async def _forget_unsent(self, session: AsyncSession) -> None:
        """Take back number, place and body of what did not leave after all: no receiver has seen them."""
        last = await store.counters(session, [(row["endpoint_id"], row["case_key"]) for row in self.unsent])
        rows = [row for row in self.unsent if last[row["endpoint_id"], row["case_key"]] == row["sequence"]]
        nothing = dict.fromkeys(("sequence", "position", "body", "first_sent_at", "next_step_at"))
        await store.change_deliveries(session, [{"id": row["id"], **nothing} for row in rows])
        names = ("endpoint_id", "case_key")
        await store.count(session, [{**{name: row[name] for name in names}, "n": row["sequence"] - 1} for row in rows])


def _speaks_of(lane: Row, parcel: Parcel) -> bool:
    """Whether an answer is about the endpoint as it is now: not about an earlier address, nor one that is removed."""
    states = (EndpointState.ACTIVE, EndpointState.PAUSED, EndpointState.GONE)
    return lane["url"] == parcel.url and lane["state"] in states


async def raise_alarm(session: AsyncSession, endpoint_id: str, kind: AlarmKind, delivery_id: str | None = None) -> None:
    """Tell a person: an open alarm, a line in the log, a count. Once until it is cleared."""
    row = {
        "id": ids.new("alm"), "endpoint_id": endpoint_id, "kind": kind.value, "delivery_id": delivery_id,
        "raised_at": clock.now(),
    }  # fmt: skip
    if await store.raise_alarm(session, row):
        metrics.ALARMS.labels(kind.value).inc()
        telemetry.say("warning", "alarm", kind=kind.value, endpoint=endpoint_id, delivery=delivery_id)
