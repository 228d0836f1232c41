"""The keys and secrets of a sandbox: made once, kept on later starts, readable by their owner alone."""

import base64
import json
import os
import secrets
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from shared import jwt

SERVICES = ("intake", "referral", "consular")
SIGNERS = ("gateway", *SERVICES)
# Who sends signed events to whom. Intake and consular meet only through referral, which keeps the guard.
EVENT_ROUTES = (
    ("intake", "referral"),
    ("referral", "intake"),
    ("referral", "consular"),
    ("consular", "referral"),
)


class Keys:
    """Where each file lies; `ensure` makes what is missing."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.trust = folder / "trust.json"

    def kek(self, service: str) -> Path:
        """The key-encryption keys of one service."""
        return self.folder / service / "kek.json"

    def signing(self, service: str) -> Path:
        """The private key that one service signs with."""
        return self.folder / service / "signing.pem"

    def events(self, service: str) -> Path:
        """The secrets of the events that one service sends and receives."""
        return self.folder / service / "events.json"

    def administrator(self, client_id: str) -> Path:
        """The private key of an administrator, made when it is first asked for."""
        file = self.folder / "administrators" / f"{client_id}.pem"
        _private_folder(file.parent)
        if not file.exists():
            _write(file, _new_signing_key())
        return file

    def public_half(self, file: Path) -> dict[str, str]:
        """Return the public half of a private key."""
        key = serialization.load_pem_private_key(file.read_bytes(), password=None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)  # written by ourselves
        return jwt.to_jwk(key.public_key())

    def ensure(self, gateway_issuer: str) -> None:
        """Make what is missing and say anew whom to trust, because the gateway's issuer follows its port."""
        for service in SIGNERS:
            _private_folder(self.folder / service)
            if not self.kek(service).exists():
                _write(self.kek(service), {"current": "k1", "keys": {"k1": _random_base64()}})
            if not self.signing(service).exists():
                _write(self.signing(service), _new_signing_key())
        self._ensure_event_secrets()
        self._write_trust(gateway_issuer)

    def _ensure_event_secrets(self) -> None:
        """Both ends of a route hold the same secret, so the sender's file decides."""
        files: dict[str, dict[str, dict[str, str]]] = {
            service: {"outgoing": _read(self.events(service)).get("outgoing", {}), "incoming": {}}
            for service in SERVICES
        }
        for sender, receiver in EVENT_ROUTES:
            secret = files[sender]["outgoing"].setdefault(receiver, "whsec_" + _random_base64())
            files[receiver]["incoming"][sender] = secret
        for service, content in files.items():
            if content != _read(self.events(service)):
                _write(self.events(service), content)

    def _write_trust(self, gateway_issuer: str) -> None:
        issuers = {}
        for service in SIGNERS:
            issuer = gateway_issuer if service == "gateway" else f"urn:ruta:{service}"
            issuers[issuer] = {"keys": [self.public_half(self.signing(service))]}
        _write(self.trust, {"issuers": issuers})


def _new_signing_key() -> bytes:
    return ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _random_base64() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


def _private_folder(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)


def _read(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_bytes())) if path.exists() else {}


def _write(path: Path, content: bytes | dict[str, Any]) -> None:
    """Write a private file, whole or not at all: half a key would lock its data for ever."""
    data = content if isinstance(content, bytes) else json.dumps(content, indent=1).encode()
    new = path.with_suffix(".new")
    new.unlink(missing_ok=True)
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
