"""The image: what goes into it, what can be started in it, and what lists it."""

import json
import re
import shutil
import subprocess
import sys
import uuid
from fnmatch import fnmatch
from importlib.metadata import distributions
from pathlib import Path

import pytest

from k8s import sbom
from shared.app import VERSION
from tests.k8s.cluster import OVERLAYS, ROOT, overlay, pods

SITE = Path(next(path for path in sys.path if path.endswith("site-packages")))


def instructions() -> list[tuple[str, str]]:
    """The Containerfile's instructions in order, each with its words; comments and broken lines put right."""
    text = (ROOT / "Containerfile").read_text(encoding="utf-8")
    text = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ")
    return [(line.split(None, 1)[0], line.split(None, 1)[1].strip()) for line in text.splitlines() if line.strip()]


def copied() -> list[str]:
    """What the build takes from the source tree."""
    words = [words.split() for name, words in instructions() if name == "COPY" and not words.startswith("--from=")]
    return [source for each in words for source in each[:-1]]


def ignored(path: str) -> bool:
    """Whether the build does not see a file, by .containerignore: the last line that fits decides."""
    said = False
    for line in (ROOT / ".containerignore").read_text(encoding="utf-8").splitlines():
        pattern = line.strip().removeprefix("!").removeprefix("**/")
        parts = path.split("/")
        places = ["/".join(parts[:end]) for end in range(1, len(parts) + 1)]
        if line and not line.startswith("#") and any(fnmatch(each, pattern) for each in [*places, *parts]):
            said = not line.startswith("!")
    return said


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source tree as the image has it."""
    folder = tmp_path_factory.mktemp("image")
    for source in copied():
        for file in [ROOT / source] if (ROOT / source).is_file() else (ROOT / source).rglob("*"):
            path = str(file.relative_to(ROOT))
            if file.is_file() and "__pycache__" not in path and not ignored(path):
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, folder / path)
    return folder


def test_everything_that_is_copied_is_there_and_seen() -> None:
    assert set(copied()) == {
        "requirements/run.txt", "shared", "gateway", "services", "k8s/sbom.py", "CHANGELOG.md", "LICENSE",
    }  # fmt: skip
    assert [path for path in copied() if not (ROOT / path).exists() or ignored(path)] == []


@pytest.mark.parametrize(
    "path", [".git/config", ".ruta/secrets/intake/kek.json", "sandbox/keys.py", "tests/conftest.py", "secrets/kek.json",
             "shared/testing.py", "shared/__pycache__/app.cpython-311.pyc", "k8s/keys.py", "requirements/test.txt"],
)  # fmt: skip
def test_what_has_no_business_in_the_image_is_not_even_seen(path: str) -> None:
    assert ignored(path)


def test_it_runs_as_our_user_installs_by_hash_and_says_its_version() -> None:
    said = instructions()
    last = [name for name, _ in said].index("FROM", 3)
    assert [words for name, words in said[last:] if name == "USER"] == ["10001:10001"]
    assert [words for name, words in said if name == "ENTRYPOINT"] == ['["python3", "-m"]']
    assert {words.split()[0] for name, words in said if name == "FROM"} == {"${PYTHON}"}
    (install,) = [words for name, words in said if name == "RUN" and "pip install" in words]
    assert {"--require-hashes", "--no-deps", "--only-binary=:all:"} <= set(install.split())
    assert f'org.opencontainers.image.version="{VERSION}"' in dict(said[last:])["LABEL"]
    assert not any(
        name == "RUN" for name, _ in said[last:]
    )  # so that the last stage holds what was copied, and no more


def test_every_role_of_the_manifests_is_in_it_and_nothing_in_it_needs_what_is_not(tree: Path) -> None:
    """That each command starts is shown by tests/e2e/test_manifests.py, which runs them all."""
    roles = {each["args"][0] for name in OVERLAYS for pod in pods(overlay(name)) for each in pod.containers}
    assert roles == {"gateway", "services.intake", "services.referral", "services.consular", "shared.egress"}
    assert [role for role in roles if not (tree / role.replace(".", "/") / "__main__.py").is_file()] == []
    needed = {
        found
        for file in tree.rglob("*.py")
        for found in _IMPORT.findall(file.read_text(encoding="utf-8"))
        if not (tree / found.replace(".", "/")).is_dir() and not (tree / f"{found.replace('.', '/')}.py").is_file()
    }
    assert needed == set()
    assert len(list((tree / "services").glob("*/words.csv"))) == 3
    assert (tree / "CHANGELOG.md").is_file()  # which gateway/docs.py serves


_IMPORT = re.compile(
    r"^\s*(?:from|import) ((?:shared|gateway|services|sandbox|tests|bench|k8s)(?:\.[a-z0-9_.]+)?)", re.MULTILINE
)


# -- the list of what is in it ---------------------------------------------------------------------------


def _package(folder: Path, name: str, version: str, licence: str = "MIT") -> None:
    made = folder / f"{name}-{version}.dist-info"
    made.mkdir(parents=True)
    text = f"Metadata-Version: 2.4\nName: {name}\nVersion: {version}\nLicense-Expression: {licence}\n"
    (made / "METADATA").write_text(text)


LOCK = """\
some-package[extra]==1.2 ; python_version > '3' --hash=sha256:{a} --hash=sha256:{b}
other==2 --hash=sha256:{c}
""".format(a="a" * 64, b="b" * 64, c="c" * 64)


def test_the_list_names_each_package_with_its_licence_and_what_the_lock_allows(tmp_path: Path) -> None:
    _package(tmp_path, "Some.Package", "1.2", "Apache-2.0")
    document = sbom.document(LOCK, tmp_path)
    (component,) = document["components"]
    assert component["purl"] == "pkg:pypi/some-package@1.2"
    assert component["licenses"] == [{"expression": "Apache-2.0"}]
    assert [each["value"][0] for each in component["properties"]] == ["a", "b"]
    assert document["dependencies"] == [{"ref": "ruta", "dependsOn": ["pkg:pypi/some-package@1.2"]}]
    assert sbom.document(LOCK, tmp_path) == document


@pytest.mark.parametrize(("name", "version"), [("stranger", "1"), ("other", "3")])
def test_what_is_not_locked_is_no_part_of_an_image(name: str, version: str, tmp_path: Path) -> None:
    _package(tmp_path, name, version)
    with pytest.raises(ValueError, match="not locked"):
        sbom.document(LOCK, tmp_path)


def test_the_list_of_the_real_lock_is_whole(tmp_path: Path) -> None:
    lock = (ROOT / "requirements/run.txt").read_text(encoding="utf-8")
    pins = sbom.locked(lock)
    assert all(pins.values())
    for each in distributions(path=[str(SITE)]):
        if (sbom._plain(each.name), each.version) in pins:
            _package(tmp_path, each.name, each.version)
    listed = {each["name"] for each in sbom.document(lock, tmp_path)["components"]}
    assert {"fastapi", "sqlalchemy", "cryptography", "python-jose", "uvicorn", "aiohttp"} <= listed
    assert len(listed) >= 40


# -- the build itself ------------------------------------------------------------------------------------


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False, timeout=1500)
    assert done.returncode == 0, f"{command}: {done.stderr[-2000:]}"
    return done.stdout.strip()


@pytest.mark.long
@pytest.mark.timeout(3000)
def test_it_is_built_twice_alike_and_runs_without_any_right() -> None:
    missing = [name for name in ("buildah", "podman") if shutil.which(name) is None]
    if missing:
        pytest.skip(f"the image was neither built nor run: no {' and no '.join(missing)} here")
    tag = f"ruta-test-{uuid.uuid4().hex}"
    build = ("buildah", "build", "--isolation", "chroot", "--timestamp", "0", "--no-cache", "--quiet", "-t", tag, ".")
    first = _run(*build)
    try:
        assert _run(*build) == first
        bare = (
            "podman",
            "run",
            "--rm",
            "--read-only",
            "--cap-drop=all",
            "--security-opt=no-new-privileges",
            "--network=none",
        )
        asked = "import os, shared.app; print(os.getuid(), os.getgid(), shared.app.VERSION)"
        assert _run(*bare, "--entrypoint=python3", tag, "-c", asked) == f"10001 10001 {VERSION}"
        listed = json.loads(_run(*bare, "--entrypoint=cat", tag, "/opt/ruta/sbom.cdx.json"))
        assert listed["bomFormat"] == "CycloneDX"
        usage = subprocess.run(
            [*bare, tag, "services.intake"], capture_output=True, text=True, check=False, timeout=300
        )
        assert "usage: python -m services.intake api | " in usage.stderr
    finally:
        subprocess.run(["buildah", "rmi", tag], capture_output=True, check=False)
