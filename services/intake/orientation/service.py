"""Use cases: record what Grupos Beta do; orient, settle on the spot, or take a formal complaint to its end."""

from datetime import datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from services.intake.children import service as children
from services.intake.encounters import store as encounters
from services.intake.encounters.rules import EncounterKind
from services.intake.encounters.schemas import Place
from services.intake.orientation import rules, store
from services.intake.orientation.models import FieldAction, PaisanoInquiry
from services.intake.orientation.rules import FIRST, InquiryAction
from services.intake.orientation.schemas import (
    Complainant,
    FieldActionIn,
    FieldActionOut,
    ForwardIn,
    InquiryIn,
    InquiryItem,
    InquiryOut,
    InquiryStep,
)
from services.intake.retention.rules import INQUIRY, schedules
from shared import audit, clock, etags, ids
from shared.auth import Caller
from shared.errors import Fault, Forbidden, Invalid, NotFound
from shared.keyring import open_field, seal_field
from shared.runtime import Runtime

_TABLE = "paisano_inquiry"


def _check_state(caller: Caller, place: Place) -> None:
    if caller.state is not None and place.state != caller.state:
        raise Forbidden("Your office records what happens in its own state.")


async def act(session: AsyncSession, caller: Caller, body: FieldActionIn) -> FieldActionOut:
    """Record what a Grupo Beta did. Raises NotFound for an encounter that the caller may not read."""
    _check_state(caller, body.place)
    if body.encounter_id is not None:
        met = await encounters.get(session, caller, body.encounter_id)
        if met is None:
            raise NotFound
        if met.kind is not EncounterKind.BETA_MET:
            raise Invalid("A Grupo Beta's action leads to its own encounter.",
                          faults=[Fault("/encounter_id", "not_met_by_grupo_beta")])  # fmt: skip
    row = FieldAction(
        id=ids.new("fac"), recorded_at=clock.now(), agency=caller.agency, office=caller.office,
        **body.place.model_dump(), **body.model_dump(exclude={"place"}),
    )  # fmt: skip
    session.add(row)
    audit.wrote(session, caller, "act", "field_action", row.id, code=row.action.value, officer=row.officer)
    return FieldActionOut.model_validate(row)


async def take(session: AsyncSession, runtime: Runtime, caller: Caller, body: InquiryIn) -> InquiryOut:
    """Record an orientation or a complaint. Raises RefusedByLaw for a name where none belongs."""
    _check_state(caller, body.place)
    rules.check_names(body.kind, named=body.complainant is not None)
    row = PaisanoInquiry(
        id=ids.new("inq"), status=FIRST[body.kind], recorded_at=clock.now(), agency=caller.agency,
        office=caller.office, **body.place.model_dump(), **body.model_dump(exclude={"place", "complainant"}),
    )  # fmt: skip
    if body.complainant is not None:
        row.key_id, key = await children.keyring_of(runtime).fresh()
        plain = body.complainant.model_dump_json().encode()
        row.erase_after = _erase_after(runtime, row)
        row.complainant = seal_field(row.key_id, key, plain, table=_TABLE, column="complainant", row=row.id)
    session.add(row)
    audit.wrote(session, caller, "take", "inquiry", row.id, kind=row.kind.value, officer=row.officer)
    return await _show(runtime, row)


async def get(session: AsyncSession, runtime: Runtime, caller: Caller, inquiry_id: str) -> InquiryOut:
    """Return an inquiry with who complains. The reading is recorded. Raises NotFound."""
    row = await _find(session, caller, inquiry_id)
    audit.read(session, caller, "inquiry", row.id)
    return await _show(runtime, row)


async def step(
    session: AsyncSession, runtime: Runtime, caller: Caller, inquiry_id: str, if_match: str, action: InquiryAction,
    body: InquiryStep,
) -> InquiryOut:  # fmt: skip
    """Forward, resolve or withdraw a formal complaint. Raises IllegalMove."""
    row = await _find(session, caller, inquiry_id, lock=True)
    etags.must_match(if_match, row.version)
    row.status = rules.advance(row.status, action)
    row.version += 1
    if isinstance(body, ForwardIn):
        row.forwarded_to = body.to
    row.erase_after = _erase_after(runtime, row)
    audit.wrote(session, caller, action.value, "inquiry", row.id, officer=body.officer)
    return await _show(runtime, row)


def _erase_after(runtime: Runtime, row: PaisanoInquiry) -> datetime | None:
    """Return when who complains is erased: counted from the end of the complaint, which holds it until then (R35)."""
    if row.key_id is None or rules.allowed(row.status):
        return None
    return schedules(runtime.settings.retention)[INQUIRY].erase_after(clock.now())


async def _find(session: AsyncSession, caller: Caller, inquiry_id: str, *, lock: bool = False) -> PaisanoInquiry:
    row = await store.get(session, caller, inquiry_id, lock=lock)
    if row is None:
        raise NotFound
    return row


def item(row: PaisanoInquiry) -> InquiryItem:
    """Return an inquiry as lists show it: without who complains."""
    return InquiryItem(allowed_actions=rules.allowed(row.status), **row.model_dump(include=_SHOWN))


_SHOWN = set(InquiryItem.model_fields) - {"allowed_actions"}


async def _show(runtime: Runtime, row: PaisanoInquiry) -> InquiryOut:
    complainant = None
    if row.complainant is not None and row.key_id is not None:
        keys = await children.keyring_of(runtime).find(row.key_id)
        if (key := keys.get(row.key_id)) is not None:  # else erased: what remains names nobody
            plain = open_field(row.key_id, key, row.complainant, table=_TABLE, column="complainant", row=row.id)
            complainant = Complainant.model_validate_json(plain)
    return InquiryOut(complainant=complainant, **item(row).model_dump())
