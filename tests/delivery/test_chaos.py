"""A minute of trouble by chance: workers killed and paused, the database crashed, receivers that fail, hang and lie."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("database_kind", ["sqlite", "postgresql"])
def test_half_a_minute_of_trouble_loses_nothing(database_kind: str, tmp_path: Path) -> None:
    report = tmp_path / "bench.json"
    command = [sys.executable, "-m", "bench", "chaos", "--database", database_kind, "--report", str(report)]
    command += ["--minutes", "0.4", "--events", "400", "--seed", "20261122"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr[-3000:]
    found = json.loads(report.read_text())["results"]["chaos"]["databases"][database_kind]
    assert found["workers killed"] + found["workers paused"] >= 5
    assert found["arrivals"] > found["committed events"] >= 400
