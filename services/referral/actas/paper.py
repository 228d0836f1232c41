"""The acta on paper: a PDF for people beside the JSON, which stays the acta. The only module that knows typst.

PDF/A-2a and PDF/UA-1: to be kept, and to be read aloud. Same acta, same bytes. It names nobody whom the acta does not.
"""

from datetime import datetime
from functools import lru_cache
from importlib.resources import files
from typing import Any

import typst

from services.referral.actas.models import Acta
from services.referral.agencies import service as agencies
from shared import jsons
from shared.zones import zone


def pdf(acta: Acta) -> bytes:
    """Return an acta as PDF, in Spanish."""
    return _compiled(jsons.canonical(_shown(acta)).decode())


def _shown(acta: Acta) -> dict[str, Any]:
    """Return what stands on the paper: what the acta says, its digest, and how its signature is checked."""
    said, state = acta.content, acta.content["state"]
    return {
        "id": acta.id,
        "case": said["case"],
        "child": said["child"],
        "state": state,
        "place": said["place"],
        "issued": moment(said["issued_at"], state),
        "day": [acta.issued_at.year, acta.issued_at.month, acta.issued_at.day],
        "issuer": body(said["issued_by"]["agency"]),
        "office": said["issued_by"]["office"] or "",
        "pp": body(said["pp_notice"]["agency"]),
        "acknowledged": moment(said["pp_notice"]["acknowledged_at"], state),
        "dif": body(said["dif"]["agency"]),
        "accepted": moment(said["dif"]["accepted_at"], state),
        "recipient": said["dif"]["recipient"],
        "follows": said.get("follows") or "",
        "digest": acta.digest,
        "signature": acta.signature,
    }


def body(agency_id: str) -> str:
    """Return how an agency is called: its id alone, where the directory no longer knows it."""
    try:
        return f"{agencies.known(agency_id).name_es} ({agency_id})"
    except LookupError:
        return agency_id


def moment(told: str, state: str) -> str:
    """Return a moment in the state's own time."""
    local = datetime.fromisoformat(told).astimezone(zone(state))
    return f"{local:%d/%m/%Y %H:%M:%S} (UTC{local:%z})"


@lru_cache(maxsize=64)
def _compiled(told: str) -> bytes:
    return _print(_source("services.referral.actas", "acta"), acta=told)


def printed(package: str, name: str, told: dict[str, Any]) -> bytes:
    """Return another document, by the template of its slice. What it tells is kept nowhere."""
    return _print(_source(package, name), told=jsons.canonical(told).decode())


def _print(source: bytes, **told: str) -> bytes:
    return typst.compile(
        source, format="pdf", sys_inputs=told, pdf_standards=["a-2a", "ua-1"], ignore_system_fonts=True
    )


@lru_cache(maxsize=4)
def _source(package: str, name: str) -> bytes:
    return (files(package) / f"{name}.typ").read_bytes()
