"""What finds no place moves on by rule and never ends: the table, drawn at random, and over HTTP."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.referral.agencies.rules import Agency, Kind, Service
from services.referral.agencies.store import directory
from services.referral.referrals import ladder
from services.referral.referrals.codes import LawfulBasis
from services.referral.referrals.ladder import NEXT_RUNG, NextStep, Rung
from services.referral.referrals.rules import ReferralKind
from tests.unit.referral.world import World


@pytest.fixture
def database_kind() -> str:
    """On one engine: what each step writes is tested on both elsewhere."""
    return "sqlite"


EVERYBODY = list(directory().values())
STATES = sorted({each.state for each in EVERYBODY if each.state is not None})
PROVIDED = sorted({service for each in EVERYBODY for service in each.services})


def test_every_ladder_ends_with_somebody_who_cannot_decline() -> None:
    for rung in Rung:
        seen: Rung | None = rung
        for _ in Rung:
            if seen is not None and NEXT_RUNG[seen] is not None:
                seen = NEXT_RUNG[seen]
        assert seen in (Rung.NATIONAL_DIF, Rung.PROCURADURIA)


@pytest.mark.parametrize(
    ("asked", "recipient"), [("dif-chp", "dif-nacional"), ("dif-tab", "dif-nacional"), ("dif-nacional", "dif-nacional")]
)
def test_after_a_dif_the_national_one_is_asked(asked: str, recipient: str) -> None:
    step = ladder.next_handover(directory()[asked], "MX-CHP", EVERYBODY)
    assert (step.kind, step.recipient) == (ReferralKind.DIF_HANDOVER, recipient)


def test_after_a_shelter_or_a_municipal_dif_the_states_dif_is_asked() -> None:
    shelter = Agency("x", Kind.UNICEF, "", "", "MX-CHP", frozenset({"MX-CHP"}), (), None, "", False)
    assert ladder.next_handover(shelter, "MX-CHP", EVERYBODY).recipient == "dif-chp"


@settings(max_examples=60, deadline=None)
@given(
    service=st.sampled_from([*PROVIDED, *Service]),
    state=st.sampled_from(STATES),
    basis=st.sampled_from(LawfulBasis),
    withheld=st.sets(st.sampled_from([each.id for each in EVERYBODY]), max_size=5),
)
def test_a_request_that_everybody_declines_comes_to_the_procuraduria_and_asks_nobody_twice(
    service: Service, state: str, basis: LawfulBasis, withheld: set[str]
) -> None:
    asked: list[str] = []
    own = f"pp-{state[3:].lower()}"
    while True:
        step = ladder.next_provider(
            service, state, own, EVERYBODY, basis=basis, without={*asked, *withheld, "the-sender"}
        )
        if step.kind is ReferralKind.PP_FIND:
            break
        body = directory()[step.recipient]
        assert step.recipient not in withheld | set(asked)
        assert service in body.services
        assert body.covers(state)
        asked.append(step.recipient)
    assert step == NextStep(Rung.PROCURADURIA, ReferralKind.PP_FIND, own)
    places = [state in directory()[each].territory for each in asked]
    assert places == sorted(places, reverse=True)  # the state's own first
    if basis is LawfulBasis.CONSENT:
        assert asked == []


def test_nobody_bound_to_a_foreign_state_is_asked_by_rule() -> None:
    class Abroad:
        id, services, territory, bound_to = "aa", (Service.HEALTH,), frozenset({"MX"}), "HND"

    abroad: Any = Abroad()
    step = ladder.next_provider(
        Service.HEALTH, "MX-CHP", "pp-chp", [abroad], basis=LawfulBasis.BEST_INTERESTS, without=()
    )
    assert step.kind is ReferralKind.PP_FIND


# -- over HTTP -------------------------------------------------------------------------------------------


async def declined(world: World, referral: str, agency: str) -> None:
    await world.post(agency, f"/referrals/{referral}/decline", {"reason": "NO_CAPACITY"}, 200)


async def newest(world: World, case_id: str) -> Any:
    return (await world.get("pp-chp", f"/referrals?case_id={case_id}&limit=1"))["items"][0]


async def test_a_request_moves_on_until_the_procuraduria_finds_somebody(world: World) -> None:
    case = await world.file(await world.encounter())
    first = await world.service(case["id"], "unhcr", service="FAMILY_TRACING", note="Busca a su tía", risk="MEDIUM")
    last, asked = first, []
    while last["kind"] == "SERVICE":
        asked.append(last["recipient"])
        await declined(world, last["id"], last["recipient"])
        last = await newest(world, case["id"])
    assert len(set(asked)) == len(asked) > 1
    assert (last["kind"], last["recipient"], last["follows"] is not None) == ("PP_FIND", "pp-chp", True)
    read = await world.get("pp-chp", f"/referrals/{last['id']}")
    assert [each["recipient"] for each in read["chain"]] == [*asked, "pp-chp"]
    assert (read["note"], read["risk"]) == ("Busca a su tía", "MEDIUM")
    path = f"/referrals/{last['id']}"
    await world.post("pp-chp", f"{path}/accept", status=200)
    refused = await world.post("pp-chp", f"{path}/not-achieve", {}, 409)
    assert refused.json()["rule"] == "NEVER-ALONE"
    done = (await world.post("pp-chp", f"{path}/hand-on", {"recipient": "iom"}, 200)).json()
    assert (done["state"], done["outcome"]) == ("completed", "HANDED_ON")
    found = await newest(world, case["id"])
    assert (found["kind"], found["recipient"], found["service"]) == ("SERVICE", "iom", "FAMILY_TRACING")


async def test_other_reasons_leave_the_next_step_to_the_sender(world: World) -> None:
    case = await world.file(await world.encounter())
    first = await world.service(case["id"])
    await world.post("unicef", f"/referrals/{first['id']}/decline", {"reason": "CHILD_DECLINES"}, 200)
    assert (await newest(world, case["id"]))["id"] == first["id"]
    again = await world.service(case["id"], "iom", follows=first["id"])
    assert again["follows"] == first["id"]
    refused = await world.post("pp-chp", "/referrals", _body(case["id"], "unhcr", again["id"]))
    assert refused.status_code == 409  # that one is still open


def _body(case_id: str, recipient: str, follows: str) -> dict[str, Any]:
    return {
        "case_id": case_id, "recipient": recipient, "service": "HEALTH", "reason": "NEED_ASSESSED", "urgency": "1d",
        "lawful_basis": "BEST_INTERESTS", "follows": follows,
    }  # fmt: skip


async def test_the_national_dif_hands_a_child_on_to_another_state_and_gets_it_back(world: World) -> None:
    child = await world.encounter()
    for agency, path, body in (
        ("dif-chp", "decline", {"reason": "NO_CAPACITY"}),
        ("dif-nacional", "hand-on", {"recipient": "dif-tab"}),
        ("dif-tab", "decline", {"reason": "NO_CAPACITY"}),
    ):
        last = await world.opened(child, "DIF_HANDOVER")
        assert last["recipient"] == agency
        await world.post(agency, f"/referrals/{last['id']}/{path}", body, 200)
    last = await world.opened(child, "DIF_HANDOVER")
    assert (last["recipient"], last["sender"]) == ("dif-nacional", "inm-chp")
    read = await world.get("inm-chp", f"/referrals/{last['id']}")
    assert [each["recipient"] for each in read["chain"]] == ["dif-chp", "dif-nacional", "dif-tab", "dif-nacional"]
    for unfit in ("pp-tab", "dif-nacional", "nobody"):
        await world.post("dif-nacional", f"/referrals/{last['id']}/hand-on", {"recipient": unfit}, 422)


async def test_what_was_ordered_in_error_goes_to_whom_it_should_have_gone(world: World) -> None:
    child = await world.encounter()
    handover = await world.opened(child, "DIF_HANDOVER")
    path, body = f"/referrals/{handover['id']}/enter-in-error", {"reason": "WRONG_RECIPIENT"}
    await world.post("inm-chp", path, body, 409)
    refused = await world.post("pp-chp", path, body, 409)
    assert refused.json()["rule"] == "NEVER-ALONE"
    await world.post("pp-chp", path, body | {"instead": "pp-tab"}, 422)
    done = await world.post("pp-chp", path, body | {"instead": "dif-tab"}, 200)
    assert (done.json()["state"], done.json()["end_reason"]) == ("entered_in_error", "WRONG_RECIPIENT")
    assert (await world.opened(child, "DIF_HANDOVER"))["recipient"] == "dif-tab"
