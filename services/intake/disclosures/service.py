"""Use case: read listed fields of one child for one reader. Whether it may is referral's to decide, and was decided."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from sqlmodel.ext.asyncio.session import AsyncSession

from services.intake.children import service as children
from services.intake.children.service import Opened
from services.intake.disclosures import store
from services.intake.disclosures.schemas import DisclosedOut, DisclosureIn
from services.intake.families import store as families
from services.intake.interviews import rules as interview_rules
from services.intake.interviews.rules import Topic
from services.intake.lodging import rules as lodging_rules
from services.intake.lodging.schemas import StayPlace
from shared import audit, jsons
from shared.auth import Caller
from shared.errors import NotFound
from shared.runtime import Runtime

Values = dict[str, list[str]]


@dataclass(frozen=True, slots=True)
class Question:
    """A child whose identity is open, and who asks."""

    session: AsyncSession
    known: Opened
    reader_kind: str
    reader_role: str


async def disclose(
    session: AsyncSession, runtime: Runtime, caller: Caller, child_id: str, body: DisclosureIn
) -> DisclosedOut:
    """Return these fields and no other. The reading is recorded, with its reader (R34). Raises NotFound."""
    child = await store.get(session, caller, child_id)
    if child is None:
        raise NotFound
    known = await children.opened(children.keyring_of(runtime), child)
    fields = sorted(set(body.fields))
    audit.read(session, caller, "child", child.id, fields=fields, reader=body.reader, referral=body.referral_id)
    question = Question(session, known, body.reader_kind, body.reader_role)
    found: Values = {}
    for group in sorted({name.partition(".")[0] for name in fields} & GROUPS.keys()):
        found |= await GROUPS[group](question)
    return DisclosedOut(
        child_id=child.id, version=child.version, values={name: found.get(name) or None for name in fields}
    )


async def _identity(question: Question) -> Values:
    who = question.known.identity
    estimate = who.estimated_age
    return {
        "identity.given_names": _text(who.given_names),
        "identity.first_surname": _text(who.first_surname),
        "identity.second_surname": _text(who.second_surname),
        "identity.birth_date": _text(who.birth_date),
        "identity.estimated_age": [str(estimate.low), str(estimate.high)] if estimate else [],
        "identity.curp": _text(who.curp),
    }


async def _child(question: Question) -> Values:
    child = question.known.child
    return {
        "child.sex": [child.sex.value],
        "child.nationalities": child.nationalities,
        "child.residence": _text(child.residence),
        "child.languages": child.languages,
    }


async def _alerts(question: Question) -> Values:
    held = question.known.alerts()
    if held is None:
        return {}
    return {
        "alerts.disabilities": [each.value for each in held.disabilities],
        "alerts.health": [each.value for each in held.health],
    }


async def _encounter(question: Question) -> Values:
    met = await store.last_met(question.session, question.known.child)
    if met is None:
        return {}
    return {
        "encounter.travel_condition": [met.travel_condition.value],
        "encounter.occurred_at": [met.occurred_at.isoformat()],
        "encounter.place": _text(met.state, met.municipality, met.point),
    }


async def _family(question: Question) -> Values:
    """Who belongs to the child, by relation: who they are stays with the authorities that may read the family."""
    child = question.known.child
    members = await families.with_member(question.session, child.id)
    others = [each for each in members if each.child_id != child.id]
    return {"family.members": sorted((each.relation or each.role).value for each in others)}


async def _lodging(question: Question) -> Values:
    """Where the child sleeps. INM's enforcement learns of no civil-society shelter which one it is (R31)."""
    stay = await store.sleeps(question.session, question.known.child)
    if stay is None:
        return {}
    told = [stay.kind.value, stay.state]
    if lodging_rules.knows_location(stay.kind, question.reader_kind, question.reader_role):
        plain = question.known.unseal(stay.place, table="stay", column="place", row=stay.id)
        place = StayPlace.model_validate_json(plain)
        told += _text(place.name, place.municipality)
    return {"lodging.facility": told}


async def _assistance(question: Question) -> Values:
    return {"assistance.given": list(await store.helped(question.session, question.known.child))}


async def _needs(question: Question) -> Values:
    """What the child said of its needs. What it fears goes to no INM reader."""
    told = []
    for row in await store.interviews(question.session, question.known.child):
        plain = question.known.unseal(row.answers, table="interview", column="answers", row=row.id)
        said: dict[str, str] = jsons.loads(plain)
        told += [said[topic] for topic in row.topics if topic in said and _reads(question.reader_kind, Topic(topic))]
    return {"interviews.needs": told}


_NEEDS = frozenset({Topic.PROTECTION_NEEDS, Topic.MEDICAL_NEEDS, Topic.PSYCHOLOGICAL_NEEDS})


def _reads(kind: str, topic: Topic) -> bool:
    return topic in _NEEDS and (kind not in interview_rules.AUTHORITIES or interview_rules.reads(kind, topic))


def _text(*values: object) -> list[str]:
    return [str(value) for value in values if value is not None]


GROUPS: dict[str, Callable[[Question], Awaitable[Values]]] = {
    "identity": _identity,
    "child": _child,
    "alerts": _alerts,
    "encounter": _encounter,
    "family": _family,
    "lodging": _lodging,
    "assistance": _assistance,
    "interviews": _needs,
}
"""The first part of a field's name → who reads it. A group that nobody asks for is not read."""
