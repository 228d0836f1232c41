"""A referral written as a FHIR Task, R4 or R5. Pure: a reader's view and the book in, JSON out."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from services.referral.interop import wire
from services.referral.interop.fhir import BASIS, CODES, IDS
from services.referral.interop.rules import WHY, Book, Door, MapList, System
from services.referral.interop.wire import View
from services.referral.referrals.models import Referral

MEDIA_TYPE = "application/fhir+json"
_SYSTEM = System.FHIR
_FULFILL = {"system": "http://hl7.org/fhir/CodeSystem/task-code", "code": "fulfill"}
_REQUEST_STATUS: Mapping[str, str] = {
    "completed": "completed", "cancelled": "revoked", "rejected": "revoked", "failed": "revoked",
    "on-hold": "on-hold", "entered-in-error": "entered-in-error",
}  # fmt: skip
"""Of the request that a Task fulfils; active in every other case."""


def write(book: Book, view: View, door: Door) -> dict[str, Any]:
    """Return the Task: what is absent is left out, as FHIR has no null."""
    its, newer = view.referral, door is Door.FHIR_R5
    exact = wire.exact(its)
    reason = exact.get(WHY[its.state]) if its.state in WHY else None
    outcome = its.state in WHY and WHY[its.state] is MapList.OUTCOME
    status = book.outward(_SYSTEM, MapList.STATE, its.state)
    return _there({
        "resourceType": "Task",
        "id": its.id.replace("_", "-"),
        "meta": {"versionId": str(its.version), "lastUpdated": _at(its.updated_at)},
        "contained": [_request(book, its, str(status), newer)],
        "extension": [{"url": BASIS, "valueCode": its.lawful_basis.value}],
        "identifier": _identifiers(view),
        "partOf": [_by_id("referral", its.parent_id)] if its.parent_id else None,
        "groupIdentifier": _identifier("case", its.case_id),
        "status": status,
        "statusReason": _reason(WHY[its.state], reason, newer) if reason and not outcome else None,
        "businessStatus": _concept(MapList.STATE, its.state.value),
        "intent": "order",
        "priority": book.outward(_SYSTEM, MapList.URGENCY, its.urgency),
        "code": {"coding": [_FULFILL, _coding(MapList.KIND, its.kind.value)]},
        "focus": {"reference": "#request"},
        "for": _by_id("child", its.child_id),
        "executionPeriod": _there({"start": _at(its.accepted_at), "end": _at(its.closed_at)}) or None,
        "authoredOn": _at(its.created_at),
        "lastModified": _at(its.updated_at),
        "requester": _by_id("agency", its.sender),
        "owner": _by_id("agency", its.recipient),
        "note": [{"text": text} for text in (view.note, view.answer) if text] or None,
        "restriction": {"period": {"start": _at(its.created_at), "end": _at(its.serve_by or its.due_at)}},
        "output": [_output(reason)] if reason and outcome else None,
    })  # fmt: skip


def _request(book: Book, its: Referral, status: str, newer: bool) -> dict[str, Any]:
    service = _concept(MapList.SERVICE, its.service.value) if its.service else None
    why = None if its.mandatory else _concept(MapList.REASON, its.reason)
    return _there({
        "resourceType": "ServiceRequest", "id": "request", "status": _REQUEST_STATUS.get(status, "active"),
        "intent": "order", "priority": book.outward(_SYSTEM, MapList.URGENCY, its.urgency),
        "code": {"concept": service} if newer and service else service,
        "subject": _by_id("child", its.child_id),
        "reason" if newer else "reasonCode": [{"concept": why} if newer else why] if why else None,
    })  # fmt: skip


def _identifiers(view: View) -> list[dict[str, str]]:
    own = [_identifier("referral", view.referral.id)]
    return own + ([{"system": "urn:ruta:partner", "value": view.partner_id}] if view.partner_id else [])


def _identifier(of: str, value: str) -> dict[str, str]:
    return {"system": f"{IDS}{of}", "value": value}


def _by_id(of: str, value: str | None) -> dict[str, Any]:
    return {"identifier": _identifier(of, value or "")}


def _coding(of: MapList, code: str) -> dict[str, str]:
    return {"system": f"{CODES}{of.value}", "code": code}


def _concept(of: MapList, code: str) -> dict[str, Any]:
    return {"coding": [_coding(of, code)]}


def _reason(of: MapList, code: str, newer: bool) -> dict[str, Any]:
    return {"concept": _concept(of, code)} if newer else _concept(of, code)


def _output(outcome: str) -> dict[str, Any]:
    return {"type": {"text": "outcome"}, "valueCodeableConcept": _concept(MapList.OUTCOME, outcome)}


def _at(moment: datetime | None) -> str | None:
    return moment.isoformat().replace("+00:00", "Z") if moment is not None else None


def _there(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def bundle(found: list[dict[str, Any]], path: str, after: str | None) -> dict[str, Any]:
    """Return Tasks as a collection. Its `next` link says that they were kept; without one there is nothing new."""
    whole: dict[str, Any] = {"resourceType": "Bundle", "type": "collection"}
    if after is not None:
        whole["link"] = [{"relation": "next", "url": f"{path}?cursor={after}"}]
    if found:
        whole["entry"] = [{"fullUrl": f"{IDS}task:{each['id']}", "resource": each} for each in found]
    return whole
