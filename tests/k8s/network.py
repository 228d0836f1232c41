"""Who may talk to whom, worked out from the NetworkPolicies as a cluster would enforce them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Any

from tests.k8s.cluster import COMPONENT, NAME, Object, Objects, matches, of_kind, pods

HOME = "ruta"
PORTS = (22, 53, 80, 443, 3128, 5432, 6443, 8000, 8443)
"""What is tried from everybody to everybody. A port that policies name and that is not here is an error."""


@dataclass(frozen=True)
class Party:
    """Somebody on the network: a pod somewhere, or an address outside."""

    name: str
    namespace: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    ports: Mapping[str, int] = field(default_factory=dict)
    address: str | None = None


OTHERS = (
    Party("dns", "kube-system", {"k8s-app": "kube-dns"}),
    Party("system", "kube-system", {"k8s-app": "something-else"}),
    Party("nginx", "ingress-nginx", {NAME: "ingress-nginx", COMPONENT: "controller"}),
    Party("nginx-jobs", "ingress-nginx", {NAME: "ingress-nginx", COMPONENT: "admission-webhook"}),
    Party("envoy", "envoy-gateway-system", {NAME: "envoy", COMPONENT: "proxy"}),
    Party("envoy-controller", "envoy-gateway-system", {NAME: "gateway-helm"}),
    Party("prometheus", "monitoring", {NAME: "prometheus"}),
    Party("grafana", "monitoring", {NAME: "grafana"}),
    Party("operator", "cnpg-system", {NAME: "cloudnative-pg"}),
    Party("operator-other", "cnpg-system", {NAME: "something-else"}),
    # Wears the labels of ours, in a namespace that is not.
    Party("impostor", "default", {NAME: "referral", COMPONENT: "worker"}),
    Party("stranger", HOME, {"app": "left-behind"}),
    Party("internet", address="93.184.215.14"),
    Party("internet-v6", address="2606:2800:21f:cb07:6820:80da:af6b:8b2c"),
    Party("api-server", address="192.0.2.1"),
    Party("object-store", address="192.0.2.2"),
    Party("database-outside", address="192.0.2.10"),
    Party("metadata", address="169.254.169.254"),
    Party("azure-host", address="168.63.129.16"),
    Party("private-10", address="10.1.2.3"),
    Party("private-172", address="172.16.5.4"),
    Party("private-192", address="192.168.1.1"),
    Party("carrier", address="100.64.0.7"),
    Party("loopback", address="127.0.0.1"),
    Party("private-v6", address="fd00::1"),
    Party("link-v6", address="fe80::1"),
    Party("tunnel-v6", address="2002:a01:203::1"),
)  # fmt: skip
ADDRESSES = tuple(each for each in OTHERS if each.address)


def parties(objects: Objects) -> list[Party]:
    """Return everybody: our pods, those of the databases that an operator makes, and the others."""
    ours = [Party(each.name, HOME, each.labels, each.ports) for each in pods(objects)]
    servers = [
        Party(each["metadata"]["name"], HOME, {"cnpg.io/cluster": each["metadata"]["name"]})
        for each in of_kind(objects, "Cluster")
    ]
    return [*ours, *servers, *OTHERS]


def reachable(objects: Objects) -> set[str]:
    """Return who reaches whom, as `from -> to:port`. What does not touch our namespace is not said."""
    policies = of_kind(objects, "NetworkPolicy")
    everybody = parties(objects)
    out = {each.name: _rules(policies, "Egress", each) for each in everybody}
    into = {each.name: _rules(policies, "Ingress", each) for each in everybody}
    return {
        f"{one.name} -> {other.name}:{port}"
        for one in everybody
        for other in everybody
        if one is not other and HOME in (one.namespace, other.namespace)
        for port in _open(out[one.name], "to", other, other) & _open(into[other.name], "from", one, other)
    }


_ALL = frozenset(PORTS)


def _rules(policies: Iterable[Object], way: str, subject: Party) -> list[dict[str, Any]] | None:
    """Return the rules of what may pass this way between somebody and others. None: no policy speaks of it."""
    own = [
        each["spec"]
        for each in policies
        if subject.namespace == HOME
        and way in _types(each["spec"])
        and matches(each["spec"]["podSelector"], subject.labels)
    ]
    return [rule for spec in own for rule in spec.get(way.lower(), [])] if own else None


def _open(rules: list[dict[str, Any]] | None, end: str, peer: Party, target: Party) -> frozenset[int]:
    """Return the ports of `target` that rules open for or to a peer."""
    if rules is None:
        return _ALL
    fitting = [rule for rule in rules if not rule.get(end) or any(_is_one(each, peer) for each in rule[end])]
    return frozenset(port for port in PORTS if any(_is_port(rule, port, target) for rule in fitting))


def _types(spec: Mapping[str, Any]) -> list[str]:
    """Which ways a policy speaks of. Without saying so it is ingress, and egress if it has such rules."""
    return list(spec.get("policyTypes") or ["Ingress", *(["Egress"] if "egress" in spec else [])])


def _is_one(end: Mapping[str, Any], peer: Party) -> bool:
    if "ipBlock" in end:
        return peer.address is not None and _within(end["ipBlock"], peer.address)
    if peer.namespace is None:
        return False
    if "namespaceSelector" in end:
        here = matches(end["namespaceSelector"], {"kubernetes.io/metadata.name": peer.namespace})
    else:
        here = peer.namespace == HOME
    return here and matches(end.get("podSelector", {}), peer.labels)


def _within(block: Mapping[str, Any], address: str) -> bool:
    parsed = ip_address(address)
    return parsed in ip_network(block["cidr"]) and not any(
        parsed in ip_network(each) for each in block.get("except", [])
    )


def _is_port(rule: Mapping[str, Any], port: int, target: Party) -> bool:
    if not rule.get("ports"):
        return True
    for each in rule["ports"]:
        said = each.get("port")
        number = target.ports.get(said) if isinstance(said, str) else said
        if number == port or (said is not None and "endPort" in each and said <= port <= each["endPort"]):
            return True
    return False
