"""The description of the API is complete, is true to its own shapes, and is the one that is committed."""

import difflib
import fnmatch
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from gateway import openapi
from sandbox import description
from shared.openapi.words import Words

ROOT = Path(__file__).resolve().parents[2]
REDOCLY = ROOT / ".cache" / "redocly" / "node_modules" / "@redocly" / "cli" / "bin" / "cli.js"
PUBLIC = (
    "/.well-known/jwks.json", "/.well-known/oauth-authorization-server", "/errors", "/errors/{code}", "/oauth/token",
    "/oauth/revoke", "/status",
)  # fmt: skip
"""What needs no access token: everything else names the scope that it asks for."""

FREE = {
    "ActaOut.content", "ClientRegistration.keys", "EventOut.data", "GatewayKeyIn.key", "OficioOut.content",
    "ProblemPage.example",
}  # fmt: skip
"""Fields whose inner form is said in words, or belongs to another standard."""

JSON, PROBLEM = "application/json", "application/problem+json"
WHOLE: Any = json.loads(description.FILE.read_text("utf-8"))
"""The committed one: the first test makes it anew, and says so if it is another one."""

OPERATIONS = {
    f"{method.upper()} {path}": operation for path, item in WHOLE["paths"].items() for method, operation in item.items()
}
REGISTRY = jsonschema_rs.Registry([("urn:whole", WHOLE)], draft=jsonschema_rs.Draft202012)
SHAPES: dict[str, Any] = WHOLE["components"]["schemas"]


def test_the_committed_description_is_the_present_one() -> None:
    committed, now = description.FILE.read_text("utf-8"), description.text()
    changed = difflib.unified_diff(committed.splitlines(), now.splitlines(), "docs/openapi.json", "the code", n=2)
    if told := "\n".join(list(changed)[:80]):
        pytest.fail(f"Run `python3 dev.py openapi`, and look at what partners will see changed:\n{told}", pytrace=False)


# -- what every operation has ----------------------------------------------------------------------------


def test_every_operation_says_what_it_does() -> None:
    for name, operation in OPERATIONS.items():
        assert re.fullmatch(r"[A-Z].{4,79}(?<!\.)", operation["summary"]), name
        assert len(operation["tags"]) == 1, name
        assert re.fullmatch(r"[a-z0-9_]+", operation["operationId"]), name


def test_every_operation_has_a_name_of_its_own() -> None:
    names = [operation["operationId"] for operation in OPERATIONS.values()]
    assert len(set(names)) == len(names)


def test_every_operation_says_who_may_call_it() -> None:
    scopes = WHOLE["components"]["securitySchemes"]["oauth2"]["flows"]["clientCredentials"]["scopes"]
    for name, operation in OPERATIONS.items():
        if name.split()[1] in PUBLIC:
            assert operation["security"] == [], name
            continue
        (asked,) = operation["security"]
        assert set(asked["oauth2"]) <= set(scopes), name


def test_every_operation_names_each_status_that_it_answers_with() -> None:
    for name, operation in OPERATIONS.items():
        found = set(operation["responses"])
        assert [status for status in found if status.startswith("2")], name
        assert found >= {"413", "422", "429", "431", "500", "503", "default"}, name
        if operation["security"]:
            assert found >= {"401", "403", "502", "504"}, name
        if "{" in name:
            assert "404" in found, name


def test_every_problem_is_shown_under_its_status() -> None:
    for name, operation in OPERATIONS.items():
        for status, response in operation["responses"].items():
            if "$ref" in response:
                shown = WHOLE["components"]["responses"][response["$ref"].rpartition("/")[2]]
                problems = [each["value"] for each in shown["content"][PROBLEM]["examples"].values()]
                assert {problem["status"] for problem in problems} == {int(status)}, name


def test_every_operation_shows_what_is_sent_and_what_comes_back() -> None:
    for name, operation in OPERATIONS.items():
        messages = [operation["requestBody"]] if "requestBody" in operation else []
        messages += [each for status, each in operation["responses"].items() if status.startswith("2")]
        for content in (each for message in messages for each in message.get("content", {}).items()):
            if content[0] == JSON:
                assert_fits(content[1]["example"], content[1]["schema"], name)
            else:
                assert content[0] == "text/html" or "example" in content[1], name


def test_every_parameter_is_described_with_an_example() -> None:
    for name, operation in OPERATIONS.items():
        for parameter in operation.get("parameters", []):
            assert parameter["description"], (name, parameter["name"])
            assert "example" in parameter or not parameter["required"] or parameter["in"] == "header", name
            if "example" in parameter:
                assert_fits(parameter["example"], parameter["schema"], f"{name} {parameter['name']}")


def test_every_operation_has_a_curl() -> None:
    for name, operation in OPERATIONS.items():
        (sample,) = operation["x-codeSamples"]
        assert (sample["lang"], "curl " in sample["source"]) == ("Shell", True), name


# -- what every shape has --------------------------------------------------------------------------------


def test_every_field_of_a_shape_is_described() -> None:
    for name, shape in SHAPES.items():
        assert shape.get("description") or "PageOf" in name, name
        bare = [field for field, schema in shape.get("properties", {}).items() if not schema.get("description")]
        assert bare == [], f"{name}: give them a row in the words.csv of their service, or a description of their own"


def test_no_field_may_be_anything() -> None:
    loose = {
        f"{name}.{field}"
        for name, shape in SHAPES.items()
        for field, schema in shape.get("properties", {}).items()
        if _anything(schema)
    }
    assert loose == FREE


def _anything(schema: Any) -> bool:
    if schema is True or not isinstance(schema, dict) or not {"type", "$ref", "anyOf", "enum", "const"} & schema.keys():
        return True
    inner = [schema.get(part) for part in ("items", "additionalProperties") if schema.get(part) not in (None, False)]
    return any(_anything(each) for each in inner + schema.get("anyOf", []))


def test_nothing_is_described_that_nothing_uses() -> None:
    named = set(re.findall(r'"#/components/\w+/(\w+)"', json.dumps(WHOLE)))
    components = WHOLE["components"]
    assert {*components["schemas"], *components["responses"]} - named == set()


@pytest.mark.parametrize("package", ["gateway", *(f"services.{name}" for name in description.SERVICES)])
def test_no_word_is_explained_that_nothing_says(package: str) -> None:
    said = list(set(spoken()))
    kernel = set(Words.of("shared").rows())
    rows = set(Words.of(package).rows())
    assert [row for row in sorted(rows | kernel) if not fnmatch.filter(said, row)] == []


def spoken() -> Iterator[str]:
    """Every field and parameter, alone and with its shape."""
    for name, schema in SHAPES.items():
        shape = re.sub(r"^(Gateway|Intake|Referral|Consular)(?=[A-Z]\w+(In|Out|Patch|Removal)$)", "", name)
        for each in (name, shape):
            yield f"{each}."
            for field in schema.get("properties", {}):
                yield from (field, f"{each}.{field}")
    for operation in OPERATIONS.values():
        for parameter in operation.get("parameters", []):
            yield from (parameter["name"], f"{parameter['in']}.{parameter['name']}")
        for content in operation.get("requestBody", {}).get("content", {}).values():
            yield from (f"form.{name}" for name in content["schema"].get("properties", {}))


def assert_fits(value: Any, schema: dict[str, Any], what: str) -> None:
    """Assert that an example is what its schema says."""
    elsewhere = json.loads(json.dumps(schema).replace('"#/components/', '"urn:whole#/components/'))
    validator = jsonschema_rs.Draft202012Validator(elsewhere, registry=REGISTRY, validate_formats=True)
    assert [error.message for error in validator.iter_errors(value)] == [], what


# -- what an outside judge says --------------------------------------------------------------------------


def test_redocly_finds_nothing_to_say(tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None or not REDOCLY.exists():
        pytest.skip("no redocly: npm install --prefix .cache/redocly @redocly/cli")
    config = tmp_path / "redocly.yaml"
    config.write_text("extends:\n  - recommended-strict\n")
    command = [node, str(REDOCLY), "lint", str(description.FILE), "--config", str(config), "--format=stylish"]
    quiet = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}
    ended = subprocess.run(command, env=dict(os.environ) | quiet, cwd=tmp_path, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout[-3000:] + ended.stderr[-3000:]


def test_a_shape_of_the_gateway_gives_way_to_a_services_and_so_does_what_leads_to_it() -> None:
    def ref(shape: str) -> dict[str, str]:
        return {"$ref": f"#/components/schemas/{shape}"}

    page = {"items": ref("Change")}
    own = {"info": {}, "paths": {"/v1/gateway/changes": {"get": ref("Page")}}, "components": {"schemas": {
        "Change": {"title": "ours"}, "Page": page, "Own": {}}}}  # fmt: skip
    service = {"paths": {}, "components": {"schemas": {"Change": {"title": "theirs"}, "Page": page}}}
    merged = openapi.merged(own, {"intake": service})
    assert merged["paths"]["/v1/gateway/changes"]["get"] == ref("GatewayPage")
    assert merged["components"]["schemas"] == {
        "GatewayChange": {"title": "ours"}, "GatewayPage": {"items": ref("GatewayChange")}, "Own": {},
        "Change": {"title": "theirs"}, "Page": page,
    }  # fmt: skip
