"""What the manifests start, as real processes of this machine."""

import asyncio
import os
import signal
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from k8s import keys
from sandbox.launchers import Child
from sandbox.ports import free_ports, get
from sandbox.system import PROGRAMS, System
from tests.k8s.cluster import NAME, SECRETS, Pod, environment, overlay, pods

ISSUER = "https://ruta.example.mx"
DATE = "2026-11-22"
SECONDS = 60.0


async def until_status(port: int, path: str, wanted: int) -> None:
    """Wait until a process answers so."""
    ends = time.monotonic() + SECONDS
    while (status := (await get(port, path))[0]) != wanted:
        assert time.monotonic() < ends, f"{path}: {status}, not {wanted}"
        await asyncio.sleep(0.02)


async def ended(child: Child) -> int:
    """Wait for the end of a process; returns its exit code."""
    ends = time.monotonic() + SECONDS
    while (code := child.poll()) is None:
        assert time.monotonic() < ends, "it does not end"
        await asyncio.sleep(0.02)
    return code


class Node:
    """The overlay single-node as processes of this machine: its commands and its variables, at places of a test's."""

    def __init__(self, system: System, folder: Path) -> None:
        self.system = system
        self.folder = folder
        self.objects = overlay("single-node")
        self.pods = {pod.name: pod for pod in pods(self.objects)}
        base = free_ports(len(self.pods))
        self.ports = {name: base + number for number, name in enumerate(self.pods)}
        keys.make(folder / "secrets", ISSUER, None, None)
        for place in ("data", "keys", "logs"):
            (folder / place).mkdir()
        self.children: list[Child] = []

    def start(self, pod: Pod, container: Mapping[str, Any]) -> Child:
        """Start what a container runs."""
        variables = environment(self.objects, container)
        for name, port in self.ports.items():
            variables = {key: value.replace(f"//{name}:", f"//127.0.0.1:{port}_") for key, value in variables.items()}
        places = {SECRETS: f"{self.folder}/secrets/ruta-{pod.labels[NAME]}", "///data": f"//{self.folder}/data"}
        places |= {"///keys": f"//{self.folder}/keys", "_8000": "", "_3128": ""}
        for there, here in places.items():
            variables = {key: value.replace(there, here) for key, value in variables.items()}
        own = {"RUTA_HOST": "127.0.0.1", "RUTA_PORT": str(self.ports[pod.name]), "RUTA_IMPACT_ASSESSMENT_DATE": DATE}
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("RUTA_")}
        module, *arguments = container["args"]
        assert self.system._launcher is not None
        log = self.folder / "logs" / f"{pod.name}-{container['name']}.log"
        child = self.system._launcher.launch(module, arguments, inherited | variables | own, log)
        self.children.append(child)
        return child

    def said(self) -> str:
        """What the processes have said last, for whoever reads of a failure."""
        return "\n".join(f"{log.name}: {log.read_text()[-400:]}" for log in sorted((self.folder / "logs").iterdir()))


@pytest.fixture
def launching(tmp_path: Path) -> Iterator[System]:
    """A sandbox that starts nothing by itself: the test takes its launcher."""
    made = System(tmp_path / "sandbox", port=free_ports(len(PROGRAMS)))
    made.prepare()
    yield made
    asyncio.run(made.stop())


@pytest.mark.timeout(240)
async def test_every_container_of_the_manifests_runs_and_answers_its_probes(launching: System, tmp_path: Path) -> None:
    node = Node(launching, tmp_path)
    servers = [pod for pod in node.pods.values() if pod.kind == "Deployment"]
    try:
        early = node.start(node.pods["intake"], node.pods["intake"].spec["containers"][0])
        waiting = [node.start(pod, each) for pod in servers for each in pod.spec.get("initContainers", [])]
        await until_status(node.ports["intake"], "/livez", 200)
        await until_status(node.ports["intake"], "/readyz", 503)
        assert {each.poll() for each in waiting} == {None}

        jobs = [pod for pod in node.pods.values() if pod.kind == "Job"]
        migrating = [node.start(pod, pod.spec["containers"][0]) for pod in jobs]
        assert {await ended(each) for each in migrating} == {0}, node.said()
        assert {await ended(each) for each in waiting} == {0}, node.said()

        running = [early] + [node.start(pod, pod.spec["containers"][0]) for pod in servers if pod.name != "intake"]
        for pod in servers:
            (container,) = pod.spec["containers"]
            for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
                await until_status(node.ports[pod.name], container[probe]["httpGet"]["path"], 200)
        assert {each.poll() for each in running} == {None}, node.said()
        assert (await get(node.ports["gateway"], "/metrics"))[0] == 200

        for child in running:
            os.kill(child.pid, signal.SIGTERM)
        assert {await ended(each) for each in running} == {0}, node.said()
    finally:
        for child in node.children:
            if child.poll() is None:
                os.kill(child.pid, signal.SIGKILL)
