"""What administrators see of the whole system, and nobody else does."""

from typing import Any

import pytest

from gateway.main import api
from shared import testing
from shared.audit import wrote
from shared.auth import Caller
from shared.settings import Settings
from shared.testing import Keys

PATH = "/v1/gateway/status"
ADMIN = {"agency": "ruta-operations", "agency_kind": "OPERATOR", "scope": "gateway:admin", "client_id": "ops-1"}
WELL = {
    "/livez": {"status": "ok"}, "/status": {"status": "up", "missing": []},
    "/ages": {"oldest_due_seconds": 7.5, "unsealed_seconds": None},
}  # fmt: skip


class Peers:
    """Answers for the services as it was told; what it was not told is down."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {
            f"http://{name}.test{path}": answer
            for name in ("intake", "referral", "consular")
            for path, answer in WELL.items()
        }

    async def fetch(self, url: str) -> Any:
        return self.answers[url]

    async def close(self) -> None:
        pass


@pytest.fixture
def peers() -> Peers:
    return Peers()


async def ask(settings: Settings, keys: Keys, peers: Peers, **claims: str) -> Any:
    runtime = testing.runtime(settings)
    runtime.peers = peers  # type: ignore[assignment]  # all that is asked of it here
    async with testing.client(api(runtime), keys.token(**ADMIN | claims)) as caller:
        answer = await caller.get(PATH)
    await runtime.close()
    return answer


async def test_an_administrator_sees_how_each_service_is(stored: Settings, keys: Keys, peers: Peers) -> None:
    del peers.answers["http://intake.test/ages"]
    del peers.answers["http://consular.test/livez"]
    peers.answers["http://referral.test/status"] = {"status": "degraded", "missing": ["consular"]}
    answer = await ask(stored, keys, peers)
    assert answer.status_code == 200, answer.text
    own, intake, referral, consular = answer.json()["services"]
    assert own == {
        "name": "gateway", "reachable": True, "database": True, "forwarding": True, "oldest_due_seconds": None,
        "unsealed_seconds": None, "behind": [],
    }  # fmt: skip
    assert (intake["reachable"], intake["database"], intake["oldest_due_seconds"]) == (True, False, None)
    assert (referral["database"], referral["oldest_due_seconds"], referral["behind"]) == (True, 7.5, ["consular"])
    assert (consular["reachable"], consular["database"]) == (False, False)


async def test_an_audit_row_that_nobody_seals_grows_old(stored: Settings, keys: Keys, peers: Peers) -> None:
    runtime = testing.runtime(stored)
    who = Caller("ops-1", "ruta-operations", "OPERATOR", "operator", frozenset())
    async with runtime.database.work() as session:
        wrote(session, who, "register", "client", "x")
    await runtime.close()
    own = (await ask(stored, keys, peers)).json()["services"][0]
    assert 0 <= own["unsealed_seconds"] < 30


async def test_a_gateway_without_its_database_says_so(settings: Settings, keys: Keys, peers: Peers) -> None:
    own = (await ask(settings, keys, peers)).json()["services"][0]
    assert (own["reachable"], own["database"]) == (True, False)


@pytest.mark.parametrize("claims", [{"scope": "referral:read"}, {"agency_kind": "INM"}])
async def test_nobody_else_sees_it(settings: Settings, keys: Keys, peers: Peers, claims: dict[str, str]) -> None:
    assert (await ask(settings, keys, peers, **claims)).status_code == 403
