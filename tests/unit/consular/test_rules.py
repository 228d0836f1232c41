"""The notice's machine, pair by pair; who causes no notice (R20); the one size of every notice (R18)."""

from itertools import product

import pycountry
import pytest

from services.consular.notices import rules, service
from services.consular.notices.models import Notice
from services.consular.notices.rules import CONTENT_BYTES, Action, NoticeStatus
from shared import clock, ids, jsons
from shared.errors import IllegalMove, RefusedByLaw
from shared.events import NoticeIssued
from shared.shapes import State
from tests.unit.consular.world import DIF, PP

MOVES = {
    ("issued", "acknowledge"): "acknowledged",
    ("acknowledged", "acknowledge"): "acknowledged",
    ("undeliverable", "route_again"): "issued",
    ("letter", "route_again"): "issued",
    ("letter", "hand_over"): "issued",
    ("issued", "hand_over"): "issued",
    ("acknowledged", "hand_over"): "acknowledged",
    ("issued", "record_acknowledgement"): "acknowledged",
    ("issued", "decide"): "issued",
    ("letter", "decide"): "letter",
    ("undeliverable", "decide"): "undeliverable",
}


@pytest.mark.parametrize(("status", "action"), list(product(NoticeStatus, Action)))
def test_every_pair_of_the_machine(status: NoticeStatus, action: Action) -> None:
    expected = MOVES.get((status.value, action.value))
    if expected is not None:
        assert rules.advance(status, action, "CONSULATE") == expected
        return
    with pytest.raises(IllegalMove) as refused:
        rules.advance(status, action, "CONSULATE")
    assert refused.value.allowed_actions == rules.allowed_actions(status, "CONSULATE")


@pytest.mark.parametrize(
    ("status", "kind", "expected"),
    [
        ("issued", "CONSULATE", ["acknowledge"]),
        ("acknowledged", "CONSULATE", []),
        ("undeliverable", "CONSULATE", []),
        ("letter", "CONSULATE", []),
        ("issued", "INM", ["record_acknowledgement", "decide"]),
        ("acknowledged", "INM", []),
        ("letter", "INM", ["route_again", "decide"]),
        ("undeliverable", "INM", ["route_again", "decide"]),
        ("undeliverable", "PP", ["route_again", "decide"]),
        ("undeliverable", "DIF", []),
    ],
)
def test_allowed_actions_are_the_callers_own(status: str, kind: str, expected: list[str]) -> None:
    assert rules.allowed_actions(NoticeStatus(status), kind) == expected


@pytest.mark.parametrize("nationality", ["MEX", "", "XXX", "XXA", "ZZZ", "hnd", "HN", "unknown", "HND;MEX", "MEX\n"])
def test_mexican_or_unknown_causes_no_notice(nationality: str) -> None:
    with pytest.raises(RefusedByLaw) as refused:
        rules.must_be_foreign(nationality)
    assert refused.value.law is not None
    assert refused.value.law.rule == "R20"


@pytest.mark.parametrize("nationality", ["HND", "SLV", "GTM", "HTI"])
def test_a_known_foreign_nationality_does(nationality: str) -> None:
    rules.must_be_foreign(nationality)


def _notice(nationality: str, state: str, name: str = "Procuraduría") -> Notice:
    return Notice(
        id=ids.opaque("ntc"),
        release_id=ids.opaque("rel"),
        nationality=nationality,
        state=state,
        pp=PP | {"name": name},
        dif=DIF,
        status=NoticeStatus.ISSUED,
        issued_at=clock.now(),
    )


def test_a_notice_has_one_size_whatever_it_says() -> None:
    sizes = {
        len(jsons.canonical(service.content(_notice(country.alpha_3, state))))
        for country, state in product(pycountry.countries, State)
    }
    assert sizes == {CONTENT_BYTES}


@pytest.mark.parametrize("name", ["P", "ñ" * 200, "\U00010348" * 200, '"\\' * 100, "Procuraduría “X”"])
def test_the_longest_offices_still_fit(name: str) -> None:
    notice = _notice("HND", "MX-CHP", name)
    longest = {"telephone": "+" + "5" * 15, "email": "e" * 92 + "@a.mx.mx"}
    notice.pp, notice.dif = notice.pp | longest, {"id": "d" * 48, "name": name} | longest
    assert len(jsons.canonical(service.content(notice))) == CONTENT_BYTES


def test_a_notice_says_what_the_law_says_and_nothing_else() -> None:
    content = service.content(_notice("HND", "MX-CHP"))
    assert set(content) == {
        "notice_id", "nationality", "state", "pp", "dif", "statement_es", "statement_en", "padding"
    }  # fmt: skip
    assert set(content) == set(NoticeIssued.model_fields)
    assert [set(content[name]) for name in ("pp", "dif")] == [{"id", "name", "telephone", "email"}] * 2
    assert set(content["padding"]) == {"."}


def test_too_long_a_text_is_never_sent_longer() -> None:
    with pytest.raises(ValueError, match="longer"):
        rules.padded({"text": "x" * CONTENT_BYTES})
