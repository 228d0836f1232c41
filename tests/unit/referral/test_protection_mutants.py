"""Mutation test of the guard's rules: some pure test notices each change. `--long` tries every mutant."""

from collections.abc import Iterator

import pytest

from tests.unit.referral.mutants import Bench, Mutant, mutants

MODULES = ("services.referral.protection.rules", "services.referral.protection.lifting")
TESTS = ("tests.unit.referral.test_protection_rules", "tests.unit.referral.test_lifting_rules")
_MEMORY = "slots save memory: what a value is and does is the same"
_LOOKED_UP = "an act that names no state is refused before it is looked up, so no residence, as a None, is never found"
_HOMES = "known.nationalities is None or act.recipient is None"
SAME = {
    f"rules._homes: {_HOMES} or known.residence is None -> {_HOMES}": _LOOKED_UP,
    "rules._homes: None -> False (3)": _LOOKED_UP,
    "rules.law_behind: None -> False": "either is no rule, and the next one is taken",
} | {
    f"{where}: {change}": _MEMORY
    for where in ("rules.Known", "rules.Act", "lifting.Lifted")
    for change in ("dataclass(frozen=True, slots=True) -> dataclass(frozen=True)", "True -> False (2)")
}
"""Mutants that are the same program, and why. One that a test notices does not belong here."""


def every(*only: str) -> Iterator[Mutant]:
    """Yield the mutants of the modules, or of these functions of them alone."""
    for module in MODULES:
        yield from mutants(module, *only)


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_every_mutant_of_the_guards_rules_is_noticed() -> None:
    assert set(Bench(MODULES, TESTS).survivors(every())) == set(SAME)


def test_the_mutants_of_the_decision_itself_are_noticed() -> None:
    bench = Bench(MODULES, TESTS)
    assert bench.passes()
    decision = list(every("rules.verdict", "lifting.covers"))
    assert len(decision) > 30
    assert bench.survivors(iter(decision)) == []


def test_what_no_test_looks_at_survives() -> None:
    """Else the harness would call everything noticed."""
    (covers, *_) = every("lifting.covers")
    assert Bench(MODULES, TESTS[:1]).passes(covers)
    assert not Bench(MODULES, TESTS).passes(covers)
