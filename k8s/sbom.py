"""Write what an image holds as a CycloneDX 1.6 document: each locked package that is there, its licence and hashes.

    python3 k8s/sbom.py requirements/run.txt <folder of packages>

The same lock and folder give the same bytes: there is no date and no random number in it.
"""

import json
import re
import sys
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any

_PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


def locked(lock: str) -> dict[tuple[str, str], list[str]]:
    """Return the hashes that a lock allows for each package and version: one is of the file that was installed."""
    found: dict[tuple[str, str], list[str]] = {}
    current: list[str] = []
    for line in lock.splitlines():
        if pin := _PIN.match(line):
            current = found.setdefault((_plain(pin[1]), pin[2]), [])
        current += _HASH.findall(line)
    return found


def document(lock: str, folder: Path) -> dict[str, Any]:
    """Return the document. Raises ValueError when something is installed that the lock does not name."""
    pins = locked(lock)
    components = []
    for each in sorted(distributions(path=[str(folder)]), key=lambda one: _plain(one.name)):
        name, version = _plain(each.name), each.version
        if (name, version) not in pins:
            raise ValueError(f"{name} {version} is installed, and not locked")
        components.append(
            {
                "type": "library",
                "bom-ref": f"pkg:pypi/{name}@{version}",
                "name": name,
                "version": version,
                "purl": f"pkg:pypi/{name}@{version}",
                **_licences(each),
                "properties": [{"name": "ruta:locked:sha256", "value": digest} for digest in pins[name, version]],
            }
        )
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {"type": "application", "bom-ref": "ruta", "name": "ruta"}},
        "components": components,
        "dependencies": [{"ref": "ruta", "dependsOn": [each["bom-ref"] for each in components]}],
    }


def _licences(package: Distribution) -> dict[str, Any]:
    for said in package.metadata.get_all("License-Expression") or []:
        return {"licenses": [{"expression": said}]}
    named = [each for each in package.metadata.get_all("Classifier") or [] if each.startswith("License :: ")]
    return {"licenses": [{"license": {"name": each.rpartition(" :: ")[2]}} for each in named]} if named else {}


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    lock_file, packages = (Path(each) for each in sys.argv[1:])
    print(json.dumps(document(lock_file.read_text(encoding="utf-8"), packages), indent=1))
