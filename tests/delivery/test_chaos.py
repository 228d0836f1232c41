"""Trouble by chance: workers killed and paused, the database crashed, receivers that fail, hang and lie."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


SHORT, SEED = "0.2", "12272"
"""Minutes, and a seed that crowds them: five kills, six pauses and a crash of the database in twelve seconds."""


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("minutes", "seed"), [(SHORT, SEED), pytest.param("1", "20261122", marks=pytest.mark.long)], ids=["short", "minute"]
)
@pytest.mark.parametrize("database_kind", ["sqlite", "postgresql"])
def test_trouble_loses_nothing(database_kind: str, minutes: str, seed: str, tmp_path: Path) -> None:
    report = tmp_path / "bench.json"
    command = [sys.executable, "-m", "bench", "chaos", "--database", database_kind, "--report", str(report)]
    command += ["--minutes", minutes, "--events", "400", "--seed", seed]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr[-3000:]
    found = json.loads(report.read_text())["results"]["chaos"]["databases"][database_kind]
    assert min(found["workers killed"], found["workers paused"]) >= 2
    assert found["workers killed"] + found["workers paused"] >= 5
    assert found["database restarts"] >= 1 or database_kind == "sqlite"
    assert found["arrivals"] > found["committed events"] >= 400
