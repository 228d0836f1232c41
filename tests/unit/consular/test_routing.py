"""R19 row by row: which post a notice goes to."""

from datetime import date
from typing import Any

import pytest

from services.consular.consulates import rules, service
from services.consular.consulates.models import Consulate, Jurisdiction
from services.consular.consulates.rules import PostKind, PostStatus

DAY = date(2026, 11, 20)
BEFORE, AFTER = date(2026, 11, 19), date(2026, 11, 21)


def post(name: str = "con-hnd-tapachula", **fields: Any) -> Consulate:
    row: dict[str, Any] = {
        "id": name, "country": "HND", "kind": PostKind.CONSULATE, "status": PostStatus.OPEN,
        "valid_from": None, "valid_to": None, "verified": True,
    }  # fmt: skip
    return Consulate(**row | fields)


def embassy(**fields: Any) -> Consulate:
    return post("con-hnd-embassy", **{"kind": PostKind.EMBASSY} | fields)


def serves(name: str = "con-hnd-tapachula", state: str = "MX-CHP", **fields: Any) -> Jurisdiction:
    return Jurisdiction(**{"consulate_id": name, "state": state, "valid_from": None, "valid_to": None} | fields)


ROWS: list[tuple[str, list[Consulate], list[Jurisdiction], str | None]] = [
    ("the post that serves the state", [embassy(), post()], [serves()], "con-hnd-tapachula"),
    ("the embassy where no post serves", [embassy(), post()], [serves(state="MX-TAB")], "con-hnd-embassy"),
    ("the embassy when there is no post", [embassy()], [], "con-hnd-embassy"),
    ("nobody when there is neither", [], [], None),
    ("nobody when the only post serves elsewhere", [post()], [serves(state="MX-TAB")], None),
    ("nobody of another country", [post(country="SLV"), embassy(country="SLV")], [serves()], None),
    ("never a closed post", [embassy(), post(status=PostStatus.CLOSED)], [serves()], "con-hnd-embassy"),
    ("never an announced post", [embassy(), post(status=PostStatus.ANNOUNCED)], [serves()], "con-hnd-embassy"),
    ("never an unverified post", [embassy(), post(status=PostStatus.UNVERIFIED)], [serves()], "con-hnd-embassy"),
    ("never a closed embassy", [embassy(status=PostStatus.CLOSED)], [], None),
    ("a post on its first day", [embassy(), post(valid_from=DAY)], [serves()], "con-hnd-tapachula"),
    ("not a post before its first day", [embassy(), post(valid_from=AFTER)], [serves()], "con-hnd-embassy"),
    ("not a post on the day it no longer holds", [embassy(), post(valid_to=DAY)], [serves()], "con-hnd-embassy"),
    ("a post on its last day", [embassy(), post(valid_to=AFTER)], [serves()], "con-hnd-tapachula"),
    ("not an embassy that no longer holds", [embassy(valid_to=DAY)], [], None),
    ("a jurisdiction on its first day", [embassy(), post()], [serves(valid_from=DAY)], "con-hnd-tapachula"),
    ("not a jurisdiction that has ended", [embassy(), post()], [serves(valid_to=DAY)], "con-hnd-embassy"),
    ("not a jurisdiction to come", [embassy(), post()], [serves(valid_from=AFTER)], "con-hnd-embassy"),
    ("verified plays no part", [embassy(), post(verified=False)], [serves(verified=False)], "con-hnd-tapachula"),
    ("an honorary post that serves", [embassy(), post(kind=PostKind.HONORARY)], [serves()], "con-hnd-tapachula"),
    ("the first by name where data err", [post("con-hnd-b"), post("con-hnd-a")],
     [serves("con-hnd-b"), serves("con-hnd-a")], "con-hnd-a"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("posts", "jurisdictions", "expected"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS]
)
def test_a_notice_goes_to(posts: list[Consulate], jurisdictions: list[Jurisdiction], expected: str | None) -> None:
    found = rules.route("HND", "MX-CHP", DAY, posts, jurisdictions)
    assert (found.id if found else None) == expected


@pytest.mark.parametrize(
    ("nationality", "state", "day", "expected"),
    [
        ("HND", "MX-CHP", DAY, "con-hnd-tapachula"),
        ("HND", "MX-TAB", DAY, "con-hnd-villahermosa"),
        ("HND", "MX-TAB", date(2025, 5, 14), "con-hnd-embassy"),  # Villahermosa opened the next day
        ("HND", "MX-SON", DAY, "con-hnd-embassy"),
        ("SLV", "MX-CHP", DAY, "con-slv-tapachula"),
        ("GTM", "MX-MEX", DAY, "con-gtm-embassy"),  # the honorary post at Toluca has ended
        ("NIC", "MX-CHP", DAY, "con-nic-embassy"),
        ("PER", "MX-CHP", DAY, "con-per-ciudad-de-mexico"),
        ("ECU", "MX-CMX", DAY, None),
        ("ZWE", "MX-CMX", DAY, None),
    ],
)
def test_the_shipped_directory_says(nationality: str, state: str, day: date, expected: str | None) -> None:
    posts, jurisdictions = service.read()
    found = rules.route(nationality, state, day, posts, jurisdictions)
    assert (found.id if found else None) == expected
