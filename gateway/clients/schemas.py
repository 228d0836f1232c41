"""What administrators send and see of clients, suspensions and changes, and what a client sees of itself."""

from collections.abc import Collection
from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from gateway.clients import rules
from gateway.clients.models import Change, Client, Suspension
from gateway.clients.rules import Action, Reason, Subject
from gateway.clients.rules import State as ChangeState
from shared import clock, jwt
from shared.shapes import Country, In, Out, Slug, State


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


def _client_id(client_id: str) -> str:
    if client_id in rules.RESERVED_IDS:
        raise ValueError("reserved")
    return client_id


_JWK = {
    "kty": "EC", "crv": "P-256", "kid": "2026-11",
    "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
}  # fmt: skip

ClientId = Annotated[
    str,
    StringConstraints(pattern=f"^{rules.ID.pattern}$"),
    AfterValidator(_client_id),
    Field(examples=["dif-chp-system"], description="the client's id"),
]
Jwk = Annotated[
    dict[str, Any], AfterValidator(_key), Field(examples=[_JWK], description="public EC P-256 key (RFC 7517)")
]
Role = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z_]{1,31}$"), Field(examples=["officer"])]
Scopes = Annotated[
    list[str],
    Field(min_length=1, max_length=64, examples=[["referral:read", "referral:write"]]),
    AfterValidator(_scopes),
]
Reference = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9./_-]{0,39}$"),
    Field(examples=["OPS-1234"], description="number of the letter or ticket that says more; never a name"),
]


class Why(In):
    """Why an administrator acts: a code, and where more is written. It goes into the audit."""

    reason: Reason
    reference: Reference | None = None


class ClientIn(In):
    """What is registered. At most two keys, so that they can overlap while they are changed."""

    id: ClientId
    agency: Slug
    agency_kind: Annotated[
        str, StringConstraints(pattern=r"^[A-Z][A-Z_]{1,31}$"), AfterValidator(_kind), Field(examples=["DIF"])
    ]
    office: Slug | None = None
    state: State | None = None
    role: Role
    country: Country | None = Field(default=None, description="consulates only, fixed from here on")
    scopes: Scopes
    keys: Annotated[list[Jwk], Field(default_factory=list, max_length=rules.KEYS)]
    dpop: bool = Field(default=False, description="whether its tokens are bound to a key (RFC 9449)")
    person: Slug | None = Field(default=None, description="administrators only: staff number of whose client it is")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        rules.check_country(self.agency_kind, self.country)
        rules.check_agency(self.agency, self.agency_kind)
        rules.check_scopes(self.agency_kind, self.scopes)
        rules.check_person(self.agency_kind, self.scopes, self.person)
        if len({key["kid"] for key in self.keys}) != len(self.keys):
            raise ValueError("Two keys have the same kid.")
        return self


class ClientRegistration(ClientIn, Why):
    """A client, and why it is registered."""

    keys: Annotated[list[Jwk], Field(min_length=1, max_length=rules.KEYS)]


class ClientPatch(In):
    """What may change of a client. Fields that are left out stay as they are."""

    role: Role | None = None
    office: Slug | None = None
    state: State | None = None
    scopes: Scopes | None = None
    dpop: bool | None = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        given = self.model_fields_set & ClientPatch.model_fields.keys()
        empty = {name for name in given if getattr(self, name) is None}
        if not given or empty - {"office", "state"}:
            raise ValueError("nothing to change, or nothing in the place of something needed")
        return self


class ClientChange(ClientPatch, Why):
    """A change of a client, and why."""


class KeyIn(Why):
    """A further key: the one before goes on counting beside it until it is removed or expires."""

    key: Jwk


class KeyRemoval(Why):
    """Which key counts no longer, at once."""

    kid: Annotated[str, StringConstraints(pattern=f"^{rules.KID.pattern}$"), Field(examples=["2026-11"])]


class SuspensionIn(Why):
    """Who gets nothing from now on: one client, or all of an agency's."""

    kind: Subject
    subject: Annotated[
        str,
        StringConstraints(pattern=f"^{rules.ID.pattern}$"),
        Field(examples=["dif-chp-system"], description="the id of the client or of the agency"),
    ]


class KeyOut(Out):
    """A key that signs a client's assertions, and how long it does."""

    kid: str
    thumbprint: str = Field(description="RFC 7638: what the key is, whatever it is called")
    registered_at: datetime | None = Field(description="null when registered before keys had an end")
    expires_at: datetime
    expires_soon: bool = Field(description="within 30 days, or already")


def _keys_of(client: Client) -> list[KeyOut]:
    soon = clock.now() + rules.KEY_WARNING
    return [
        KeyOut(
            kid=key["kid"], thumbprint=jwt.thumbprint(key), registered_at=key.get("registered_at"),
            expires_at=(until := rules.expiry(client, key)), expires_soon=until <= soon,
        )
        for key in client.jwks["keys"]
    ]  # fmt: skip


class OwnClientOut(Out):
    """A client, as it sees itself."""

    id: str
    agency: str
    agency_kind: str
    office: str | None
    state: str | None
    role: str
    country: str | None
    scopes: list[str]
    dpop: bool
    keys: list[KeyOut]
    created_at: datetime

    @classmethod
    def own(cls, client: Client) -> "OwnClientOut":
        """Show a client to itself."""
        return cls(**{name: getattr(client, name) for name in _OWN}, keys=_keys_of(client))


_OWN = tuple(name for name in OwnClientOut.model_fields if name != "keys")


class ClientOut(OwnClientOut):
    """A client, as administrators see it."""

    person: str | None
    keys_expiring: list[str] = Field(description="ids of the keys that count now and will not in 30 days")
    secret: bool = Field(description="whether it has a shared secret: sandbox only")
    suspended: bool = Field(description="itself or its agency, now")
    takes_two: bool = Field(description="whether giving it rights takes two administrators")
    disabled_at: datetime | None
    allowed_actions: list[str]

    @classmethod
    def of(cls, client: Client, suspended: Collection[tuple[Subject, str]]) -> "ClientOut":
        """Show a client; `suspended` holds who is, now."""
        own = OwnClientOut.own(client)  # vars(), since a shape with a field `keys` looks like a mapping to dict()
        return cls(
            **vars(own), person=client.person, disabled_at=client.disabled_at, secret=client.secret_hash is not None,
            keys_expiring=[] if client.disabled_at else rules.expiring_keys(client, clock.now()),
            suspended=not {(Subject.CLIENT, client.id), (Subject.AGENCY, client.agency)}.isdisjoint(suspended),
            takes_two=rules.takes_two(client.agency_kind, client.scopes),
            allowed_actions=[] if client.disabled_at else ["change", "add_key", "remove_key", "suspend", "disable"],
        )  # fmt: skip


class SuspensionOut(Out):
    """A suspension, open or lifted."""

    id: str
    kind: Subject
    subject: str
    reason: Reason
    reference: str | None
    since: datetime
    by: str = Field(description="id of the administrator's client")
    lifted_at: datetime | None
    lifted_by: str | None
    allowed_actions: list[str]

    @classmethod
    def of(cls, suspension: Suspension) -> "SuspensionOut":
        """Show a suspension."""
        fields = {name: getattr(suspension, name) for name in cls.model_fields if name != "allowed_actions"}
        return cls(**fields, allowed_actions=[] if suspension.lifted_at else ["lift"])


Value = str | bool | int | None | list[str] | list[dict[str, str]] | dict[str, str]


class ChangeOut(Out):
    """A change that waits for the second administrator, or what became of it."""

    id: str
    action: Action
    subject: str = Field(description="the client's id, or the suspension's")
    payload: dict[str, Value] = Field(description="what is to be written, exactly as it was proposed")
    reason: Reason
    reference: str | None
    proposed_by: str
    proposed_at: datetime
    expires_at: datetime
    state: ChangeState
    decided_by: str | None
    decided_at: datetime | None
    allowed_actions: list[str] = Field(description="what you may do; approving may still find that it no longer fits")

    @classmethod
    def of(cls, change: Change, reader: str) -> "ChangeOut":
        """Show a change to the client `reader`."""
        state = rules.state_at(change.state, change.proposed_at, clock.now())
        choice = ["reject"] if reader == change.proposed_by else ["approve", "reject"]
        allowed = choice if state is ChangeState.PENDING else []
        own = ("expires_at", "state", "allowed_actions")
        fields = {name: getattr(change, name) for name in cls.model_fields if name not in own}
        return cls(**fields, expires_at=change.proposed_at + rules.CHANGE_LIFE, state=state, allowed_actions=allowed)
