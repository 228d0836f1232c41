"""What one process holds: database, keys, peers. Built once from its settings."""

import json
from dataclasses import dataclass
from typing import Any

from shared.crypto import Vault
from shared.db import Database
from shared.http import Peers
from shared.jwt import Signer
from shared.keyring import Keyring
from shared.settings import Settings
from shared.trust.standing import Register
from shared.trust.verifier import Trust, Verifier


@dataclass(slots=True)
class Runtime:
    """The wiring of one process."""

    settings: Settings
    database: Database
    vault: Vault
    signer: Signer
    verifier: Verifier
    peers: Peers
    keyring: Keyring | None
    cursor_key: bytes
    probe: Database
    """The same database, on a connection that no request uses: a process whose connections are all busy is well."""
    sisters: dict[str, str]
    """Endpoint ids of the sister services that get this service's events."""

    @classmethod
    def build(cls, settings: Settings, register: Register | None = None) -> "Runtime":
        """Read the secret files and open the database lazily. Tests without a gateway say who stands by `register`."""
        settings.refuse_unsafe()
        vault = Vault.read(settings.kek_file)
        signer = Signer(settings.signing_key_file.read_bytes(), settings.issuer_name)
        peers = Peers(settings, signer)
        keyring = Keyring(Database(settings.keyring_url, pool_size=2), vault) if settings.keyring_url else None
        return cls(
            settings=settings,
            database=Database(settings.database_url, pool_size=settings.pool_size),
            vault=vault,
            signer=signer,
            verifier=Verifier(
                settings,
                Trust.read(settings.trust_file),
                register or Register(),
                peers.fetch if settings.service != "gateway" else None,
            ),
            peers=peers,
            keyring=keyring,
            cursor_key=vault.derive("cursors"),
            probe=Database(settings.database_url, pool_size=1),
            sisters={},
        )

    def event_secrets(self, direction: str) -> dict[str, str | list[str]]:
        """Return the secrets of events `incoming` from or `outgoing` to sister services.

        Several for one sister while the secret is being replaced; of outgoing ones all of them sign.
        """
        if self.settings.event_secrets_file is None:
            return {}
        content: dict[str, Any] = json.loads(self.settings.event_secrets_file.read_text())
        return dict(content[direction])

    async def close(self) -> None:
        """Give everything back."""
        await self.peers.close()
        await self.database.close()
        await self.probe.close()
        if self.keyring is not None:
            await self.keyring.database.close()
