"""Use cases: take down an assessment of the child, and that the child was heard."""

from collections.abc import Awaitable, Callable

from sqlmodel.ext.asyncio.session import AsyncSession

from services.referral.cases import service as cases
from services.referral.cases.models import Case
from services.referral.cases.rules import Gate, Part, Seen
from services.referral.cases.schemas import allowed
from services.referral.determinations import rules, store
from services.referral.determinations.models import Assessment, Hearing
from services.referral.determinations.rules import AssessmentKind, Finding
from services.referral.determinations.schemas import AssessmentIn, AssessmentOut, HearingIn, HearingOut
from shared import audit, clock, ids
from shared.auth import Caller
from shared.crypto import Vault
from shared.errors import NotFound

Indicate = Callable[[AsyncSession, Vault, Caller, str, str], Awaitable[None]]
"""Tells the guard, which is above this slice, what points to a need of protection: the case's id and the code."""


async def assess(
    session: AsyncSession, vault: Vault, caller: Caller, body: AssessmentIn, indicate: Indicate
) -> AssessmentOut:
    """Take down an assessment. What tells of a need of protection closes the guard in the same transaction (R15).

    Raises NotFound, IllegalMove, RefusedByLaw where the place was not safe or not private (LGDNNA 98).
    """
    parts = (Part.DIF_IN_CHARGE,) if body.kind is AssessmentKind.INITIAL else (Part.DIF_IN_CHARGE, Part.PP_HERE)
    await cases.find_with_clocks(session, caller, body.case_id)  # what it finds may close the guard
    case = await cases.taken(session, caller, body.case_id, None, *parts)
    rules.check_private(body.kind, safe=body.safe, private=body.private)
    row_id = ids.new("asm")
    row = Assessment(
        id=row_id, words=vault.seal(body.words.encode(), "assessment", row_id) if body.words else None,
        agency=caller.agency, recorded_at=clock.now(), **body.model_dump(mode="python", exclude={"words"}),
    )  # fmt: skip
    session.add(row)
    audit.wrote(session, caller, "assess", "assessment", row.id, case=case.id, kind=row.kind.value)
    enter(session, case, "assessment.recorded", row.id, caller)
    for finding in rules.PROTECTION:
        if finding in body.findings:
            await indicate(session, vault, caller, case.id, finding.value)
    return show_assessment(vault, row)


def enter(session: AsyncSession, case: Case, code: str, subject: str, caller: Caller) -> None:
    """Put it on the timeline, for the Procuraduría and the DIF in charge."""
    parties = [case.dif] if case.dif else []
    cases.enter(session, case, code=code, subject=subject, agency=caller.agency, seen=Seen.PARTIES, parties=parties)


def show_assessment(vault: Vault | None, row: Assessment) -> AssessmentOut:
    """Return an assessment; without a vault, without words."""
    words = vault.open(row.words, "assessment", row.id).decode() if vault and row.words is not None else None
    shown = row.model_dump(include=set(AssessmentOut.model_fields) - {"words", "findings"})
    return AssessmentOut(words=words, findings=[Finding(code) for code in row.findings], **shown)


async def read_assessment(session: AsyncSession, vault: Vault, caller: Caller, row_id: str) -> AssessmentOut:
    """Return one assessment with its words. The reading is recorded. Raises NotFound."""
    row = await store.one(session, store.readable_assessments(caller), Assessment, row_id)
    if row is None:
        raise NotFound
    audit.read(session, caller, "assessment", row.id)
    return show_assessment(vault, row)


async def hear(session: AsyncSession, vault: Vault, caller: Caller, body: HearingIn) -> HearingOut:
    """Take down that the child was heard, what was explained and in which language (R27).

    Raises NotFound, IllegalMove, RefusedByLaw where a review began after this hearing: the child is heard anew.
    """
    case = await cases.taken(session, caller, body.case_id, None, Part.PP_HERE)
    reviews = [row.opened_at for row in await store.all_of(session, case.id) if row.follows is not None]
    if reviews and body.heard_at < reviews[-1]:
        raise rules.HEARD.refuse(
            "The child was heard before this review began: hear it anew.", allowed_actions=allowed(caller, case)
        )
    row_id = ids.new("hea")
    given = body.model_dump(exclude={"view", "explanation", "officer"})
    row = Hearing(
        id=row_id, view=vault.seal(body.view.encode(), "hearing", f"{row_id}.view"), recorded_at=clock.now(),
        explanation=vault.seal(body.explanation.encode(), "hearing", f"{row_id}.explanation"),
        heard_by=f"{caller.agency}/{body.officer}", **given,
    )  # fmt: skip
    session.add(row)
    cases.open_gate(session, caller, case, Gate.CHILD_HEARD, evidence=row.id)
    audit.wrote(session, caller, "hear", "hearing", row.id, case=case.id, language=row.language)
    enter(session, case, "hearing.recorded", row.id, caller)
    return show_hearing(vault, row)


def show_hearing(vault: Vault | None, row: Hearing) -> HearingOut:
    """Return a hearing; without a vault, without words."""

    def words(sealed: bytes, column: str) -> str | None:
        return vault.open(sealed, "hearing", f"{row.id}.{column}").decode() if vault else None

    shown = row.model_dump(include=set(HearingOut.model_fields) - {"view", "explanation"})
    return HearingOut(view=words(row.view, "view"), explanation=words(row.explanation, "explanation"), **shown)


async def read_hearing(session: AsyncSession, vault: Vault, caller: Caller, row_id: str) -> HearingOut:
    """Return one hearing with its words. The reading is recorded. Raises NotFound."""
    row = await store.one(session, store.readable_hearings(caller), Hearing, row_id)
    if row is None:
        raise NotFound
    audit.read(session, caller, "hearing", row.id)
    return show_hearing(vault, row)
