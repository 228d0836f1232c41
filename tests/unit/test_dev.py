"""`dev.py` on machines that lack something: each time one plain sentence, never a traceback."""

import ast
import errno
import fcntl
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

import dev

ROOT = Path(dev.__file__).parent


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of its own for dev.py, with lock files that list nothing."""
    requirements = tmp_path / "requirements"
    requirements.mkdir()
    for name in ("run.txt", "test.txt", "uv.txt"):
        (requirements / name).write_text("")
    venv = tmp_path / ".venv"
    for name, path in {
        "ROOT": tmp_path,
        "DATA": tmp_path / ".ruta",
        "VENV": venv,
        "VENV_PYTHON": venv / "bin" / "python",
        "TOOLS": venv / "tools",
        "STAMP": venv / "installed.json",
        "LOG": venv / "install.log",
        "REQUIREMENTS": requirements,
    }.items():
        monkeypatch.setattr(dev, name, str(path))
    return tmp_path


def installs_by(monkeypatch: pytest.MonkeyPatch, *tools: str) -> list[str]:
    """Let only these tools exist and succeed; returns the commands that are run."""
    commands: list[str] = []

    def run(command: list[str]) -> bool:
        commands.append(command[0])
        return f"{command[0]}!" in tools

    monkeypatch.setattr(dev, "_find_uv", lambda: "uv" if "uv" in tools else "")
    monkeypatch.setattr(dev, "_find_pip", lambda: ["pip"] if "pip" in tools else [])
    monkeypatch.setattr(dev, "_logged", run)
    return commands


def test_an_old_python_is_told_which_one_is_needed() -> None:
    source = (ROOT / "dev.py").read_text()
    old = f"import sys; sys.version_info = (3, 6, 15); exec(compile({source!r}, 'dev.py', 'exec'))"
    ended = subprocess.run([sys.executable, "-c", old], capture_output=True, text=True)
    assert ended.returncode == 1
    assert ended.stderr.startswith("Ruta needs Python 3.11 or newer; this is 3.6.")
    assert len(ended.stderr.splitlines()) == 1


def test_an_old_python_can_read_the_file_at_all() -> None:
    tree = ast.parse((ROOT / "dev.py").read_text(), feature_version=(3, 7))
    newer = (ast.NamedExpr, ast.Match, ast.TryStar)
    assert not [node.lineno for node in ast.walk(tree) if isinstance(node, newer)]
    futures = [node for node in tree.body if isinstance(node, ast.ImportFrom) and node.module == "__future__"]
    assert not futures, "from __future__ import annotations is a SyntaxError for Python 3.6"


def test_a_disk_that_cannot_be_written_is_named(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(path: str, *_: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system", path)

    monkeypatch.setattr(os, "makedirs", refuse)
    assert dev.main(["test"]) == 1
    told = capsys.readouterr().err
    assert told.startswith(f"Cannot write {project}/.venv (Read-only file system); copy the project")
    assert len(told.splitlines()) == 1


def test_without_uv_and_pip_it_says_what_to_install(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installs_by(monkeypatch)
    with pytest.raises(dev.Refusal, match="apt install python3-venv"):
        dev.prepare("run.txt")


def test_pip_is_tried_where_uv_does_not_get_through(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commands = installs_by(monkeypatch, "uv", "pip", "pip!")
    dev.prepare("run.txt")
    assert commands == ["uv", "pip"]


def test_without_network_it_says_what_to_check(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installs_by(monkeypatch, "uv", "pip")
    with pytest.raises(dev.Refusal, match=r"network, proxy.*Details: .*install\.log"):
        dev.prepare("run.txt")


def test_nothing_is_installed_twice_and_tests_bring_what_running_needs(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands = installs_by(monkeypatch, "uv", "uv!")
    dev.prepare("test.txt")
    dev.prepare("test.txt")
    dev.prepare("run.txt")
    assert commands == ["uv"]

    (project / "requirements" / "run.txt").write_text("# another version\n")
    dev.prepare("run.txt")
    assert commands == ["uv", "uv"]


@pytest.mark.parametrize("kind", ["dangling link", "no Python in it", "not a folder"])
def test_a_broken_environment_is_made_again(project: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    installs_by(monkeypatch, "uv", "uv!")
    venv = project / ".venv"
    if kind == "dangling link":
        venv.symlink_to(project / "gone")
    elif kind == "no Python in it":
        (venv / "bin").mkdir(parents=True)
        (venv / "bin" / "python").symlink_to("/nowhere/python3.11")
        (venv / "installed.json").write_text(json.dumps({"run.txt": dev._digest("run.txt")}))
    else:
        venv.write_text("")
    dev.prepare("run.txt")
    assert subprocess.run([venv / "bin" / "python", "-c", ""]).returncode == 0


def test_nothing_to_do_costs_nothing(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installs_by(monkeypatch, "uv", "uv!")
    dev.prepare("run.txt")
    started = time.monotonic()
    dev.prepare("run.txt")
    assert time.monotonic() - started < 0.05


def test_reset_deletes_the_data(project: Path) -> None:
    (project / ".ruta" / "databases").mkdir(parents=True)
    assert dev.main(["reset"]) == 0
    assert not (project / ".ruta").exists()
    assert dev.main(["reset"]) == 0, "nothing to delete is no failure"


def test_reset_refuses_while_something_runs_on_the_data(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = project / ".ruta"
    data.mkdir()
    with open(data / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert dev.main(["reset"]) == 1
    assert capsys.readouterr().err.startswith(f"Ruta is running on {data}; stop it")
    assert data.exists()


def test_the_locks_agree_and_name_no_host() -> None:
    def versions(name: str) -> set[str]:
        lines = (ROOT / "requirements" / name).read_text().splitlines()
        return {line.split(" ")[0].rstrip(" \\") for line in lines if "==" in line}

    assert versions("run.txt") <= versions("test.txt")
    for name in ("run.txt", "test.txt", "uv.txt"):
        text = (ROOT / "requirements" / name).read_text()
        assert "://" not in text
        assert "index-url" not in text


def test_an_unknown_command_shows_the_commands() -> None:
    command = [sys.executable, str(ROOT / "dev.py")]
    asked, unknown = (subprocess.run([*command, word], capture_output=True, text=True) for word in ("--help", "x"))
    assert (asked.returncode, unknown.returncode) == (0, 2)
    assert "python3 dev.py up" in asked.stdout
    assert unknown.stderr == asked.stdout


@pytest.mark.skipif(not shutil.which("bash"), reason="no bash on this machine")
def test_the_pipeline_is_the_same_command_without_skips() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert subprocess.run(["bash", "-n", script]).returncode == 0
    assert "RUTA_NO_SKIP=1" in script.read_text()
