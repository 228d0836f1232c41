"""What a body of the route is, which one is competent, and who may register one. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from shared.catalogue import Text
from shared.law import Rule
from shared.shapes import State

COUNTRY = "MX"
"""The territory of bodies that act in the whole country."""
OPERATOR = "OPERATOR"
"""The kind, in tokens, of who runs the installation."""


class Kind(StrEnum):
    """The kinds of body, as tokens name them too."""

    INM = "INM"
    PP = "PP"
    DIF = "DIF"
    COMAR = "COMAR"
    UNICEF = "UNICEF"
    UNHCR = "UNHCR"
    IOM = "IOM"
    ICRC = "ICRC"
    SRE = "SRE"
    MP = "MP"
    CNDH = "CNDH"
    UPM = "UPM"
    MUNICIPAL_DIF = "MUNICIPAL_DIF"
    CAS = "CAS"
    CSO = "CSO"
    CHILD_PROTECTION_ABROAD = "CHILD_PROTECTION_ABROAD"  # bound to a foreign state: the guard stands before it


class Service(StrEnum):
    """What a body can be asked for."""

    REPRESENTATION = "REPRESENTATION"
    BEST_INTERESTS = "BEST_INTERESTS"
    URGENT_MEASURES = "URGENT_MEASURES"
    SHELTER = "SHELTER"
    INITIAL_ASSESSMENT = "INITIAL_ASSESSMENT"
    REFUGE = "REFUGE"
    MIGRATION_PROCEDURE = "MIGRATION_PROCEDURE"
    FAMILY_TRACING = "FAMILY_TRACING"
    LEGAL_AID = "LEGAL_AID"
    PSYCHOSOCIAL = "PSYCHOSOCIAL"
    HEALTH = "HEALTH"
    EDUCATION = "EDUCATION"
    CONSULAR = "CONSULAR"
    PROSECUTION = "PROSECUTION"
    RETURN = "RETURN"
    MONITORING = "MONITORING"
    STATISTICS = "STATISTICS"
    CHILD_PROTECTION = "CHILD_PROTECTION"


SHELTERS = frozenset({Kind.CAS, Kind.CSO})
"""Where children sleep: certified (R11), and never shown to everybody (R31)."""
LOCAL = frozenset({Kind.CAS, Kind.MUNICIPAL_DIF})
"""Kinds that stand in one state."""
REGISTERED_BY_DIF = frozenset({Kind.CAS, Kind.MUNICIPAL_DIF})
REGISTERED_BY_SNDIF = frozenset({*REGISTERED_BY_DIF, Kind.CSO})

KINDS: dict[Kind, Text] = {
    Kind.INM: Text("Migration institute", "Instituto Nacional de Migración"),
    Kind.PP: Text("Office for the protection of children", "Procuraduría de Protección"),
    Kind.DIF: Text("System for family development, national or of a state", "Sistema DIF nacional o estatal"),
    Kind.COMAR: Text("Commission for refugee assistance", "Comisión Mexicana de Ayuda a Refugiados"),
    Kind.UNICEF: Text("UNICEF", "UNICEF"),
    Kind.UNHCR: Text("UNHCR", "ACNUR"),
    Kind.IOM: Text("IOM", "OIM"),
    Kind.ICRC: Text("ICRC", "CICR"),
    Kind.SRE: Text("Ministry of foreign affairs", "Secretaría de Relaciones Exteriores"),
    Kind.MP: Text("Public prosecution", "Ministerio Público"),
    Kind.CNDH: Text("Human rights commission", "Comisión Nacional de los Derechos Humanos"),
    Kind.UPM: Text("Migration policy unit", "Unidad de Política Migratoria"),
    Kind.MUNICIPAL_DIF: Text("Municipal system for family development", "Sistema DIF municipal"),
    Kind.CAS: Text("Social-assistance centre, where children sleep", "Centro de asistencia social"),
    Kind.CSO: Text("Civil-society organisation", "Organización de la sociedad civil"),
    Kind.CHILD_PROTECTION_ABROAD: Text(
        "Child-protection body of another state", "Autoridad de protección de la niñez de otro Estado"
    ),
}


@dataclass(frozen=True, slots=True)
class Coded:
    """A service in two languages. `open_eligibility` is the nearest term of that taxonomy, null where it has none."""

    text: Text
    open_eligibility: str | None


SERVICES: dict[Service, Coded] = {
    Service.REPRESENTATION: Coded(Text("Legal representation", "Representación jurídica"), "Representation"),
    Service.BEST_INTERESTS: Coded(
        Text("Determination of best interests", "Determinación del interés superior"), "Case Management"
    ),
    Service.URGENT_MEASURES: Coded(
        Text("Urgent measures of protection", "Medidas urgentes de protección"), "Immediate Safety"
    ),
    Service.SHELTER: Coded(Text("Shelter and care", "Alojamiento y cuidado"), "Temporary Shelter"),
    Service.INITIAL_ASSESSMENT: Coded(Text("Initial assessment", "Evaluación inicial"), "Case Management"),
    Service.REFUGE: Coded(Text("Refugee procedure", "Procedimiento de refugio"), "Citizenship & Immigration"),
    Service.MIGRATION_PROCEDURE: Coded(
        Text("Migration procedure", "Procedimiento migratorio"), "Citizenship & Immigration"
    ),
    Service.FAMILY_TRACING: Coded(Text("Family tracing", "Búsqueda de familiares"), "Help Find Missing Persons"),
    Service.LEGAL_AID: Coded(Text("Legal aid", "Asesoría jurídica"), "Advocacy & Legal Aid"),
    Service.PSYCHOSOCIAL: Coded(Text("Psychosocial support", "Apoyo psicosocial"), "Mental Health Care"),
    Service.HEALTH: Coded(Text("Health care", "Atención de la salud"), "Medical Care"),
    Service.EDUCATION: Coded(Text("Education", "Educación"), "Education"),
    Service.CONSULAR: Coded(Text("Consular protection", "Protección consular"), None),
    Service.PROSECUTION: Coded(Text("Prosecution of offences", "Persecución de delitos"), None),
    Service.RETURN: Coded(Text("Assisted return", "Retorno asistido"), None),
    Service.MONITORING: Coded(Text("Monitoring", "Supervisión"), None),
    Service.STATISTICS: Coded(Text("Statistics", "Estadística"), None),
    Service.CHILD_PROTECTION: Coded(Text("Child protection", "Protección de la niñez"), "Support Network"),
}


@dataclass(frozen=True, slots=True)
class Agency:
    """One body. `verified` tells how sure the row is; it never stops a referral.

    `bound_to` is the foreign state that it serves. It is in force from `valid_from` on and before `valid_to`.
    """

    id: str
    kind: Kind
    name_es: str
    name_en: str
    state: str | None
    territory: frozenset[str]
    services: tuple[Service, ...]
    parent: str | None
    source: str
    verified: bool
    bound_to: str | None = None
    valid_from: date | None = None
    valid_to: date | None = None
    version: int = 1

    def covers(self, state: str) -> bool:
        """Whether it acts in `state`, alone or in the whole country."""
        return state in self.territory or COUNTRY in self.territory

    def in_force(self, day: date) -> bool:
        """Whether it takes part in the route on a day."""
        return (self.valid_from is None or self.valid_from <= day) and (self.valid_to is None or day < self.valid_to)


REGISTERS = Rule(
    "DIRECTORY",
    Text(
        "A state's DIF registers and changes the CAS and municipal DIF of its state, the national system those of "
        "every state and civil society, and who runs the installation any body; what a body is, where it stands and "
        "which state it serves never change.",
        "El DIF estatal registra y modifica los CAS y los DIF municipales de su entidad; el Sistema Nacional, los de "
        "todas y la sociedad civil; quien opera la instalación, cualquiera. La naturaleza, la sede y el Estado al que "
        "sirve una institución no cambian.",
    ),
    "Design decision, after LGDNNA, art. 112 and 120",
    verified=False,
)
RULES = (REGISTERS,)

RESERVED = frozenset({
    "codes", "export", "hsds", "import", "system", "ruta", "gateway", "intake", "referral", "consular",
})  # fmt: skip
"""Ids that mean something else: parts of addresses, and Ruta itself."""
_CONSULATE = "con-"
_STATES = frozenset(state.value for state in State)
_FORMULA = ("=", "+", "-", "@")
"""How a text begins that a spreadsheet would run."""


def competent(kind: Kind, state: str, agencies: Iterable[Agency]) -> Agency | None:
    """Return the body of this kind for a state: the state's own first, else the federal one."""
    able = [agency for agency in agencies if agency.kind is kind and agency.covers(state)]
    return min(able, key=lambda agency: (state not in agency.territory, agency.id), default=None)


def federal(kind: Kind, agencies: Iterable[Agency]) -> Agency | None:
    """Return the body of this kind that acts in the whole country."""
    able = [agency for agency in agencies if agency.kind is kind and COUNTRY in agency.territory]
    return min(able, key=lambda agency: agency.id, default=None)


def may_manage(caller_kind: str, caller: Agency | None, body: Agency) -> bool:
    """Whether a caller may register a body, or change what the directory says of it."""
    if caller_kind == OPERATOR:
        return True
    if caller is None or caller_kind != Kind.DIF or caller.kind is not Kind.DIF:
        return False
    if COUNTRY in caller.territory:
        return body.kind in REGISTERED_BY_SNDIF
    return body.kind in REGISTERED_BY_DIF and body.territory <= caller.territory and body.parent == caller.id


def faults(body: Agency) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with a body by itself: the field, and the kind of fault."""
    if body.id in RESERVED or body.id.startswith(_CONSULATE):
        yield "id", "reserved"
    for name in ("name_es", "name_en", "source"):
        if getattr(body, name).startswith(_FORMULA):
            yield name, "like_a_formula"
    if not body.services:
        yield "services", "missing"
    elif len(set(body.services)) != len(body.services):
        yield "services", "repeated"
    if body.parent == body.id:
        yield "parent", "itself"
    if body.valid_from and body.valid_to and body.valid_to <= body.valid_from:
        yield "valid_to", "not_after_valid_from"
    yield from _abroad(body) if body.kind is Kind.CHILD_PROTECTION_ABROAD else _at_home(body)


def _abroad(body: Agency) -> Iterator[tuple[str, str]]:
    if body.bound_to in (None, "MEX"):
        yield "bound_to", "missing"
    elif body.territory != {body.bound_to}:
        yield "territory", "not_that_of_bound_to"
    if body.state is not None:
        yield "state", "not_in_mexico"


def _at_home(body: Agency) -> Iterator[tuple[str, str]]:
    if body.bound_to is not None:
        yield "bound_to", "of_no_foreign_state"
    if body.territory != {COUNTRY} and not (body.territory and body.territory <= _STATES):
        yield "territory", "unknown"
    elif body.state is not None and not body.covers(body.state):
        yield "state", "outside_territory"
    if body.kind in LOCAL and (body.state is None or body.territory != {body.state}):
        yield "state", "needs_one_state"


FIXED = ("kind", "state", "bound_to")
"""What a body never changes: it would be another body."""


def moved(before: Agency, after: Agency) -> list[str]:
    """Return which fields differ that never change."""
    return [name for name in FIXED if getattr(before, name) != getattr(after, name)]
