"""What an overlay renders to, read the way a cluster would: objects, the pods that they make, their environment."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
K8S = ROOT / "k8s"
RENDERED = Path(__file__).parent / "rendered"
OVERLAYS = ("production", "single-node", "staging")

Object = dict[str, Any]
Objects = Sequence[Object]

NAME, COMPONENT = "app.kubernetes.io/name", "app.kubernetes.io/component"
SECRETS = "/run/secrets/ruta"


def read(text: str) -> list[Object]:
    """Return the objects of a YAML stream."""
    return [each for each in yaml.load_all(text, yaml.CSafeLoader) if each]


@cache
def overlay(name: str) -> tuple[Object, ...]:
    """Return the objects of an overlay, as rendered and committed. Whoever changes them copies them."""
    return tuple(read((RENDERED / f"{name}.yaml").read_text(encoding="utf-8")))


def of_kind(objects: Objects, *kinds: str) -> list[Object]:
    """Return the objects of some kinds."""
    return [each for each in objects if each["kind"] in kinds]


def named(objects: Objects, kind: str, name: str) -> Object:
    """Return the one object of a kind and a name."""
    (found,) = [each for each in of_kind(objects, kind) if each["metadata"]["name"] == name]
    return found


@dataclass(frozen=True)
class Pod:
    """The pods that one Deployment or Job makes."""

    name: str
    kind: str
    labels: Mapping[str, str]
    spec: Mapping[str, Any]

    @property
    def containers(self) -> list[dict[str, Any]]:
        """All of them, also those that run first."""
        return [*self.spec.get("initContainers", []), *self.spec["containers"]]

    @property
    def service(self) -> str:
        """Which service of Ruta it belongs to."""
        return self.labels[NAME]

    @property
    def component(self) -> str:
        """Its part in it: api, worker, migrate or proxy."""
        return self.labels[COMPONENT]

    @property
    def ports(self) -> dict[str, int]:
        """Ports by name."""
        return {port["name"]: port["containerPort"] for each in self.containers for port in each.get("ports", [])}


def pods(objects: Objects) -> list[Pod]:
    """Return what runs."""
    return [
        Pod(
            each["metadata"]["name"], each["kind"], each["spec"]["template"]["metadata"]["labels"],
            each["spec"]["template"]["spec"],
        )
        for each in of_kind(objects, "Deployment", "Job")
    ]  # fmt: skip


def environment(objects: Objects, container: Mapping[str, Any]) -> dict[str, str]:
    """Return a container's variables. A ConfigMap that is not there adds none."""
    maps = {each["metadata"]["name"]: each.get("data", {}) for each in of_kind(objects, "ConfigMap")}
    found: dict[str, str] = {}
    for source in container.get("envFrom", []):
        found |= maps.get(source["configMapRef"]["name"], {})
    return found | {each["name"]: each["value"] for each in container.get("env", [])}


def matches(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Whether a label selector selects something with these labels. An empty one selects all."""
    for key, value in selector.get("matchLabels", {}).items():
        if labels.get(key) != value:
            return False
    for each in selector.get("matchExpressions", []):
        here, values = labels.get(each["key"]), each.get("values", [])
        said = {
            "In": here in values,
            "NotIn": here not in values,
            "Exists": here is not None,
            "DoesNotExist": here is None,
        }
        if not said[each["operator"]]:
            return False
    return True


def walk(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every value of an object, with where it stands."""
    yield path, value
    if isinstance(value, dict):
        for key, part in value.items():
            yield from walk(part, f"{path}.{key}")
    elif isinstance(value, list):
        for number, part in enumerate(value):
            yield from walk(part, f"{path}[{number}]")
