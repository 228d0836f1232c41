"""Ruta on one machine. Needs Python 3.11 or newer, and nothing else.

Commands:
    python3 dev.py up      prepare everything, run the whole system with fictitious data, print the links
    python3 dev.py test    run every check and test (--long adds the slow ones; other arguments go to pytest)
    python3 dev.py bench   measure, and make trouble (deliveries, chaos, hop; --help says how)
    python3 dev.py openapi write docs/openapi.json, the committed description of the API
    python3 dev.py reset   delete the data directory .ruta
    python3 dev.py lock    rewrite requirements/*.txt from requirements/*.in (--upgrade takes newer versions)
"""

import errno
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time

# Everything up to here, and the syntax of the whole file, must be understood by Python 3.6, so that people
# with an old Python read this sentence and not a SyntaxError. Only newer ones evaluate the annotations below.
if sys.version_info < (3, 11):
    sys.exit(
        "Ruta needs Python 3.11 or newer; this is %d.%d. Run it with a newer one: python3.12 dev.py up"
        % sys.version_info[:2]
    )
if sys.platform == "win32":
    sys.exit("Ruta does not run on Windows itself. Run it under WSL (Windows Subsystem for Linux).")

ROOT = os.path.dirname(os.path.abspath(__file__))
DATA = os.path.join(ROOT, ".ruta")
VENV = os.path.join(ROOT, ".venv")
VENV_PYTHON = os.path.join(VENV, "bin", "python")
TOOLS = os.path.join(VENV, "tools")
STAMP = os.path.join(VENV, "installed.json")
LOG = os.path.join(VENV, "install.log")
REQUIREMENTS = os.path.join(ROOT, "requirements")
SATISFIES = {"run.txt": ["run.txt"], "test.txt": ["run.txt", "test.txt"]}  # test.txt holds all of run.txt
CHECKED = ["shared", "gateway", "services", "sandbox", "tests", "bench", "k8s", "dev.py"]


class Refusal(Exception):
    """Something the person can put right; its text is one plain sentence that says how."""


# -- the environment -----------------------------------------------------------------------------------------


def prepare(lock: str) -> None:
    """Make .venv hold exactly the versions of one lock file; does nothing when it already does."""
    stamp = _read_stamp()
    digest = _digest(lock)
    if stamp.get(lock) == digest and os.access(VENV_PYTHON, os.X_OK):
        return
    try:
        _ensure_venv()
        print("Installing what requirements/%s lists into .venv ..." % lock, flush=True)
        _install(lock)
        stamp = _read_stamp()
        stamp.update({satisfied: _digest(satisfied) for satisfied in SATISFIES[lock]})
        _write_stamp(stamp)
    except OSError as error:
        raise _disk_refusal(error) from error


def _ensure_venv() -> None:
    """Make a virtual environment of this Python; without pip, because Debian's cannot make one with it."""
    same_version = "import sys; sys.exit(sys.version_info[:2] != %r)" % (sys.version_info[:2],)
    if _succeeds([VENV_PYTHON, "-c", same_version]):
        return
    if os.path.islink(VENV) or os.path.exists(VENV):
        print(".venv does not work with this Python; making it again.", flush=True)
        if os.path.isdir(VENV) and not os.path.islink(VENV):
            shutil.rmtree(VENV)
        else:
            os.unlink(VENV)
    os.makedirs(VENV)  # first, so that a disk that cannot be written to is noticed with its own error
    # When dev.py itself runs on .venv's Python, the one below it has to make the new environment.
    base = getattr(sys, "_base_executable", sys.executable)
    made = subprocess.run([base, "-m", "venv", "--without-pip", VENV], capture_output=True, text=True)
    if made.returncode != 0:
        raise Refusal(
            "This Python cannot make a virtual environment; install its venv module "
            "(on Debian and Ubuntu: apt install python3-venv) and run this again."
        )


def _install(lock: str) -> None:
    """Install a lock with uv, or with pip where uv cannot be had or does not get through."""
    arguments = ["--no-deps", "--require-hashes", "-r", os.path.join(REQUIREMENTS, lock)]
    uv = _find_uv()
    if uv and _logged([uv, "pip", "install", "--python", VENV_PYTHON, *arguments]):
        return
    # pip knows mirrors and proxies from its own configuration, which uv does not read: worth a second try.
    pip = _find_pip()
    if pip and _logged([*pip, "install", *arguments]):
        return
    if not uv and not pip:
        raise Refusal(
            "There is no uv, pip or ensurepip here to install packages with; get one "
            "(on Debian and Ubuntu: apt install python3-venv) and run this again."
        )
    raise Refusal(
        "The packages could not be installed; check that this machine reaches a Python package index "
        "(network, proxy, pip's index settings) and run this again. Details: %s" % LOG
    )


def _find_uv() -> str:
    """The path of uv: from PATH, from an earlier run, or fetched with pip. Empty where none of them works."""
    own = os.path.join(TOOLS, "bin", "uv")
    found = shutil.which("uv") or (own if os.access(own, os.X_OK) else "")
    if found:
        return found
    pip = _find_pip()
    locked = os.path.join(REQUIREMENTS, "uv.txt")
    if pip and _logged([*pip, "install", "--target", TOOLS, "--no-deps", "--require-hashes", "-r", locked]):
        return own if os.access(own, os.X_OK) else ""
    return ""


def _find_pip() -> list[str]:
    """How to run pip on .venv: with the machine's pip, else with ensurepip's. Empty where there is none."""
    for python in (sys.executable, VENV_PYTHON):
        if _succeeds([python, "-m", "pip", "--version"]):
            return [python, "-m", "pip", "--python", VENV_PYTHON]
    if _logged([VENV_PYTHON, "-m", "ensurepip"]):
        return [VENV_PYTHON, "-m", "pip", "--python", VENV_PYTHON]
    return []


def _succeeds(command: list[str]) -> bool:
    try:
        return subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0
    except OSError:
        return False


def _logged(command: list[str]) -> bool:
    """Run a command with its output in the install log; whether it succeeded."""
    # The machine's own certificates: government proxies inspect TLS with an authority of their own.
    # These are two names of one setting, for newer and for older versions of uv.
    environment = {**os.environ, "UV_SYSTEM_CERTS": "1", "UV_NATIVE_TLS": "1"}
    with open(LOG, "a", encoding="utf-8") as log:
        log.write("\n$ %s\n" % " ".join(command))
        log.flush()
        try:
            ended = subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, env=environment)
            return ended.returncode == 0
        except OSError as error:
            log.write("%s\n" % error)
            return False


def _digest(lock: str) -> str:
    """What must not have changed since the installation: the lock file and the Python."""
    with open(os.path.join(REQUIREMENTS, lock), "rb") as file:
        return hashlib.sha256(sys.version.encode() + file.read()).hexdigest()


def _read_stamp() -> dict[str, str]:
    try:
        with open(STAMP, encoding="utf-8") as file:
            stamp = json.load(file)
    except (OSError, ValueError):
        return {}
    return stamp if isinstance(stamp, dict) else {}


def _write_stamp(stamp: dict[str, str]) -> None:
    with open(STAMP + ".new", "w", encoding="utf-8") as file:
        json.dump(stamp, file, indent=1)
    os.replace(STAMP + ".new", STAMP)


def _disk_refusal(error: OSError) -> Refusal:
    where = error.filename or ROOT
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return Refusal(
            "Cannot write %s (%s); copy the project to where you may write and run this again."
            % (where, error.strerror)
        )
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Refusal("The disk is full; free about 500 MB on the disk of %s and run this again." % ROOT)
    return Refusal("Could not prepare %s (%s); delete it and run this again." % (VENV, error))


# -- the commands --------------------------------------------------------------------------------------------


def up(arguments: list[str]) -> int:
    """Run the whole system; the sandbox package takes over this process."""
    prepare("run.txt")
    os.chdir(ROOT)
    sys.stdout.flush()
    try:
        os.execv(VENV_PYTHON, [VENV_PYTHON, "-m", "sandbox", "up", *arguments])
    except OSError as error:
        raise Refusal(".venv is broken (%s); delete it and run this again." % error) from error


def test(arguments: list[str]) -> int:
    """Run every check, to the end even when one fails, and sum up."""
    prepare("test.txt")
    os.chdir(ROOT)
    long = "--long" in arguments
    selected = [argument for argument in arguments if argument != "--long"]
    sources = [path for path in CHECKED if path.endswith(".py") or _holds_python(path)]
    pytest = [
        "-m",
        "pytest",
        "-n",
        "3",  # one of them mostly waits for processes
        "--dist",
        "loadscope",  # as tests/conftest.py says
        "--no-loadscope-reorder",
        *([] if long else ["-m", "not long"]),
        *selected,
    ]
    steps = [
        ("ruff check", ["-m", "ruff", "check", "."]),
        ("ruff format", ["-m", "ruff", "format", "--check", "."]),
        ("mypy", ["-m", "mypy", *sources]),
        ("lint-imports", ["-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"]),
        ("pytest", pytest),
    ]
    results = []
    for name, command in steps:
        print("\n== %s" % name, flush=True)
        started = time.monotonic()
        passed = subprocess.run([VENV_PYTHON, *command]).returncode == 0
        results.append((name, passed, time.monotonic() - started))
    print("\n== summary")
    for name, passed, seconds in results:
        print("%-13s %-6s %6.1f s" % (name, "ok" if passed else "FAILED", seconds))
    return 0 if all(passed for _, passed, _ in results) else 1


def bench(arguments: list[str]) -> int:
    """Measure; the bench package takes over this process."""
    prepare("test.txt")
    os.chdir(ROOT)
    sys.stdout.flush()
    os.execv(VENV_PYTHON, [VENV_PYTHON, "-m", "bench", *arguments])


def openapi(arguments: list[str]) -> int:
    """Write docs/openapi.json, the committed description of the API."""
    if arguments:
        raise Refusal("openapi takes no arguments; it writes docs/openapi.json.")
    prepare("run.txt")
    os.chdir(ROOT)
    return subprocess.run([VENV_PYTHON, "-m", "sandbox.description"]).returncode


def _holds_python(folder: str) -> bool:
    return any(name.endswith(".py") for _, _, names in os.walk(folder) for name in names)


def reset(arguments: list[str]) -> int:
    """Delete the data directory, unless something runs on it."""
    import fcntl  # here, because only this command needs it and every start pays for what stands at the top

    if arguments:
        raise Refusal("reset takes no arguments; it always deletes %s." % DATA)
    if not os.path.isdir(DATA):
        print("Nothing to delete: there is no %s." % DATA)
        return 0
    try:
        with open(os.path.join(DATA, "lock"), "a+", encoding="utf-8") as lock:
            # The system and each of its processes hold this lock for as long as they live.
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(DATA)
    except BlockingIOError as error:
        message = "Ruta is running on %s; stop it (Ctrl-C where it was started) and run this again." % DATA
        raise Refusal(message) from error
    except OSError as error:
        raise _disk_refusal(error) from error
    print("Deleted %s." % DATA)
    return 0


def lock(arguments: list[str]) -> int:
    """Resolve requirements/*.in for every platform, with hashes and without naming any package index."""
    if [argument for argument in arguments if argument != "--upgrade"]:
        raise Refusal("lock takes only --upgrade.")
    try:
        _ensure_venv()
        uv = _find_uv()
    except OSError as error:
        raise _disk_refusal(error) from error
    if not uv:
        raise Refusal("lock needs uv; install it (pip install uv) and run this again.")
    os.chdir(ROOT)
    _compile(uv, "run", arguments)
    # Constrained by run.txt, so that tests run on the versions that production runs on.
    _compile(uv, "test", ["--constraint", "requirements/run.txt", *arguments])
    _compile(uv, "uv", arguments)
    return 0


def _compile(uv: str, name: str, options: list[str]) -> None:
    source, target = "requirements/%s.in" % name, "requirements/%s.txt" % name
    command = [uv, "pip", "compile", source, "--output-file", target, "--quiet", *options]
    command += ["--universal", "--python-version", "3.11", "--excludes", "requirements/excludes.txt"]
    command += ["--generate-hashes", "--annotation-style", "line"]
    command += ["--no-header", "--no-emit-index-url", "--no-emit-find-links"]
    if subprocess.run(command, stdout=subprocess.DEVNULL).returncode != 0:
        raise Refusal("uv could not resolve %s; its message is above." % source)
    with open(target, encoding="utf-8") as file:
        resolved = file.read()
    with open(target, "w", encoding="utf-8") as file:
        file.write("# Written by `python3 dev.py lock` from %s.in; do not edit.\n%s" % (name, resolved))
    print("%s: %d packages" % (target, resolved.count("==")))


COMMANDS = {"up": up, "test": test, "bench": bench, "openapi": openapi, "reset": reset, "lock": lock}


def main(arguments: list[str]) -> int:
    if not arguments or arguments[0] not in COMMANDS:
        asked = arguments[:1] in (["-h"], ["--help"], ["help"])
        print(__doc__.strip(), file=sys.stdout if asked else sys.stderr)
        return 0 if asked else 2
    # Where this is set, each of our processes would compile every library anew at its start.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    try:
        return COMMANDS[arguments[0]](arguments[1:])
    except Refusal as refusal:
        print(refusal, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
