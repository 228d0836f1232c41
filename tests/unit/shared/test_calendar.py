"""Working days, by hand: each date was found on a wall calendar and in the articles, never by running the engine.

Rest days of LFT 74: 1 January, first Monday of February, third Monday of March, 1 May, 16 September, third Monday of
November, 25 December, and the day on which the federal government changes (1 October from 2024 on, 1 December before).
"""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from shared.clocks.calendar import FEDERAL, Calendar, Span, last_day, midnight_after, paused_days, rest_days
from shared.clocks.rules import WorkingDays


def span(first: str, last: str) -> Span:
    return Span(date.fromisoformat(first), date.fromisoformat(last))


HOLY_2024 = span("2024-03-28", "2024-03-29")  # Easter is 31 March
HOLY_2025 = span("2025-04-17", "2025-04-18")  # 20 April
HOLY_2026 = span("2026-04-02", "2026-04-03")  # 5 April
WHOLE_WEEK_2026 = span("2026-03-30", "2026-04-03")
EASTER_LEAVE_2025 = span("2025-04-14", "2025-04-25")
YEARS_END_2026 = span("2026-12-21", "2027-01-01")
CLOSED_2020 = span("2020-03-24", "2020-04-17")

BY_HAND = [
    # plain weeks
    ("2026-06-01", 1, [], "2026-06-02", "Monday: Tuesday is the first day"),
    ("2026-06-05", 1, [], "2026-06-08", "Friday: Monday"),
    ("2026-06-06", 1, [], "2026-06-08", "Saturday: Monday"),
    ("2026-06-07", 1, [], "2026-06-08", "Sunday: Monday"),
    ("2026-06-01", 5, [], "2026-06-08", "a week is five days"),
    ("2026-06-01", 10, [], "2026-06-15", "two weeks"),
    ("2026-06-03", 15, [], "2026-06-24", "three weeks"),
    ("2026-06-01", 30, [], "2026-07-13", "six weeks"),
    ("2026-06-01", 45, [], "2026-08-03", "nine weeks of a summer without a rest day"),
    # Mondays that the law has moved
    ("2026-01-30", 1, [], "2026-02-03", "Monday 2 February rests for the 5th"),
    ("2025-01-31", 1, [], "2025-02-04", "Monday 3 February rests"),
    ("2024-02-02", 2, [], "2024-02-07", "in 2024 Monday is the 5th itself: Tuesday, Wednesday"),
    ("2026-02-04", 1, [], "2026-02-05", "the 5th itself works"),
    ("2026-03-13", 1, [], "2026-03-17", "Monday 16 March rests for the 21st"),
    ("2024-03-15", 1, [], "2024-03-19", "Monday 18 March rests"),
    ("2025-03-20", 1, [], "2025-03-21", "the 21st itself works"),
    ("2026-11-13", 3, [], "2026-11-19", "Monday 16 November rests for the 20th: 17, 18, 19"),
    ("2026-11-19", 1, [], "2026-11-20", "the 20th itself works"),
    # days that stay where they are
    ("2026-04-30", 1, [], "2026-05-04", "Friday 1 May, then the weekend"),
    ("2025-04-30", 1, [], "2025-05-02", "Thursday 1 May"),
    ("2027-04-30", 1, [], "2027-05-03", "1 May on a Saturday costs no other day"),
    ("2026-09-15", 1, [], "2026-09-17", "Wednesday 16 September"),
    ("2024-09-13", 1, [], "2024-09-17", "Monday 16 September"),
    ("2025-09-15", 1, [], "2025-09-17", "Tuesday 16 September"),
    ("2028-09-15", 1, [], "2028-09-18", "16 September on a Saturday"),
    # the federal government changes
    ("2024-09-30", 1, [], "2024-10-02", "Tuesday 1 October 2024 rests"),
    ("2025-09-30", 1, [], "2025-10-01", "1 October of another year works"),
    ("2030-09-30", 1, [], "2030-10-02", "six years later it rests again"),
    ("2006-11-30", 1, [], "2006-12-04", "in 2006 it was 1 December, a Friday"),
    # the year's end
    ("2026-12-24", 1, [], "2026-12-28", "Friday 25 December"),
    ("2026-12-30", 2, [], "2027-01-04", "the 31st, then Friday 1 January rests"),
    ("2025-12-31", 1, [], "2026-01-02", "Thursday 1 January"),
    ("2024-12-23", 3, [], "2024-12-27", "24, 26, 27"),
    ("2027-12-24", 5, [], "2027-12-31", "25 December on a Saturday: 27 to 31"),
    ("2027-12-31", 1, [], "2028-01-03", "1 January on a Saturday"),
    ("2025-12-15", 15, [], "2026-01-07", "16-19, 22-24, 26, 29-31; 2, 5, 6, 7 January"),
    # the leap day
    ("2024-02-28", 1, [], "2024-02-29", "a Thursday"),
    ("2024-02-28", 2, [], "2024-03-01", "and on to March"),
    ("2024-02-29", 1, [], "2024-03-01", "from the leap day itself"),
    ("2028-02-28", 1, [], "2028-02-29", "a Tuesday"),
    ("2028-02-21", 10, [], "2028-03-06", "22-25, 28, 29; 1, 2, 3, 6 March"),
    ("2026-02-27", 1, [], "2026-03-02", "a year without it"),
    # Holy Week and other suspensions: only what was gazetted
    ("2026-04-01", 1, [], "2026-04-02", "Holy Thursday works unless it is suspended"),
    ("2026-04-01", 1, [HOLY_2026], "2026-04-06", "Thursday and Good Friday suspended"),
    ("2026-03-27", 5, [HOLY_2026], "2026-04-07", "30, 31, 1; 6, 7"),
    ("2025-04-16", 3, [HOLY_2025], "2025-04-23", "21, 22, 23"),
    ("2024-03-15", 10, [HOLY_2024], "2024-04-03", "18 rests; 19-22, 25-27; 1, 2, 3 April"),
    ("2026-03-27", 1, [WHOLE_WEEK_2026], "2026-04-06", "the whole week"),
    ("2026-03-27", 1, [HOLY_2026, WHOLE_WEEK_2026], "2026-04-06", "two suspensions of one day count once"),
    ("2025-04-11", 2, [EASTER_LEAVE_2025], "2025-04-29", "two weeks of leave: 28, 29"),
    ("2026-12-11", 15, [YEARS_END_2026], "2027-01-15", "14-18 December; 4-8, 11-15 January"),
    ("2020-03-23", 1, [CLOSED_2020], "2020-04-20", "four weeks closed"),
    # the deadlines of the route
    ("2026-04-30", 3, [], "2026-05-06", "D7, ratify: 4, 5, 6 May"),
    ("2026-11-09", 15, [], "2026-12-01", "D9, opinion: 10-13, 17-20, 23-27, 30; 1 December"),
    ("2026-08-01", 30, [], "2026-09-11", "D6, entry on a Saturday: six weeks from Monday the 3rd"),
    ("2024-08-23", 30, [], "2024-10-08", "D6 over 16 September and 1 October 2024"),
    ("2026-01-12", 45, [HOLY_2026], "2026-03-18", "D10: 14 in January, 19 in February, 12 in March"),
    ("2026-02-16", 45, [HOLY_2026], "2026-04-23", "D10 over Holy Week"),
    ("2026-02-16", 90, [HOLY_2026], "2026-06-26", "D10 extended once, over 1 May too"),
]


@pytest.mark.parametrize(("start", "days", "closed", "expected", "why"), BY_HAND)
def test_the_last_day_is_the_one_found_by_hand(
    start: str, days: int, closed: list[Span], expected: str, why: str
) -> None:
    calendar = Calendar(tuple(closed))
    assert calendar.add(date.fromisoformat(start), WorkingDays(days)) == date.fromisoformat(expected), why


def test_there_are_sixty_of_them_with_those_of_zones() -> None:
    assert len(BY_HAND) + len(IN_ZONES) >= 60


TIJUANA, JUAREZ, CHIHUAHUA = "America/Tijuana", "America/Ciudad_Juarez", "America/Chihuahua"
IN_ZONES = [
    # one working day from a moment (UTC), in a zone: its last day, and the moment (UTC) at which it ends
    ("2026-06-02T06:30", TIJUANA, "2026-06-02", "2026-06-03T07:00", "still Monday 23:30 in Tijuana"),
    ("2026-06-02T06:30", FEDERAL.key, "2026-06-03", "2026-06-04T06:00", "already Tuesday 0:30 in Mexico City"),
    ("2026-06-02T05:59", FEDERAL.key, "2026-06-02", "2026-06-03T06:00", "the last minute of Monday"),
    ("2026-06-02T06:00", FEDERAL.key, "2026-06-03", "2026-06-04T06:00", "the first moment of Tuesday"),
    ("2026-03-05T20:00", TIJUANA, "2026-03-06", "2026-03-07T08:00", "the Friday before summer time"),
    ("2026-03-06T20:00", TIJUANA, "2026-03-09", "2026-03-10T07:00", "summer time began on Sunday, 8 March"),
    ("2026-10-30T19:00", TIJUANA, "2026-11-02", "2026-11-03T08:00", "it ended on Sunday, 1 November"),
    ("2026-01-15T18:00", JUAREZ, "2026-01-16", "2026-01-17T07:00", "Juárez in winter: an hour behind its capital"),
    ("2026-01-15T18:00", CHIHUAHUA, "2026-01-16", "2026-01-17T06:00", "Chihuahua in winter"),
    ("2026-03-06T18:00", JUAREZ, "2026-03-09", "2026-03-10T06:00", "Juárez in summer time: like its capital"),
    ("2026-03-06T18:00", CHIHUAHUA, "2026-03-09", "2026-03-10T06:00", "Chihuahua has none"),
    ("2026-03-06T18:00", "America/Matamoros", "2026-03-09", "2026-03-10T05:00", "Matamoros in summer time"),
    ("2026-07-02T18:00", "America/Hermosillo", "2026-07-03", "2026-07-04T07:00", "Sonora has none"),
    ("2026-06-02T04:30", "America/Cancun", "2026-06-02", "2026-06-03T05:00", "Monday 23:30 in Cancún"),
    ("2022-07-01T18:00", FEDERAL.key, "2022-07-04", "2022-07-05T05:00", "the last summer time of Mexico City"),
]


@pytest.mark.parametrize(("start", "zone", "expected", "ends", "why"), IN_ZONES)
def test_days_begin_and_end_where_the_authority_is(start: str, zone: str, expected: str, ends: str, why: str) -> None:
    where = ZoneInfo(zone)
    day = datetime.fromisoformat(start).replace(tzinfo=UTC).astimezone(where).date()
    last = Calendar().add(day, WorkingDays(1))
    assert last == date.fromisoformat(expected), why
    end = midnight_after(last, where)
    assert end.astimezone(UTC) == datetime.fromisoformat(ends).replace(tzinfo=UTC), why
    assert last_day(end, where) == last


WHEN_PAUSED = [
    # five working days from Monday, 1 June 2026, which end on Monday the 8th
    ("2026-06-03", "2026-06-05", "2026-06-10", "Wednesday counted; Thursday and Friday did not: 8, 9, 10"),
    ("2026-06-03", "2026-06-03", "2026-06-08", "within one day nothing is lost"),
    ("2026-06-05", "2026-06-07", "2026-06-08", "over a weekend neither"),
    ("2026-06-05", "2026-06-08", "2026-06-09", "until Monday: one day"),
    ("2026-06-01", "2026-06-08", "2026-06-15", "from the start: the whole week"),
]


@pytest.mark.parametrize(("paused", "resumed", "expected", "why"), WHEN_PAUSED)
def test_days_on_which_a_clock_was_paused_do_not_count(paused: str, resumed: str, expected: str, why: str) -> None:
    noon = [datetime.fromisoformat(f"{day}T18:00+00:00") for day in (paused, resumed)]
    away = paused_days(noon[0], noon[1], FEDERAL)
    last = Calendar().add(date(2026, 6, 1), WorkingDays(5), [away] if away else [])
    assert last == date.fromisoformat(expected), why


def test_the_rest_days_of_a_year_are_those_of_the_law() -> None:
    assert sorted(day.isoformat() for day in rest_days(2024)) == [
        "2024-01-01", "2024-02-05", "2024-03-18", "2024-05-01", "2024-09-16", "2024-10-01", "2024-11-18", "2024-12-25",
    ]  # fmt: skip
    assert len(rest_days(2026)) == 7


def test_a_limit_has_at_least_one_day() -> None:
    with pytest.raises(ValueError, match="at least one day"):
        WorkingDays(0)
