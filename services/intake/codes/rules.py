"""The registry of code lists: one line for each list of each slice. Pure.

What a code is called stands in `texts.csv` beside this module, or in the slice's own table of texts. A code without a
text, or a text without a code, keeps the service from starting.
"""

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Any

from services.intake.assistance import rules as assistance
from services.intake.bulk import rules as bulk
from services.intake.children import rules as children
from services.intake.contacts import rules as contacts
from services.intake.corrections import rules as corrections
from services.intake.counts import rules as counts
from services.intake.encounters import rules as encounters
from services.intake.families import rules as families
from services.intake.identifiers import rules as identifiers
from services.intake.interviews import rules as interviews
from services.intake.lodging import rules as lodging
from services.intake.matches import rules as matches
from services.intake.orientation import rules as orientation
from services.intake.permits import rules as permits
from services.intake.screenings import rules as screenings
from services.intake.tracing import rules as tracing
from shared.catalogue import Text

DESIGN = "Design decision"


@dataclass(frozen=True, slots=True)
class Listed:
    """A list as a slice contributes it. `texts` is the slice's own table, where it has one."""

    name: str
    codes: type[StrEnum]
    source: str = DESIGN
    verified: bool = True
    texts: Mapping[Any, Text] | None = None


@dataclass(frozen=True, slots=True)
class Code:
    """One code. `valid_from` and `valid_to` are null where nothing bounds it."""

    code: str
    text: Text
    source: str
    verified: bool
    valid_from: date | None = None
    valid_to: date | None = None


@dataclass(frozen=True, slots=True)
class CodeList:
    """A list, whole."""

    name: str
    codes: tuple[Code, ...]


_LM3 = "Ley de Migración, art. 3, fr. XVI to XIX"
_TOPIC_TEXTS = {topic: law.text for topic, law in interviews.TOPICS.items()}
_KIND_TEXTS = {kind: law.text for kind, law in encounters.KINDS.items()}
LISTED = (
    Listed("encounter-kinds", encounters.EncounterKind, "Ley de Migración, art. 20, 71 and 112", texts=_KIND_TEXTS),
    Listed("encounter-outcomes", encounters.Outcome, "Ley de Migración, art. 99 and 112, fr. I"),
    Listed("announced-by", encounters.AnnouncedBy),
    Listed("relations", encounters.Relation),
    Listed("ties", encounters.Tie, _LM3),
    Listed("tie-proofs", encounters.TieProof, "Reglamento de la Ley de Migración, art. 170", verified=False),
    Listed("travel-conditions", encounters.TravelCondition, _LM3),
    Listed("carer-presentations", encounters.CarerPresentation, "Ley de Migración, art. 95 and 98"),
    Listed("sexes", children.Sex, "As documents have it"),
    Listed("age-groups", children.AgeGroup, _LM3),
    Listed("name-forms", children.NameForm),
    Listed("age-evidence", children.AgeEvidence),
    Listed("age-outcomes", children.AgeOutcome, _LM3),
    Listed("disabilities", children.Disability, "Washington Group, short set; the last one is a design decision"),
    Listed("health-alerts", children.HealthAlert),
    Listed("curp-warnings", children.CurpWarning),
    Listed("retention-classes", children.RetentionClass, "LGPDPPSO, art. 17 and 18", verified=False),
    Listed("indicators", screenings.Indicator),
    Listed("correction-askers", corrections.AskedBy, "LGPDPPSO, art. 43"),
    Listed("representation-proofs", corrections.RepresentationProof),
    Listed("correction-refusals", corrections.CorrectionRefusal),
    Listed("correction-states", corrections.CorrectionState),
    Listed("match-decisions", matches.Decision),
    Listed("match-statuses", matches.Status),
    Listed("match-bands", matches.Band),
    Listed("assistance", assistance.AssistanceCode, "INM practice; the codes are a design decision", verified=False),
    Listed("id-systems", identifiers.IdSystem),
    Listed("load-states", bulk.LoadState),
    Listed("statistic-series", counts.Series, "UPM's practice", verified=False),
    Listed("family-roles", families.MemberRole),
    Listed("separation-reasons", families.SeparationReason, texts=families.SEPARATION_REASONS),
    Listed("separation-states", families.SeparationState),
    Listed("removal-reasons", families.RemovalReason, texts=families.REMOVAL_REASONS),
    Listed("finding-outcomes", families.FindingOutcome, "Ley de Migración, art. 52, fr. V, b, and 74"),
    Listed("finding-grounds", families.Ground, texts=families.GROUNDS),
    Listed("tracing-states", tracing.TracingState),
    Listed("searchers", tracing.Searcher, texts=tracing.SEARCHERS),
    Listed("contact-means", contacts.Means, texts=contacts.MEANS),
    Listed("interview-topics", interviews.Topic, "Ley de Migración, art. 112, fr. VI", texts=_TOPIC_TEXTS),
    Listed("facility-kinds", lodging.FacilityKind),
    Listed("stay-purposes", lodging.StayPurpose),
    Listed("quarters", lodging.Quarters, "LGDNNA, art. 94, 95 and 98"),
    Listed("split-reasons", lodging.SplitReason),
    Listed("stay-end-reasons", lodging.EndReason),
    Listed("stay-statuses", lodging.StayStatus),
    Listed("permit-reasons", permits.PermitReason, "Ley de Migración, art. 52, fr. V", verified=False),
    Listed("migration-acts", permits.MigrationAct),
    Listed("permit-statuses", permits.PermitStatus, "Ley de Migración, art. 74"),
    Listed("field-actions", orientation.FieldActionCode, "Ley de Migración, art. 71; INM practice", verified=False),
    Listed("inquiry-topics", orientation.InquiryTopic),
    Listed("inquiry-kinds", orientation.InquiryKind, "INM practice of Programa Paisano", verified=False),
    Listed("inquiry-statuses", orientation.InquiryStatus),
    Listed("carer-statuses", permits.CarerStatus, "Ley de Migración, art. 52, fr. V, b, and 74"),
)
"""Every list of the service."""


class BadTable(Exception):
    """A code has no text, or a text no code."""


@cache
def lists() -> Mapping[str, CodeList]:
    """Return every list by its name. Raises BadTable."""
    rows = _rows()
    made = {each.name: CodeList(each.name, tuple(_codes(each, rows.pop(each.name, {})))) for each in LISTED}
    if rows:
        raise BadTable(f"texts.csv has lists that nobody contributes: {sorted(rows)}")
    return made


def _rows() -> dict[str, dict[str, dict[str, str]]]:
    text = (files(__package__) / "texts.csv").read_text("utf-8")
    found: dict[str, dict[str, dict[str, str]]] = {}
    for row in csv.DictReader(text.splitlines(), strict=True):
        found.setdefault(row["list"], {})[row["code"]] = row
    return found


def _codes(listed: Listed, rows: Mapping[str, Mapping[str, str]]) -> Iterator[Code]:
    if listed.texts is not None:
        _same(listed, listed.texts, rows)
        for code, text in listed.texts.items():
            yield Code(code.value, text, listed.source, listed.verified)
        return
    _same(listed, rows)
    for member in listed.codes:
        row = rows[member.value]
        yield Code(
            member.value,
            Text(row["en"], row["es"]),
            row["source"] or listed.source,
            row["verified"] == "yes" if row["verified"] else listed.verified,
            _day(row["valid_from"]),
            _day(row["valid_to"]),
        )


def _same(listed: Listed, told: Iterable[str], others: Iterable[str] = ()) -> None:
    codes = {member.value for member in listed.codes}
    if codes != set(told) or list(others):
        raise BadTable(f"{listed.name}: the texts are not those of its codes: {sorted(codes ^ set(told))}")


def _day(cell: str) -> date | None:
    return date.fromisoformat(cell) if cell else None
