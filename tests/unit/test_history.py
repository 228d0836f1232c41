"""The checker of the chaos run finds what it is there to find."""

from dataclasses import replace

import pytest

from bench.history import Facts, Seen, check


def seen(event_id: str, sequence: int, **more: object) -> Seen:
    made = Seen(
        endpoint=0, kind="well", event_id=event_id, case="cas_1", sequence=sequence, accepted=True, first=True,
        at=1.0, published=0.0, rolled_back=False, digest=b"d",
    )  # fmt: skip
    return replace(made, **more)  # type: ignore[arg-type]  # fields by name, whatever their type


FACTS = Facts(events={"evt_1": "cas_1", "evt_2": "cas_1"}, owed={(0, "cas_1"): ["evt_1", "evt_2"]})
SOUND = [seen("evt_1", 1, accepted=False), seen("evt_1", 1), seen("evt_1", 1), seen("evt_2", 2)]


def test_repetitions_in_order_are_sound() -> None:
    assert check(FACTS, SOUND, dead=set()) == []


@pytest.mark.parametrize(
    ("history", "word"),
    [
        (SOUND[:3], "never reached"),
        ([SOUND[3], *SOUND[:3]], "out of order"),
        ([*SOUND, seen("evt_3", 3)], "unknown"),
        ([*SOUND, seen("evt_2", 2, digest=b"e")], "other bytes"),
        ([seen("evt_1", 1), seen("evt_2", 3)], "gap"),
        ([*SOUND, seen("evt_2", 2, rolled_back=True)], "rolled back"),
        ([seen("evt_1", 1), seen("evt_2", 2, accepted=False)], "never reached"),
    ],
)
def test_every_fault_is_found(history: list[Seen], word: str) -> None:
    assert any(word in fault for fault in check(FACTS, history, dead=set()))


def test_nothing_is_asked_of_the_dead() -> None:
    assert check(FACTS, [], dead={0}) == []
