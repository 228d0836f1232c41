"""The whole routing table: three rows."""

import re

UPSTREAMS = {"/v1/intake/": "intake", "/v1/referral/": "referral", "/v1/consular/": "consular"}
SERVICES = tuple(UPSTREAMS.values())

# Ids, slugs, codes and names of resources need no more than this. What is not in it (an escape, an
# empty or dotted segment, a semicolon, a backslash) could read otherwise further in, so it is nowhere.
_SEGMENT = rb"(?!\.\.?(?:/|$))[A-Za-z0-9._~:@-]+"
_PATH = re.compile(rb"(/v1/[a-z]{1,32}/)%b(?:/%b)*" % (_SEGMENT, _SEGMENT))


def service_of(raw_path: bytes) -> str | None:
    """Return the service that a path as it was sent belongs to, or None when it is nobody's."""
    found = _PATH.fullmatch(raw_path)
    return UPSTREAMS.get(found[1].decode()) if found else None
