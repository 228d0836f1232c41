"""Who may talk to whom: computed from the policies, compared with a table, and nothing else passes."""

import copy
import re
from collections.abc import Callable
from ipaddress import IPv4Network, IPv6Network

import pytest

from gateway import upstreams
from sandbox.keys import EVENT_ROUTES
from shared.delivery import egress
from tests.k8s.cluster import ROOT, Object, named, of_kind, overlay, pods
from tests.k8s.network import ADDRESSES, OTHERS, PORTS, reachable

SERVICES = """
gateway         -> intake referral consular
intake          -> gateway referral
referral        -> gateway intake
consular        -> gateway referral
intake-worker   -> referral
referral-worker -> intake consular
consular-worker -> referral
"""
"""Who calls whom on port 8000: the routes that the gateway forwards, and what the services ask each other."""

WEBHOOKS = {
    "referral-worker -> egress-proxy:3128",
    "consular-worker -> egress-proxy:3128",
    *(f"egress-proxy -> {out}:{port}" for out in ("internet", "internet-v6") for port in (443, 8443)),
}
APIS = ("gateway", "intake", "referral", "consular")
WORKERS = ("intake-worker", "referral-worker", "consular-worker")
MIGRATIONS = ("migrate-gateway", "migrate-intake", "migrate-referral", "migrate-consular")
ALL = (*APIS, *WORKERS, *MIGRATIONS)
KEYRING = ("intake", "intake-worker", "migrate-intake")
CLUSTERS = ("ruta-db", "ruta-keyring")


def services() -> set[str]:
    lines = [line.split("->") for line in SERVICES.strip().splitlines()]
    return {f"{one.strip()} -> {other}:8000" for one, others in lines for other in others.split()}


def asking_names(*who: str) -> set[str]:
    return {f"{each} -> dns:53" for each in who}


BASE = services() | WEBHOOKS | asking_names(*ALL, "egress-proxy", "stranger")
EXPECTED: dict[str, set[str]] = {
    "single-node": BASE | {"nginx -> gateway:8000"},
    "staging": BASE | {"envoy -> gateway:8000"} | {f"{each} -> database-outside:5432" for each in ALL},
    "production": BASE
    | {"nginx -> gateway:8000"}
    | {f"prometheus -> {each}:8000" for each in (*APIS, *WORKERS)}
    | {f"{each} -> ruta-db:5432" for each in ALL}
    | {f"{each} -> ruta-keyring:5432" for each in KEYRING}
    | asking_names(*CLUSTERS)
    | {f"operator -> {each}:{port}" for each in CLUSTERS for port in (5432, 8000)}
    | {f"{each} -> api-server:{port}" for each in CLUSTERS for port in (443, 6443)}
    | {f"{each} -> object-store:443" for each in CLUSTERS},
}


@pytest.mark.parametrize("name", EXPECTED)
def test_nobody_reaches_anybody_but_as_the_table_says(name: str) -> None:
    found = reachable(overlay(name))
    assert sorted(found - EXPECTED[name]) == []
    assert sorted(EXPECTED[name] - found) == []


@pytest.mark.parametrize("name", EXPECTED)
def test_every_port_that_a_policy_names_is_tried(name: str) -> None:
    policies = of_kind(overlay(name), "NetworkPolicy")
    rules = [rule for each in policies for way in ("ingress", "egress") for rule in each["spec"].get(way, [])]
    ports = {each["port"] for rule in rules for each in rule["ports"]}
    assert ports - set(PORTS) <= {"http"}
    assert {each.ports["http"] for each in pods(overlay(name)) if each.ports} <= set(PORTS)


def test_the_proxy_may_dial_what_the_sender_may_and_no_other_address() -> None:
    """The policy and the code refuse the same ranges: where one of them fails the other one stands."""
    (rule,) = named(overlay("production"), "NetworkPolicy", "from-egress-proxy")["spec"]["egress"]
    four, six = (each["ipBlock"] for each in rule["to"])
    assert (four["cidr"], six["cidr"]) == ("0.0.0.0/0", str(egress._PUBLIC_V6))
    assert {IPv4Network(each) for each in four["except"]} == set(egress._NOT_PUBLIC_V4)
    assert {IPv6Network(each) for each in six["except"]} == set(egress._NOT_PUBLIC_V6)


def test_the_addresses_that_are_tried_are_of_every_sort() -> None:
    assert {egress.is_public(str(each.address)) for each in ADDRESSES} == {True, False}
    assert len({each.name for each in OTHERS}) == len(OTHERS)


def test_every_call_that_the_code_makes_is_in_the_table() -> None:
    """Of each service to each sister: by its API or its worker. The gateway calls all three (gateway/upstreams.py)."""
    calls = {
        (
            file.relative_to(ROOT).parts[1],
            to,
            "worker" if file.relative_to(ROOT).as_posix() in BY_WORKERS_ALONE else "api",
        )
        for file in (ROOT / "services").rglob("*.py")
        for to in re.findall(r'peers\.call\(\s*"(\w+)"', file.read_text(encoding="utf-8"))
    }
    assert len(calls) >= 4
    made = {f"{service}{'-worker' if by == 'worker' else ''} -> {to}:8000" for service, to, by in calls}
    assert made - services() == set()
    events = {f"{sender}-worker -> {receiver}:8000" for sender, receiver in EVENT_ROUTES}
    assert events - services() == set()
    assert {f"gateway -> {name}:8000" for name in upstreams.SERVICES} | {
        f"{api} -> gateway:8000" for api in APIS[1:]
    } <= services()


BY_WORKERS_ALONE = {"services/referral/protection/facts.py"}
"""Where a call is the turn of a worker, and no route leads to it."""


# -- what would be found ---------------------------------------------------------------------------------


def spec(objects: list[Object], name: str) -> Object:
    found: Object = named(objects, "NetworkPolicy", name)["spec"]
    return found


def _open_egress(objects: list[Object]) -> None:
    spec(objects, "from-intake")["egress"].append({})


def _any_port(objects: list[Object]) -> None:
    del spec(objects, "from-gateway")["egress"][0]["ports"]
    del spec(objects, "to-intake")["ingress"][0]["ports"]


def _any_namespace(objects: list[Object]) -> None:
    spec(objects, "to-intake")["ingress"][0]["from"][-1]["namespaceSelector"] = {}


def _metadata(objects: list[Object]) -> None:
    spec(objects, "from-egress-proxy")["egress"][0]["to"][0]["ipBlock"]["except"].remove("169.254.0.0/16")


def _no_denial(objects: list[Object]) -> None:
    objects.remove(named(objects, "NetworkPolicy", "nothing"))


def _denies_one_way(objects: list[Object]) -> None:
    spec(objects, "nothing")["policyTypes"] = ["Egress"]


def _forgotten(objects: list[Object]) -> None:
    objects.remove(named(objects, "NetworkPolicy", "from-consular-worker"))


def _label(objects: list[Object]) -> None:
    labels = named(objects, "Deployment", "referral")["spec"]["template"]["metadata"]["labels"]
    labels["app.kubernetes.io/name"] = "referal"


FAULTS = (
    _open_egress, _any_port, _any_namespace, _metadata, _no_denial, _denies_one_way, _forgotten, _label,
)  # fmt: skip


@pytest.mark.parametrize("plant", FAULTS, ids=lambda plant: plant.__name__.strip("_"))
def test_a_fault_in_a_policy_is_found(plant: Callable[[list[Object]], None]) -> None:
    objects = copy.deepcopy(list(overlay("staging")))
    plant(objects)
    assert reachable(objects) != EXPECTED["staging"]
