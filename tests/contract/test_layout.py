"""Who has read one service has read all: the same files everywhere, and none that is long."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
KERNEL = ROOT / "shared"
SLICE = {"__init__.py", "rules.py", "models.py", "schemas.py", "store.py", "service.py", "routes.py"}
OWN = {
    # the matcher: spelling, blind keys, search, comparison and its weights; what it marks; the worker's turn
    "intake/matches": {
        "blind.py",
        "compare.py",
        "marks.py",
        "names.py",
        "records.py",
        "search.py",
        "upkeep.py",
        "weights.py",
    },
    # the rules of the machine, what its tables say of one case, who represents the child, whom it may reach
    "referral/cases": {"codes.py", "laws.py", "machine.py", "representation.py", "recipients.py"},
    "referral/absences": {"codes.py"},  # code lists
    "referral/closings": {"codes.py"},  # code lists
    "referral/actas": {"paper.py"},  # the acta as PDF
    "referral/oficios": {"sheet.py"},  # the oficio as PDF
    "referral/determinations": {"assessments.py", "codes.py"},  # what is found, and what the child says; code lists
    "referral/measures": {"admissions.py", "codes.py"},  # who lives in a centre on a measure; code lists
    "referral/plans": {"items.py", "codes.py"},  # what is done with each item; code lists
    # asks referral for a permit; what follows where nobody acknowledges; notices as each reader sees them; what is sent
    "consular/notices": {"chain.py", "gate.py", "views.py", "webhooks.py"},
    "consular/consulates": {"table.py"},  # the directory as CSV: import and export
    "consular/letters": {"paper.py"},  # the letter as PDF
    "referral/agencies": {"table.py"},  # the directory as CSV: import and export
    # codes, time limits and who is asked next, each a table; opening and steps; sealed words; what the worker does;
    # many at once
    "referral/referrals": {
        "codes.py",
        "deadlines.py",
        "ladder.py",
        "notes.py",
        "opening.py",
        "asks.py",
        "permission.py",
        "steps.py",
        "upkeep.py",
        "uploads.py",
    },
    # code lists; what is covered; a withdrawal travels, and expiry; sharing without consent; from whom a case is kept
    "referral/consents": {"codes.py", "coverage.py", "travel.py", "expiry.py", "overrides.py", "withholdings.py"},
    # the words of three systems: the shipped table, the book of today, their forms, steps, what waits, export
    "referral/interop": {
        "answers.py",
        "book.py",
        "feed.py",
        "fhir.py",
        "primero.py",
        "progres.py",
        "quarantine.py",
        "shelf.py",
        "steps.py",
        "table.py",
        "tasks.py",
        "texts.py",
        "wire.py",
    },
    # R11 where a child passes to a centre; asks about a child who has not arrived
    "referral/transfers": {"centres.py", "upkeep.py"},
    # code lists; what each step entails; what a claim holds up; the worker's turn
    "referral/refuge": {"codes.py", "effects.py", "holds.py", "turns.py"},
    "referral/returns": {"codes.py", "effects.py"},  # code lists; what each step entails
    # code lists; asks intake for facts; answers the gate; what is known when it decides; each act in a file of its own
    "referral/protection": {
        "codes.py",
        "crossings.py",
        "facts.py",
        "indications.py",
        "knowing.py",
        "lift_routes.py",
        "lifting.py",
        "lifts.py",
        "permits.py",
        "releases.py",
        "reviews.py",
        "waiting.py",
    },
}
"""Files that a slice has beyond the known ones: what it says to another service, stated here."""
SERVICE = {"__init__.py", "__main__.py", "main.py", "worker.py", "handlers.py"}

SERVICES = sorted(folder for folder in (ROOT / "services").iterdir() if (folder / "main.py").exists())
SLICES = [folder for service in SERVICES for folder in sorted(service.iterdir()) if (folder / "__init__.py").exists()]
SOURCES = [file for name in ("shared", "gateway", "services", "sandbox") for file in (ROOT / name).rglob("*.py")]


def lines(file: Path) -> int:
    return len(file.read_text(encoding="utf-8").splitlines())


@pytest.mark.parametrize("folder", SLICES, ids=lambda folder: f"{folder.parent.name}/{folder.name}")
def test_a_slice_has_only_the_files_that_every_slice_may_have(folder: Path) -> None:
    allowed = SLICE | OWN.get(f"{folder.parent.name}/{folder.name}", set())
    assert {file.name for file in folder.glob("*.py")} <= allowed


@pytest.mark.parametrize("folder", SERVICES, ids=lambda folder: folder.name)
def test_a_service_has_only_the_files_that_every_service_may_have(folder: Path) -> None:
    assert {file.name for file in folder.glob("*.py")} <= SERVICE


def test_no_file_is_longer_than_350_lines() -> None:
    assert {str(file.relative_to(ROOT)): lines(file) for file in SOURCES if lines(file) > 350} == {}


def test_no_function_is_longer_than_40_lines() -> None:
    found = {}
    for file in SOURCES:
        if file.parent.name == "versions":
            continue  # a migration is one list of columns, frozen once it is released
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno:
                size = node.end_lineno - node.lineno + 1
                if size > 40:
                    found[f"{file.relative_to(ROOT)}:{node.name}"] = size
    assert found == {}


def test_the_kernel_stays_a_kernel() -> None:
    assert sum(lines(file) for file in KERNEL.glob("*.py")) < 4000  # DECISIONS.md, 17
