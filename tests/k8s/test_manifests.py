"""The manifests of every overlay, as rendered: what a cluster would object to, and what people would regret."""

import copy
import importlib
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from gateway import docs
from shared import telemetry
from tests.k8s import checks
from tests.k8s.cluster import COMPONENT, K8S, NAME, OVERLAYS, RENDERED, Object, Objects, named, of_kind, overlay, read

Plant = Callable[[list[Object]], object]
_OLDEST = (1, 27)
"""The oldest kubectl that renders what the newest does."""


def _kubectl() -> str:
    program = shutil.which("kubectl")
    if program is None:
        pytest.skip("no kubectl: whether tests/k8s/rendered is what k8s/ renders to was not looked at")
    said = subprocess.run([program, "version", "--client"], capture_output=True, text=True, check=False).stdout
    version = re.search(r"v(\d+)\.(\d+)", said)
    if version is None or (int(version[1]), int(version[2])) < _OLDEST:
        pytest.skip(f"kubectl is older than 1.27: {said.strip()}")
    return program


@pytest.mark.parametrize("name", OVERLAYS)
def test_what_is_committed_is_what_the_overlay_renders_to(name: str) -> None:
    """To write it anew: RUTA_RENDER=1 and this test."""
    run = subprocess.run([_kubectl(), "kustomize", str(K8S / "overlays" / name)], capture_output=True, check=False)
    assert (run.returncode, run.stderr) == (0, b"")
    file = RENDERED / f"{name}.yaml"
    if os.environ.get("RUTA_RENDER") == "1":
        file.write_bytes(run.stdout)
    assert run.stdout.decode() == file.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", OVERLAYS)
@pytest.mark.parametrize("check", checks.CHECKS, ids=lambda check: check.__name__)
def test_nothing_is_wrong(check: Callable[[Objects], list[str]], name: str) -> None:
    assert check(overlay(name)) == []


def test_every_component_is_part_of_an_overlay() -> None:
    overlays = [(K8S / "overlays" / each / "kustomization.yaml").read_text(encoding="utf-8") for each in OVERLAYS]
    used = {name for text in overlays for name in re.findall(r"components/([a-z-]+)", text)}
    assert used == {each.name for each in (K8S / "components").iterdir()}


@pytest.mark.parametrize("file", ["argocd/application.yaml", "flux/sync.yaml"])
def test_what_points_at_this_repository_is_well_formed_and_points_at_an_overlay(file: str) -> None:
    objects = read((K8S / "components" / file).read_text(encoding="utf-8"))
    assert checks.schema(objects) == []
    paths = re.findall(r'"path": "([^"]+)"', str(objects).replace("'", '"'))
    assert [(K8S.parent / path / "kustomization.yaml").is_file() for path in paths] == [True]


def test_every_file_is_read_by_a_kustomization() -> None:
    alone = {K8S / "components/argocd/application.yaml", K8S / "components/flux/sync.yaml"}
    for folder in {file.parent for file in K8S.rglob("kustomization.yaml")}:
        text = (folder / "kustomization.yaml").read_text(encoding="utf-8")
        for file in {*folder.glob("*.yaml"), *folder.glob("*.env")} - alone:
            assert file.name == "kustomization.yaml" or file.name in text, file
    loose = {file.parent for file in K8S.rglob("*.yaml")} - {file.parent for file in K8S.rglob("kustomization.yaml")}
    assert loose == {K8S / "base/pods"}


# -- what would be found ---------------------------------------------------------------------------------


def pod(objects: list[Object], name: str = "intake", kind: str = "Deployment") -> Object:
    found: Object = named(objects, kind, name)["spec"]["template"]["spec"]
    return found


def main(objects: list[Object], name: str = "intake", kind: str = "Deployment") -> Object:
    found: Object = pod(objects, name, kind)["containers"][0]
    return found


def spec(objects: list[Object], kind: str, name: str) -> Object:
    found: Object = named(objects, kind, name)["spec"]
    return found


def outside(objects: list[Object]) -> Object:
    found: Object = spec(objects, "NetworkPolicy", "from-egress-proxy")["egress"][0]["to"][0]["ipBlock"]
    return found


def labels(objects: list[Object], kind: str, name: str, key: str = "selector") -> Object:
    found: Object = spec(objects, kind, name)[key]["matchLabels"]
    return found


ROLE: Object = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "a"}}
SECRET: Object = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}, "stringData": {"a": "b"}}
IN_A_VARIABLE: Object = {"name": "A", "valueFrom": {"secretKeyRef": {"name": "a", "key": "b"}}}
ENFORCE = "pod-security.kubernetes.io/enforce"
FAULTS: dict[str, list[Plant]] = {
    "schema": [
        lambda o: o.append({"apiVersion": "v1", "kind": "Pot", "metadata": {"name": "pot"}}),
        lambda o: main(o).update({"livenesProbe": {}}),
        lambda o: main(o).update({"image": True}),
        lambda o: spec(o, "Deployment", "intake").pop("selector"),
        lambda o: spec(o, "Cluster", "ruta-db").update({"instances": "three"}),
        lambda o: spec(o, "Cluster", "ruta-db").update({"wallStorage": {"size": "1Gi"}}),
        lambda o: spec(o, "PodMonitor", "ruta").update({"podMetricEndpoints": []}),
        lambda o: spec(o, "ExternalSecret", "ruta-intake")["target"].update({"creationPolicy": "Own"}),
    ],
    "beyond_schema": [
        lambda o: o.append(copy.deepcopy(named(o, "Service", "intake"))),
        lambda o: pod(o, "migrate-intake", "Job").update({"restartPolicy": "Always"}),
        lambda o: outside(o).update({"cidr": "0.0.0.0/33"}),
        lambda o: outside(o)["except"].append("10.0.0.1/8"),
        lambda o: named(o, "Service", "intake")["metadata"].update({"name": "Intake"}),
    ],
    "references": [
        lambda o: o.remove(named(o, "ServiceAccount", "intake")),
        lambda o: main(o)["envFrom"].append({"configMapRef": {"name": "ruta-intak"}}),
        lambda o: pod(o)["volumes"][-1]["secret"].update({"secretName": "ruta-intak"}),
        lambda o: main(o)["volumeMounts"].append({"name": "data", "mountPath": "/data"}),
        lambda o: [each.update({"volumeMounts": []}) for each in pod(o)["containers"] + pod(o)["initContainers"]],
        lambda o: spec(o, "Service", "intake")["selector"].update({COMPONENT: "worker"}),
        lambda o: spec(o, "Service", "intake")["ports"][0].update({"targetPort": "https"}),
        lambda o: spec(o, "Service", "intake")["ports"][0].update({"port": 80}),
        lambda o: labels(o, "PodDisruptionBudget", "intake").pop(COMPONENT),
        lambda o: o.remove(named(o, "PodDisruptionBudget", "referral-worker")),
        lambda o: labels(o, "NetworkPolicy", "to-intake", "podSelector").update({NAME: "intak"}),
        lambda o: spec(o, "HorizontalPodAutoscaler", "intake")["scaleTargetRef"].update({"name": "intak"}),
        lambda o: spec(o, "Deployment", "intake").update({"replicas": 3}),
        lambda o: labels(o, "Deployment", "intake").update({NAME: "intak"}),
    ],
    "disruption": [
        lambda o: spec(o, "PodDisruptionBudget", "intake").update({"maxUnavailable": 0}),
        lambda o: spec(o, "PodDisruptionBudget", "intake").update({"minAvailable": 2}),
        lambda o: spec(o, "HorizontalPodAutoscaler", "intake").update({"minReplicas": 1}),
        lambda o: spec(o, "Deployment", "intake-worker").pop("replicas"),
        lambda o: spec(o, "Deployment", "intake").update({"strategy": {"type": "Recreate"}}),
        lambda o: spec(o, "Deployment", "intake")["strategy"]["rollingUpdate"].update({"maxUnavailable": 1}),
    ],
    "ends": [
        lambda o: main(o).pop("lifecycle"),
        lambda o: main(o)["lifecycle"]["preStop"]["sleep"].update({"seconds": 30}),
        lambda o: pod(o).update({"terminationGracePeriodSeconds": 30}),
        lambda o: pod(o, "referral-worker").update({"terminationGracePeriodSeconds": 35}),
    ],
    "security": [
        lambda o: named(o, "Namespace", "ruta")["metadata"]["labels"].update({ENFORCE: "baseline"}),
        lambda o: pod(o).update({"hostNetwork": True}),
        lambda o: pod(o)["securityContext"].pop("runAsGroup"),
        lambda o: pod(o)["securityContext"].update({"seccompProfile": {"type": "Unconfined"}}),
        lambda o: pod(o).update({"automountServiceAccountToken": True}),
        lambda o: pod(o).pop("enableServiceLinks"),
        lambda o: pod(o, "migrate-intake", "Job").pop("serviceAccountName"),
        lambda o: pod(o)["volumes"].append({"name": "host", "hostPath": {"path": "/"}}),
        lambda o: pod(o)["volumes"].append({"name": "room", "emptyDir": {}}),
        lambda o: pod(o)["volumes"][-1]["secret"].update({"defaultMode": 0o644}),
        lambda o: main(o)["securityContext"].update({"readOnlyRootFilesystem": False}),
        lambda o: main(o)["securityContext"]["capabilities"].update({"add": ["NET_RAW"]}),
        lambda o: pod(o)["initContainers"][0].pop("securityContext"),
        lambda o: main(o)["resources"]["limits"].pop("memory"),
        lambda o: main(o)["resources"]["limits"].update({"cpu": "1"}),
        lambda o: main(o)["ports"][0].update({"hostPort": 80}),
        lambda o: main(o).update({"env": [IN_A_VARIABLE]}),
        lambda o: main(o).update({"command": ["sh"]}),
        lambda o: named(o, "ServiceAccount", "intake").pop("automountServiceAccountToken"),
        lambda o: o.append(SECRET),
        lambda o: o.append(ROLE),
    ],
    "images": [
        lambda o: main(o).update({"image": "registry.example.mx/ruta:0.4.0"}),
        lambda o: main(o).update({"image": "ruta@sha256:" + 64 * "0"}),
        lambda o: pod(o)["initContainers"][0].update({"image": "registry.example.mx/ruta"}),
        lambda o: spec(o, "Cluster", "ruta-db").update({"imageName": "ghcr.io/cloudnative-pg/postgresql:18"}),
    ],
    "probes": [
        lambda o: main(o)["livenessProbe"]["httpGet"].update({"path": "/readyz"}),
        lambda o: main(o)["readinessProbe"]["httpGet"].update({"path": "/healthz"}),
        lambda o: main(o)["readinessProbe"]["httpGet"].update({"port": "web"}),
        lambda o: main(o, "intake-worker").pop("startupProbe"),
    ],
}  # fmt: skip


def test_every_check_has_faults_that_it_is_to_find() -> None:
    assert set(FAULTS) == {check.__name__ for check in checks.CHECKS}


@pytest.mark.parametrize(
    ("check", "number"), [(name, number) for name, plants in FAULTS.items() for number in range(len(plants))]
)
def test_a_fault_is_found(check: str, number: int) -> None:
    objects = copy.deepcopy(list(overlay("production")))
    FAULTS[check][number](objects)
    found = {each.__name__: each for each in checks.CHECKS}[check](objects)
    assert found != []


def test_two_processes_on_one_sqlite_are_found() -> None:
    objects = copy.deepcopy(list(overlay("single-node")))
    spec(objects, "Deployment", "intake")["replicas"] = 2
    assert checks.disruption(objects) == ["Deployment/intake: more than one process on SQLite"]


# -- the address from outside ----------------------------------------------------------------------------

PRIVATE = ("/internal/gateway/standing", "/internal/facts/chd_1", "/metrics", "/readyz", "/livez", "/ages", "/v")


def _public(objects: tuple[Object, ...]) -> Callable[[str], bool]:
    """Whether the overlay's way in forwards a path."""
    rules: list[tuple[bool, str]] = []
    for each in of_kind(objects, "Ingress"):
        rules += [
            (path["pathType"] == "Exact", path["path"])
            for rule in each["spec"]["rules"]
            for path in rule["http"]["paths"]
        ]
    for each in of_kind(objects, "HTTPRoute"):
        rules += [
            (match["path"]["type"] == "Exact", match["path"]["value"])
            for rule in each["spec"]["rules"]
            for match in rule["matches"]
        ]
    return lambda path: any(
        path == said or (not exact and path.startswith(f"{said.rstrip('/')}/")) for exact, said in rules
    )


@pytest.mark.parametrize("name", OVERLAYS)
def test_what_is_public_comes_through_and_what_is_not_does_not(name: str) -> None:
    forwards = _public(overlay(name))
    described = re.findall(r'"(/[a-z0-9._/{}-]*)": ?\{', (K8S.parent / "docs/openapi.json").read_text())
    pages = [route.path for route in docs.router.routes if hasattr(route, "path")]
    assert {"/v1/intake/encounters", "/oauth/token"} <= set(described)
    assert {"/docs", "/", "/openapi.json", "/changelog"} <= set(pages)
    assert [path for path in [*described, *pages, "/docs/static/swagger-ui.css"] if not forwards(path)] == []
    assert [path for path in PRIVATE if forwards(path)] == []


@pytest.mark.parametrize("name", OVERLAYS)
def test_the_host_is_the_issuers(name: str) -> None:
    objects = overlay(name)
    (common,) = [each["data"] for each in of_kind(objects, "ConfigMap") if "RUTA_ISSUER" in each.get("data", {})]
    hosts = {host for each in of_kind(objects, "HTTPRoute") for host in each["spec"]["hostnames"]}
    hosts |= {rule["host"] for each in of_kind(objects, "Ingress") for rule in each["spec"]["rules"]}
    hosts |= {host for each in of_kind(objects, "Ingress") for tls in each["spec"]["tls"] for host in tls["hosts"]}
    hosts |= {host for each in of_kind(objects, "Certificate") for host in each["spec"]["dnsNames"]}
    hosts |= {each["hostname"] for gate in of_kind(objects, "Gateway") for each in gate["spec"]["listeners"]}
    assert {f"https://{host}" for host in hosts} == {common["RUTA_ISSUER"]}


# -- alerts ----------------------------------------------------------------------------------------------


def test_every_metric_of_an_alert_exists_and_every_alert_is_explained() -> None:
    for name in ("gateway.main", "services.intake.worker", "services.referral.worker", "services.consular.worker"):
        importlib.import_module(name)  # which registers its metrics
    telemetry._counts.kind("gateway", "GET", "/", "200")
    there = {sample.name for metric in REGISTRY.collect() for sample in metric.samples} | {
        f"{metric.name}{'_total' if metric.type == 'counter' else ''}" for metric in REGISTRY.collect()
    }
    (alerts,) = of_kind(overlay("production"), "PrometheusRule")
    rules = [rule for group in alerts["spec"]["groups"] for rule in group["rules"]]
    asked = {name for rule in rules for name in re.findall(r"\bruta_[a-z_]+\b", rule["expr"])}
    assert len(asked) >= 8
    assert asked - there == set()
    recorded = {rule["record"] for rule in rules if "record" in rule}
    assert {name for rule in rules for name in re.findall(r"\bruta:[a-z_0-9:]+\b", rule["expr"])} == recorded
    page = (K8S.parent / "docs/admin.md").read_text(encoding="utf-8")
    assert [rule["alert"] for rule in rules if "alert" in rule and f"| `{rule['alert']}` |" not in page] == []


def test_the_folder_of_what_is_rendered_holds_nothing_else() -> None:
    assert {file.name for file in Path(RENDERED).iterdir()} == {f"{name}.yaml" for name in OVERLAYS}
