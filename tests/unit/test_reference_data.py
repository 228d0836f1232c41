"""The reference tables obey their rules: what docs/data-sources.md says of each column is checked here."""

import csv
import re
from collections import Counter
from datetime import date
from itertools import combinations
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
AGENCIES = ROOT / "services/referral/agencies/data/agencies.csv"
CONSULATES = ROOT / "services/consular/consulates/data/consulates.csv"
JURISDICTIONS = ROOT / "services/consular/consulates/data/jurisdictions.csv"
STATES = ROOT / "shared/states.csv"

COLUMNS = {
    AGENCIES: "id kind name_es name_en state territory services parent bound_to source verified",
    CONSULATES: "id country city state kind status valid_from valid_to source verified",
    JURISDICTIONS: "consulate_id state valid_from valid_to source verified",
    STATES: "code name zone",
}
AGENCY_KINDS = set("INM PP DIF COMAR UNICEF UNHCR IOM ICRC SRE MP CNDH UPM".split())
ABROAD = "CHILD_PROTECTION_ABROAD"
SERVICES = set(
    "REPRESENTATION BEST_INTERESTS URGENT_MEASURES SHELTER INITIAL_ASSESSMENT REFUGE MIGRATION_PROCEDURE "
    "FAMILY_TRACING LEGAL_AID PSYCHOSOCIAL HEALTH EDUCATION CONSULAR PROSECUTION RETURN MONITORING "
    "STATISTICS CHILD_PROTECTION".split()
)
POST_KINDS = {"embassy", "consulate", "honorary"}
POST_STATUSES = {"open", "closed", "announced", "unverified"}
ZONES = {
    f"America/{city}" for city in "Mexico_City Tijuana Hermosillo Chihuahua Cancun Mazatlan Monterrey Merida".split()
}
SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
RCM_FOREIGN_MEMBERS = set("BLZ CAN CRI DOM GTM HND NIC PAN SLV USA".split())

Row = dict[str, str]


def read(path: Path) -> list[Row]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


agencies, consulates, jurisdictions, states = map(read, (AGENCIES, CONSULATES, JURISDICTIONS, STATES))
STATE_CODES = {row["code"] for row in states}
POSTS = {row["id"]: row for row in consulates}
COUNTRIES = sorted({row["country"] for row in consulates})


def split(cell: str) -> list[str]:
    return cell.split(";") if cell else []


def day(cell: str) -> date | None:
    return date.fromisoformat(cell) if cell else None


def overlap(one: Row, other: Row) -> bool:
    """Whether two half-open validity periods [valid_from, valid_to) share a day."""
    return (day(one["valid_from"]) or date.min) < (day(other["valid_to"]) or date.max) and (
        day(other["valid_from"]) or date.min
    ) < (day(one["valid_to"]) or date.max)


def row_id(row: Row) -> str:
    return row["id"]


@pytest.mark.parametrize("path", COLUMNS, ids=lambda path: path.name)
def test_file_has_its_columns_and_no_stray_bytes(path: Path) -> None:
    raw = path.read_bytes()
    assert b"\r" not in raw
    assert not raw.startswith(b"\xef\xbb\xbf")
    assert raw.endswith(b"\n")
    with path.open(encoding="utf-8", newline="") as file:
        lines = list(csv.reader(file, strict=True))
    assert lines[0] == COLUMNS[path].split()
    for number, line in enumerate(lines[1:], start=2):
        assert len(line) == len(lines[0]), f"{path.name}:{number} has {len(line)} cells"
        assert all(cell == cell.strip() for cell in line), f"{path.name}:{number} has outer spaces"


@pytest.mark.parametrize(("path", "key"), [(AGENCIES, "id"), (CONSULATES, "id"), (STATES, "code"), (STATES, "name")])
def test_keys_are_unique(path: Path, key: str) -> None:
    repeated = [value for value, count in Counter(row[key] for row in read(path)).items() if count > 1]
    assert not repeated


@pytest.mark.parametrize("path", [AGENCIES, CONSULATES, JURISDICTIONS], ids=lambda path: path.name)
def test_every_row_says_where_it_comes_from(path: Path) -> None:
    for row in read(path):
        assert row["verified"] in {"true", "false"}, row
        assert row["source"], row
        if row["verified"] == "true":
            assert "inferred" not in row["source"], row
            assert not row["source"].startswith("general knowledge"), row


def test_states_are_the_32_federal_entities() -> None:
    assert len(states) == 32
    for row in states:
        assert re.fullmatch(r"MX-[A-Z]{3}", row["code"]), row
        assert row["name"], row
        assert row["zone"] in ZONES, row


@pytest.mark.parametrize("row", agencies, ids=row_id)
def test_agency_row(row: Row) -> None:
    assert SLUG.fullmatch(row["id"])
    assert row["kind"] in AGENCY_KINDS | {ABROAD}
    assert row["name_es"]
    assert row["name_en"]
    assert row["state"] in STATE_CODES | {""}
    territory, services = split(row["territory"]), split(row["services"])
    home = territory == ["MX"] or (territory and set(territory) <= STATE_CODES)
    assert home if row["kind"] != ABROAD else territory == [row["bound_to"]]
    assert (row["kind"] == ABROAD) == bool(row["bound_to"])
    assert not row["state"] or row["state"] in territory
    assert services
    assert set(services) <= SERVICES
    assert len(set(territory)) == len(territory)
    assert len(set(services)) == len(services)
    assert not row["parent"] or row["parent"] in {other["id"] for other in agencies} - {row["id"]}


@pytest.mark.parametrize("kind", ["PP", "DIF", "INM"])
def test_each_state_has_exactly_one_body_of_its_own(kind: str) -> None:
    own = [row for row in agencies if row["kind"] == kind and row["state"]]
    assert all(row["territory"] == row["state"] for row in own)
    assert sorted(row["state"] for row in own) == sorted(STATE_CODES)


@pytest.mark.parametrize("kind", sorted(AGENCY_KINDS - {"INM"}))
def test_each_kind_has_one_federal_or_international_body(kind: str) -> None:
    assert [row["territory"] for row in agencies if row["kind"] == kind and not row["state"]] == ["MX"]


def test_each_other_member_of_the_regional_conference_has_a_child_protection_body() -> None:
    assert sorted(row["bound_to"] for row in agencies if row["kind"] == ABROAD) == sorted(RCM_FOREIGN_MEMBERS)


@pytest.mark.parametrize("service", sorted(SERVICES - {"CHILD_PROTECTION"}))
def test_each_service_has_a_body_that_covers_the_country(service: str) -> None:
    bodies = [row for row in agencies if service in split(row["services"])]
    covered = {code for row in bodies for code in split(row["territory"])}
    assert "MX" in covered or covered == STATE_CODES


@pytest.mark.parametrize("row", consulates, ids=row_id)
def test_post_row(row: Row) -> None:
    assert SLUG.fullmatch(row["id"])
    assert row["id"].startswith(f"con-{row['country'].lower()}-")
    assert re.fullmatch(r"[A-Z]{3}", row["country"])
    assert row["country"] != "MEX"
    assert row["city"]
    assert row["state"] in STATE_CODES
    assert row["kind"] in POST_KINDS
    assert row["status"] in POST_STATUSES
    if row["kind"] == "embassy":
        assert (row["id"], row["state"]) == (f"con-{row['country'].lower()}-embassy", "MX-CMX")
    opened, ended = day(row["valid_from"]), day(row["valid_to"])
    assert opened is None or ended is None or opened < ended
    assert (ended is not None) == (row["status"] == "closed")
    if row["status"] == "unverified":
        assert row["verified"] == "false"
    if row["status"] in {"announced", "closed"}:
        assert row["verified"] == "true", "a closing or an announcement is only recorded with its source"
    if row["status"] == "open" and row["kind"] != "embassy":
        assert row["verified"] == "true" or row["country"] == "PER", "an open consulate needs a source"


@pytest.mark.parametrize("country", COUNTRIES)
def test_a_country_with_an_open_post_is_reachable_from_every_state(country: str) -> None:
    """By its open embassy or, where diplomatic relations are broken, by open posts with districts everywhere.

    A country with no open post at all (Ecuador since 2024) is out of reach: its notices go to a person.
    """
    posts = [row for row in consulates if row["country"] == country]
    embassies = [row for row in posts if row["kind"] == "embassy"]
    assert len(embassies) == 1, "every country in the table has one embassy row, whatever its status"
    if embassies[0]["status"] == "open":
        return
    assert embassies[0]["status"] == "closed"
    open_posts = {row["id"] for row in posts if row["status"] == "open"}
    current = [row for row in jurisdictions if row["consulate_id"] in open_posts and not row["valid_to"]]
    covered = {row["state"] for row in current}
    assert not open_posts or covered == STATE_CODES


def test_only_known_countries_lack_an_open_embassy() -> None:
    without = {row["country"] for row in consulates if row["kind"] == "embassy" and row["status"] != "open"}
    assert without == {"ECU", "PER"}


def test_the_members_of_the_regional_conference_have_an_open_embassy() -> None:
    have = {row["country"] for row in consulates if row["kind"] == "embassy" and row["status"] == "open"}
    assert have >= RCM_FOREIGN_MEMBERS


def test_nicaragua_closed_tapachula_and_goes_to_the_embassy() -> None:
    closed = POSTS["con-nic-tapachula"]
    assert (closed["status"], closed["valid_to"]) == ("closed", "2024-01-20")
    assert POSTS["con-nic-embassy"]["status"] == "open"


@pytest.mark.parametrize("row", jurisdictions, ids=lambda row: f"{row['consulate_id']}:{row['state']}")
def test_jurisdiction_row(row: Row) -> None:
    post = POSTS[row["consulate_id"]]
    assert row["state"] in STATE_CODES
    assert post["kind"] != "embassy", "an embassy is the fallback for the whole country and needs no district"
    assert post["status"] in {"open", "closed"}, "a post that is not known to work has no district"
    opened, ended = day(row["valid_from"]), day(row["valid_to"])
    assert opened is None or ended is None or opened < ended
    if post["valid_from"]:
        assert opened is not None
        assert opened >= date.fromisoformat(post["valid_from"])
    if post["valid_to"]:
        assert ended is not None
        assert ended <= date.fromisoformat(post["valid_to"])


def test_one_post_at_most_per_country_state_and_day() -> None:
    for one, other in combinations(jurisdictions, 2):
        same_country = POSTS[one["consulate_id"]]["country"] == POSTS[other["consulate_id"]]["country"]
        if same_country and one["state"] == other["state"]:
            assert not overlap(one, other), (one, other)


def test_every_open_consulate_covers_the_state_it_stands_in() -> None:
    covered = {(row["consulate_id"], row["state"]) for row in jurisdictions}
    for row in consulates:
        if row["status"] == "open" and row["kind"] != "embassy":
            assert (row["id"], row["state"]) in covered
