"""The same answer as the service's route, by nothing but ASGI and pydantic: no framework, no caller, no log."""

from starlette.types import Receive, Scope, Send

from services.referral.codes.rules import LISTS
from services.referral.codes.schemas import ReferralCodeList


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the code list that the path ends in."""
    if scope["type"] != "http":
        return
    body = ReferralCodeList.of(LISTS[scope["path"].rpartition("/")[2]]).model_dump_json().encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
