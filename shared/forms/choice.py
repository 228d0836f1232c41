"""Which form an answer takes, and whether its reader has it already (RFC 9110, 12.5.1 and 13.1.2)."""

import hashlib
from collections.abc import Callable
from enum import StrEnum

from fastapi import Request, Response


class Form(StrEnum):
    """The forms in which figures are given."""

    JSON = "json"
    CSV = "csv"
    XLSX = "xlsx"
    SVG = "svg"


class Tongue(StrEnum):
    """The languages of labels."""

    ES = "es"
    EN = "en"


MEDIA_TYPES = {
    Form.JSON: "application/json",
    Form.CSV: "text/csv",
    Form.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    Form.SVG: "image/svg+xml",
}


def form_of(request: Request, asked: Form | None) -> Form:
    """Return the form that is asked for, else the one that Accept prefers, else JSON."""
    return asked or _preferred(request.headers.get("accept", ""))


def _preferred(accept: str) -> Form:
    """Return the first form of the greatest weight. What cannot be read counts for nothing."""
    best, weight = Form.JSON, 0.0
    by_type = {name: form for form, name in MEDIA_TYPES.items()} | {"*/*": Form.JSON, "text/*": Form.CSV}
    for part in accept.split(","):
        name, *parameters = (each.strip().lower() for each in part.split(";"))
        quality = next((each[2:] for each in parameters if each.startswith("q=")), "1")
        try:
            value = float(quality)
        except ValueError:
            continue
        if name in by_type and weight < value <= 1:
            best, weight = by_type[name], value
    return best


def answer(request: Request, form: Form, state: str, name: str, build: Callable[[], bytes]) -> Response:
    """Return the form, or 304 where the reader's ETag is that of `state`: everything that the answer says."""
    tag = f'"{hashlib.sha256((form + " " + state).encode()).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Vary": "Accept, Authorization"}
    if tag in [each.strip().removeprefix("W/") for each in request.headers.get("if-none-match", "").split(",")]:
        return Response(status_code=304, headers=headers)
    if form in (Form.CSV, Form.XLSX):
        headers["Content-Disposition"] = f'attachment; filename="{name}.{form}"'
    media_type = MEDIA_TYPES[form] + ("; charset=utf-8" if form is Form.CSV else "")
    return Response(build(), media_type=media_type, headers=headers)
