"""A client as an administrator registers it."""

from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from gateway.clients import rules
from shared import jwt
from shared.shapes import Country, In, Slug, State


def _kind(kind: str) -> str:
    if kind == rules.SERVICE:
        raise ValueError("reserved for Ruta's own services")
    return kind


def _scopes(scopes: list[str]) -> list[str]:
    if any(not rules.SCOPE.fullmatch(scope) for scope in scopes):
        raise ValueError("a scope reads like intake:write")
    if len(" ".join(scopes)) > rules.SCOPES_LENGTH:
        raise ValueError("too many scopes for one token")
    return sorted(set(scopes))


def _key(key: dict[str, Any]) -> dict[str, Any]:
    kept = rules.public_part(key)
    try:
        jwt.public_key(kept)
    except Exception:  # whatever the library raises at a point that is not on the curve
        raise ValueError("x and y are not a point of P-256") from None
    return dict(kept)


ClientId = Annotated[str, StringConstraints(pattern=f"^{rules.ID.pattern}$")]
Jwk = Annotated[dict[str, Any], AfterValidator(_key)]


class ClientIn(In):
    """What is registered. At most two keys, so that they can overlap while they are changed."""

    id: ClientId
    agency: Slug
    agency_kind: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2,16}$"), AfterValidator(_kind)]
    office: Slug | None = None
    state: State | None = None
    role: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z_]{1,31}$")]
    country: Country | None = None
    scopes: Annotated[list[str], Field(min_length=1, max_length=64), AfterValidator(_scopes)]
    keys: Annotated[list[Jwk], Field(default_factory=list, max_length=2)]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        rules.check_country(self.agency_kind, self.country)
        rules.check_agency(self.agency)
        rules.check_scopes(self.agency_kind, self.scopes)
        if len({key["kid"] for key in self.keys}) != len(self.keys):
            raise ValueError("Two keys have the same kid.")
        return self
