"""What follows where nobody acknowledges: a reminder, the embassy, a person. Each send behind the same gate.

Of messages the engine counts the steps (`rules.CHAIN`), of letters the clock C4 does (`letters.rules.CHAIN`).
"""

from collections.abc import Sequence

from sqlmodel.ext.asyncio.session import AsyncSession

from services.consular.consulates import service as directory
from services.consular.letters import rules as letter_rules
from services.consular.letters import service as letters
from services.consular.letters.rules import C3, C4, LetterKind, LetterStatus
from services.consular.notices import service, store
from services.consular.notices.models import Notice
from services.consular.notices.rules import C1, C5, NoticeDecision
from services.consular.notices.service import SYSTEM
from shared import audit, telemetry
from shared.clocks import store as clock_store
from shared.clocks.firing import Said, Voice
from shared.clocks.models import Clock
from shared.clocks.rules import BREACHED
from shared.delivery.models import Endpoint, Event
from shared.delivery.rules import StepKind


async def escalate(session: AsyncSession, fact: Event, _: Endpoint) -> None:
    """Tell the embassy too of a notice that its consulate does not acknowledge."""
    await _to_embassy(session, await store.locked(session, fact.subject))


async def _to_embassy(session: AsyncSession, notice: Notice) -> None:
    """Owe a notice to the country's embassy too, as a message or as a letter: both leave by permit alone."""
    embassy = await directory.embassy(session, notice.told, notice.state)
    if embassy is None or embassy.id in (notice.consulate_id, notice.escalated_to) or _is_over(notice):
        return
    notice.escalated_to = embassy.id
    audit.wrote(session, SYSTEM, "escalate", "notice", notice.id, consulate_id=embassy.id)
    await service.tell(session, notice, embassy.id)


def _is_over(notice: Notice) -> bool:
    return notice.acknowledged_at is not None or notice.decision is NoticeDecision.NO_FURTHER_STEP


async def clock_spoke(session: AsyncSession, speaking: Clock, kind: str) -> None:
    """Record that a clock has spoken, and do what follows.

    Nothing is published to a consulate: a reminder of a notice that was not sent would be news to it.
    """
    about = "letter" if speaking.rule == C3.id else "notice"
    audit.wrote(session, SYSTEM, kind, about, speaking.resource_id, rule=speaking.rule)
    telemetry.say("warning", kind, rule=speaking.rule, clock=speaking.id, **{about: speaking.resource_id})
    if speaking.rule == C1.id and kind == BREACHED:
        await _to_person(session, await store.locked(session, speaking.resource_id))
    elif speaking.rule == C4.id:
        await _step(session, await store.locked(session, speaking.resource_id), letter_rules.CHAIN[kind])


async def _step(session: AsyncSession, notice: Notice, step: StepKind) -> None:
    """Take a step of the chain of letters."""
    if _is_over(notice):
        return
    if step is StepKind.REMIND:
        written = await letters.of_notices(session, [notice.id])
        for post in dict.fromkeys(each.consulate_id for each in written if each.status is LetterStatus.SENT):
            await letters.owe(
                session, service.content(notice), release_id=notice.release_id, consulate_id=post,
                kind=LetterKind.REMINDER,
            )  # fmt: skip
    elif step is StepKind.ESCALATE:
        await _to_embassy(session, notice)
    else:
        await _to_person(session, notice)


async def _to_person(session: AsyncSession, notice: Notice) -> None:
    """Make a notice that nobody acknowledges a person's task, once: also one whose gate has held it all the time."""
    if _is_over(notice) or await clock_store.find(session, C5.id, notice.id) is not None:
        return
    await service.owe(session, C5, notice)


async def _spoke(session: AsyncSession, said: Sequence[Said]) -> None:
    for each in said:
        await clock_spoke(session, each.clock, each.kind)


VOICE = Voice(_spoke, {C4.id: letter_rules.THEN})
"""What this service does when clocks speak, and that C4 speaks once more after its breach."""
