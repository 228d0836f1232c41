"""The environment that every container gets, read by the class that will read it there."""

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from k8s import keys
from shared import settings
from shared.egress.settings import EgressSettings
from shared.runtime import Runtime
from shared.settings import Settings, UnsafeSettings
from tests.k8s import checks
from tests.k8s.cluster import OVERLAYS, SECRETS, Objects, Pod, environment, of_kind, overlay, pods

DATE = {"RUTA_IMPACT_ASSESSMENT_DATE": "2026-11-22"}


@pytest.fixture(scope="session")
def secret_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for each service with what its Secret holds (k8s/README.md)."""
    folder = tmp_path_factory.mktemp("installation") / "secrets"
    keys.make(folder, "https://ruta.example.mx", "ruta-db-rw:5432", "ruta-keyring-rw:5432")
    return folder


def parse(variables: Mapping[str, str], secret_files: Path) -> Settings:
    """Read variables as a process would, with the service's secrets where its pod has them."""
    place = str(secret_files / f"ruta-{variables['RUTA_SERVICE']}")
    here = {name: value.replace(SECRETS, place) for name, value in variables.items()}
    unknown = set(here) - {f"RUTA_{name.upper()}" for name in Settings.model_fields}
    assert unknown == set(), f"no setting: {unknown}"
    with mock.patch.dict(os.environ, here, clear=True):
        return settings.load.__wrapped__()


def containers(objects: Objects) -> Iterator[tuple[Pod, dict[str, str]]]:
    for pod in pods(objects):
        for each in pod.containers:
            yield pod, environment(objects, each)


@pytest.mark.parametrize("name", OVERLAYS)
def test_every_container_gets_settings_that_are_known_and_safe_and_its_own(name: str, secret_files: Path) -> None:
    for pod, variables in containers(overlay(name)):
        if pod.component == "proxy":
            with mock.patch.dict(os.environ, variables, clear=True):
                assert {f"RUTA_{name.upper()}" for name in EgressSettings.model_fields} >= set(variables)
                assert EgressSettings().port == pod.ports["http"]
            continue
        found = parse(variables | DATE, secret_files)
        found.refuse_unsafe()
        assert found.service == pod.service
        assert found.environment == "production"
        assert found.host == "0.0.0.0"  # noqa: S104  (in a pod, that is what others reach)
        assert pod.ports.get("http", found.port) == found.port
        assert bool(found.egress_proxy_url) == (pod.service in ("referral", "consular"))
        assert found.database_url.startswith("sqlite:////data/" if name == "single-node" else "postgresql://")
        assert found.peer_url("gateway") == "http://gateway:8000"


@pytest.mark.parametrize("name", OVERLAYS)
def test_as_it_is_delivered_it_does_not_start_for_want_of_one_date_alone(name: str, secret_files: Path) -> None:
    for pod, variables in containers(overlay(name)):
        if pod.component != "proxy":
            with pytest.raises(UnsafeSettings) as refused:
                parse(variables, secret_files).refuse_unsafe()
            assert str(refused.value).splitlines()[1:] == [
                "- RUTA_IMPACT_ASSESSMENT_DATE is empty: the law asks for one (LGPDPPSO 68-71)."
            ]


@pytest.mark.parametrize(
    "change",
    [
        {"RUTA_DATABASE_URL": "sqlite:////data/intake.db"},
        {"RUTA_ALLOW_LOOPBACK_WEBHOOKS": "true"},
        {"RUTA_ISSUER": "http://ruta.example.mx"},
        {"RUTA_KEYRING_URL": "sqlite:////data/keyring.db"},
        {"RUTA_GATEWAY_URL": ""},
        {"RUTA_KEK_FILE": "/run/secrets/ruta/kek"},
    ],
    ids=str,
)
def test_an_unsafe_value_is_refused(change: dict[str, str], secret_files: Path) -> None:
    variables = _of("production", "intake") | DATE
    with pytest.raises(UnsafeSettings):
        parse(variables | change, secret_files).refuse_unsafe()


def test_a_name_that_is_no_setting_is_found(secret_files: Path) -> None:
    with pytest.raises(AssertionError, match="RUTA_POOLSIZE"):
        parse(_of("production", "intake") | {"RUTA_POOLSIZE": "9"}, secret_files)


def test_a_setting_that_is_missing_is_found(secret_files: Path) -> None:
    variables = _of("production", "intake")
    del variables["RUTA_ISSUER"]
    with pytest.raises(ValueError, match="issuer"):
        parse(variables, secret_files)


def test_what_a_variable_says_goes_before_what_a_file_says(secret_files: Path) -> None:
    variables = _of("production", "intake")
    password = (secret_files / "ruta-db-intake" / "password").read_text()
    url = f"postgresql://intake:{password}@ruta-db-rw:5432/intake?ssl=require"
    assert parse(variables, secret_files).database_url == url
    assert parse(variables | {"RUTA_DATABASE_URL": "postgresql://a/b"}, secret_files).database_url == "postgresql://a/b"


def _of(name: str, service: str) -> dict[str, str]:
    return next(variables for pod, variables in containers(overlay(name)) if pod.name == service)


def test_the_secrets_are_those_that_the_manifests_name(secret_files: Path) -> None:
    """What k8s.keys makes, file by file, and no more: what the pods mount, and what the databases' roles ask for."""
    mounted = {
        each["secret"]["secretName"]
        for pod in pods(overlay("production"))
        for each in pod.spec["volumes"]
        if "secret" in each
    }
    clusters = of_kind(overlay("production"), "Cluster")
    roles = {each["spec"]["bootstrap"]["initdb"]["secret"]["name"] for each in clusters} | {
        role["passwordSecret"]["name"] for each in clusters for role in each["spec"].get("managed", {}).get("roles", [])
    }
    assert {each.name for each in secret_files.iterdir()} == mounted | roles
    for name in roles:
        assert {each.name for each in (secret_files / name).iterdir()} == {"username", "password"}
        role = (secret_files / name / "username").read_text()
        setting = "ruta-intake/RUTA_KEYRING_URL" if role == "keyring" else f"ruta-{role}/RUTA_DATABASE_URL"
        assert f"//{role}:{(secret_files / name / 'password').read_text()}@" in (secret_files / setting).read_text()
    assert {file.stat().st_mode & 0o077 for file in secret_files.rglob("*")} == {0}


def test_secrets_that_are_there_are_never_made_again(secret_files: Path) -> None:
    with pytest.raises(FileExistsError):
        keys.make(secret_files, "https://ruta.example.mx", None, None)


def test_every_secret_comes_from_the_vault_where_there_is_one(secret_files: Path) -> None:
    external = {each["spec"]["target"]["name"] for each in of_kind(overlay("production"), "ExternalSecret")}
    assert external == {each.name for each in secret_files.iterdir()} | {"ruta-backup", "ruta-backup-keyring"}


# -- connections -----------------------------------------------------------------------------------------


def of_process(found: Settings) -> Counter[str]:
    """How many connections a process opens at most, asked of the engines that it really has."""
    runtime = Runtime.build(found.model_copy(update={"impact_assessment_date": "2026-11-22"}))
    engines: list[tuple[str, Any]] = [("data", runtime.database), ("data", runtime.probe)]
    if runtime.keyring is not None:
        engines.append(("keyring", runtime.keyring.database))
    opened: Counter[str] = Counter()
    for server, database in engines:
        opened[server] += database.engine.pool.size() + database.engine.pool._max_overflow
    return opened


async def test_the_database_servers_bear_everything_at_its_most(secret_files: Path) -> None:
    objects = overlay("production")
    needed = checks.connections(objects, of_process, lambda variables: parse(variables, secret_files))
    assert needed == {"data": 319, "keyring": 21}  # as docs/admin.md says
    assert checks.budget(objects, needed) == []
    assert checks.budget(objects, {"data": 371, "keyring": 21}) == ["ruta-db: 371 connections, and room for 370"]
    assert checks.budget(objects, {"data": 319}) == ["ruta-keyring: 0 connections, and room for 70"]


async def test_a_server_outside_of_the_cluster_needs_what_the_page_says(secret_files: Path) -> None:
    needed = checks.connections(overlay("staging"), of_process, lambda variables: parse(variables, secret_files))
    assert needed == {"data": 193, "keyring": 13}
