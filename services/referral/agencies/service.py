"""Use cases of the directory, and who acts when no agency does."""

from services.referral.agencies import rules, store
from services.referral.agencies.rules import Agency, Kind
from shared.auth import Caller
from shared.errors import NotFound

SYSTEM = Caller(client_id="system", agency="referral", agency_kind="SYSTEM", role="system", scopes=frozenset())
"""Ruta itself: opens what the law orders. Compared by identity, so that no token can be it."""


def find(caller: Caller, agency_id: str) -> Agency:
    """Return a body. Raises NotFound."""
    found = store.readable(caller).get(agency_id)
    if found is None:
        raise NotFound
    return found


def known(agency_id: str) -> Agency:
    """Return a body that a case names, and that therefore is in the directory."""
    return store.directory()[agency_id]


def competent(kind: Kind, state: str) -> Agency:
    """Return who is competent in a state. For the kinds that the route rests on there is always one."""
    found = rules.competent(kind, state, store.directory().values())
    if found is None:
        raise LookupError(f"The directory has no {kind} for {state}.")
    return found


def federal(kind: Kind) -> Agency | None:
    """Return the federal body of a kind, if there is one."""
    return rules.federal(kind, store.directory().values())
