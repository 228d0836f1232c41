"""Rules that every rendered installation keeps. Each returns what is wrong, one sentence for each, or nothing."""

import json
import re
from collections.abc import Callable, Mapping
from functools import cache
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import jsonschema_rs

from shared import worker
from shared.rollout.server import FINISHING_SECONDS
from shared.settings import Settings
from tests.k8s.cluster import Object, Objects, Pod, environment, matches, named, of_kind, pods, walk

USER = 10001
_SCHEMAS = Path(__file__).parent / "schemas"
_VERSIONS = ("1.32", "1.37")
_DIGEST = re.compile(r"[a-z0-9.-]+\.[a-z]+/[a-z0-9/._-]+@sha256:[0-9a-f]{64}")
_SPARE = 5.0
"""Seconds between the end of a process by itself and the one that Kubernetes makes."""


# -- schema ----------------------------------------------------------------------------------------------


@cache
def _validators(version: str) -> dict[str, Any]:
    """Return a validator for each kind, of Kubernetes in one version and of the operators' resources."""
    core = json.loads((_SCHEMAS / f"kubernetes-{version}.json").read_text())
    custom = json.loads((_SCHEMAS / "custom.json").read_text())
    schemas = {kind: {"$ref": f"#/$defs/{name}", "$defs": core["$defs"]} for kind, name in core["kinds"].items()}
    return {kind: jsonschema_rs.validator_for(schema) for kind, schema in (schemas | custom["kinds"]).items()}


def schema(objects: Objects) -> list[str]:
    """Every object is of a known kind and has known fields of the right types, in the oldest and newest version."""
    found = []
    for version in _VERSIONS:
        validators = _validators(version)
        for each in objects:
            kind = f"{each['apiVersion']}/{each['kind']}"
            if kind not in validators:
                found.append(f"{kind}: no schema in {version}")
                continue
            found += [f"{_name(each)}: {error.message} ({version})" for error in validators[kind].iter_errors(each)]
    return found


def beyond_schema(objects: Objects) -> list[str]:
    """What an API server refuses although a schema lets it pass."""
    found = []
    for each in objects:
        for path, value in walk(each):
            if path.endswith(".cidr") or re.search(r"\.except\[\d+\]$", path):
                try:
                    ip_network(value)
                except ValueError:
                    found.append(f"{_name(each)}{path}: {value} is no network")
        if not re.fullmatch(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?", each["metadata"]["name"]):
            found.append(f"{_name(each)}: a name that is none")
        if each["kind"] == "Job" and each["spec"]["template"]["spec"].get("restartPolicy") not in (
            "Never",
            "OnFailure",
        ):
            found.append(f"{_name(each)}: a Job that restarts for ever")
    names = [_name(each) for each in objects]
    return found + [f"{name}: twice" for name in sorted(set(names)) if names.count(name) > 1]


def _name(each: Object) -> str:
    return f"{each['kind']}/{each['metadata']['name']}"


# -- what one object says of another ---------------------------------------------------------------------


def references(objects: Objects) -> list[str]:
    """Every name that an object says is that of another one, and every selector selects."""
    return [*_pods_name(objects), *_selectors(objects), *_services(objects), *_scaled(objects)]


def _pods_name(objects: Objects) -> list[str]:
    found = []
    there = {(each["kind"], each["metadata"]["name"]) for each in objects}
    for pod in pods(objects):
        wanted = [("ServiceAccount", pod.spec.get("serviceAccountName", "default"))]
        wanted += [
            ("ConfigMap", source["configMapRef"]["name"])
            for each in pod.containers
            for source in each.get("envFrom", [])
        ]
        volumes = {each["name"]: each for each in pod.spec.get("volumes", [])}
        for each in volumes.values():
            if "persistentVolumeClaim" in each:
                wanted.append(("PersistentVolumeClaim", each["persistentVolumeClaim"]["claimName"]))
            if "secret" in each and each["secret"]["secretName"] not in SECRETS:
                found.append(f"{pod.name}: nobody makes the Secret {each['secret']['secretName']}")
        found += [f"{pod.name}: there is no {kind} {name}" for kind, name in wanted if (kind, name) not in there]
        mounted = [(each["name"], mount["name"]) for each in pod.containers for mount in each.get("volumeMounts", [])]
        found += [f"{pod.name}/{name}: no volume {volume}" for name, volume in mounted if volume not in volumes]
        unused = set(volumes) - {volume for _, volume in mounted}
        found += [f"{pod.name}: nothing mounts {volume}" for volume in sorted(unused)]
    return found


SECRETS = ("ruta-gateway", "ruta-intake", "ruta-referral", "ruta-consular")
"""The Secrets that k8s/README.md has an administrator make, or a vault."""


def _selectors(objects: Objects) -> list[str]:
    found = []
    deployed = [each for each in pods(objects) if each.kind == "Deployment"]
    for each in of_kind(objects, "Deployment"):
        if not matches(each["spec"]["selector"], each["spec"]["template"]["metadata"]["labels"]):
            found.append(f"{_name(each)} does not select its own pods")
    for each in of_kind(objects, "Deployment", "PodDisruptionBudget"):
        selected = [pod.name for pod in pods(objects) if matches(each["spec"]["selector"], pod.labels)]
        if selected != [each["metadata"]["name"]]:
            found.append(f"{_name(each)} selects {selected}")
    for each in of_kind(objects, "NetworkPolicy"):
        selector = each["spec"]["podSelector"]
        made = [{"cnpg.io/cluster": cluster["metadata"]["name"]} for cluster in of_kind(objects, "Cluster")]
        if not any(matches(selector, labels) for labels in [*made, *(pod.labels for pod in pods(objects))]):
            found.append(f"{_name(each)} selects nothing")
    budgets = {each["metadata"]["name"] for each in of_kind(objects, "PodDisruptionBudget")}
    return found + [f"{pod.name} has no PodDisruptionBudget" for pod in deployed if pod.name not in budgets]


def _services(objects: Objects) -> list[str]:
    found = []
    for each in of_kind(objects, "Service"):
        selected = [pod for pod in pods(objects) if matches({"matchLabels": each["spec"]["selector"]}, pod.labels)]
        if [pod.name for pod in selected] != [each["metadata"]["name"]]:
            found.append(f"{_name(each)} selects {[pod.name for pod in selected]}")
        for port in each["spec"]["ports"]:
            if any(port["targetPort"] not in pod.ports for pod in selected):
                found.append(f"{_name(each)}: its pods have no port {port['targetPort']}")
    there = of_kind(objects, "Service")
    hosts = {each["metadata"]["name"]: {port["port"] for port in each["spec"]["ports"]} for each in there}
    for pod in pods(objects):
        for name, value in environment(objects, pod.spec["containers"][0]).items():
            inner = re.fullmatch(r"http://([a-z0-9.-]+):(\d+)(/.*)?", value)
            if inner and int(inner[2]) not in hosts.get(inner[1], ()):
                found.append(f"{pod.name}: {name} names no Service and port")
    return found


def _scaled(objects: Objects) -> list[str]:
    found = []
    for each in of_kind(objects, "HorizontalPodAutoscaler"):
        target = each["spec"]["scaleTargetRef"]["name"]
        deployments = [one for one in of_kind(objects, "Deployment") if one["metadata"]["name"] == target]
        if len(deployments) != 1:
            found.append(f"{_name(each)}: there is no Deployment {target}")
        elif "replicas" in deployments[0]["spec"]:
            found.append(f"{_name(each)}: the Deployment says replicas, too, so that every apply would set them back")
    return found


# -- replicas, budgets, ends -----------------------------------------------------------------------------


def replicas(objects: Objects, name: str) -> tuple[int, int]:
    """Return how many pods a Deployment has at least and at most."""
    for each in of_kind(objects, "HorizontalPodAutoscaler"):
        if each["spec"]["scaleTargetRef"]["name"] == name:
            return each["spec"]["minReplicas"], each["spec"]["maxReplicas"]
    count = named(objects, "Deployment", name)["spec"].get("replicas", 1)
    return count, count


def disruption(objects: Objects) -> list[str]:
    """A node can be emptied, and nothing stands still by it where there are several."""
    found = []
    alone = single(objects)
    for each in of_kind(objects, "PodDisruptionBudget"):
        name, least = each["metadata"]["name"], replicas(objects, each["metadata"]["name"])[0]
        if each["spec"].get("maxUnavailable") != 1 or "minAvailable" in each["spec"]:
            found.append(f"{name}: a budget that is not maxUnavailable 1 may keep a node from being emptied")
        if not alone and least < 2:
            found.append(f"{name}: one pod, so that emptying its node stops it")
    for each in of_kind(objects, "Deployment"):
        strategy = each["spec"]["strategy"]
        wanted: Mapping[str, Any] = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}
        if strategy != ({"type": "Recreate"} if alone else wanted):
            found.append(f"{_name(each)}: strategy {strategy}")
        if alone and replicas(objects, each["metadata"]["name"]) != (1, 1):
            found.append(f"{_name(each)}: more than one process on SQLite")
    return found


def single(objects: Objects) -> bool:
    """Whether this is the installation on one node."""
    return any(each.get("data", {}).get("RUTA_SINGLE_NODE") == "true" for each in of_kind(objects, "ConfigMap"))


def ends(objects: Objects) -> list[str]:
    """A pod that is to end has time to: to be forgotten by those who call it, and to finish what is under way."""
    found = []
    for pod in pods(objects):
        if pod.kind == "Job":
            continue
        (container,) = pod.spec["containers"]
        hook = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
        farewell = float(environment(objects, container).get("RUTA_FAREWELL_SECONDS", 0))
        called = pod.component != "worker"
        if called and hook + farewell < 5:
            found.append(f"{pod.name}: new requests still come when it takes none any more")
        needs = hook + farewell + FINISHING_SECONDS + (0 if called else worker.STOPPING_SECONDS + worker.GRACE_SECONDS)
        if pod.spec["terminationGracePeriodSeconds"] < needs + _SPARE:
            found.append(f"{pod.name}: it needs {needs} s to end, and is killed before that")
    return found


# -- security --------------------------------------------------------------------------------------------


def security(objects: Objects) -> list[str]:
    """Pod Security `restricted`, and what it does not ask for: no token, a root that cannot be written, our user."""
    found = []
    for each in of_kind(objects, "Namespace"):
        if each["metadata"].get("labels", {}).get("pod-security.kubernetes.io/enforce") != "restricted":
            found.append("the namespace does not enforce restricted")
    for pod in pods(objects):
        found += [f"{pod.name}: {wrong}" for wrong in [*_pod_security(pod), *_container_security(pod)]]
    for each in of_kind(objects, "ServiceAccount"):
        if each.get("automountServiceAccountToken") is not False:
            found.append(f"{_name(each)} hands out its token")
    found += [f"{_name(each)}: a right in the cluster" for each in objects if "rbac" in each["apiVersion"]]
    found += [f"{_name(each)}: a secret in the repository" for each in of_kind(objects, "Secret")]
    return found


_POD = {
    "runAsNonRoot": True, "runAsUser": USER, "runAsGroup": USER, "fsGroup": USER,
    "fsGroupChangePolicy": "OnRootMismatch", "seccompProfile": {"type": "RuntimeDefault"},
}  # fmt: skip
_CONTAINER = {
    "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
}  # fmt: skip
_VOLUMES = {"emptyDir", "secret", "persistentVolumeClaim", "configMap"}


def _pod_security(pod: Pod) -> list[str]:
    spec = pod.spec
    found = [f"{name} is set" for name in ("hostNetwork", "hostPID", "hostIPC", "hostUsers") if spec.get(name)]
    if spec.get("securityContext") != _POD:
        found.append("its securityContext is another one")
    if spec.get("automountServiceAccountToken") is not False:
        found.append("it gets a token of the cluster")
    if spec.get("enableServiceLinks") is not False:
        found.append("variables name every Service")
    if spec.get("serviceAccountName", "default") == "default":
        found.append("it has no account of its own")
    for each in spec.get("volumes", []):
        kinds = set(each) - {"name"}
        if not kinds <= _VOLUMES:
            found.append(f"volume {each['name']} is {kinds}")
        if "emptyDir" in each and "sizeLimit" not in each["emptyDir"]:
            found.append(f"volume {each['name']} may fill the node")
        if "secret" in each and each["secret"].get("defaultMode", 0o644) & 0o007:
            found.append(f"volume {each['name']} can be read by everybody")
    return found


def _container_security(pod: Pod) -> list[str]:
    found = []
    for each in pod.containers:
        if each.get("securityContext") != _CONTAINER:
            found.append(f"{each['name']}: its securityContext is another one")
        resources = each.get("resources", {})
        if not {"cpu", "memory"} <= set(resources.get("requests", {})) or "memory" not in resources.get("limits", {}):
            found.append(f"{each['name']}: it does not say what it needs")
        if "cpu" in resources.get("limits", {}):
            found.append(f"{each['name']}: a limit of CPU makes it wait")
        if any("hostPort" in port for port in each.get("ports", [])):
            found.append(f"{each['name']}: a port of the node")
        if any("secret" in str(variable.get("valueFrom", "")).lower() for variable in each.get("env", [])):
            found.append(f"{each['name']}: a secret in a variable")
        if "command" in each:
            found.append(f"{each['name']}: it replaces the image's entry point")
    return found


def images(objects: Objects) -> list[str]:
    """Every image is named by its digest: what was tried is what runs."""
    said = [(pod.name, each["image"]) for pod in pods(objects) for each in pod.containers]
    said += [(each["metadata"]["name"], each["spec"]["imageName"]) for each in of_kind(objects, "Cluster")]
    return [f"{name}: {image}" for name, image in said if not _DIGEST.fullmatch(image)]


# -- probes ----------------------------------------------------------------------------------------------


def probes(objects: Objects) -> list[str]:
    """Every server is asked what it has an answer to; nobody is killed because of his database."""
    found = []
    wanted = {"startupProbe": "/livez", "livenessProbe": "/livez", "readinessProbe": "/readyz"}
    for pod in pods(objects):
        for each in pod.containers:
            asked = {probe: each[probe]["httpGet"] for probe in wanted if probe in each}
            if set(asked) != (set(wanted) if each["name"] == "ruta" and pod.kind == "Deployment" else set()):
                found.append(f"{pod.name}/{each['name']}: probes {sorted(asked)}")
            for probe, question in asked.items():
                if question.get("path") != wanted[probe] or question.get("port") not in pod.ports:
                    found.append(f"{pod.name}: {probe} asks {question}")
    return found


# -- connections -----------------------------------------------------------------------------------------

RESERVE = 30
"""Connections that are kept for PostgreSQL itself, its replicas, its operator, and a person with a question."""


def connections(objects: Objects, of_process: Callable[[Settings], Mapping[str, int]], parse: Any) -> dict[str, int]:
    """Return how many connections each database server must bear: all at their most, in the middle of a rollout."""
    found: dict[str, int] = {}
    for pod in pods(objects):
        (container,) = pod.spec["containers"]
        if pod.component == "proxy":
            continue
        settings = parse(environment(objects, container))
        if pod.kind == "Job":
            opened = {"data": 1} | ({"keyring": 1} if settings.keyring_url else {})
            count = 1
        else:
            opened = dict(of_process(settings))
            strategy = named(objects, "Deployment", pod.name)["spec"]["strategy"]
            count = replicas(objects, pod.name)[1] + strategy.get("rollingUpdate", {}).get("maxSurge", 0)
        for server, number in opened.items():
            found[server] = found.get(server, 0) + count * number
    return found


def budget(objects: Objects, needed: Mapping[str, int]) -> list[str]:
    """Every database server of the cluster bears what its clients open."""
    found = []
    for each in of_kind(objects, "Cluster"):
        name = each["metadata"]["name"]
        need = needed.get({"ruta-db": "data", "ruta-keyring": "keyring"}[name], 0)
        has = int(each["spec"]["postgresql"]["parameters"]["max_connections"])
        if need == 0 or need > has - RESERVE:
            found.append(f"{name}: {need} connections, and room for {has - RESERVE}")
    return found


CHECKS: tuple[Callable[[Objects], list[str]], ...] = (
    schema, beyond_schema, references, disruption, ends, security, images, probes,
)  # fmt: skip
"""Those that need no more than the objects."""
