"""Every cell of the referral's machine over HTTP: lawful moves happen, the rest is 409 with what is allowed."""

from collections.abc import AsyncIterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import update
from sqlmodel import col

from services.referral.agencies.service import SYSTEM
from services.referral.referrals import rules, service
from services.referral.referrals.models import Referral
from services.referral.referrals.rules import Action, Party, ReferralKind, Standing, State
from shared import ids
from shared.db import run
from shared.errors import IllegalMove, RefusedByLaw
from tests.conftest import migrated_sqlite
from tests.unit.referral.world import World

pytestmark = pytest.mark.asyncio(loop_scope="module")
BODIES: dict[Action, Any] = {
    Action.HOLD: {"reason": "CHILD_UNWELL"},
    Action.AGREE: {"at": "2027-01-04T16:00:00Z"},
    Action.DECLINE: {"reason": "SAFETY"},
    Action.CONFIRM_REFUSAL: {},
    Action.RETURN_REFUSAL: {"reason": "CAPACITY_EXISTS"},
    Action.HAND_ON: {"recipient": "dif-tab"},
    Action.COMPLETE: {"outcome": "PROVIDED"},
    Action.NOT_ACHIEVE: {"reason": "NO_CONTACT"},
    Action.WITHDRAW: {"reason": "CHILD_MOVED"},
    Action.ENTER_IN_ERROR: {"reason": "DUPLICATE", "instead": "dif-tab"},
}
BY_HTTP = [action for action in Action if rules.WHO[action] is not Party.SYSTEM]
WHO = {Party.SENDER: "unicef", Party.RECIPIENT: "dif-nacional", Party.PROCURADURIA: "pp-chp"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(run_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """One service for every cell: each sets the state in the row, and calls."""
    url = migrated_sqlite("services.referral", run_folder, tmp_path_factory.mktemp("cells"))
    async with World.open(url, tmp_path_factory.mktemp("keys")) as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def rows(world: World) -> dict[tuple[ReferralKind, State], str]:
    """A referral of each kind in each state, from UNICEF to the national DIF."""
    case = await world.file(await world.encounter())
    await world.service(case["id"], "unicef")
    (first,) = await world.rows(
        Referral, Referral.id == (await world.service(case["id"], "dif-nacional", "unicef"))["id"]
    )
    made = {each: ids.new("ref") for each in product(ReferralKind, State)}
    async with world.runtime.database.work() as session:
        for (kind, state), name in made.items():
            session.add(Referral(**first.model_dump() | {"id": name, "kind": kind, "state": state}))
    return made


async def put(world: World, referral: str, **values: Any) -> None:
    clean = {"refusal_reason": None, "refusal_to": None, "version": 1}
    async with world.runtime.database.work() as session:
        await run(session, update(Referral).where(col(Referral.id) == referral).values(**(clean | values)))


def path(referral: str, action: Action) -> str:
    return f"/referrals/{referral}/{action.value.replace('_', '-')}"


async def cell(world: World, referral: str, standing: Standing, action: Action, party: Party, agency: str) -> None:
    """Take one step as one party, and hold the answer to the table."""
    answer = await world.post(agency, path(referral, action), BODIES.get(action))
    legal = set(rules.allowed(standing, {party}))
    where = f"{standing} {action} {party} {answer.text}"
    if action.value in legal:
        assert answer.status_code == 200, where
        assert answer.json()["state"] == rules.TRANSITIONS[standing.state, action], where
        assert answer.headers["etag"] == f'"v{answer.json()["version"]}"'
    else:
        assert answer.status_code == 409, where
        assert answer.json()["code"] in ("illegal_move", "refused_by_law"), where
        assert set(answer.json()["allowed_actions"]) == legal, where


async def test_in_every_state_each_party_of_each_kind_is_offered_what_the_table_has(
    world: World, rows: dict[tuple[ReferralKind, State], str]
) -> None:
    names = {name: where for where, name in rows.items()}
    for kind, (party, agency) in product(ReferralKind, WHO.items()):
        seen = (await world.get(agency, f"/referrals?kind={kind}&limit=100"))["items"]
        offered = {names[each["id"]]: each["allowed_actions"] for each in seen if each["id"] in names}
        assert len(offered) == len(State)
        for (_, state), actions in offered.items():
            assert actions == rules.allowed(Standing(state, kind, last_resort=True), {party})


@pytest.mark.parametrize("state", State)
async def test_every_step_of_a_request_from_every_state(
    world: World, rows: dict[tuple[ReferralKind, State], str], state: State
) -> None:
    referral, standing = rows[ReferralKind.SERVICE, state], Standing(state)
    for action in BY_HTTP:
        for party in (Party.SENDER, Party.RECIPIENT):
            mine = rules.who(action, ReferralKind.SERVICE) is party
            if mine or action.value in rules.allowed(standing, {rules.who(action, ReferralKind.SERVICE)}):
                await cell(world, referral, standing, action, party, WHO[party])
                if mine and rules.exists(action, standing):
                    await put(world, referral, state=state)


@pytest.mark.parametrize("kind", [ReferralKind.DIF_HANDOVER, ReferralKind.PP_FIND, ReferralKind.MP_NOTICE])
async def test_steps_of_what_is_ordered_happen_or_are_refused(
    world: World, rows: dict[tuple[ReferralKind, State], str], kind: ReferralKind
) -> None:
    steps = (Action.ACCEPT, Action.DECLINE, Action.WITHDRAW, Action.HAND_ON, Action.NOT_ACHIEVE, Action.ENTER_IN_ERROR)
    for state, action in product((State.SENT, State.WORKING), steps):
        party, referral = rules.who(action, kind), rows[kind, state]
        await cell(world, referral, Standing(state, kind, last_resort=True), action, party, WHO[party])
        await put(world, referral, state=state)


async def test_every_step_while_a_refusal_waits_for_its_second_party(
    world: World, rows: dict[tuple[ReferralKind, State], str]
) -> None:
    referral = rows[ReferralKind.SERVICE, State.SENT]
    parties = {Party.SENDER: "unicef", Party.RECIPIENT: "dif-nacional", Party.REVIEWER: "pp-chp"}
    for action in BY_HTTP:
        party = rules.who(action, ReferralKind.SERVICE)
        await put(world, referral, state=State.SENT, refusal_reason="SAFETY", refusal_to="pp-chp")
        await cell(world, referral, Standing(State.SENT, proposed=True), action, party, parties[party])


async def test_the_system_alone_lets_expire_and_returns(
    world: World, rows: dict[tuple[ReferralKind, State], str]
) -> None:
    for state, action in product((State.SENT, State.ACCEPTED), Action):
        await put(world, rows[ReferralKind.SERVICE, state], state=state)
        async with world.runtime.database.work() as session:
            act = service.act(session, world.runtime.vault, SYSTEM, rows[ReferralKind.SERVICE, state], action)
            if action.value in rules.allowed(Standing(state), {Party.SYSTEM}):
                assert (await act).state is rules.TRANSITIONS[state, action]
            else:
                with pytest.raises((IllegalMove, RefusedByLaw)):
                    await act


async def test_a_stranger_meets_404_in_every_cell(world: World, rows: dict[tuple[ReferralKind, State], str]) -> None:
    for action in BY_HTTP:
        answer = await world.post("iom", path(rows[ReferralKind.SERVICE, State.SENT], action), BODIES.get(action))
        assert answer.status_code == 404, answer.text
