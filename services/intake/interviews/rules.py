"""The only topics of an interview by INM, who holds it, and what the child was told before it. Pure."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from shared.catalogue import Text
from shared.errors import Fault, Invalid, Law
from shared.law import Rule


class Topic(StrEnum):
    """What may be asked."""

    IDENTITY = "IDENTITY"
    NATIONALITY_OR_RESIDENCE = "NATIONALITY_OR_RESIDENCE"
    MIGRATION_STATUS = "MIGRATION_STATUS"
    RELATIVES_WHEREABOUTS = "RELATIVES_WHEREABOUTS"
    PROTECTION_NEEDS = "PROTECTION_NEEDS"
    MEDICAL_NEEDS = "MEDICAL_NEEDS"
    PSYCHOLOGICAL_NEEDS = "PSYCHOLOGICAL_NEEDS"


@dataclass(frozen=True, slots=True)
class TopicLaw:
    """One topic: what it is called, and who reads what the child said on it."""

    text: Text
    readers: tuple[str, ...]


AUTHORITIES = ("INM", "PP", "DIF")
"""Whom the law has share the interview."""
PROTECTORS = ("PP", "DIF")
"""Who reads what the child fears [design]: INM must give what it stores to security bodies that ask (LM 20-IX)."""

TOPICS: dict[Topic, TopicLaw] = {
    Topic.IDENTITY: TopicLaw(Text("identity", "identidad"), AUTHORITIES),
    Topic.NATIONALITY_OR_RESIDENCE: TopicLaw(
        Text("nationality or residence", "nacionalidad o residencia"), AUTHORITIES
    ),
    Topic.MIGRATION_STATUS: TopicLaw(Text("migration status", "situación migratoria"), AUTHORITIES),
    Topic.RELATIVES_WHEREABOUTS: TopicLaw(Text("where relatives are", "paradero de familiares"), AUTHORITIES),
    Topic.PROTECTION_NEEDS: TopicLaw(Text("needs of protection", "necesidades de protección"), PROTECTORS),
    Topic.MEDICAL_NEEDS: TopicLaw(Text("medical needs", "necesidades médicas"), AUTHORITIES),
    Topic.PSYCHOLOGICAL_NEEDS: TopicLaw(Text("psychological needs", "necesidades psicológicas"), AUTHORITIES),
}
"""Every topic of LM 112-VI, and no other."""

SOURCE = "Ley de Migración, art. 112, fr. VI"
ONLY_TOPICS = Rule(
    "R14",
    Text(
        "INM interviews a child on identity, nationality or residence, migration status, the whereabouts of relatives, "
        "and needs of protection, medical or psychological care: on nothing else.",
        "El INM entrevista sólo sobre identidad, nacionalidad o residencia, situación migratoria, paradero de "
        "familiares y necesidades de protección, atención médica o psicológica: sobre nada más.",
    ),
    SOURCE,
)
OFFICER = Rule(
    "R14-OFFICER",
    Text(
        "Only a specialised child-protection officer (OPI) interviews a child.",
        "Sólo personal especializado de protección a la infancia (OPI) entrevista a una niña, niño o adolescente.",
    ),
    SOURCE,
)
EXPLAINED = Rule(
    "R27",
    Text(
        "Before an interview the child is told, in a language and manner that it understands, what happens and which "
        "rights it has; that explanation and its language are recorded.",
        "Antes de la entrevista se explica, en un idioma y una forma que comprende, qué ocurre y qué derechos tiene; "
        "la explicación y su idioma quedan registrados.",
    ),
    "Ley de Migración, art. 112, fr. IV; LGDNNA, art. 92",
)
INTERPRETER = Rule(
    "R27-INTERPRETER",
    Text(
        "A child is heard in a language that it speaks, or with an interpreter.",
        "Se escucha a la niña, niño o adolescente en un idioma que habla o con intérprete.",
    ),
    "LGDNNA, art. 92",
)
SIGNS = Rule(
    "R15-INTERVIEW",
    Text(
        "An interview that speaks of needs of protection says which signs it found, so that the guard goes by them at "
        "once; none found is an empty list.",
        "La entrevista que trata necesidades de protección dice qué indicios encontró, para que la salvaguarda los "
        "considere de inmediato; si no hubo, una lista vacía.",
    ),
    "Ley de Migración, art. 112, fr. V and VI; that both are said together is a design decision",
)
RULES = (ONLY_TOPICS, OFFICER, EXPLAINED, INTERPRETER, SIGNS)


def check_topics(topics: Sequence[str]) -> list[Topic]:
    """Return the topics. Raises Invalid under R14, pointing at each that the law does not know, never naming it."""
    faults = [
        Fault(f"/answers/{place}/topic", "not_a_lawful_topic")
        for place, topic in enumerate(topics)
        if topic not in _NAMES
    ]
    if faults:
        raise Invalid(
            "The law lets INM ask about the topics of its list and about nothing else.",
            law=Law(ONLY_TOPICS.id, ONLY_TOPICS.source),
            faults=faults,
            allowed_actions=[topic.value for topic in Topic],
        )
    return [Topic(topic) for topic in topics]


_NAMES = frozenset(topic.value for topic in Topic)


def check_officer(*, specialised: bool) -> None:
    """Raise RefusedByLaw where anybody else than a specialised officer held the interview."""
    if not specialised:
        raise OFFICER.refuse("Let a child-protection officer (OPI) hold the interview.", allowed_actions=["opi"])


def check_explained(explained_at: datetime | None, held_at: datetime) -> None:
    """Raise RefusedByLaw unless the child was told what happens before it was asked (R27)."""
    if explained_at is None or explained_at > held_at:
        raise EXPLAINED.refuse(
            "First the child is told what happens and which rights it has (`explained_at`, `explained_in`).",
            allowed_actions=["explanation"],
        )


def check_language(used: Collection[str], spoken: Collection[str], *, interpreter: bool) -> None:
    """Raise RefusedByLaw where the child was spoken to in a language that it is not known to speak, and alone."""
    if not interpreter and not set(used) <= set(spoken):
        raise INTERPRETER.refuse(
            "The child is not known to speak this language: call an interpreter, or correct the child's languages.",
            allowed_actions=["interpreter"],
        )


def check_signs(topics: Collection[Topic], *, said: bool) -> None:
    """Raise RefusedByLaw where needs of protection were spoken of and the guard is told nothing (R15)."""
    if Topic.PROTECTION_NEEDS in topics and not said:
        raise SIGNS.refuse(
            "Say which signs of a need of protection were found (`indicators`); an empty list says: none.",
            allowed_actions=["indicators"],
        )


def reads(agency_kind: str, topic: Topic) -> bool:
    """Whether an agency of this kind reads what the child said on a topic."""
    return agency_kind in TOPICS[topic].readers
