"""Use cases: take down what the Procuraduría found of a carer, with what permits follow from it; read it."""

from sqlmodel.ext.asyncio.session import AsyncSession

from services.intake.children import store as children
from services.intake.families import rules, store
from services.intake.families import service as families
from services.intake.families.models import CarerFinding
from services.intake.families.rules import MemberRole
from services.intake.findings.schemas import FindingIn, FindingOut, Findings
from services.intake.permits import service as permits
from shared import audit, clock, ids
from shared.auth import Caller
from shared.errors import Fault, Invalid


async def find(session: AsyncSession, caller: Caller, family_id: str, if_match: str, body: FindingIn) -> FindingOut:
    """Take down a finding: of each carer the latest one stands, and the children's permits follow it at once (R9)."""
    family = await families.changing(session, caller, family_id, if_match)
    rules.check_finding(caller.agency_kind, body.outcome, body.grounds)
    members = await store.members(session, [family.id])
    member = families.one(members, body.member_id)
    if member.role is not MemberRole.CARER:
        raise Invalid("A finding is about a carer.", faults=[Fault("/member_id", "not_a_carer")])
    row = CarerFinding(
        id=ids.new("fnd"), family_id=family.id, member_id=member.id, outcome=body.outcome,
        grounds=[each.value for each in body.grounds], decided_by=f"{caller.agency}/{body.decision.officer}",
        reference=body.decision.reference, decided_at=body.decision.decided_at, recorded_at=clock.now(),
    )  # fmt: skip
    session.add(row)
    audit.wrote(session, caller, "find", "family", family.id, member=member.id, finding=row.id)
    # Whoever grants a permit holds its child: either it is seen here, or it sees this finding.
    locked = await children.locked(session, [each.child_id for each in members if each.child_id])
    await permits.follow(session, caller, [child.id for child in locked], member.id)
    return FindingOut.model_validate(row)


async def findings(session: AsyncSession, caller: Caller, family_id: str) -> Findings:
    """Return to the Procuraduría what was found of the carers. The reading is recorded. Raises NotFound."""
    family = await families.get(session, caller, family_id)
    audit.read(session, caller, "carer_findings", family.id)
    return Findings(items=[FindingOut.model_validate(row) for row in await store.findings(session, [family.id])])
