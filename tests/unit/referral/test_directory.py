"""The directory of an installation: who enters a body, and how every process comes to know it."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import pytest

from services.referral.agencies import rules, service, store, table
from services.referral.agencies.models import BodyVersion
from services.referral.agencies.rules import Agency, Kind, Service, faults, may_manage
from services.referral.agencies.service import SYSTEM
from shared.db import Database
from shared.shapes import State
from tests.unit.referral.directory_world import CAS, body, send, upload, who
from tests.unit.referral.world import World, together

SHIPPED = store.shipped()
SHELTER = Agency(
    CAS, Kind.CAS, "Ejemplo", "Example", "MX-CHP", frozenset({"MX-CHP"}), (Service.SHELTER,), "dif-chp", "x", False
)


@pytest.fixture(autouse=True)
def _put_back() -> Iterator[None]:
    """Leave the file as the directory of this process, for the tests after."""
    yield
    store._Shelf.held = None


# -- what a body is ----------------------------------------------------------------------------------------


def test_every_kind_and_service_is_called_something_in_both_languages() -> None:
    assert set(rules.KINDS) == set(Kind)
    assert set(rules.SERVICES) == set(Service)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"id": "hsds"}, ("id", "reserved")),
        ({"id": "con-hnd-tapachula"}, ("id", "reserved")),
        ({"name_es": "=1+1"}, ("name_es", "like_a_formula")),
        ({"services": ()}, ("services", "missing")),
        ({"services": (Service.SHELTER, Service.SHELTER)}, ("services", "repeated")),
        ({"parent": CAS}, ("parent", "itself")),
        ({"valid_from": date(2026, 2, 1), "valid_to": date(2026, 2, 1)}, ("valid_to", "not_after_valid_from")),
        ({"bound_to": "HND"}, ("bound_to", "of_no_foreign_state")),
        ({"territory": frozenset({"HND"})}, ("territory", "unknown")),
        ({"territory": frozenset({"MX-TAM"})}, ("state", "outside_territory")),
        ({"state": None}, ("state", "needs_one_state")),
        ({"territory": frozenset({"MX-CHP", "MX-TAB"})}, ("state", "needs_one_state")),
        ({"kind": Kind.CHILD_PROTECTION_ABROAD}, ("bound_to", "missing")),
        ({"kind": Kind.CHILD_PROTECTION_ABROAD, "bound_to": "MEX"}, ("bound_to", "missing")),
        ({"kind": Kind.CHILD_PROTECTION_ABROAD, "bound_to": "HND"}, ("territory", "not_that_of_bound_to")),
        ({"kind": Kind.CHILD_PROTECTION_ABROAD, "bound_to": "HND"}, ("state", "not_in_mexico")),
    ],
)
def test_a_body_that_does_not_fit_is_told_why(change: dict[str, object], fault: tuple[str, str]) -> None:
    assert list(faults(SHELTER)) == []
    assert fault in list(faults(replace(SHELTER, **change)))  # type: ignore[arg-type]  # fields of the table above


def test_every_shipped_body_fits() -> None:
    assert [found for each in SHIPPED.values() for found in service.wrong(each, SHIPPED)] == []


_CSO = replace(SHELTER, kind=Kind.CSO)


@pytest.mark.parametrize(
    ("kind", "caller", "body", "may"),
    [
        ("OPERATOR", None, SHIPPED["pp-chp"], True),
        ("DIF", SHIPPED["dif-chp"], SHELTER, True),
        ("DIF", SHIPPED["dif-chp"], replace(SHELTER, kind=Kind.MUNICIPAL_DIF), True),
        ("DIF", SHIPPED["dif-chp"], _CSO, False),
        ("DIF", SHIPPED["dif-chp"], replace(SHELTER, parent=None), False),
        ("DIF", SHIPPED["dif-tam"], SHELTER, False),
        ("DIF", SHIPPED["dif-tam"], replace(SHELTER, parent="dif-tam"), False),
        ("DIF", SHIPPED["dif-nacional"], SHELTER, True),
        ("DIF", SHIPPED["dif-nacional"], _CSO, True),
        ("DIF", SHIPPED["dif-nacional"], SHIPPED["pp-chp"], False),
        ("DIF", None, SHELTER, False),
        ("PP", SHIPPED["dif-chp"], SHELTER, False),
        ("DIF", SHIPPED["pp-chp"], SHELTER, False),
    ],
)
def test_who_registers_a_body(kind: str, caller: Agency | None, body: Agency, may: bool) -> None:
    assert may_manage(kind, caller, body) is may


def test_a_body_abroad_is_bound_to_its_state_and_acts_nowhere_in_mexico() -> None:
    assert service.bound_to("child-protection-hnd") == "HND"
    assert service.bound_to("pp-chp") is None
    assert not SHIPPED["child-protection-hnd"].covers("MX-CHP")
    assert rules.competent(Kind.CHILD_PROTECTION_ABROAD, "MX-CHP", SHIPPED.values()) is None


@pytest.mark.parametrize("state", State)
def test_every_state_has_a_body_for_every_service_of_the_route(state: str) -> None:
    for each in set(Service) - {Service.CHILD_PROTECTION}:
        assert service.offering(each, state), each
    first = service.offering(Service.SHELTER, state)
    assert (first[0].kind, first[0].state) == (Kind.DIF, state)


# -- rows of an installation ---------------------------------------------------------------------------------


async def test_a_dif_registers_its_shelter_and_changes_it(world: World) -> None:
    made = await world.post("dif-chp", "/agencies", body(), 201)
    assert (made.headers["etag"], made.json()["allowed_actions"]) == ('"v1"', ["update"])
    assert service.known(CAS).name_es == "CAS Ejemplo (ficticio)"
    seen = await world.get("unicef", f"/agencies/{CAS}")
    assert (seen["kind"], seen["bound_to"], seen["allowed_actions"]) == ("CAS", None, [])
    listed = await world.get("unicef", "/agencies?kind=CAS&state=MX-CHP")
    assert [each["id"] for each in listed["items"]] == [CAS]
    stale = await send(world, "dif-chp", "PATCH", f"/agencies/{CAS}", {"verified": True}, '"v7"')
    assert stale.status_code == 412
    changed = await send(world, "dif-chp", "PATCH", f"/agencies/{CAS}", {"valid_to": "2026-01-01"}, '"v1"')
    assert (changed.status_code, changed.json()["version"]) == (200, 2)
    assert (await world.get("unicef", "/agencies?kind=CAS"))["items"] == []  # no longer in force
    assert (await world.get("unicef", f"/agencies/{CAS}"))["valid_to"] == "2026-01-01"  # and still explicable
    told = (await world.get("unicef", f"/agencies/{CAS}/history"))["items"]
    assert [(each["version"], each["changed_by"], each["content"]["valid_to"]) for each in told] == [
        (1, "dif-chp", None), (2, "dif-chp", "2026-01-01"),
    ]  # fmt: skip


async def test_a_row_counts_instead_of_the_file(world: World) -> None:
    path, claims = "/agencies/pp-dur", {"state": None}
    changed = await send(world, "ruta-operations", "PATCH", path, {"name_en": "Another"}, '"v1"', **claims)
    assert (changed.status_code, changed.json()["version"]) == (200, 2)
    assert service.competent(Kind.PP, "MX-DUR").name_en == "Another"
    assert store.shipped()["pp-dur"].name_en != "Another"
    await send(world, "ruta-operations", "PATCH", path, {"valid_to": "2020-01-01"}, '"v2"', **claims)
    assert service.competent(Kind.PP, "MX-DUR").id == "pp-fed"  # the federal one steps in


async def test_whoever_may_not_register_a_body_is_told_the_rule(world: World) -> None:
    refused = await send(world, "dif-tam", "POST", "/agencies", body(), state="MX-TAM")
    assert refused.status_code == 400  # no key: nothing is looked at
    answer = await world.post("dif-tam", "/agencies", body(), state="MX-TAM")
    assert (answer.json()["rule"], answer.json()["allowed_actions"]) == ("DIRECTORY", [])
    assert (await world.post("pp-chp", "/agencies", body())).status_code == 403
    taken = await world.post("ruta-operations", "/agencies", body("pp-chp"), agency_kind="OPERATOR")
    assert taken.status_code == 409
    wrong = await world.post("dif-chp", "/agencies", body(services=["SHELTER"], state=None), 422)
    assert wrong.json()["errors"] == [{"pointer": "/state", "reason": "needs_one_state"}]
    unknown = await world.post("ruta-operations", "/agencies", body(parent="dif-abc"), agency_kind="OPERATOR")
    assert unknown.json()["errors"] == [{"pointer": "/parent", "reason": "unknown"}]
    assert await world.rows(BodyVersion) == []
    assert CAS not in store.directory()


async def test_another_process_sees_a_body_by_looking_or_by_missing_it(world: World) -> None:
    await world.post("dif-chp", "/agencies", body(), 201)
    other = Database(world.runtime.database.url)  # its own memory is that of a process that has just started
    async with other.work(write=False) as session:
        store._Shelf.held = store._Held(other, 0, store.shipped())
        assert CAS not in store.readable(SYSTEM)
        assert (await service.look_up(session, SYSTEM, CAS)).id == CAS
        assert CAS in store.readable(SYSTEM)
    store._Shelf.held = store._Held(world.runtime.database, 0, store.shipped())
    await service.look(world.runtime)
    assert CAS in store.directory()
    await other.close()


async def test_what_was_not_committed_is_nowhere(world: World) -> None:
    caller = replace(SYSTEM, agency="dif-chp", agency_kind="DIF", state="MX-CHP")

    async def broken() -> None:
        async with world.runtime.database.work() as session:
            version, _ = await store.claim(session)
            await service.put(session, caller, SHELTER, "register")
            await store.adopt(session, version)
            async with session.begin_nested():
                """The end of a savepoint is no commit."""
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await broken()
    assert CAS not in store.directory()
    await world.get("unicef", f"/agencies/{CAS}", 404)


async def test_of_two_who_register_one_body_one_is_refused(world: World) -> None:
    answers = await together(*(world.post("dif-chp", "/agencies", body()) for _ in range(4)))
    assert sorted(each.status_code for each in answers) == [201, 409, 409, 409]


# -- tables ------------------------------------------------------------------------------------------------------


async def test_what_was_exported_changes_nothing_when_it_comes_back(world: World) -> None:
    await world.post("dif-chp", "/agencies", body(valid_from="2026-01-01", verified=True), 201)
    async with world.agency("ruta-operations", state=None, **who("ruta-operations")) as caller:
        text = (await caller.get("/v1/referral/agencies/export")).text
    assert text.count("\r\n") == len(SHIPPED) + 2
    done = await upload(world, text)
    assert done.json() == {"added": 0, "changed": 0, "unchanged": len(SHIPPED) + 1, "faults": []}
    changed = text.replace("CAS Ejemplo (ficticio)", '"CAS ""Otro"", ficticio"')
    assert (await upload(world, changed, check=True)).json()["changed"] == 1
    assert store.directory()[CAS].name_es == "CAS Ejemplo (ficticio)"  # a check changes nothing
    assert (await upload(world, changed)).json()["changed"] == 1
    kept = store.directory()[CAS]
    assert (kept.name_es, kept.verified, kept.version) == ('CAS "Otro", ficticio', True, 2)


_HEADER = ",".join(table.COLUMNS)
_GOOD = f"{CAS},CAS,Ejemplo,Example,MX-CHP,MX-CHP,SHELTER,dif-chp,,x,false,,"


@pytest.mark.parametrize(
    ("line", "field", "reason"),
    [
        (_GOOD, "id", "repeated"),
        ("a,b", "", "another_number_of_cells"),
        ('"open', "", "not_csv"),
        (_GOOD.replace("CAS,Ej", "SHIP,Ej"), "kind", "enum"),
        (_GOOD.replace(CAS, "Á"), "id", "string_pattern_mismatch"),
        (_GOOD.replace("false", "perhaps").replace(CAS, "cas-2"), "verified", "bool_type"),
        (_GOOD.replace("MX-CHP,SHELTER", "MX-TAM,SHELTER").replace(CAS, "cas-2"), "state", "outside_territory"),
        (_GOOD.replace("dif-chp", "dif-abc").replace(CAS, "cas-2"), "parent", "unknown"),
        (_GOOD.replace(f"{CAS},CAS", "pp-chp,CAS"), "kind", "never_changes"),
    ],
)
def test_a_bad_line_is_named(line: str, field: str, reason: str) -> None:
    operator = replace(SYSTEM, agency="ruta-operations", agency_kind="OPERATOR")
    rows = [(n, each.encode()) for n, each in enumerate([_HEADER, _GOOD, line], 1)]
    found = table.planned(rows, SHIPPED, operator).faults
    assert [(each.line, each.field, each.reason) for each in found if each.line == 3][:1] == [(3, field, reason)]


async def test_a_table_with_a_fault_is_not_imported_at_all(world: World) -> None:
    text = "\n".join([_HEADER, _GOOD, _GOOD.replace(CAS, "cas-2").replace("SHELTER", "SHIP")])
    checked = (await upload(world, text, check=True)).json()
    assert (checked["added"], checked["faults"]) == (1, [{"line": 3, "field": "services", "reason": "enum"}])
    refused = await upload(world, text)
    assert refused.status_code == 422
    assert refused.json()["errors"] == [{"pointer": "/lines/3/services", "reason": "enum"}]
    assert CAS not in store.directory()
    assert (await upload(world, _HEADER.replace("kind,", ""))).json()["errors"][0]["reason"] == "missing_column"
    assert (await upload(world, "")).status_code == 422
    assert (await upload(world, text, agency="dif-chp")).status_code == 403
    assert (await upload(world, "\n".join([_HEADER, _GOOD]))).json()["added"] == 1
