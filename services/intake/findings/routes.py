"""HTTP of findings on carers."""

from typing import Annotated

from services.intake.children.store import AUTHORITIES
from services.intake.findings import service
from services.intake.findings.schemas import FindingIn, FindingOut, Findings
from shared import etags
from shared.auth import Allow, Caller
from shared.db import Session
from shared.routing import audited_read, router
from shared.shapes import Id

found = router("/v1/intake/families", "families")

Writer = Annotated[Caller, Allow("intake:write", *AUTHORITIES)]
Representative = Annotated[Caller, Allow("intake:read", "PP")]


@found.post("/{family_id}/findings", summary="Record a finding on a carer")
async def find(session: Session, caller: Writer, family_id: Id, if_match: etags.IfMatch, body: FindingIn) -> FindingOut:
    """Take down what the Procuraduría found of a carer: the children's permits follow in the same transaction (R9)."""
    return await service.find(session, caller, family_id, if_match, body)


@found.get("/{family_id}/findings", summary="Read the findings on the carers of a family")
@audited_read
async def findings(session: Session, caller: Representative, family_id: Id) -> Findings:
    """Return what was found, and on what grounds, to the Procuraduría and to nobody else. The reading is recorded."""
    return await service.findings(session, caller, family_id)
