"""What consulates are sent, as OpenAPI 3.1 `webhooks`: one for each type of event, with its version and an example.

Fields may be added within a version, never removed or given another meaning. Pure.
"""

from collections.abc import Mapping
from typing import Any

from services.consular.notices.rules import STATEMENT, padded
from services.consular.notices.schemas import NoticeTold, ToldOffice
from shared.catalogue import Text
from shared.delivery.facts import EndpointChallenge, EndpointHeartbeat, EndpointTest, EventReminder
from shared.events import Fact

VERSION = 1
"""Of the catalogue: it grows where a type gets another version."""

FACTS: Mapping[type[Fact], Text] = {
    NoticeTold: Text(
        "A child of your country was handed over to DIF (LM 112-V)",
        "Una niña, niño o adolescente de su país fue canalizado al DIF (LM 112-V)",
    ),
    EventReminder: Text("Nobody has acknowledged an event yet", "Aún no se acusa recibo de un mensaje"),
    EndpointChallenge: Text("Prove that the address is yours", "Demuestre que la dirección es suya"),
    EndpointTest: Text("A test that you asked for", "Una prueba que usted pidió"),
    EndpointHeartbeat: Text("Nothing has happened for so long", "No ha ocurrido nada en este tiempo"),
}

_EXAMPLES: Mapping[type[Fact], dict[str, Any]] = {
    NoticeTold: padded(
        NoticeTold(
            notice_id="ntc_3c1e9a70b2d84f56980a1b2c3d4e5f60",
            nationality="HND",
            state="MX-CHP",
            pp=ToldOffice(
                id="pp-chp", name="Procuraduría de Protección de Niñas, Niños y Adolescentes de Chiapas",
                telephone="+529615550100", email="guardia@example.org",
            ),
            dif=ToldOffice(id="dif-chp", name="Sistema DIF Chiapas"),
            statement_es=STATEMENT.es,
            statement_en=STATEMENT.en,
        ).model_dump()
    ),
    EventReminder: {
        "event_id": "evt_019aa7c3f0e57d1e8c2f4b6a90d31e50", "event_type": "notice.issued",
        "sent_at": "2026-11-19T15:04:05Z", "due_at": "2026-11-22T15:04:05Z",
    },
    EndpointChallenge: {"challenge": "pQ6xJd3mV0yT5bK8nW2sZ7cF1hR4gLaE9uXoPiYvM0k"},
    EndpointTest: {},
    EndpointHeartbeat: {"delivered": 12},
}  # fmt: skip

_TEXT = {"type": "string"}
_ENVELOPE: Mapping[str, dict[str, Any]] = {
    "id": _TEXT | {"description": "the event's id; the same when it is sent again"},
    "time": _TEXT | {"format": "date-time", "description": "when it happened; of a notice never before its release"},
    "audience": _TEXT | {"description": "your endpoint"},
    "epoch": {"type": "integer", "minimum": 1, "description": "grows when numbers start anew"},
    "sequence": {"type": "integer", "minimum": 0, "description": "your own count for one notice; 0: not counted"},
}
_HEADERS = {
    "webhook-id": "the event's id",
    "webhook-timestamp": "when this attempt was made, in seconds since 1970",
    "webhook-signature": "signatures, parted by spaces (Standard Webhooks)",
}


def catalogue() -> dict[str, Any]:
    """Return the `webhooks` of the description. Every schema stands by itself."""
    return {str(vars(_typed(fact))["TYPE"]): {"post": _operation(fact, said)} for fact, said in FACTS.items()}


def _typed(fact: type[Fact]) -> type[Fact]:
    return next(each for each in fact.__mro__ if "TYPE" in vars(each))


def example(fact: type[Fact]) -> dict[str, Any]:
    """Return an event of this type as a receiver gets it."""
    return {
        "id": "evt_019aa7c3f0e57d1e8c2f4b6a90d31e55", "type": fact.TYPE, "version": 1,  # type: ignore[attr-defined]  # every fact here has its type
        "time": "2026-11-20T15:04:05+00:00", "audience": "whe_019aa7c3f0e57d1e8c2f4b6a90d31e56", "epoch": 1,
        "sequence": 0 if fact is EndpointChallenge else 1, "data": _EXAMPLES[fact],
    }  # fmt: skip


def _operation(fact: type[Fact], said: Text) -> dict[str, Any]:
    kind: str = fact.TYPE  # type: ignore[attr-defined]  # as above
    return {
        "operationId": f"consular_webhook_{kind.replace('.', '_')}",
        "tags": ["consular: webhooks"],
        "summary": said.en,
        "description": f"{said.es}.\n\nSigned (Standard Webhooks); a feed has the same body. Answer 2xx once kept.",
        "security": [],
        "x-version": VERSION,
        "parameters": [
            {"name": name, "in": "header", "required": True, "description": text, "schema": _TEXT}
            for name, text in _HEADERS.items()
        ],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": _schema(fact, kind), "example": example(fact)}},
        },
        "responses": {
            "2XX": {"description": "it is kept: not sent again"},
            "4XX": {"description": "it is not liked: sent again later, and a person is told"},
        },
    }


def _schema(fact: type[Fact], kind: str) -> dict[str, Any]:
    data = fact.model_json_schema(mode="serialization")
    data = _whole(data, data.pop("$defs", {}))
    properties = dict(_ENVELOPE) | {
        "type": _TEXT | {"const": kind, "description": "its type"},
        "version": {"type": "integer", "const": 1, "description": "the version of its type"},
        "data": data | {"description": "what happened"},
    }
    return {
        "type": "object",
        "description": f"An event {kind}. Ignore what you do not know.",
        "required": sorted(properties),
        "properties": {name: properties[name] for name in sorted(properties)},
    }


def _whole(value: Any, shapes: Mapping[str, Any]) -> Any:
    """Return a schema with what it refers to in its place, and without titles."""
    if isinstance(value, list):
        return [_whole(each, shapes) for each in value]
    if not isinstance(value, dict):
        return value
    if "$ref" in value:
        found = dict(shapes[str(value["$ref"]).rpartition("/")[2]])
        return _whole(found | {name: each for name, each in value.items() if name != "$ref"}, shapes)
    return {
        name: _whole(each, shapes) for name, each in value.items() if not (name == "title" and isinstance(each, str))
    }
