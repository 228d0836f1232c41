"""Make the secrets of a new installation, as files: one folder for each Secret, one file for each of its entries.

    python3 -m k8s.keys <folder> --issuer https://ruta.example.mx --server <host:port> --keyring <host:port>

Run it where the project's environment is (`.venv/bin/python` after `dev.py test`), on a machine that only its owner
uses. It makes a new folder, and never touches one that is there. k8s/README.md says how the files become Secrets.
"""

import argparse
import secrets
import shutil
import sys
from pathlib import Path

from sandbox.keys import SIGNERS, Keys


def make(folder: Path, issuer: str, server: str | None, keyring: str | None) -> list[Path]:
    """Write everything; returns the folder of each Secret. Without `server` there are no passwords to make.

    Raises FileExistsError when the folder is there.
    """
    folder.mkdir(mode=0o700, parents=True)
    made = Keys(folder / "keys")
    made.ensure(issuer)
    found = []
    for service in SIGNERS:
        secret = _folder(folder / f"ruta-{service}")
        for file in sorted((made.folder / service).iterdir()):
            _write(secret / file.name, file.read_bytes())
        _write(secret / "trust.json", made.trust.read_bytes())
        found.append(secret)
        if server:
            found.append(_role(folder, secret, "RUTA_DATABASE_URL", "ruta-db", service, server))
    if keyring:
        found.append(_role(folder, folder / "ruta-intake", "RUTA_KEYRING_URL", "ruta-keyring", "keyring", keyring))
    shutil.rmtree(made.folder)
    return found


def _role(folder: Path, secret: Path, setting: str, cluster: str, role: str, server: str) -> Path:
    """Write a role's name and password, as CloudNativePG wants them, and its URL, as the service does."""
    own = _folder(folder / f"{cluster}-{role}")
    _write(own / "username", role.encode())
    password = secrets.token_urlsafe(32)
    _write(own / "password", password.encode())
    _write(secret / setting, f"postgresql://{role}:{password}@{server}/{role}?ssl=require".encode())
    return own


def _folder(path: Path) -> Path:
    path.mkdir(mode=0o700)
    return path


def _write(file: Path, content: bytes) -> None:
    file.touch(0o600)
    file.write_bytes(content)


def main(arguments: list[str]) -> None:
    """Read the arguments, make the files, and print the commands that turn them into Secrets."""
    parser = argparse.ArgumentParser(prog="python3 -m k8s.keys", description="Make the secrets of a new installation.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--issuer", required=True)
    parser.add_argument("--server", help="host:port of the databases; none on one node with SQLite")
    parser.add_argument("--keyring", help="host:port of the keyring's database; the same as --server if not given")
    given = parser.parse_args(arguments)
    for secret in make(given.folder, given.issuer, given.server, given.keyring or given.server):
        kind = "--type=kubernetes.io/basic-auth " if (secret / "password").exists() else ""
        print(f"kubectl -n ruta create secret generic {secret.name} {kind}--from-file={secret}")


if __name__ == "__main__":
    main(sys.argv[1:])
