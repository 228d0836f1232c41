"""The page of hard cases has each of them, and names the files whose tests hold it, no more and no fewer."""

import ast
import re
from collections import defaultdict
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
TESTS = ROOT / "tests"
PAGE = ROOT / "docs/delivery-hard-cases.md"
ALL = range(1, 48)
MARK = "hard_case"


def marked(source: str) -> set[int]:
    """Return the numbers that a file's tests are marked with, by the mark itself or by a helper that sets it."""
    tree = ast.parse(source)
    helpers = {
        function.name: [argument.arg for argument in function.args.args].index(given.id)
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef)
        for call in calls(function)
        if name_of(call) == MARK
        for given in call.args
        if isinstance(given, ast.Name)
    }
    places = {MARK: 0, **helpers}
    given = [call.args[places[name_of(call)]] for call in calls(tree) if name_of(call) in places]
    return {each.value for each in given if isinstance(each, ast.Constant) and isinstance(each.value, int)} - {0}


def calls(tree: ast.AST) -> list[ast.Call]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.Call)]


def name_of(call: ast.Call) -> str:
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else ""


@cache
def held() -> dict[int, set[str]]:
    """Return the files that hold each case."""
    found: dict[int, set[str]] = defaultdict(set)
    for file in TESTS.rglob("test_*.py"):
        for number in marked(file.read_text(encoding="utf-8")):
            found[number].add(str(file.relative_to(TESTS)))
    return found


def rows() -> dict[int, set[str]]:
    """Return the files that the page names for each case."""
    found = re.findall(r"^\| (\d+) \| .+ \| .+ \| (.+) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    return {int(number): set(re.findall(r"`([\w/]+\.py)`", files)) for number, files in found}


def test_every_hard_case_has_a_test() -> None:
    assert [number for number in ALL if not held()[number]] == []
    assert set(held()) <= set(ALL)


def test_the_page_names_the_tests_of_every_hard_case() -> None:
    assert sorted(rows()) == list(ALL)
    assert rows() == held()


def test_a_mark_is_found_wherever_it_is_set() -> None:
    assert marked("@pytest.mark.hard_case(4)\ndef test_a(): ...") == {4}
    assert marked("A = pytest.param(1, marks=[pytest.mark.hard_case(5), pytest.mark.hard_case(6)])") == {5, 6}
    helper = "def case(name, number): return param(name, marks=[pytest.mark.hard_case(number)])\n"
    assert marked(helper + "ROWS = [case('a', 7), case('b', 0)]") == {7}
