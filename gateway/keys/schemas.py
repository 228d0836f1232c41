"""Signing keys as administrators see them. Nothing secret is among it."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from gateway.keys.rules import KeyState, Reason
from shared.shapes import In, Out


class RotateIn(In):
    """Why the key that signs is to be replaced."""

    compromised: Annotated[
        bool, Field(description="true: at once, and no token that the old key signed counts any more")
    ] = False
    reason: Reason


class SigningKeyOut(Out):
    """A key that signs access tokens, will sign them or has signed them."""

    kid: Annotated[str, Field(examples=["pGDzA3GQ0JpQ0g3c"])]
    state: KeyState
    made_at: Annotated[datetime, Field(description="since when it is published")]
    current_since: Annotated[datetime | None, Field(description="when it began to sign")]
    retired_at: Annotated[datetime | None, Field(description="when it ceased to sign")]
    removed_at: Annotated[datetime | None, Field(description="from when on its tokens did not count")]


class SigningKeysOut(Out):
    """Newest first; of the removed ones the latest fifty."""

    items: list[SigningKeyOut]
