"""Who plays in the sandbox: the fictitious clients of agencies and consulates."""

from dataclasses import dataclass

from gateway.clients import service
from gateway.clients.schemas import ClientIn
from sandbox.secrets import SECRET
from sandbox.system import System
from shared.db import Database
from shared.settings import Settings
from shared.shapes import State

CASE_WORK = ("referral:read", "referral:write")
NOTICES = ("consular:read", "consular:write")


@dataclass(frozen=True)
class Role:
    """One client: its id is that of its agency, unless the agency has several."""

    agency: str
    kind: str
    scopes: tuple[str, ...]
    state: str | None = None
    country: str | None = None
    role: str = "officer"
    service: str | None = None
    """Which service sends it webhooks."""
    client: str | None = None

    @property
    def id(self) -> str:
        """The client's id."""
        return self.client or self.agency


CARE = ("intake:read", "intake:write", *CASE_WORK)
AUTHORITY = ("intake:read", "intake:write", *CASE_WORK, "consular:read")
CAST = (
    Role("inm-chp", "INM", AUTHORITY, "MX-CHP"),
    Role("inm-tam", "INM", AUTHORITY, "MX-TAM"),
    Role("pp-chp", "PP", AUTHORITY, "MX-CHP", service="referral"),
    Role("pp-chp", "PP", CASE_WORK, "MX-CHP", role="supervisor", client="pp-chp-supervisor"),
    Role("pp-tam", "PP", AUTHORITY, "MX-TAM", service="referral"),
    Role("dif-chp", "DIF", CARE, "MX-CHP", service="referral"),
    Role("dif-tam", "DIF", CARE, "MX-TAM", service="referral"),
    Role("pp-fed", "PP", CASE_WORK),
    Role("cas-chp-ejemplo-01", "CAS", CASE_WORK, "MX-CHP"),
    Role("mp-fed", "MP", CASE_WORK),
    Role("comar", "COMAR", CASE_WORK, service="referral"),
    Role("unicef", "UNICEF", CASE_WORK, service="referral"),
    Role("unhcr", "UNHCR", CASE_WORK, service="referral"),
    Role("child-protection-hnd", "CHILD_PROTECTION_ABROAD", CASE_WORK, service="referral"),
    Role("ruta-operations", "OPERATOR", (*CASE_WORK, *NOTICES), role="operator"),
    Role("upm", "UPM", ("statistics:read", "intake:write")),
    Role("sndif", "DIF", ("intake:read", "statistics:read")),
    Role("observatory", "NGO", ("statistics:read",)),
    Role("con-hnd-tapachula", "CONSULATE", NOTICES, country="HND", service="consular"),
    Role("con-slv-tapachula", "CONSULATE", NOTICES, country="SLV", service="consular"),
    Role("con-gtm-tapachula", "CONSULATE", NOTICES, country="GTM", service="consular"),
)

ADMINISTRATORS = ("ruta-admin-1", "ruta-admin-2")
"""Two people of the operator, by the ids of their clients: what gives rights takes both."""


async def enrol(system: System) -> None:
    """Register every client that is not registered yet."""
    settings = _settings(system)
    database = Database(settings.database_url, pool_size=1)
    try:
        async with database.work() as session:
            known = {client.id for client in await service.everyone(session)}
            for part in CAST:
                if part.id not in known:
                    await service.register(session, settings, _client(part), secret=SECRET)
            for name in ADMINISTRATORS:
                if name not in known:
                    await service.register(session, settings, _administrator(system, name), secret=SECRET)
    finally:
        await database.close()


def _settings(system: System) -> Settings:
    given = system.environment("gateway").items()
    return Settings.model_validate({name[5:].lower(): value for name, value in given if name.startswith("RUTA_")})


def _client(part: Role) -> ClientIn:
    return ClientIn(
        id=part.id,
        agency=part.agency,
        agency_kind=part.kind,
        office=None,
        state=State(part.state) if part.state else None,
        role=part.role,
        country=part.country,
        scopes=list(part.scopes),
        keys=[],
    )


def _administrator(system: System, client_id: str) -> ClientIn:
    """Return a client of one of the operator's people, who proves himself by a key as in production."""
    key = system.keys.public_half(system.keys.administrator(client_id))
    return ClientIn(
        id=client_id, agency="ruta-operations", agency_kind="OPERATOR", role="administrator",
        scopes=["gateway:admin"], keys=[key], person=client_id,
    )  # fmt: skip
