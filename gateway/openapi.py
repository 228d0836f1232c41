"""Makes one OpenAPI description out of several. Pure."""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

Description = Mapping[str, Any]
_PREFIX = "#/components/schemas/"


def merged(own: Description, services: Mapping[str, Description]) -> dict[str, Any]:
    """Return `own` with the paths, webhooks and shapes of all services.

    A shape that two services mean differently gets the service's name before its own; one of `own`
    that a service means differently, the gateway's.
    """
    result: dict[str, Any] = _apart(own, services)
    result.setdefault("paths", {})
    result["info"]["license"] = {"name": "Apache License 2.0", "identifier": "Apache-2.0"}
    result["servers"] = [{"url": "/", "description": "this gateway"}]
    schemas = result.setdefault("components", {}).setdefault("schemas", {})
    contested = _contested({name: _schemas(each) for name, each in services.items()})
    scopes = _scopes(own)
    for name, service in services.items():
        renamed = {old: f"{name.capitalize()}{old}" for old in contested}
        for old, schema in _schemas(service).items():
            schemas[renamed.get(old, old)] = _pointed(schema, renamed)
        for path, item in service.get("paths", {}).items():
            result["paths"][path] = _tagged(_pointed(item, renamed), name)
        for event, item in service.get("webhooks", {}).items():
            result.setdefault("webhooks", {})[event] = item
        # A refusal is the same everywhere: each description takes it from the one catalogue.
        responses = service.get("components", {}).get("responses", {})
        result["components"]["responses"] = result["components"].get("responses", {}) | responses
        scopes |= _scopes(service)
    if scopes:
        flow = {"tokenUrl": "/oauth/token", "scopes": dict(sorted(scopes.items()))}
        oauth2 = {"type": "oauth2", "flows": {"clientCredentials": flow}}
        result["components"]["securitySchemes"] = {"oauth2": oauth2}
    return result


def _apart(own: Description, services: Mapping[str, Description]) -> dict[str, Any]:
    """Return a copy of `own` whose shapes have other names where a service means something else by theirs."""
    shapes, theirs = _schemas(own), [_schemas(service) for service in services.values()]
    shared = {name for name in shapes if any(name in each for each in theirs)}
    moved = {name for name in shared if any(each.get(name, shapes[name]) != shapes[name] for each in theirs)}
    while grown := {name for name in shared - moved if moved & set(_references(shapes[name]))}:
        moved |= grown
    renamed = {name: f"Gateway{name}" for name in moved}
    copy: dict[str, Any] = _pointed(deepcopy(dict(own)), renamed)
    if renamed:
        copy["components"]["schemas"] = {renamed.get(old, old): each for old, each in _schemas(copy).items()}
    return copy


def _schemas(description: Description) -> dict[str, Any]:
    return dict(description.get("components", {}).get("schemas", {}))


def _scopes(description: Description) -> dict[str, str]:
    schemes = description.get("components", {}).get("securitySchemes", {})
    return dict(schemes.get("oauth2", {}).get("flows", {}).get("clientCredentials", {}).get("scopes", {}))


def _contested(shapes: Mapping[str, Mapping[str, Any]]) -> set[str]:
    """Return the names that mean different things, and those of shared shapes that lead to one."""
    meanings: dict[str, list[Any]] = {}
    for schemas in shapes.values():
        for name, schema in schemas.items():
            meanings.setdefault(name, []).append(schema)
    shared = {name: found for name, found in meanings.items() if len(found) > 1}
    contested = {name for name, found in shared.items() if any(schema != found[0] for schema in found)}
    while grown := {
        name for name, found in shared.items() if name not in contested and contested & set(_references(found[0]))
    }:
        contested |= grown
    return contested


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(target := value.get("$ref"), str) and target.startswith(_PREFIX):
            yield target.removeprefix(_PREFIX)
        for child in value.values():
            yield from _references(child)
    elif isinstance(value, list):
        for child in value:
            yield from _references(child)


def _pointed(value: Any, renamed: Mapping[str, str]) -> Any:
    """Return a copy of `value` whose references (and discriminators) follow the new names."""
    if isinstance(value, dict):
        return {key: _pointed(child, renamed) for key, child in value.items()}
    if isinstance(value, list):
        return [_pointed(child, renamed) for child in value]
    if isinstance(value, str) and value.startswith(_PREFIX):
        name = value.removeprefix(_PREFIX)
        return _PREFIX + renamed.get(name, name)
    return value


def _tagged(item: dict[str, Any], service: str) -> dict[str, Any]:
    for operation in item.values():
        if isinstance(operation, dict):
            operation["tags"] = [f"{service}: {tag}" for tag in operation.get("tags", ["other"])]
    return item
