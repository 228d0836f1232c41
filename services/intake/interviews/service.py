"""Use cases: record an interview, which tells the guard what was found; let those read it with whom it is shared."""

from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from services.intake.children import service as children
from services.intake.interviews import rules, store
from services.intake.interviews.models import Interview
from services.intake.interviews.rules import Topic
from services.intake.interviews.schemas import AnswerOut, InterviewIn, InterviewItem, InterviewOut
from services.intake.screenings import service as screenings
from services.intake.screenings.schemas import ScreeningIn
from shared import audit, clock, ids, jsons
from shared.auth import Caller
from shared.errors import NotFound
from shared.runtime import Runtime

_TABLE, _COLUMN = "interview", "answers"


async def record(
    session: AsyncSession, runtime: Runtime, caller: Caller, child_id: str, body: InterviewIn
) -> InterviewItem:
    """Record an interview. Raises Invalid (R14), RefusedByLaw, and Unavailable where the guard cannot be told."""
    child = await children.get(session, caller, child_id, lock=True)
    topics = _check(body, child.languages)
    known = await children.opened(children.keyring_of(runtime), child)
    row_id = ids.new("itv")
    answers = jsons.canonical({each.topic: each.said for each in body.answers})
    row = Interview(
        id=row_id, child_id=child_id, topics=[topic.value for topic in topics], agency=caller.agency,
        office=caller.office, answers=known.seal(answers, table=_TABLE, column=_COLUMN, row=row_id),
        recorded_at=clock.now(), **body.model_dump(include=_AS_SENT),
    )  # fmt: skip
    session.add(row)
    audit.wrote(session, caller, "record", "interview", row.id, child=child_id, officer=body.officer)
    if body.indicators is not None:
        row.screening_id = await _screened(session, runtime, caller, body, child_id)
    return item(row)


_AS_SENT = {"held_at", "officer", "explained_at", "explained_in", "language", "interpreter", "cndh_present"}


def _check(body: InterviewIn, spoken: list[str]) -> list[Topic]:
    """Return the topics of a lawful interview."""
    topics = rules.check_topics([each.topic for each in body.answers])
    rules.check_officer(specialised=body.opi)
    rules.check_explained(body.explained_at, body.held_at)
    rules.check_language((body.explained_in, body.language), spoken, interpreter=body.interpreter)
    rules.check_signs(topics, said=body.indicators is not None)
    return topics


async def _screened(session: AsyncSession, runtime: Runtime, caller: Caller, body: InterviewIn, child_id: str) -> str:
    """Take what was found for a screening, so that the guard goes by it (R15). Returns its id."""
    found = ScreeningIn(
        screened_at=body.held_at, screened_in=body.language, interpreter=body.interpreter, officer=body.officer,
        indicators=body.indicators or [],
    )  # fmt: skip
    return (await screenings.record(session, runtime, caller, child_id, found)).id


async def show(session: AsyncSession, runtime: Runtime, caller: Caller, interview_id: str) -> InterviewOut:
    """Return an interview with what the caller may read of it. The reading is recorded. Raises NotFound."""
    row = await store.get(session, caller, interview_id)
    child = await store.child(session, caller, row.child_id) if row is not None else None
    if row is None or child is None:
        raise NotFound
    known = await children.opened(children.keyring_of(runtime), child)
    said: dict[str, str] = jsons.loads(known.unseal(row.answers, table=_TABLE, column=_COLUMN, row=row.id))
    topics = [Topic(topic) for topic in row.topics]
    read = [topic for topic in topics if rules.reads(caller.agency_kind, topic)]
    audit.read(session, caller, "interview", row.id, child=row.child_id, topics=[topic.value for topic in read])
    answers = [AnswerOut(topic=topic, said=said[topic] if topic in read else None) for topic in topics]
    return InterviewOut(answers=answers, **item(row).model_dump())


async def of_child(session: AsyncSession, caller: Caller, child_id: str) -> Any:
    """Select a child's interviews. Raises NotFound where the caller may not know of the child."""
    if await store.child(session, caller, child_id) is None:
        raise NotFound
    return store.readable(caller).where(Interview.child_id == child_id)


def item(row: Interview) -> InterviewItem:
    """Return an interview as it stands in a list."""
    return InterviewItem(**row.model_dump(include=set(InterviewItem.model_fields)))
