"""Settings come from the environment (`RUTA_…`); secrets come from files that it names."""

import os
from datetime import date
from functools import cache
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

ServiceName = Literal["gateway", "intake", "referral", "consular"]


class UnsafeSettings(SystemExit):
    """Production refuses to start. The message lists every reason at once."""


class Settings(BaseSettings):
    """What one process of Ruta must know. Nothing here has a default that is unsafe."""

    model_config = SettingsConfigDict(env_prefix="RUTA_", frozen=True, hide_input_in_errors=True)

    service: ServiceName
    environment: Literal["production", "sandbox"] = "production"
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=1, le=65535)
    secrets_dir: Path | None = Field(default=None, description="folder of files named like settings, for secret ones")
    farewell_seconds: float = Field(
        default=0, ge=0, le=60, description="APIs only: how long /readyz says no before no connection is taken any more"
    )

    database_url: str = Field(description="sqlite+aiosqlite:///file or a postgresql:// URL")
    keyring_url: str = Field(default="", description="intake only: the database of wrapped data keys")
    pool_size: int = Field(default=8, ge=1, le=100, description="database connections of this process")

    kek_file: Path = Field(description='JSON {"current": id, "keys": {id: base64 of 32 bytes}}')
    signing_key_file: Path = Field(description="EC P-256 private key, PKCS #8 PEM")
    trust_file: Path = Field(description='JSON {"issuers": {issuer: JWK set}}')
    event_secrets_file: Path | None = Field(
        default=None, description='JSON {"outgoing": {service: whsec}, "incoming": {service: whsec}}'
    )

    issuer: str = Field(description="the gateway's issuer string, exactly as in its tokens")
    audience: str = "ruta"
    jwks_url: str = ""
    gateway_url: str = ""
    intake_url: str = ""
    referral_url: str = ""
    consular_url: str = ""

    allow_loopback_webhooks: bool = Field(
        default=False, description="lets webhooks go to loopback over http: sandbox and tests only"
    )
    single_node: bool = Field(default=False, description="SQLite in production, on purpose")
    impact_assessment_date: date | None = Field(
        default=None, description="filing date of the impact assessment (R36), 30 working days before"
    )
    hosts: str = Field(default="", description="gateway only: names it answers to besides the issuer's, with commas")
    trusted_proxies: int = Field(
        default=0, ge=0, le=8, description="gateway only: proxies of ours in front that write X-Forwarded-For"
    )
    limits: str = Field(default="", description="gateway only: rate limits, as client=6000/60 write=3000/60")
    limits_uri: str = Field(
        default="memory://", pattern=r"^(memory://|(async\+)?(redis|rediss|valkey|valkeys)://.+)$",
        description="gateway only: where requests are counted; several gateways share a Redis or Valkey server",
    )  # fmt: skip
    upstream_places: int = Field(
        default=128, ge=1, le=4096, description="gateway only: requests that one service answers for it at once"
    )
    max_connections: int = Field(default=800, ge=8, le=65536, description="gateway only: open connections of clients")
    body_limit: int = Field(default=256 * 1024, ge=1024, description="bytes of a request body")
    poll_seconds: float = Field(default=0.25, gt=0, description="how often a worker looks for work")
    lease_seconds: float = Field(default=30, gt=0, description="how long one delivery attempt may hold")
    delivery_timeout: float = Field(default=15, gt=0, description="seconds for one webhook, in total")
    egress_proxy_url: str = Field(default="", description="forward proxy of webhooks; it must refuse private addresses")
    webhook_certificate_file: Path | None = Field(default=None, description="client certificate for mutual TLS, PEM")
    webhook_key_file: Path | None = Field(default=None, description="its private key, PEM")
    webhook_ca_file: Path | None = Field(default=None, description="further authorities for receivers' certificates")
    release_days: int = Field(
        default=10, ge=0, description="intake only: days between the end of a period and the release of its tables"
    )
    retention: str = Field(default="", description="intake only: days kept and blocked (R35), as child=1825+730")
    capacity_fresh_hours: float = Field(
        default=24, gt=0, description="referral only: how old a shelter's figure of its places may be"
    )
    attempt_days: int = Field(default=180, ge=1, description="how long each attempt of a webhook is remembered")

    signing_key_days: float = Field(default=30, gt=0, description="gateway only: how long one key signs tokens")
    signing_key_wait_hours: float = Field(
        default=24, ge=0, description="gateway only: how long a key is published before it signs"
    )

    @property
    def issuer_name(self) -> str:
        """Who this process is when it signs: the gateway's issuer, or `urn:ruta:<service>`."""
        return self.issuer if self.service == "gateway" else f"urn:ruta:{self.service}"

    @property
    def webhook_origin(self) -> str:
        """Who asks a receiver for its consent (CloudEvents webhooks, 4.1): this installation's host name."""
        return urlsplit(self.issuer).netloc or self.issuer

    def peer_url(self, service: str) -> str:
        """Return the base URL of a sister service."""
        return str(getattr(self, f"{service}_url"))

    def refuse_unsafe(self) -> None:
        """Raise UnsafeSettings in production unless everything unsafe is off (decision 15, R36)."""
        if self.environment != "production":
            return
        reasons = [
            (self.database_url.startswith("sqlite") and not self.single_node,
             "RUTA_DATABASE_URL is SQLite: use PostgreSQL, or say RUTA_SINGLE_NODE=true."),
            (self.allow_loopback_webhooks,
             "RUTA_ALLOW_LOOPBACK_WEBHOOKS opens the inner network to webhooks: switch it off."),
            (self.impact_assessment_date is None,
             "RUTA_IMPACT_ASSESSMENT_DATE is empty: the law asks for one (LGPDPPSO 68-71)."),
            (self.service != "gateway" and self.event_secrets_file is None,
             "RUTA_EVENT_SECRETS_FILE is empty: events between services would go unsigned."),
            (self.service == "intake" and not self.keyring_url,
             "RUTA_KEYRING_URL is empty: identities would have no keys."),
            (self.service != "gateway" and not self.gateway_url,
             "RUTA_GATEWAY_URL is empty: nobody could say which tokens still count."),
            (self.keyring_url.startswith("sqlite") and not self.single_node,
             "RUTA_KEYRING_URL is SQLite: use PostgreSQL, or say RUTA_SINGLE_NODE=true."),
            (not self.issuer.startswith("https://"), "RUTA_ISSUER must be an https URL."),
            ((self.webhook_certificate_file is None) != (self.webhook_key_file is None),
             "RUTA_WEBHOOK_CERTIFICATE_FILE and RUTA_WEBHOOK_KEY_FILE go together."),
            *((not file.is_file(), f"{file} cannot be read.")
              for file in (self.kek_file, self.signing_key_file, self.trust_file, self.webhook_certificate_file,
                           self.webhook_key_file, self.webhook_ca_file)
              if file is not None),
        ]  # fmt: skip
        found = [sentence for unsafe, sentence in reasons if unsafe]
        if found:
            raise UnsafeSettings("Ruta refuses to start in production:\n- " + "\n- ".join(found))


@cache
def load() -> Settings:
    """Read the environment once, and what it does not say from the files in RUTA_SECRETS_DIR."""
    return Settings(_secrets_dir=os.environ.get("RUTA_SECRETS_DIR") or None)
