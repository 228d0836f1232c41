"""Pause, resume, extend, and a calendar that changes: every due time by hand, every step in the clock's history."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from shared import clock, ids
from shared.audit import AuditEntry
from shared.auth import Caller
from shared.catalogue import Text
from shared.clocks import service, store, sweeping
from shared.clocks.firing import Said, Voice
from shared.clocks.models import Clock, ClockChange, Suspension
from shared.clocks.rules import (
    ChangeKind,
    ClockAction,
    ClockState,
    Deadline,
    Extension,
    Ground,
    WorkingDays,
    allowed,
    check_extension,
)
from shared.errors import IllegalMove, Invalid, NotFound, RefusedByLaw
from shared.zones import zone
from tests.unit.shared.world import World

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
COMAR = Caller("comar-system", "comar", "COMAR", "officer", frozenset())
SICK = Ground("APPLICANT_ILL", Text("The applicant is ill", "Enfermedad"), "LRPCAP 24", verified=False)
LONGER = Extension(WorkingDays(45), (SICK,), "LRPCAP, art. 24")
DECIDE = Deadline(
    "D10", Text("Decide", "Resolver"), "LRPCAP 24", True, due=WorkingDays(45), warn=WorkingDays(35),
    authority="COMAR", pauses=(SICK,), extension=LONGER,
)  # fmt: skip
ANSWER = Deadline(
    "ACK", Text("Answer", "Responder"), "design", False, due=24 * HOUR, warn=20 * HOUR, pauses=(SICK,),
    extension=Extension(12 * HOUR, (SICK,), "design", times=2),
)  # fmt: skip
PLAIN = Deadline("D3", Text("Decree", "Decreto"), "LGDNNA 122", True, due=3 * HOUR, warn=2 * HOUR)
FILED = datetime(2026, 2, 16, 18, tzinfo=UTC)  # a Monday, noon in Mexico City


def midnight(day: str) -> datetime:
    """Return the moment at which a day ends in Mexico City."""
    return datetime.fromisoformat(f"{day}T06:00:00+00:00") + DAY


async def start(world: World, duty: Deadline = DECIDE, name: str = "clm_1") -> None:
    async with world.database.work() as session:
        calendar = await service.calendar_of(session, duty)
        session.add(service.started(duty, case="cas_1", resource_id=name, agency="comar", calendar=calendar))


async def stands(world: World, name: str = "clm_1") -> Clock:
    async with world.database.work(write=False) as session:
        return (await session.exec(select(Clock).where(Clock.resource_id == name))).one()


async def history(world: World) -> list[tuple[str, str | None, date | None]]:
    async with world.database.work(write=False) as session:
        rows = await store.changes(session, [(await stands(world)).id])
        return [(row.kind.value, row.reason, row.due_after.date() if row.due_after else None) for row in rows]


async def do(world: World, action: str, duty: Deadline = DECIDE, **more: object) -> Clock:
    steps = {"pause": service.pause, "resume": service.resume, "extend": service.extend}
    async with world.database.work() as session:
        made: Clock = await steps[action](session, COMAR, duty, "clm_1", **more)  # type: ignore[operator]  # three shapes
        return made


async def suspend(world: World, first: str, last: str, authority: str = "COMAR", state: str | None = None) -> str:
    made = Suspension(
        id=ids.new("cal"), authority=authority, state=state, first=date.fromisoformat(first),
        last=date.fromisoformat(last), source="DOF", verified=True, recorded_by="comar", recorded_at=clock.now(),
    )  # fmt: skip
    sweeping.due(made, clock.now())
    async with world.database.work() as session:
        session.add(made)
    return made.id


async def sweep(world: World) -> None:
    while await sweeping.sweep(world.database, COMAR):
        pass


class Heard:
    """Keeps what clocks say together, once it has committed."""

    def __init__(self) -> None:
        self.said: list[tuple[str, str, int]] = []

    async def __call__(self, session: AsyncSession, said: Sequence[Said]) -> None:
        self.said += [(each.clock.resource_id, each.kind.removeprefix("clock."), each.step) for each in said]

    def voice(self, *after: timedelta) -> Voice:
        return Voice(self, {"D10": after, "ACK": after})


# -- hours -------------------------------------------------------------------------------------------------


async def test_hours_stand_still_while_a_clock_is_paused(world: World) -> None:
    heard = Heard()
    with clock.at(FILED):
        await start(world, ANSWER)
        clock.advance(10 * HOUR)
        paused = await do(world, "pause", ANSWER, reason="APPLICANT_ILL")
        assert (paused.next_at, paused.pause_reason) == (None, "APPLICANT_ILL")
        clock.advance(100 * HOUR)
        assert await service.fire(world.database, heard.voice()) == 0
        resumed = await do(world, "resume", ANSWER)
        assert (resumed.paused_at, resumed.due_at) == (None, FILED + 124 * HOUR)
        clock.advance(10 * HOUR)
        await service.fire(world.database, heard.voice())
        clock.advance(4 * HOUR)
        await service.fire(world.database, heard.voice())
    assert heard.said == [("clm_1", "warned", 0), ("clm_1", "breached", 0)]


async def test_who_was_warned_before_a_pause_is_not_warned_again_after_it(world: World) -> None:
    heard = Heard()
    with clock.at(FILED):
        await start(world, ANSWER)
        clock.advance(21 * HOUR)
        await service.fire(world.database, heard.voice())
        await do(world, "pause", ANSWER, reason="APPLICANT_ILL")
        clock.advance(DAY)
        await do(world, "resume", ANSWER)
        assert await service.fire(world.database, heard.voice()) == 0
        clock.advance(3 * HOUR)
        await service.fire(world.database, heard.voice())
    assert [kind for _, kind, _ in heard.said] == ["warned", "breached"]


async def test_an_extension_in_hours_as_often_as_the_list_says(world: World) -> None:
    with clock.at(FILED):
        await start(world, ANSWER)
        for times in (1, 2):
            longer = await do(world, "extend", ANSWER, by=12 * HOUR, ground="APPLICANT_ILL")
            assert longer.due_at == FILED + (24 + 12 * times) * HOUR
        with pytest.raises(RefusedByLaw):
            await do(world, "extend", ANSWER, by=HOUR, ground="APPLICANT_ILL")


# -- working days ------------------------------------------------------------------------------------------


async def test_forty_five_days_over_holy_week_and_their_one_extension(world: World) -> None:
    with clock.at(FILED):
        await suspend(world, "2026-04-02", "2026-04-03", authority="ALL")
        await suspend(world, "2026-03-02", "2026-03-06", authority="INM")  # another authority's
        await suspend(world, "2026-03-09", "2026-03-13", state="MX-CHP")  # of a state's authority
        await start(world)
        assert (await stands(world)).due_at == midnight("2026-04-23")
        clock.advance(60 * DAY)
        longer = await do(world, "extend", by=WorkingDays(45), ground="APPLICANT_ILL")
        assert (longer.due_at, longer.due_on) == (midnight("2026-06-26"), date(2026, 6, 26))
        with pytest.raises(RefusedByLaw) as refused:
            await do(world, "extend", by=WorkingDays(1), ground="APPLICANT_ILL")
        assert refused.value.law is not None
        assert (refused.value.law.rule, refused.value.law.source) == ("CLOCK-REASON", "LRPCAP, art. 24")
        assert await history(world) == [("extended", "APPLICANT_ILL", date(2026, 6, 27))]


async def test_days_on_which_a_clock_was_paused_come_back_at_its_end(world: World) -> None:
    with clock.at(FILED):
        await start(world)  # due on 21 April: no day is suspended
        assert (await stands(world)).due_at == midnight("2026-04-21")
        clock.advance(2 * DAY)
        await do(world, "pause", reason="APPLICANT_ILL")  # Wednesday, the 18th, counts
        clock.advance(7 * DAY)
        resumed = await do(world, "resume")  # five days are lost: 19, 20, 23, 24, 25
        assert resumed.due_at == midnight("2026-04-28")
        assert (await history(world))[1] == ("resumed", "APPLICANT_ILL", date(2026, 4, 29))
        await do(world, "pause", reason="APPLICANT_ILL")
        resumed = await do(world, "resume")  # within a day: nothing
        assert resumed.due_at == midnight("2026-04-28")


async def test_the_calendar_of_a_states_authority_and_its_zone(world: World) -> None:
    duty = Deadline("D14", Text("x", "x"), "x", False, due=WorkingDays(1), warn=WorkingDays(1), authority="PP")
    with clock.at(datetime(2026, 6, 2, 6, 30, tzinfo=UTC)):  # still Monday in Tijuana
        await suspend(world, "2026-06-02", "2026-06-02", authority="PP", state="MX-BCN")
        await suspend(world, "2026-06-03", "2026-06-03", authority="PP", state="MX-CHP")
        await suspend(world, "2026-06-03", "2026-06-03", authority="PP")  # the federal one's
        async with world.database.work(write=False) as session:
            calendar = await service.calendar_of(session, duty, "MX-BCN")
        made = service.started(duty, case="c", resource_id="r", agency="pp-bcn", zone=zone("MX-BCN"), calendar=calendar)
    assert made.due_at == datetime(2026, 6, 4, 7, tzinfo=UTC)
    assert (made.zone, made.authority, made.authority_state) == ("America/Tijuana", "PP", "MX-BCN")


def test_working_days_need_their_calendar() -> None:
    with pytest.raises(ValueError, match="calendar"):
        service.started(DECIDE, case="c", resource_id="r", agency="comar")


def test_a_deadline_is_in_hours_or_in_days_and_so_is_its_extension() -> None:
    with pytest.raises(ValueError, match="both"):
        Deadline("X", Text("x", "x"), "x", False, due=WorkingDays(1), warn=HOUR)
    with pytest.raises(ValueError, match="as the deadline"):
        Deadline("X", Text("x", "x"), "x", False, due=HOUR, warn=HOUR, extension=LONGER)


# -- what is refused ---------------------------------------------------------------------------------------


async def test_grounds_are_listed_and_a_deadline_without_a_list_is_never_paused(world: World) -> None:
    with clock.at(FILED):
        await start(world)
        with pytest.raises(Invalid):
            await do(world, "pause", reason="BUSY")
        with pytest.raises(Invalid):
            await do(world, "extend", by=WorkingDays(1), ground="BUSY")
        with pytest.raises(RefusedByLaw):
            await do(world, "extend", by=WorkingDays(46), ground="APPLICANT_ILL")
        with pytest.raises(RefusedByLaw):
            await do(world, "pause", PLAIN, reason="APPLICANT_ILL")
        with pytest.raises(RefusedByLaw):
            check_extension(PLAIN, HOUR, "APPLICANT_ILL", 0)
        with pytest.raises(NotFound):
            await do(world, "pause", ANSWER, reason="APPLICANT_ILL")
        assert await history(world) == []


STATES = {
    "running": (ClockState.RUNNING, False, ["pause", "extend"]),
    "paused": (ClockState.RUNNING, True, ["resume"]),
    "met": (ClockState.MET, False, []),
    "breached": (ClockState.BREACHED, False, []),
    "cancelled": (ClockState.CANCELLED, False, []),
}


@pytest.mark.parametrize("at", STATES)
async def test_every_step_at_every_state(world: World, at: str) -> None:
    state, paused, lawful = STATES[at]
    assert allowed(state, paused=paused) == lawful
    more: dict[str, dict[str, Any]] = {
        "pause": {"reason": "APPLICANT_ILL"}, "resume": {}, "extend": {"by": WorkingDays(1), "ground": "APPLICANT_ILL"},
    }  # fmt: skip
    with clock.at(FILED):
        await start(world)
        async with world.database.work() as session:
            found = await store.find(session, "D10", "clm_1")
            assert found is not None
            found.state, found.paused_at = state, FILED if paused else None
        for action in ClockAction:
            if action.value not in lawful:
                with pytest.raises(IllegalMove) as refused:
                    await do(world, action.value, **more[action.value])
                assert refused.value.allowed_actions == lawful
        for lawfully in lawful[-1:]:
            await do(world, lawfully, **more[lawfully])


async def test_a_clock_whose_time_is_over_is_not_extended_though_nobody_has_said_so_yet(world: World) -> None:
    with clock.at(FILED):
        await start(world, ANSWER)
        clock.advance(DAY)
        with pytest.raises(IllegalMove):
            await do(world, "extend", ANSWER, by=HOUR, ground="APPLICANT_ILL")


async def test_a_paused_clock_may_be_met_or_dropped_and_is_never_late(world: World) -> None:
    with clock.at(FILED):
        await start(world, ANSWER)
        await do(world, "pause", ANSWER, reason="APPLICANT_ILL")
        clock.advance(9 * DAY)
        async with world.database.work() as session:
            await service.meet(session, "ACK", "clm_1")
    met = await stands(world)
    assert (met.state, met.breached_at, met.paused_at) == (ClockState.MET, None, None)


# -- the calendar changes ----------------------------------------------------------------------------------


async def test_a_suspension_moves_the_open_clocks_that_it_touches_and_says_so(world: World) -> None:
    with clock.at(FILED):
        for n in range(3):
            await start(world, name=f"clm_{n}")
        await start(world, ANSWER, "ref_1")
        suspension = await suspend(world, "2026-04-02", "2026-04-03")
        await suspend(world, "2027-04-02", "2027-04-03")  # touches nothing
        await sweep(world)
        assert {(await stands(world, f"clm_{n}")).due_at for n in range(3)} == {midnight("2026-04-23")}
        assert (await stands(world, "ref_1")).due_at == FILED + DAY
        assert await history(world) == [("recomputed", suspension, date(2026, 4, 24))]
        clock.advance(timedelta(minutes=1))
        await sweep(world)  # the second sweep finds nothing to move
        assert len(await history(world)) == 1
        async with world.database.work() as session:
            changed = await session.get_one(Suspension, suspension)
            assert changed.sweep_at is None
            changed.withdrawn_at, changed.withdrawn_by = clock.now(), "comar"
            sweeping.due(changed, clock.now())
        await sweep(world)
        assert (await stands(world)).due_at == midnight("2026-04-21")
        assert [kind for kind, _, _ in await history(world)] == ["recomputed", "recomputed"]
    async with world.database.work(write=False) as session:
        told = (await session.exec(select(AuditEntry).where(AuditEntry.action == "recomputed"))).all()
    assert len(told) == 6


async def test_who_started_by_the_old_calendar_while_it_changed_is_found_by_the_second_sweep(world: World) -> None:
    with clock.at(FILED):
        async with world.database.work(write=False) as session:
            old = await service.calendar_of(session, DECIDE)
        await suspend(world, "2026-04-02", "2026-04-03")
        await sweep(world)
        async with world.database.work() as session:
            session.add(service.started(DECIDE, case="c", resource_id="clm_1", agency="comar", calendar=old))
        assert (await stands(world)).due_at == midnight("2026-04-21")
        clock.advance(timedelta(minutes=1))
        await sweep(world)
        assert (await stands(world)).due_at == midnight("2026-04-23")


async def test_a_breach_that_a_late_gazette_undoes_is_undone(world: World) -> None:
    heard = Heard()
    with clock.at(FILED):
        await start(world)
        clock.advance(64 * DAY + 12 * HOUR)  # the end of 21 April has passed
        await service.fire(world.database, heard.voice(HOUR))
        assert (await stands(world)).state is ClockState.BREACHED
        await suspend(world, "2026-04-02", "2026-04-03")
        await sweep(world)
        again = await stands(world)
        assert (again.state, again.breached_at, again.next_at) == (ClockState.RUNNING, None, midnight("2026-04-23"))
        clock.advance(2 * DAY)
        await service.fire(world.database, heard.voice(HOUR))
    assert [kind for _, kind, _ in heard.said] == ["breached", "breached"]


async def test_a_paused_clock_is_counted_by_the_calendar_of_the_day_on_which_it_goes_on(world: World) -> None:
    with clock.at(FILED):
        await start(world)
        await do(world, "pause", reason="APPLICANT_ILL")
        await suspend(world, "2026-04-02", "2026-04-03")
        await sweep(world)
        assert (await stands(world)).next_at is None
        assert (await do(world, "resume")).due_at == midnight("2026-04-23")


# -- many clocks, many steps -------------------------------------------------------------------------------


async def test_each_step_of_a_chain_is_taken_once_and_none_after_the_duty_is_done(world: World) -> None:
    heard = Heard()
    voice = heard.voice(3 * HOUR, 6 * HOUR, 9 * HOUR)
    with clock.at(FILED):
        await start(world, ANSWER, "ref_1")
        for _ in range(31):
            clock.advance(HOUR)
            await service.fire(world.database, voice)
            await service.fire(world.database, voice)
        async with world.database.work() as session:
            await service.meet(session, "ACK", "ref_1")
        clock.advance(DAY)
        assert await service.fire(world.database, voice) == 0
    assert [(kind, step) for _, kind, step in heard.said] == [
        ("warned", 0), ("breached", 0), ("escalated", 1), ("escalated", 2),
    ]  # fmt: skip


async def test_time_that_jumps_makes_nothing_speak_twice_and_loses_nothing(world: World) -> None:
    heard = Heard()
    voice = heard.voice(3 * HOUR)
    for jump in (0, 21, -5, 21, 30, 2, 30, -100, 26, 27, 28, 500):
        with clock.at(FILED + jump * HOUR):
            if jump == 0:
                await start(world, ANSWER, "ref_1")
            while await service.fire(world.database, voice):
                pass
    assert [(kind, step) for _, kind, step in heard.said] == [("warned", 0), ("breached", 0), ("escalated", 1)]


async def test_a_duty_done_before_its_time_is_in_time_though_a_fast_clock_had_said_otherwise(world: World) -> None:
    with clock.at(FILED):
        await start(world, ANSWER, "ref_1")
    with clock.at(FILED + 30 * HOUR):
        await service.fire(world.database, Heard().voice())
    with clock.at(FILED + HOUR):
        async with world.database.work() as session:
            await service.meet(session, "ACK", "ref_1")
    met = await stands(world, "ref_1")
    assert (met.state, met.breached_at) == (ClockState.MET, None)


async def test_a_fault_in_one_clock_of_a_batch_holds_up_no_other_and_leaves_nothing_behind(world: World) -> None:
    async def speak(session: AsyncSession, said: Sequence[Said]) -> None:
        for each in said:
            session.add(
                ClockChange(
                    id=ids.new("clh"),
                    clock_id=each.clock.resource_id,
                    kind=ChangeKind.PAUSED,
                    at=clock.now(),
                    by=each.kind,
                )
            )
        await session.flush()
        if any(each.clock.resource_id == "ref_7" for each in said):
            raise LookupError

    with clock.at(FILED):
        for n in range(12):
            await start(world, ANSWER, f"ref_{n}")
        clock.advance(DAY)
        assert await service.fire(world.database, Voice(speak)) == 11
        assert await service.fire(world.database, Voice(speak)) == 0
        poisoned = await stands(world, "ref_7")
        assert (poisoned.state, poisoned.step) == (ClockState.RUNNING, 0)
        assert poisoned.next_at == clock.now() + timedelta(minutes=1)
    async with world.database.work(write=False) as session:
        rows = (await session.exec(select(ClockChange))).all()
    committed = [row.clock_id for row in rows]
    assert {row.by for row in rows} == {"clock.breached"}  # what was tried in vain has left no trace
    assert sorted(committed) == sorted(f"ref_{n}" for n in range(12) if n != 7)
