"""What the token endpoint and the metadata answer."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from shared.shapes import Out
from shared.trust.standing import PublicKey


class TokenOut(Out):
    """An access token (RFC 6749, 5.1)."""

    access_token: str
    token_type: Literal["Bearer", "DPoP"]
    expires_in: int
    scope: str


class OAuthErrorOut(Out):
    """A refusal (RFC 6749, 5.2)."""

    error: Literal["invalid_request", "invalid_client", "invalid_scope", "unsupported_grant_type", "invalid_dpop_proof"]
    error_description: str


class KeySet(BaseModel):
    """The public keys that sign access tokens (RFC 7517): now, next, and until lately."""

    keys: list[PublicKey]


class Metadata(BaseModel):
    """Where everything is (RFC 8414)."""

    model_config = ConfigDict(extra="forbid")

    issuer: str
    token_endpoint: str
    revocation_endpoint: str
    jwks_uri: str
    grant_types_supported: list[str]
    response_types_supported: list[str]
    token_endpoint_auth_methods_supported: list[str]
    token_endpoint_auth_signing_alg_values_supported: list[str]
    revocation_endpoint_auth_methods_supported: list[str]
    revocation_endpoint_auth_signing_alg_values_supported: list[str]
    dpop_signing_alg_values_supported: list[str]
    service_documentation: str
