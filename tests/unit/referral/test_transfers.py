"""Transfers: agreed first, done on confirmed arrival; who sees what; a child that does not arrive."""

from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from sqlmodel import col

from services.referral.cases.models import Case
from services.referral.transfers import rules
from services.referral.transfers.models import Transfer
from services.referral.transfers.rules import Side, TransferAction, TransferState
from services.referral.transfers.upkeep import ask
from shared import clock
from shared.audit import AuditEntry
from shared.clocks.models import Clock
from shared.clocks.rules import ClockState
from shared.errors import IllegalMove, RefusedByLaw
from tests.unit.referral.directory_world import CAS, certificate, put, room, sheltered
from tests.unit.referral.measures_world import HOUSED, decision, ordered, shelter
from tests.unit.referral.world import World, together


def transfer_in(case_id: str, **more: Any) -> dict[str, Any]:
    return {
        "case_id": case_id, "kind": "CUSTODY", "recipient": "dif-tab", "reason": "FAMILY_UNITY",
        "lawful_basis": "BEST_INTERESTS", "fields": ["status", "risk"], "officer": "dif-0031",
    } | more  # fmt: skip


def departure(**more: Any) -> dict[str, Any]:
    now = clock.now()
    moments = {"departed_at": now.isoformat(), "expected_at": (now + timedelta(hours=6)).isoformat()}
    return {"officer": "dif-0031"} | moments | more


def arrival(**more: Any) -> dict[str, Any]:
    return {
        "arrived_at": clock.now().isoformat(), "place": "Albergue de Villahermosa", "handed_over_by": "dif-0031",
        "received_by": "dif-0107", "condition": "TIRED",
    } | more  # fmt: skip


async def proposed(world: World, sender: str = "dif-chp", **more: Any) -> Any:
    case = await world.channelled()
    return (await world.post(sender, "/transfers", transfer_in(case["id"], **more), 201)).json()


async def departed(world: World, sender: str = "dif-chp", **more: Any) -> Any:
    made = await proposed(world, sender, **more)
    await step(world, made, made["recipient"], "accept")
    return await step(world, made, sender, "depart", departure())


async def step(world: World, transfer: Any, agency: str, name: str, body: Any = None, status: int = 200) -> Any:
    given = {"officer": "o-1"} if body is None else body
    return (await world.post(agency, f"/transfers/{transfer['id']}/{name}", given, status)).json()


# -- the machine -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", TransferState)
def test_every_cell_moves_or_refuses(state: TransferState) -> None:
    for action, side in product(TransferAction, Side):
        legal = {
            each.value for each in TransferAction if (state, each) in rules.TRANSITIONS and side in rules.WHO[each]
        }
        assert set(rules.allowed(state, {side})) == legal
        if action.value in legal:
            assert rules.move(state, action, {side}) is rules.TRANSITIONS[state, action]
            continue
        with pytest.raises((IllegalMove, RefusedByLaw)) as refused:
            rules.move(state, action, {side})
        assert set(refused.value.allowed_actions or ()) == legal


def test_while_a_transfer_lives_somebody_acts_next_and_can() -> None:
    for state, side in rules.NEXT.items():
        assert (side is not None) == (state in rules.LIVE)
        assert side is None or rules.allowed(state, {side})


def test_no_way_leads_to_arrival_but_by_the_recipient() -> None:
    ways = {action for (_, action), to in rules.TRANSITIONS.items() if to is TransferState.ARRIVED}
    assert [rules.WHO[each] for each in ways] == [{Side.RECIPIENT}]


# -- custody ---------------------------------------------------------------------------------------------


async def test_custody_passes_when_the_recipient_confirms_the_arrival_and_not_before(world: World) -> None:
    await world.register("dif-tab")
    made = await proposed(world, note="Su hermano está ahí")
    assert (made["state"], made["next"], made["allowed_actions"]) == ("proposed", "recipient", ["withdraw"])

    async def case() -> tuple[str, str]:
        found = await world.get("pp-fed", f"/cases/{made['case_id']}")
        return found["status"], found["dif"]

    await step(world, made, "dif-tab", "accept")
    assert await case() == ("CHANNELLED", "dif-chp")
    gone = await step(world, made, "dif-chp", "depart", departure())
    assert gone["arrive_by"] > gone["expected_at"]
    assert await case() == ("TRANSFERRED", "dif-chp")
    await world.get("dif-tab", f"/cases/{made['case_id']}", 404)
    done = await step(world, made, "dif-tab", "arrive", arrival())
    assert (done["state"], done["condition"], done["place"]) == ("arrived", "TIRED", "Albergue de Villahermosa")
    assert await case() == ("CHANNELLED", "dif-tab")
    await world.get("dif-tab", f"/cases/{made['case_id']}")
    states = {each.rule: each.state for each in await world.rows(Clock, col(Clock.resource_id) == made["id"])}
    met = ("TRANSFER_ANSWER", "TRANSFER_DEPART", "TRANSFER_ARRIVE")
    assert states == dict.fromkeys(met, ClockState.MET)
    assert [each.type for each in await world.sent("dif-tab")] == ["transfer.proposed"] + ["transfer.moved"] * 3
    (row,) = await world.rows(Transfer, col(Transfer.id) == made["id"])
    assert b"Villahermosa" not in row.sealed_place


async def test_the_sender_neither_accepts_nor_confirms_the_arrival(world: World) -> None:
    made = await proposed(world)
    refused = await step(world, made, "dif-chp", "accept", status=409)
    assert (refused["rule"], refused["allowed_actions"]) == ("R30", ["withdraw"])
    await step(world, made, "dif-tab", "accept")
    await step(world, made, "dif-chp", "depart", departure())
    refused = await step(world, made, "dif-chp", "arrive", arrival(), status=409)
    assert refused["rule"] == "R30"


async def test_only_who_has_the_child_hands_it_over_and_only_to_who_can_care_for_it(world: World) -> None:
    case = await world.channelled()
    for sender in ("pp-chp", "inm-chp"):
        refused = await world.post(sender, "/transfers", transfer_in(case["id"]), 409)
        assert refused.json()["rule"] == "OWNER-TRANSFERS"
    await world.post("dif-tab", "/transfers", transfer_in(case["id"]), 404)
    for unfit in ("dif-chp", "unicef", "pp-tab", "con-hnd-tapachula"):
        await world.post("dif-chp", "/transfers", transfer_in(case["id"], recipient=unfit), 422)
    early = await world.file(await world.encounter())
    handover = next(each for each in early["referrals"] if each["kind"] == "DIF_HANDOVER")
    await world.post("dif-chp", f"/referrals/{handover['id']}/accept", status=200)
    await world.post("dif-chp", "/transfers", transfer_in(early["id"]), 409)  # no acta yet


async def test_there_is_one_transfer_of_a_kind_at_a_time(world: World) -> None:
    case = await world.channelled()
    answers = await together(*(
        world.post("dif-chp", "/transfers", transfer_in(case["id"]), client_id=f"dif-{n}") for n in "ab"
    ))  # fmt: skip
    assert sorted(each.status_code for each in answers) == [201, 409]


async def test_a_place_that_is_gone_and_a_child_that_is_back_end_it(world: World) -> None:
    made = await proposed(world)
    await step(world, made, "dif-tab", "accept")
    done = await step(world, made, "dif-tab", "decline", {"officer": "o-1", "reason": "NO_CAPACITY"})
    assert (done["state"], done["end_reason"], done["next"]) == ("declined", "NO_CAPACITY", None)
    gone = await departed(world)
    back = await step(world, gone, "dif-chp", "withdraw", {"officer": "o-1", "reason": "CHILD_IS_BACK"})
    assert back["state"] == "withdrawn"
    case = await world.get("pp-fed", f"/cases/{gone['case_id']}")
    assert (case["status"], case["dif"]) == ("CHANNELLED", "dif-chp")


async def test_times_that_cannot_be_are_refused(world: World) -> None:
    made = await proposed(world)
    await step(world, made, "dif-tab", "accept")
    early = (clock.now() - timedelta(hours=1)).isoformat()
    await step(world, made, "dif-chp", "depart", departure(expected_at=early), 422)
    await step(world, made, "dif-chp", "depart", departure())
    await step(world, made, "dif-tab", "arrive", arrival(arrived_at=early), 422)


# -- who sees what ---------------------------------------------------------------------------------------


async def test_the_recipient_sees_what_was_listed_from_its_acceptance_on(world: World) -> None:
    made = await proposed(world)
    path = f"/transfers/{made['id']}"
    seen = await world.get("dif-tab", path)
    assert (seen["view"], seen["case"]) == ("listed", None)
    await step(world, made, "dif-tab", "accept")
    seen = await world.get("dif-tab", path)
    assert {name for name, value in seen["case"].items() if value is not None} == {"status"}  # the risk is not assessed
    assert (await world.get("dif-chp", path))["view"] == "full"
    assert (await world.get("pp-chp", path))["allowed_actions"] == []
    for stranger in ("dif-ver", "inm-chp", "pp-tab", "unicef"):
        await world.get(stranger, path, 404, state=None if stranger == "unicef" else f"MX-{stranger[-3:].upper()}")


async def test_the_sender_keeps_a_reduced_view(world: World) -> None:
    made = await departed(world, note="Su hermano está ahí")
    await step(world, made, "dif-tab", "arrive", arrival(note="Llegó con sueño"))
    seen = await world.get("dif-chp", f"/transfers/{made['id']}")
    assert seen["view"] == "reduced"
    assert {name: value for name, value in seen["case"].items() if value is not None} == {
        "status": "CHANNELLED", "stage": 1,
    }  # fmt: skip
    hidden = ("child_id", "reason", "fields", "note", "answer_note", "place", "received_by", "condition")
    assert {seen[name] for name in hidden} == {None}
    assert seen["allowed_actions"] == []
    await world.get("dif-chp", f"/cases/{made['case_id']}", 404)
    (handover,) = (await world.get("dif-chp", "/referrals"))["items"]
    assert (handover["state"], handover["outcome"], handover["recipient"]) == ("completed", "HANDED_ON", "dif-chp")
    listed = (await world.get("dif-chp", "/transfers"))["items"][0]
    assert (listed["view"], listed["condition"]) == ("reduced", None)
    whole = await world.get("dif-tab", f"/transfers/{made['id']}")
    assert (whole["note"], whole["answer_note"]) == ("Su hermano está ahí", "Llegó con sueño")
    read = await world.rows(AuditEntry, col(AuditEntry.resource_id) == made["id"], AuditEntry.action == "read")
    assert [each.details["fields"] for each in read if each.agency == "dif-tab"][-1] == ["answer_note", "note", "place"]


# -- territory -------------------------------------------------------------------------------------------


async def test_the_case_its_procuraduria_and_inms_territory_move_on_arrival(world: World) -> None:
    officer = {"kind": "TERRITORY", "recipient": "pp-tab", "officer": "pp-0001"}
    made = await proposed(world, "pp-chp", **officer)
    asked = await world.service(made["case_id"], "unicef")
    await step(world, made, "pp-tab", "accept")
    for state, reader in (("MX-TAB", "pp-tab"), ("MX-TAB", "inm-tab")):
        await world.get(reader, f"/cases/{made['case_id']}", 404, state=state)
    await step(world, made, "pp-chp", "depart", departure())
    await step(world, made, "pp-tab", "arrive", arrival())
    for reader, status in (("pp-tab", 200), ("inm-tab", 200), ("pp-chp", 404), ("inm-chp", 404), ("dif-chp", 200)):
        state = "MX-TAB" if reader.endswith("tab") else "MX-CHP"
        await world.get(reader, f"/cases/{made['case_id']}", status, state=state)
    (case,) = await world.rows(Case, col(Case.id) == made["case_id"])
    assert (case.state, case.representative, case.status) == ("MX-TAB", "pp-tab", "CHANNELLED")
    moved = await world.get("pp-tab", f"/referrals/{asked['id']}", state="MX-TAB")
    assert (moved["sender"], moved["allowed_actions"]) == ("pp-tab", ["withdraw", "enter_in_error"])
    reduced = await world.get("pp-chp", f"/transfers/{made['id']}")
    assert (reduced["view"], reduced["case"]["stage"]) == ("reduced", 1)
    for unfit in ("pp-fed", "pp-tab", "dif-ver"):
        body = transfer_in(made["case_id"], **officer | {"recipient": unfit})
        await world.post("pp-tab", "/transfers", body, 422, state="MX-TAB")


async def test_child_and_case_may_move_together(world: World) -> None:
    child = await departed(world)
    officer = {"kind": "TERRITORY", "recipient": "pp-tab", "officer": "pp-0001"}
    case = await world.post("pp-chp", "/transfers", transfer_in(child["case_id"], **officer))
    assert case.status_code == 409  # a case on its way passes to nobody


# -- a child that does not arrive ------------------------------------------------------------------------


async def test_a_child_that_does_not_arrive_in_time_is_asked_about_once(world: World) -> None:
    made = await departed(world)
    with clock.at(clock.now() + timedelta(hours=8)):
        assert await ask(world.runtime) == 0
    with clock.at(clock.now() + timedelta(hours=9, minutes=1)):
        assert sum(await together(ask(world.runtime), ask(world.runtime))) == 1
        assert await ask(world.runtime) == 0
        seen = await world.get("dif-chp", f"/transfers/{made['id']}")
        assert (seen["state"], seen["next"], seen["closed_at"]) == ("not_arrived", "sender", None)
        file = await world.get("pp-chp", f"/cases/{made['case_id']}")
        asked = [each for each in file["referrals"] if each["reason"] == "NOT_ARRIVED"]
        assert [(each["kind"], each["recipient"]) for each in asked] == [("PP_VERIFY", "pp-chp")]
        late = await step(world, made, "dif-tab", "arrive", arrival())
        assert late["state"] == "arrived"
    (due,) = await world.rows(Clock, col(Clock.resource_id) == made["id"], col(Clock.rule) == "TRANSFER_ARRIVE")
    assert (due.state, due.breached_at is not None) == (ClockState.MET, True)


# -- into a centre (R11) ---------------------------------------------------------------------------------


def into_centre(case_id: str, **more: Any) -> dict[str, Any]:
    return transfer_in(case_id, recipient=CAS, reason="NO_CAPACITY", sex="F", age_band="12-17") | more


async def test_no_child_passes_to_a_centre_without_a_live_measure_a_certificate_and_a_place(world: World) -> None:
    case = await world.channelled()
    await sheltered(world)
    refused = (await world.post("dif-chp", "/transfers", into_centre(case["id"]), 409)).json()
    assert (refused["rule"], "122" in refused["source"], refused["allowed_actions"]) == (
        "R11", True, ["request", "order"],
    )  # fmt: skip
    await ordered(world, case["id"])
    unasked = into_centre(case["id"], sex=None, age_band=None)
    pointers = (await world.post("dif-chp", "/transfers", unasked, 422)).json()["errors"]
    assert [each["pointer"] for each in pointers] == ["/sex", "/age_band"]
    for taken in (None, 4):  # what room it has is not known; there is none
        if taken is not None:
            await put(world, "dif-chp", f"/agencies/{CAS}/capacity", room(clock.now().isoformat(), taken))
        full = (await world.post("dif-chp", "/transfers", into_centre(case["id"]), 409)).json()
        assert (full["rule"], full["allowed_actions"]) == ("R11", ["free-places"])
    assert await world.rows(Transfer) == []


async def test_a_centre_takes_a_child_over_on_a_measure_that_is_live_until_it_is_there(world: World) -> None:
    case = await world.channelled()
    await shelter(world)
    made = await ordered(world, case["id"])
    proposal = (await world.post("dif-chp", "/transfers", into_centre(case["id"]), 201)).json()
    assert (proposal["sex"], proposal["age_band"]) == ("F", "12-17")
    path = f"/transfers/{proposal['id']}"
    await put(world, "pp-chp", f"/agencies/{CAS}/certification", certificate(valid_until="2020-12-31"))
    uncertified = (await world.post(CAS, f"{path}/accept", {"officer": "cas-1"}, 409, **HOUSED)).json()
    assert (uncertified["rule"], "certificate" in uncertified["detail"]) == ("R11", True)
    await put(world, "pp-chp", f"/agencies/{CAS}/certification", certificate())
    await world.post(CAS, f"{path}/accept", {"officer": "cas-1"}, 200, **HOUSED)
    await world.post("dif-chp", f"{path}/depart", departure(), 200)
    ended = decision(reason="ANOTHER_MEASURE")
    await world.post("pp-chp", f"/measures/{made['id']}/end", ended, 200)
    refused = (await world.post(CAS, f"{path}/arrive", arrival(), 409, **HOUSED)).json()
    assert refused["rule"] == "R11"
    assert (await world.get("pp-chp", f"/cases/{case['id']}"))["dif"] == "dif-chp"
    special = await ordered(world, case["id"], kind="SPECIAL")
    done = (await world.post(CAS, f"{path}/arrive", arrival(), 200, **HOUSED)).json()
    assert done["state"] == "arrived"
    assert (await world.get("pp-chp", f"/cases/{case['id']}"))["dif"] == CAS
    kept = (
        await world.post("pp-chp", f"/measures/{special['id']}/end", decision(reason="ANOTHER_MEASURE"), 409)
    ).json()
    assert kept["rule"] == "R11"  # the child is there on nothing else
