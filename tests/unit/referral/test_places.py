"""Shelters: which may take a child in, what counts as a free place, and who may know where they are."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from services.referral.agencies import store as directory
from services.referral.agencies.rules import Agency, Kind, Service
from services.referral.agencies.service import SYSTEM
from services.referral.places import rules, service
from services.referral.places.models import BodyLocation
from services.referral.places.rules import AgeBand, Certificate, Nearness, Need, PlaceSex, Room, Unit
from services.referral.places.schemas import needs_of
from shared import clock
from shared.audit import AuditEntry
from shared.errors import RefusedByLaw
from shared.shapes import State
from tests.conftest import migrated_sqlite
from tests.unit.referral.directory_world import CAS, PLACES, certificate, put, room, send, sheltered
from tests.unit.referral.world import World

AT = datetime(2026, 11, 22, 18, tzinfo=UTC)
DAY = AT.date()
SHELTER = Agency(
    CAS, Kind.CAS, "Ejemplo", "Example", "MX-CHP", frozenset({"MX-CHP"}), (Service.SHELTER,), "dif-chp", "x", False
)
GIRL = Need(PlaceSex.F, AgeBand.A12_17)
UNIT = Unit(PlaceSex.F, AgeBand.A12_17, capacity=2, occupied=1)
CERTIFIED = Certificate(date(2026, 11, 22), suspended=False, places=(replace(UNIT, occupied=0),))
ROOM = Room((UNIT,), AT)
pytestmark = pytest.mark.asyncio(loop_scope="module")


# -- R11 ---------------------------------------------------------------------------------------------------


def why(
    body: Agency = SHELTER, certificate: Certificate | None = CERTIFIED, room: Room | None = ROOM, **more: Any
) -> Any:
    given: dict[str, Any] = {"at": AT, "day": DAY, "fresh": timedelta(hours=24), "confirmed": False} | more
    return rules.why_not(body, certificate, room, [given.pop("need", GIRL)], **given)


async def test_a_certified_centre_with_a_free_place_takes_a_child_in() -> None:
    assert why() is None
    assert why(room=Room((UNIT,), AT - timedelta(hours=24))) is None  # just not too old


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"body": replace(SHELTER, kind=Kind.DIF)}, "no social-assistance centre"),
        ({"body": replace(SHELTER, valid_to=DAY)}, "no social-assistance centre"),
        ({"certificate": None}, "no certificate"),
        ({"day": date(2026, 11, 23)}, "no certificate"),
        ({"certificate": replace(CERTIFIED, suspended=True)}, "suspended"),
        ({"certificate": replace(CERTIFIED, suspended=True), "confirmed": True}, "suspended"),
        ({"room": None}, "has not said"),
        ({"room": Room((UNIT,), AT - timedelta(hours=24, seconds=1))}, "too old"),
        ({"room": Room((replace(UNIT, occupied=2),), AT)}, "no free place"),
        ({"room": Room((replace(UNIT, held=1),), AT)}, "no free place"),
        ({"certificate": replace(CERTIFIED, places=(replace(UNIT, capacity=1),))}, "no free place"),
        ({"need": Need(PlaceSex.M, AgeBand.A12_17)}, "no free place"),
        ({"need": Need(PlaceSex.F, AgeBand.A6_11)}, "no free place"),
    ],
)
async def test_a_centre_that_may_not_take_a_child_in_says_why(change: dict[str, Any], told: str) -> None:
    assert told in why(**change)


async def test_a_place_that_the_centre_confirms_needs_no_figure() -> None:
    assert why(room=None, confirmed=True) is None


# -- places ---------------------------------------------------------------------------------------------------


def free(**units: int) -> tuple[Room, Certificate]:
    """Return a room with so many free places: `F12_17=1`."""
    named = {"F": PlaceSex.F, "M": PlaceSex.M, "A": PlaceSex.ANY}
    bands = {"12": AgeBand.A12_17, "6": AgeBand.A6_11, "family": AgeBand.FAMILY}
    made = tuple(Unit(named[name[0]], bands[name[1:]], count) for name, count in units.items())
    return Room(made, AT), Certificate(DAY, suspended=False, places=made)


@pytest.mark.parametrize(
    ("units", "children", "fits"),
    [
        ({"F12": 1, "A6": 1}, ("F14", "M6"), True),
        ({"F12": 1}, ("F14", "F15"), False),
        ({"F12": 1, "A12": 1}, ("F14", "F15"), True),
        ({"F12": 1, "A12": 1}, ("F14", "M15"), True),
        ({"F12": 1, "M12": 1}, ("X14", "M15"), True),
        ({"F12": 1, "M12": 1}, ("X14", "F15"), True),
        ({"A12": 1, "F12": 1}, ("X14", "X15"), True),
        ({"M12": 1}, ("F14",), False),
        ({"Afamily": 1}, ("F14", "M6"), True),
        ({"Afamily": 1}, ("F14",), False),
    ],
)
async def test_children_sleep_together_where_each_has_a_place(
    units: dict[str, int], children: tuple[str, ...], fits: bool
) -> None:
    found = rules.together(*free(**units), needs_of(",".join(children)))
    assert (found is not None) is fits


@pytest.mark.parametrize(
    ("child", "need"),
    [("F0", AgeBand.A0_5), ("M5", AgeBand.A0_5), ("F6", AgeBand.A6_11), ("M11", AgeBand.A6_11),
     ("F12", AgeBand.A12_17), ("X17", AgeBand.A12_17)],
)  # fmt: skip
async def test_each_age_has_its_band(child: str, need: AgeBand) -> None:
    assert needs_of(child)[0].age_band is need


async def test_borders_run_both_ways_and_every_state_has_some() -> None:
    assert set(rules.NEIGHBOURS) == {state.value for state in State}
    for state, near in rules.NEIGHBOURS.items():
        assert near
        assert all(state in rules.NEIGHBOURS[other] for other in near), state


# -- over HTTP --------------------------------------------------------------------------------------------------


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def standing(run_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """A shelter in Chiapas that has said what room it has, one in Tabasco, one in Sonora whose figure is old."""
    folder = tmp_path_factory.mktemp("places")
    async with World.open(migrated_sqlite("services.referral", run_folder, folder), folder) as world:
        now = clock.now()
        for cas, state, age, taken in (
            (CAS, "MX-CHP", 1, 3), ("cas-tab-01", "MX-TAB", 2, 0), ("cas-son-01", "MX-SON", 30, 0),
        ):  # fmt: skip
            await sheltered(world, cas, state)
            figure = room((now - timedelta(hours=age)).isoformat(), taken)
            await put(world, cas, f"/agencies/{cas}/capacity", figure, state=state)
        yield world
    directory._Shelf.held = None


async def test_a_centre_says_what_room_it_has_and_everybody_sees_how_old_that_is(standing: World) -> None:
    told = await standing.get("pp-tam", f"/agencies/{CAS}/capacity", state="MX-TAM")
    assert (told["stale"], told["certified"]) == (False, True)
    assert {(each["sex"], each["age_band"]): each["free"] for each in told["places"]} == {
        ("F", "12-17"): 1, ("M", "12-17"): 1, ("ANY", "6-11"): 0, ("ANY", "FAMILY"): 0,
    }  # fmt: skip
    old = await standing.get("pp-tam", "/agencies/cas-son-01/capacity", state="MX-TAM")
    assert (old["stale"], {each["free"] for each in old["places"]}) == (True, {None})


async def test_a_figure_is_the_centres_own_and_within_its_certificate(standing: World) -> None:
    path, now = f"/agencies/{CAS}/capacity", clock.now().isoformat()
    refused = await put(standing, "cas-chp-other", path, room(now), 409)
    assert refused["rule"] == "OWN-FIGURES"
    assert (await put(standing, "dif-tam", path, room(now), 409, state="MX-TAM"))["rule"] == "OWN-FIGURES"
    more = {"as_of": now, "places": [PLACES[0] | {"capacity": 5, "occupied": 0}]}
    assert (await put(standing, CAS, path, more, 409))["rule"] == "R11-ROOM"
    earlier = room((clock.now() - timedelta(hours=5)).isoformat())
    assert (await put(standing, CAS, path, earlier, 409))["detail"] == "The centre has told a later figure."
    assert (await send(standing, CAS, "PUT", path, room(now), '"v9"')).status_code == 412
    assert (await send(standing, CAS, "PUT", "/agencies/dif-chp/capacity", room(now), '"v0"')).status_code == 404
    twice = {"as_of": now, "places": [PLACES[0] | {"occupied": 0}] * 2}
    assert (await put(standing, CAS, path, twice, 422))["errors"][0]["reason"] == "not_acceptable"
    await standing.get("inm-chp", path, 403)
    await standing.get("unicef", path, 403)


async def test_a_search_goes_from_the_state_outwards_and_counts_no_old_figure(standing: World) -> None:
    found = await standing.get("dif-chp", "/free-places?state=MX-CHP&children=F14")
    assert [(each["body_id"], each["nearness"], each["stale"], each["free"]) for each in found["items"]] == [
        (CAS, "same", False, 1), ("cas-tab-01", "neighbour", False, 4), ("cas-son-01", "other", True, None),
    ]  # fmt: skip
    assert [each["age_minutes"] for each in found["items"]] == [60, 120, 1800]
    siblings = await standing.get("dif-chp", "/free-places?state=MX-CHP&children=F14,M6&limit=1")
    assert ([each["body_id"] for each in siblings["items"]], siblings["more"]) == (["cas-tab-01"], True)
    many = await standing.get("dif-chp", "/free-places?state=MX-TAB&children=M8,M9,M10")
    assert [(each["body_id"], each["family_place"]) for each in many["items"]] == [
        ("cas-tab-01", True), ("cas-son-01", False),
    ]  # fmt: skip
    assert (await standing.get("dif-chp", "/free-places?state=MX-CHP&children=F3"))["items"] == []
    await standing.get("inm-chp", "/free-places?state=MX-CHP&children=F14", 403, role="opi")
    await standing.get("dif-chp", "/free-places?state=MX-CHP&children=F18", 422)
    await standing.get("dif-chp", "/free-places?state=MX-CHP", 422)
    assert list(Nearness) == ["same", "neighbour", "other"]


async def test_the_procuraduria_of_the_state_certifies_and_suspends(standing: World) -> None:
    path = "/agencies/cas-son-01/certification"
    assert (await put(standing, "pp-tam", path, certificate(), 409, state="MX-TAM"))["rule"] == "R11-CERTIFIES"
    assert (await send(standing, "dif-son", "PUT", path, certificate(), '"v1"', state="MX-SON")).status_code == 403
    done = await put(standing, "pp-fed", path, certificate(suspended="CHILD_AT_RISK"))
    assert (done["authority"], done["counts"], done["suspended"]) == ("pp-fed", False, "CHILD_AT_RISK")
    assert done["suspended_at"] is not None
    assert (await standing.get("dif-chp", "/free-places?state=MX-SON&children=F14"))["items"][0][
        "body_id"
    ] != "cas-son-01"
    done = await put(standing, "pp-son", path, certificate(), state="MX-SON")
    assert (done["counts"], done["suspended_at"]) == (True, None)
    none = await standing.get("unicef", "/agencies/pp-chp/certification", 404)
    assert none["code"] == "not_found"


# -- R31 ----------------------------------------------------------------------------------------------------------

ADDRESS = {"street": "Avenida Secreta 7", "municipality": "Tapachula", "postal_code": "30700"}


async def test_where_a_shelter_is_reaches_those_who_place_children_and_no_enforcement(standing: World) -> None:
    path = f"/agencies/{CAS}/location"
    await put(standing, CAS, path, ADDRESS)
    readers: tuple[tuple[str, dict[str, Any]], ...] = (
        (CAS, {}), ("dif-chp", {}), ("dif-nacional", {}), ("pp-chp", {}), ("pp-fed", {}), ("inm-chp", {"role": "opi"}),
    )  # fmt: skip
    for agency, claims in readers:
        seen = await standing.get(agency, path, **claims)
        assert (seen["address"], seen["withheld"]) == (ADDRESS, None), agency
    hidden = {"agency_id": CAS, "address": None, "public": False, "withheld": "R31", "version": 0}
    others: tuple[tuple[str, dict[str, Any]], ...] = (
        ("inm-chp", {}), ("inm-chp", {"role": "OPI"}), ("inm-tam", {"role": "opi", "state": "MX-TAM"}),
        ("pp-tam", {"state": "MX-TAM"}), ("unicef", {}), ("cas-tab-01", {"state": "MX-TAB"}),
        ("ruta-operations", {"agency_kind": "OPERATOR", "state": None}), ("pp-chp", {"agency_kind": "NGO"}),
        ("child-protection-hnd", {"agency_kind": "CHILD_PROTECTION_ABROAD", "state": None}),
    )  # fmt: skip
    for agency, claims in others:
        assert await standing.get(agency, path, **claims) == hidden, agency
    nowhere = await standing.get("inm-chp", "/agencies/cas-tab-01/location")  # nobody has said where that one is
    assert nowhere == hidden | {"agency_id": "cas-tab-01"}
    (row,) = await standing.rows(BodyLocation)
    assert b"Secreta" not in row.address
    told = [each for each in await standing.rows(AuditEntry) if each.resource_id == CAS]
    assert {each.action for each in told} >= {"read", "withheld", "locate"}
    assert not any("Secreta" in str(each.details) for each in told)


@pytest.mark.parametrize("kind", [Kind.CAS, Kind.CSO])
async def test_civil_society_is_as_hidden_as_the_centres_are(kind: Kind) -> None:
    here: dict[str, Any] = {"territory": SHELTER.territory, "own": False}
    house = replace(SHELTER, kind=kind)
    assert not rules.knows_location(house, kind="INM", role="officer", **here)
    assert rules.knows_location(house, kind="INM", role="opi", **here)
    assert rules.knows_location(replace(SHELTER, kind=Kind.DIF), kind="INM", role="officer", **here)


async def test_a_shelters_address_is_its_own_to_say_and_never_public(standing: World) -> None:
    path = "/agencies/cas-tab-01/location"
    assert (await put(standing, "pp-tab", path, ADDRESS, 409, state="MX-TAB"))["rule"] == "OWN-FIGURES"
    public = await put(standing, "dif-tab", path, ADDRESS | {"public": True}, 422, state="MX-TAB")
    assert public["errors"] == [{"pointer": "/public", "reason": "never_of_a_shelter"}]
    office = await put(standing, "pp-chp", "/agencies/pp-chp/location", ADDRESS | {"public": True})
    assert office["public"]
    assert (await standing.get("inm-chp", "/agencies/pp-chp/location"))["address"] == ADDRESS


# -- admission, for the slices above --------------------------------------------------------------------------------


async def test_an_admission_is_refused_by_rule_and_takes_the_place(standing: World) -> None:
    async def admit(cas: str, sex: PlaceSex = PlaceSex.F, **more: Any) -> PlaceSex | None:
        async with standing.runtime.database.work() as session:
            await service.may_admit(session, SYSTEM, cas, sex, AgeBand.A12_17, clock.now(), **more)
            return await service.take(session, SYSTEM, cas, sex, AgeBand.A12_17, clock.now(), **more)

    with pytest.raises(RefusedByLaw) as refused:
        await admit("cas-son-01")
    assert (refused.value.law.rule if refused.value.law else "") == "R11"
    assert refused.value.allowed_actions == ["free-places"]
    assert await admit("cas-son-01", confirmed=True) is PlaceSex.F
    assert await admit(CAS) is PlaceSex.F
    with pytest.raises(RefusedByLaw):
        await admit(CAS)
    async with standing.runtime.database.work() as session:
        await service.leave(session, SYSTEM, CAS, PlaceSex.F, AgeBand.A12_17)
    assert await admit(CAS, PlaceSex.ANY) in (PlaceSex.F, PlaceSex.M)
