"""Every event type has a committed example: what receivers were promised, they keep getting."""

import json
from pathlib import Path
from typing import Any

import pytest

from services.consular.notices.schemas import NoticeTold
from services.referral.consents.schemas import ConsentWithdrawn
from services.referral.transfers.schemas import TransferMoved
from shared import events
from shared.clocks.facts import ClockMoved, HoldMoved
from shared.delivery import facts
from shared.delivery.chains import OWN_TYPES
from shared.events import ClockSpoke, Fact, ReferralMoved
from shared.inbox import Message

EXAMPLES = Path(__file__).parents[2] / "docs" / "events"
KINDS: dict[str, type[Fact]] = {
    kind.TYPE: kind
    for kind in (*vars(events).values(), *vars(facts).values())
    if isinstance(kind, type) and issubclass(kind, Fact) and hasattr(kind, "TYPE")
} | {
    ReferralMoved.SENT: ReferralMoved,
    TransferMoved.PROPOSED: TransferMoved,
    TransferMoved.TYPE: TransferMoved,
    ConsentWithdrawn.TYPE: ConsentWithdrawn,
    "clock.warned": ClockSpoke,
    "clock.breached": ClockSpoke,
}
KINDS |= {"clock.escalated": ClockSpoke, ClockMoved.TYPE: ClockMoved, HoldMoved.TYPE: HoldMoved}
KINDS |= {NoticeTold.TYPE: NoticeTold}
BODY = {"id", "type", "version", "time", "audience", "epoch", "sequence", "data"}


def example(event_type: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((EXAMPLES / f"{event_type}.json").read_text(encoding="utf-8"))
    return found


def test_every_type_has_an_example_and_no_example_is_of_no_type() -> None:
    assert {file.stem for file in EXAMPLES.glob("*.json")} == set(KINDS)


@pytest.mark.parametrize("event_type", sorted(KINDS))
def test_an_example_is_what_is_sent_today(event_type: str) -> None:
    body = example(event_type)
    assert body.keys() == BODY
    assert Message.model_validate(body).type == event_type
    fact = KINDS[event_type].model_validate(body["data"])
    assert body["data"] == fact.model_dump(mode="json")  # every field, and none beyond


@pytest.mark.parametrize("event_type", sorted(KINDS))
def test_a_receiver_of_today_understands_an_event_of_tomorrow(event_type: str) -> None:
    data = example(event_type)["data"] | {"a_field_to_come": 1}
    assert KINDS[event_type].model_validate(data) == KINDS[event_type].model_validate(example(event_type)["data"])


def test_what_goes_outside_is_neutral() -> None:
    outside = (
        "referral.sent",
        "referral.moved",
        "transfer.proposed",
        "transfer.moved",
        "consent.withdrawn",
        "notice.issued",
        "crossing.sent",
        "clock.warned",
        "clock.breached",
        "clock.escalated",
        *OWN_TYPES,
    )
    for event_type in outside:
        text = json.dumps(example(event_type)).lower()
        assert not [word for word in ("refuge", "comar", "asylum", "asilo", "child_id", "indication") if word in text]
