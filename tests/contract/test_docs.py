"""The documents say what is so: every line that they tell people to paste is run here, in order.

`<!-- run -->` stands before a block of shell that is run; a block of text right after it says what
the output holds, `…` standing for anything. `<!-- file: name -->` stands before a file to save.
All blocks of one page run in one session, against a system that was made as `dev.py up` makes it.
"""

import importlib.util
import os
import re
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest

from sandbox.ports import free_ports
from sandbox.seed import seed
from sandbox.system import PROGRAMS, System
from services.referral.protection.rules import ACT, LAW_OF, Obstacle, ReleaseState, verdict
from shared import app
from shared.catalogue import CATALOGUE
from shared.delivery import rules as delivery
from shared.delivery import signing
from shared.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("README.md", "docs/partners.md", "docs/consulates.md")
MARK = "--- block "
_BLOCK = re.compile(
    r"<!-- (?:run|file: (?P<name>[\w.]+)) -->\n"
    r"```(?:bash|python)\n(?P<code>.*?)```\n(?:```text\n(?P<output>.*?)```\n)?",
    re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    """One marked block of a page: a file to save, or commands and what they print."""

    name: str | None
    code: str
    output: str


def blocks(page: str) -> list[Block]:
    text = (ROOT / page).read_text(encoding="utf-8")
    found = [Block(each["name"], each["code"], each["output"] or "") for each in _BLOCK.finditer(text)]
    assert len(found) == text.count("<!-- run -->") + text.count("<!-- file: "), f"{page}: a mark without its block"
    return found


def documents() -> list[Path]:
    folders = [ROOT, *(each for each in ROOT.iterdir() if each.is_dir() and not each.name.startswith("."))]
    return sorted({file for folder in folders for file in folder.glob("*.md" if folder == ROOT else "**/*.md")})


# -- what is pasted ------------------------------------------------------------------------------------


@pytest.mark.timeout(180)
async def test_every_line_that_the_pages_tell_to_paste_works(tmp_path: Path) -> None:
    system = System(tmp_path / "data", port=free_ports(len(PROGRAMS) + 1))
    async with system:
        await seed(system)
        for page in PAGES:
            session = tmp_path / page.replace("/", "-")
            session.mkdir()
            (session / ".ruta").symlink_to(system.data)
            (session / ".venv").symlink_to(sys.prefix)
            _paste(page, session, system)


def _paste(page: str, folder: Path, system: System) -> None:
    """Run a page's blocks in one bash session that ends at the first failure, and compare what each prints."""
    found = blocks(page)
    lines = ["set -eo pipefail", "exec 2>&1"]
    for number, block in enumerate(found):
        if block.name is None:
            lines += [f"echo '{MARK}{number}'", block.code]
        else:
            (folder / block.name).write_text(_at_home(block.code, system))
    (folder / "session.sh").write_text(_at_home("\n".join([*lines, f"echo '{MARK}end'"]), system))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RUTA_")} | {
        "PATH": f"{Path(sys.prefix) / 'bin'}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "no_proxy": "127.0.0.1",
    }
    ended = subprocess.run(
        ["bash", "session.sh"], cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    printed = dict(part.split("\n", 1) for part in ended.stdout.split(MARK)[1:])
    assert ended.returncode == 0, f"{page} ended early with {ended.stdout[-2000:]}"
    for number, block in enumerate(found):
        if block.name is None:
            _compare(page, block, printed[str(number)])


def _at_home(text: str, system: System) -> str:
    """Replace the ports of the pages by those of this system, and by one that is free."""
    ports = {8000: system.port, 8007: system.port_of("receiver"), 9000: system.port + len(PROGRAMS)}
    return re.sub(r"(127\.0\.0\.1(?::|\", ))(8000|8007|9000)\b", lambda each: f"{each[1]}{ports[int(each[2])]}", text)


def _compare(page: str, block: Block, printed: str) -> None:
    """Find each line of the promised output, in order; `…` stands for anything."""
    place = 0
    for line in filter(None, (line.strip() for line in block.output.splitlines())):
        found = re.compile(".*".join(map(re.escape, line.split("…")))).search(printed, place)
        assert found, f"{page} promises {line!r} after\n{block.code}\nbut this came:\n{printed}"
        place = found.end()


def test_the_verifier_of_ten_lines_believes_us_and_nobody_else(tmp_path: Path) -> None:
    (block,) = (each for each in blocks("docs/consulates.md") if each.name == "verify.py")
    (tmp_path / "verify.py").write_text(block.code)
    spec = importlib.util.spec_from_file_location("verify", tmp_path / "verify.py")
    assert spec is not None
    assert spec.loader is not None
    verify = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(verify)
    body_lines = block.code.partition("-> bool:\n")[2].strip().splitlines()
    assert len(body_lines) <= 10
    old, new, body = signing.new_secret(), signing.new_secret(), b'{"type":"notice.issued"}'
    headers = signing.headers(
        "evt_1", body, [signing.given_key(new), signing.given_key(old)]
    )  # while a secret is being replaced both sign
    assert verify.is_from_ruta(headers, body, new)
    assert verify.is_from_ruta(headers, body, old)
    assert not verify.is_from_ruta(headers, body + b" ", new)
    assert not verify.is_from_ruta(headers, body, signing.new_secret())
    assert not verify.is_from_ruta(headers | {"webhook-id": "evt_2"}, body, new)
    assert not verify.is_from_ruta(headers | {"webhook-timestamp": "1"}, body, new)
    assert not verify.is_from_ruta(headers | {"webhook-signature": "v1,ñ"}, body, new)
    assert not verify.is_from_ruta({}, body, new)


# -- what is said --------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", documents(), ids=lambda file: str(file.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(file: Path) -> None:
    targets = re.findall(r"\]\(([^)\s#]+)[^)]*\)", re.sub(r"```.*?```", "", file.read_text("utf-8"), flags=re.DOTALL))
    local = [target for target in targets if not re.match(r"[a-z]+:", target)]
    assert [target for target in local if not (file.parent / target).exists()] == []


def test_partners_find_every_problem_with_its_status_and_no_other() -> None:
    rows = re.findall(r"^\| (\d{3}) \| `(\w+)` \|", (ROOT / "docs/partners.md").read_text("utf-8"), re.MULTILINE)
    assert sorted(rows) == sorted((str(problem.status), code) for code, problem in CATALOGUE.items())


def test_no_document_names_a_problem_that_does_not_exist() -> None:
    named = {code for file in documents() for code in re.findall(r"/errors/(\w+)", file.read_text("utf-8"))}
    assert named <= CATALOGUE.keys()


def test_the_page_of_the_guard_has_every_obstacle_with_its_rule_and_its_effect() -> None:
    rows = re.findall(r"^\| `([A-Z_]+)` \|.*\| (\S+) \| (waits|stops) \|$", _text("docs/guard.md"), re.MULTILINE)
    effects = {"wait": "waits", "closed": "stops"}
    assert rows == [
        (each.value, LAW_OF.get(each, ACT).id, effects[verdict(ReleaseState.RELEASED, [each]).value])
        for each in Obstacle
    ]


@pytest.mark.parametrize("page", ["docs/partners.md", "docs/consulates.md"])
def test_receivers_read_the_schedule_of_repetitions_that_is_kept(page: str) -> None:
    seconds = {"5 s": 5, "30 s": 30, "2 min": 120, "10 min": 600, "30 min": 1800, "1 h": 3600}
    assert tuple(seconds.values()) == tuple(step.total_seconds() for step in delivery.SCHEDULE)
    assert ", ".join(seconds) in _text(page)


def test_every_setting_is_documented() -> None:
    documented = set(re.findall(r"\bRUTA_[A-Z_]+\b", _text("docs/settings.md")))
    assert {f"RUTA_{name.upper()}" for name in Settings.model_fields} <= documented


def test_there_is_one_version() -> None:
    project = tomllib.loads(_text("pyproject.toml"))["project"]["version"]
    newest = re.search(r"^## (\d\S*)", _text("CHANGELOG.md"), re.MULTILINE)
    assert newest is not None
    assert project == app.VERSION == newest[1]


def _text(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")
