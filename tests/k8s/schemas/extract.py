"""Cut the schemas beside this file out of their sources: those of the kinds that k8s/ holds, without prose.

Run by hand when a kind or a version is added:

    python -m tests.k8s.schemas.extract kubernetes_validate-1.37.0-py3-none-any.whl <folder>

Sources, all under the Apache License 2.0: the wheel `kubernetes-validate` (Kubernetes' own OpenAPI), and in the
folder one file for each custom resource definition of CUSTOM, named `<plural>.<group>.yaml`, from the projects.
"""

import json
import sys
import zipfile
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
VERSIONS = ("1.32", "1.37")
KINDS = {
    "v1/ConfigMap": "core.v1.ConfigMap",
    "v1/Namespace": "core.v1.Namespace",
    "v1/PersistentVolumeClaim": "core.v1.PersistentVolumeClaim",
    "v1/Service": "core.v1.Service",
    "v1/ServiceAccount": "core.v1.ServiceAccount",
    "apps/v1/Deployment": "apps.v1.Deployment",
    "autoscaling/v2/HorizontalPodAutoscaler": "autoscaling.v2.HorizontalPodAutoscaler",
    "batch/v1/Job": "batch.v1.Job",
    "networking.k8s.io/v1/Ingress": "networking.v1.Ingress",
    "networking.k8s.io/v1/NetworkPolicy": "networking.v1.NetworkPolicy",
    "policy/v1/PodDisruptionBudget": "policy.v1.PodDisruptionBudget",
}
CUSTOM = (
    "applications.argoproj.io",  # argoproj/argo-cd 37ee0097
    "certificates.cert-manager.io",  # cert-manager/cert-manager 2d0d7f7f
    "clusters.postgresql.cnpg.io",  # cloudnative-pg/cloudnative-pg a95a534d
    "databases.postgresql.cnpg.io",
    "externalsecrets.external-secrets.io",  # external-secrets/external-secrets cc5bfbc2
    "gateways.gateway.networking.k8s.io",  # kubernetes-sigs/gateway-api 4564255a, standard channel
    "gitrepositories.source.toolkit.fluxcd.io",  # fluxcd/source-controller 39b711b1
    "httproutes.gateway.networking.k8s.io",
    "kustomizations.kustomize.toolkit.fluxcd.io",  # fluxcd/kustomize-controller 186fb3b2
    "objectstores.barmancloud.cnpg.io",  # cloudnative-pg/plugin-barman-cloud 9967e2ca
    "podmonitors.monitoring.coreos.com",  # prometheus-operator/prometheus-operator 6adcebc5
    "prometheusrules.monitoring.coreos.com",
    "scheduledbackups.postgresql.cnpg.io",
)
_PROSE = ("description", "default", "example", "title", "format", "$schema")


def bare(schema: Any) -> Any:
    """Return a schema without prose, in which an object has no property that is not named."""
    if isinstance(schema, list):
        return [bare(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {
        name: {key: bare(value) for key, value in part.items()} if name in ("properties", "$defs") else bare(part)
        for name, part in schema.items()
        if name in ("properties", "$defs") or not (name in _PROSE or name.startswith("x-kubernetes"))
    }
    if "properties" in kept and not schema.get("x-kubernetes-preserve-unknown-fields"):
        kept.setdefault("additionalProperties", False)
    return kept


def _reached(schema: Any, found: set[str], every: dict[str, Any]) -> None:
    if isinstance(schema, dict):
        name = str(schema.get("$ref", "")).rpartition("/")[2]
        if name and name not in found:
            found.add(name)
            _reached(every[name], found, every)
        for part in schema.values():
            _reached(part, found, every)
    elif isinstance(schema, list):
        for part in schema:
            _reached(part, found, every)


def kubernetes(wheel: zipfile.ZipFile, version: str) -> dict[str, Any]:
    """Return the definitions that KINDS need."""
    path = f"kubernetes_validate/kubernetes-json-schema/v{version}.0-local-strict/_definitions.json"
    content = json.loads(wheel.read(path))
    every = content.get("$defs") or content["definitions"]
    found: set[str] = set()
    kinds = {kind: f"io.k8s.api.{name}" for kind, name in KINDS.items()}
    for name in kinds.values():
        _reached({"$ref": f"/{name}"}, found, every)
    text = json.dumps({name: bare(every[name]) for name in sorted(found)})
    for prefix in ("/api/_definitions.json#/$defs/", "_definitions.json#/definitions/", "#/definitions/"):
        text = text.replace(f'"$ref": "{prefix}', '"$ref": "#/$defs/')
    return {"kinds": kinds, "$defs": json.loads(text)}


def custom(folder: Path) -> dict[str, Any]:
    """Return the schema of each version of CUSTOM that is served."""
    kinds = {}
    for name in CUSTOM:
        for definition in yaml.safe_load_all((folder / f"{name}.yaml").read_text(encoding="utf-8")):
            spec = definition["spec"]
            for version in spec["versions"]:
                if version["served"]:
                    schema = bare(version["schema"]["openAPIV3Schema"])
                    schema["properties"].pop("status", None)
                    schema["properties"]["metadata"] = {"type": "object"}
                    kinds[f"{spec['group']}/{version['name']}/{spec['names']['kind']}"] = schema
    return {"kinds": kinds}


def _write(name: str, content: dict[str, Any]) -> None:
    (HERE / name).write_text(json.dumps(content, separators=(",", ":"), sort_keys=True) + "\n", encoding="utf-8")


def main(wheel: str, folder: str) -> None:
    """Write every file anew."""
    with zipfile.ZipFile(wheel) as opened:
        for version in VERSIONS:
            _write(f"kubernetes-{version}.json", kubernetes(opened, version))
    _write("custom.json", custom(Path(folder)))


if __name__ == "__main__":
    main(*sys.argv[1:])
