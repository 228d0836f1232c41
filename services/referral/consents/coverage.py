"""What the consents and overrides of a case let an agency read at this moment."""

from collections.abc import Sequence
from datetime import datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from services.referral.agencies import store as directory
from services.referral.cases.models import Case
from services.referral.consents import rules, store
from services.referral.consents.codes import PURPOSE_OF, Purpose
from services.referral.consents.models import Consent, Override, Withdrawal
from services.referral.consents.rules import Cut, Grant, OverrideState
from services.referral.referrals.asks import Ask
from shared import clock


def cut_of(row: Withdrawal) -> Cut:
    """Return what a withdrawal takes away."""
    return Cut(frozenset(row.fields), frozenset(row.agencies) | frozenset(row.classes))


async def grants(session: AsyncSession, case_id: str) -> list[Grant]:
    """Return what the consents and overrides of a case let through."""
    rows = await store.consents(session, case_id)
    cuts: dict[str, list[Cut]] = {}
    for each in await store.withdrawals(session, [row.id for row in rows]):
        cuts.setdefault(each.consent_id, []).append(cut_of(each))
    given = [_grant(row, cuts.get(row.id, [])) for row in rows]
    return given + [_exception(row) for row in await store.overrides(session, case_id)]


def _grant(row: Consent, cuts: Sequence[Cut]) -> Grant:
    return Grant(
        row.id, frozenset(map(Purpose, row.purposes)), frozenset(row.agencies) | frozenset(row.classes),
        frozenset(row.fields), row.valid_from, row.expires_at, tuple(cuts),
    )  # fmt: skip


def _exception(row: Override) -> Grant:
    return Grant(
        row.id, frozenset({row.purpose}), frozenset({row.recipient}), frozenset(row.fields), row.created_at,
        until_of(row),
    )  # fmt: skip


def until_of(row: Override) -> datetime:
    """Return until when an override lets anything through, as far as is known."""
    if row.state is OverrideState.REVOKED:
        return row.created_at
    return row.review_by if row.state is OverrideState.PENDING else row.expires_at


async def covered(session: AsyncSession, case_id: str, agency: str, purpose: Purpose) -> dict[str, str]:
    """Return the fields that an agency may read for a purpose now, each with the id of what lets it."""
    return rules.covered(await grants(session, case_id), agency, kind_of(agency), purpose, clock.now())


def kind_of(agency: str) -> str:
    """Return the kind of an agency of the directory, or nothing."""
    known = directory.directory().get(agency)
    return known.kind.value if known is not None else ""


async def consented(session: AsyncSession, case: Case, recipient: str, ask: Ask) -> bool:
    """Whether a service may be asked on consent: recipient, purpose and every listed field are covered (R28)."""
    if ask.service is None or not ask.fields:
        return False
    return set(ask.fields) <= (await covered(session, case.id, recipient, PURPOSE_OF[ask.service])).keys()
