"""A mutation harness of our own: changes one thing in pure modules and runs their pure tests in this process.

Mutated are comparisons, boolean operators, conditions, constants, members of code lists, rows of tables, keywords and
raised refusals; not annotations, docstrings and imports. A mutant that no test notices survives.
"""

import ast
import copy
import enum
import inspect
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from hypothesis import HealthCheck, Phase, settings

_OPERATORS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,), ast.Is: (ast.IsNot,), ast.IsNot: (ast.Is,), ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,), ast.Lt: (ast.LtE, ast.Gt), ast.LtE: (ast.Lt, ast.GtE, ast.Gt), ast.Gt: (ast.GtE, ast.Lt),
    ast.GtE: (ast.Gt, ast.LtE),
}  # fmt: skip
_SKIPPED = frozenset({"annotation", "returns", "type_params", "names"})
_SETTINGS = settings(
    database=None, derandomize=True, deadline=None, max_examples=30, phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip

Path_ = tuple[tuple[str, int | None], ...]


@dataclass(frozen=True)
class Mutant:
    """One change of one module."""

    module: str
    name: str
    tree: ast.Module


def mutants(module: str, *only: str) -> Iterator[Mutant]:
    """Yield every mutant of a module, or those of some functions and classes of it (`rules.verdict`) alone."""
    original = import_module(module)
    assert original.__file__ is not None
    tree = ast.parse(Path(original.__file__).read_text("utf-8"))
    members = {
        name: list(kind.__members__)
        for name, kind in vars(original).items()
        if isinstance(kind, enum.EnumType) and kind.__members__
    }
    seen: dict[str, int] = {}
    for path, node, where in _nodes(tree, (), module.rpartition(".")[2]):
        if only and where not in only:
            continue
        for change in _changes(node, members):
            mutated = copy.deepcopy(tree)
            _put(mutated, path, change)
            said = f"{where}: {_short(node)} -> {_short(change)}"
            seen[said] = seen.get(said, 0) + 1
            name = said if seen[said] == 1 else f"{said} ({seen[said]})"
            yield Mutant(module, name, ast.fix_missing_locations(mutated))


def _short(node: ast.AST | None) -> str:
    text = "nothing" if node is None else ast.unparse(node)
    return " ".join(text.split())


def _nodes(node: ast.AST, path: Path_, where: str) -> Iterator[tuple[Path_, ast.AST, str]]:
    """Yield everything that may be changed, with the way to it and the name of what it stands in."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        where = f"{where}.{node.name}"
    for name, value in ast.iter_fields(node):
        if name in _SKIPPED:
            continue
        for number, each in enumerate(value) if isinstance(value, list) else ((None, value),):
            if not isinstance(each, ast.AST) or isinstance(each, ast.Import | ast.ImportFrom | ast.arg) or _words(each):
                continue
            below = (*path, (name, number))
            yield below, each, where
            yield from _nodes(each, below, where)


def _words(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _put(tree: ast.Module, path: Path_, change: ast.AST | None) -> None:
    holder: Any = tree
    for name, number in path[:-1]:
        holder = getattr(holder, name) if number is None else getattr(holder, name)[number]
    name, number = path[-1]
    if number is None:
        setattr(holder, name, change)
    elif change is not None:
        getattr(holder, name)[number] = change
    else:
        del getattr(holder, name)[number]


# -- what may be changed ---------------------------------------------------------------------------------


def _changes(node: ast.AST, members: dict[str, list[str]]) -> Iterator[ast.AST | None]:
    if isinstance(node, ast.Compare):
        for number, operator in enumerate(node.ops):
            for other in _OPERATORS[type(operator)]:
                yield _with(node, ops=[other() if each == number else kept for each, kept in enumerate(node.ops)])
    elif isinstance(node, ast.BoolOp):
        yield _with(node, op=ast.Or() if isinstance(node.op, ast.And) else ast.And())
        yield from (_without(node, number) for number in range(len(node.values)))
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield node.operand
    elif isinstance(node, ast.If | ast.IfExp):
        yield from (_with(node, test=ast.Constant(value)) for value in (True, False))
    elif isinstance(node, ast.comprehension):
        yield from (_with(node, ifs=[*node.ifs[:n], *node.ifs[n + 1 :]]) for n in range(len(node.ifs)))
    elif isinstance(node, ast.Constant):
        yield from (ast.Constant(value) for value in _constants(node.value))
    elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in members:
        others = [each for each in members[node.value.id] if each != node.attr]
        yield from (_with(node, attr=other) for other in others if node.attr in members[node.value.id])
    elif isinstance(node, ast.Dict):
        for n in range(len(node.keys)):
            yield ast.Dict([*node.keys[:n], *node.keys[n + 1 :]], [*node.values[:n], *node.values[n + 1 :]])
    elif isinstance(node, ast.Tuple | ast.List | ast.Set) and isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
        for n in range(len(node.elts)):
            left = [*node.elts[:n], *node.elts[n + 1 :]]
            yield _with(node, elts=left) if left or not isinstance(node, ast.Set) else ast.parse("set()").body[0].value  # type: ignore[attr-defined]  # an expression
    elif isinstance(node, ast.Call):
        for n in range(len(node.keywords)):
            yield _with(node, keywords=[*node.keywords[:n], *node.keywords[n + 1 :]])
    elif isinstance(node, ast.Raise):
        yield ast.Pass()
    elif isinstance(node, ast.Return) and node.value is not None:
        yield ast.Return(ast.Constant(None))


def _constants(value: Any) -> tuple[Any, ...]:
    if isinstance(value, bool):
        return (not value,)
    if isinstance(value, int):
        return value + 1, value - 1
    if isinstance(value, str):
        return ("",) if value else ("x",)
    return (False,) if value is None else ()


def _with(node: ast.AST, **fields: Any) -> ast.AST:
    changed = copy.copy(node)
    for name, value in fields.items():
        setattr(changed, name, value)
    return changed


def _without(node: ast.BoolOp, number: int) -> ast.AST:
    left = [*node.values[:number], *node.values[number + 1 :]]
    return left[0] if len(left) == 1 else _with(node, values=left)


# -- running the tests -----------------------------------------------------------------------------------


class Bench:
    """Pure modules, lower ones first, with their tests. `survivors` says which mutants nobody notices."""

    def __init__(self, modules: tuple[str, ...], tests: tuple[str, ...]) -> None:
        self.modules = modules
        self._code = {each: _compiled(each) for each in modules}
        self._tests = {each: _compiled(each) for each in tests}

    def survivors(self, tried: Iterator[Mutant]) -> list[str]:
        """Return the names of the mutants that pass every test."""
        return [each.name for each in tried if self.passes(each)]

    def passes(self, mutant: Mutant | None = None) -> bool:
        """Whether every pure test passes, with one module mutated if one is given."""
        kept = {each: sys.modules[each] for each in (*self.modules, *self._tests)}
        try:
            for name in self.modules:
                changed = mutant is not None and mutant.module == name
                code = compile(mutant.tree, name, "exec") if mutant and changed else self._code[name]
                _load(name, code)
            return _hold([_load(name, code) for name, code in self._tests.items()])
        except Exception:
            return False
        finally:
            for name, module in kept.items():
                _seat(name, module)


def _compiled(module: str) -> CodeType:
    file = import_module(module).__file__
    assert file is not None
    return compile(Path(file).read_text("utf-8"), file, "exec")


def _load(name: str, code: CodeType) -> ModuleType:
    module = ModuleType(name)
    _seat(name, module)
    exec(code, module.__dict__)  # noqa: S102  (our own source, changed in one place)
    return module


def _seat(name: str, module: ModuleType) -> None:
    """Let everybody who imports it from now on get this one."""
    sys.modules[name] = module
    package, _, last = name.rpartition(".")
    setattr(sys.modules[package], last, module)


def _hold(modules: list[ModuleType]) -> bool:
    """Whether the tests of these modules pass; random ones come last, since they cost the most."""
    every = [each for module in modules for name, each in vars(module).items() if name.startswith("test_")]
    found = [each for each in every if not _waits(each)]
    found.sort(key=lambda each: hasattr(each, "hypothesis"))
    return all(_runs(each) for each in found)


def _waits(test: Callable[..., Any]) -> bool:
    return inspect.iscoroutinefunction(test)


def _runs(test: Callable[..., Any]) -> bool:
    run = _SETTINGS(test) if hasattr(test, "hypothesis") else test
    try:
        for values in _rows(test):
            run(**values)
    except (Exception, BaseExceptionGroup):  # pytest's own failures are exceptions, too
        return False
    except BaseException as error:
        if type(error).__name__ == "Failed":
            return False
        raise
    return True


def _rows(test: Callable[..., Any]) -> list[dict[str, Any]]:
    """Return the arguments of each case of a parametrised test."""
    marks = [mark for mark in getattr(test, "pytestmark", []) if mark.name == "parametrize"]
    if not marks:
        return [{}]
    (mark,) = marks
    names = [each.strip() for each in mark.args[0].split(",")] if isinstance(mark.args[0], str) else list(mark.args[0])
    rows = [tuple(getattr(each, "values", each)) if len(names) > 1 else (each,) for each in mark.args[1]]
    return [dict(zip(names, row, strict=True)) for row in rows]
