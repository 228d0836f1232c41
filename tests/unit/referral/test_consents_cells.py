"""Every cell of the machines of consents over HTTP: state × step × caller. Lawful steps happen, the rest is told."""

from collections.abc import AsyncIterator
from datetime import timedelta
from itertools import product
from typing import Any

import pytest
import pytest_asyncio

from services.referral.cases.models import CaseWithheld
from services.referral.consents import rules
from services.referral.consents.models import Consent, Override, WithdrawalNotice
from services.referral.consents.rules import (
    ConsentAction,
    ConsentState,
    NoticeAction,
    NoticeState,
    OverrideAction,
    OverrideState,
    Part,
)
from shared import clock
from tests.unit.referral.consents_world import (
    OFFICER,
    consented,
    disclosure,
    notice_to,
    override_in,
    shared,
    with_intake,
    withdrawn,
)
from tests.unit.referral.world import World

pytestmark = pytest.mark.asyncio(loop_scope="module")
NOBODY, MAY_NOT = 404, 403
"""What a caller gets who may not know of it, and one whose kind takes no such step at all."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desk(one_world: World) -> AsyncIterator[tuple[World, dict[str, str]]]:
    """One consent, one notice, one override and one withholding for every cell: only their state is set anew."""
    async with with_intake(one_world):
        case, consent, referral = await shared(one_world)
        await disclosure(one_world, referral)
        await withdrawn(one_world, consent)
        (notice,) = await notice_to(one_world, "unicef", case["id"])
        override = await one_world.post("pp-chp", "/overrides", override_in(case["id"]), 201, role="supervisor")
        kept = {"case_id": case["id"], "agency": "icrc", "reason": "FEAR_OF_HARM", "officer": "pp-0001"}
        yield one_world, {
            "consent": (await consented(one_world, case["id"]))["id"], "notice": notice["id"],
            "override": override.json()["id"],
            "withholding": (await one_world.post("pp-chp", "/withholdings", kept, 201)).json()["id"],
        }  # fmt: skip


async def put(world: World, model: Any, row_id: str, **values: Any) -> None:
    async with world.runtime.database.work() as session:
        row = await session.get(model, row_id)
        for name, value in values.items():
            setattr(row, name, value)


async def tried(world: World, who: str, path: str, body: Any) -> tuple[int, Any]:
    claims: dict[str, Any] = {"state": "MX-TAM"} if who.endswith("-tam") else {}
    answer = await world.post(who, path, body, **claims)
    return answer.status_code, answer.json()


def assert_cell(found: tuple[int, Any], state: rules.State, action: rules.Action, part: Part | int) -> None:
    """Assert what a cell of the machine gives a caller of this part, or of none (a status)."""
    status, body = found
    if isinstance(part, int):
        assert status == part
    elif (state, action) in rules.TRANSITIONS and rules.WHO[action] is part:
        assert (status, body["state"]) == (200, rules.TRANSITIONS[state, action]), body
    else:
        assert (status, body["code"]) == (409, "illegal_move")
        assert body["allowed_actions"] == rules.allowed(state, {part})


WITHDRAW = {"withdrawn_by": "PP_EN_SUPLENCIA"} | OFFICER
CONSENT_BODIES: dict[ConsentAction, Any] = {
    ConsentAction.NARROW: WITHDRAW | {"fields": ["child.sex"]}, ConsentAction.WITHDRAW: WITHDRAW,
    ConsentAction.REVIEW: OFFICER,
}  # fmt: skip
CONSENT_CALLERS: dict[str, Part | int] = {
    "pp-chp": Part.KEEPER, "pp-fed": Part.KEEPER, "dif-chp": NOBODY, "unicef": NOBODY, "pp-tam": NOBODY,
    "inm-chp": MAY_NOT,
}  # fmt: skip


@pytest.mark.parametrize("state", ConsentState)
async def test_every_cell_of_a_consent(desk: tuple[World, dict[str, str]], state: ConsentState) -> None:
    world, ids = desk
    for action, (who, part) in product(CONSENT_BODIES, CONSENT_CALLERS.items()):
        await put(world, Consent, ids["consent"], state=state, fields=["child.languages", "identity.given_names"])
        path = f"/consents/{ids['consent']}/{action}"
        assert_cell(await tried(world, who, path, CONSENT_BODIES[action]), state, action, part)
    status, _ = await tried(world, "pp-chp", f"/consents/{ids['consent']}/expire", OFFICER)
    assert status == 404  # the system's own


OVERRIDE_CALLERS: dict[str, Part | int] = {
    "pp-chp": Part.PP, "pp-fed": Part.PP, "pp-tam": NOBODY, "dif-chp": MAY_NOT, "unicef": MAY_NOT, "inm-chp": MAY_NOT,
}  # fmt: skip


@pytest.mark.parametrize("state", OverrideState)
async def test_every_cell_of_an_override(desk: tuple[World, dict[str, str]], state: OverrideState) -> None:
    world, ids = desk
    steps = (OverrideAction.UPHOLD, OverrideAction.REVOKE)
    for action, (who, part) in product(steps, OVERRIDE_CALLERS.items()):
        await put(world, Override, ids["override"], state=state)
        path = f"/overrides/{ids['override']}/{action}"
        assert_cell(await tried(world, who, path, OFFICER), state, action, part)
        if (state, action) in rules.TRANSITIONS and part is Part.PP:
            await put(world, Override, ids["override"], state=state, agency=who)
            status, body = await tried(world, who, path, {"officer": "pp-0009"})
            assert (status, body["rule"]) == (409, "R28-OVERRIDE")  # who made it does not review it
            await put(world, Override, ids["override"], agency="pp-chp")


NOTICE_CALLERS: dict[str, tuple[Part | int, int]] = {
    "unicef": (Part.RECIPIENT, 200), "pp-chp": (Part.PP, 200), "pp-fed": (Part.PP, 200), "dif-chp": (NOBODY, NOBODY),
    "iom": (NOBODY, NOBODY), "inm-chp": (NOBODY, NOBODY), "pp-tam": (NOBODY, NOBODY),
}  # fmt: skip


@pytest.mark.parametrize("state", NoticeState)
async def test_every_cell_of_a_notice(desk: tuple[World, dict[str, str]], state: NoticeState) -> None:
    world, ids = desk
    for who, (part, reads) in NOTICE_CALLERS.items():
        await put(world, WithdrawalNotice, ids["notice"], state=state)
        body = {"done": "ERASED", "officer": "u-1"}
        path = f"/withdrawals/{ids['notice']}"
        assert_cell(await tried(world, who, f"{path}/acknowledge", body), state, NoticeAction.ACKNOWLEDGE, part)
        await world.get(who, path, reads, **({"state": "MX-TAM"} if who == "pp-tam" else {}))


async def test_every_cell_of_a_withholding(desk: tuple[World, dict[str, str]]) -> None:
    world, ids = desk
    for ended, (who, wanted) in product((False, True), (("pp-chp", 200), ("pp-tam", 404), ("dif-chp", 403))):
        until = clock.now() - timedelta(days=1) if ended else None
        await put(world, CaseWithheld, ids["withholding"], until=until)
        status, body = await tried(world, who, f"/withholdings/{ids['withholding']}/end", OFFICER)
        assert status == (409 if ended and wanted == 200 else wanted)
        if wanted == 200:
            assert body["allowed_actions"] == []
