"""How Schemathesis writes bodies of lines: as the text that it made."""

import schemathesis


@schemathesis.serializer("application/x-ndjson")
def ndjson(_: object, value: object) -> bytes:
    """Return the body."""
    return value if isinstance(value, bytes) else str(value).encode()
