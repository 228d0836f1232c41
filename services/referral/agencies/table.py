"""The directory as a table (CSV, RFC 4180): the columns of the shipped file and of every export and import."""

import csv
import io
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from pydantic import ValidationError

from services.referral.agencies import rules, service, store
from services.referral.agencies.rules import Agency
from services.referral.agencies.schemas import AgencyIn, ImportFault, ImportOut
from shared import problems
from shared.auth import Caller
from shared.bulk.lines import BadLine, Line, cells, header, lines
from shared.db import Database
from shared.errors import Fault, Invalid

COLUMNS = (
    "id", "kind", "name_es", "name_en", "state", "territory", "services", "parent", "bound_to", "source", "verified",
    "valid_from", "valid_to",
)  # fmt: skip
NEEDED = frozenset(COLUMNS) - {"bound_to", "valid_from", "valid_to"}
MAX_ROWS = 10_000
MAX_FAULTS = 100
_LISTS = ("territory", "services")
_FLAGS = {"true": True, "false": False}


@dataclass
class Plan:
    """What a file would do."""

    changes: list[tuple[str, Agency]] = field(default_factory=list)
    unchanged: int = 0
    faults: list[ImportFault] = field(default_factory=list)

    def told(self) -> ImportOut:
        """Return it as it is answered."""
        added = sum(action == "register" for action, _ in self.changes)
        return ImportOut(
            added=added, changed=len(self.changes) - added, unchanged=self.unchanged, faults=self.faults[:MAX_FAULTS]
        )


def written(agencies: Iterable[Agency]) -> bytes:
    """Return bodies as a table."""
    out = io.StringIO(newline="")
    sheet = csv.writer(out, lineterminator="\r\n")
    sheet.writerow(COLUMNS)
    for each in agencies:
        days = [day.isoformat() if day else "" for day in (each.valid_from, each.valid_to)]
        sheet.writerow([
            each.id, each.kind.value, each.name_es, each.name_en, each.state or "", ";".join(sorted(each.territory)),
            ";".join(each.services), each.parent or "", each.bound_to or "", each.source,
            "true" if each.verified else "false", *days,
        ])  # fmt: skip
    return out.getvalue().encode()


async def taken_in(database: Database, caller: Caller, chunks: AsyncIterator[bytes], *, really: bool) -> ImportOut:
    """Import a table: whole, in one transaction, or not at all. Raises Invalid, with the first faults."""
    rows = [line async for line in _bounded(lines(chunks, quoted=True))]
    if not rows:
        raise Invalid("The file has no header.", faults=[Fault("/header", "missing")])
    async with database.work(write=really) as session:
        version, present = await store.claim(session) if really else (0, await store.fresh(session))
        plan = planned(rows, present, caller)
        if really and plan.faults:
            faults = [Fault(f"/lines/{each.line}/{each.field}".rstrip("/"), each.reason) for each in plan.faults[:10]]
            raise Invalid("Nothing was imported.", faults=faults)
        if really and plan.changes:
            for action, body in plan.changes:
                await service.put(session, caller, body, action, imported=True)
            await store.adopt(session, version)
    return plan.told()


async def _bounded(found: AsyncIterator[Line]) -> AsyncIterator[Line]:
    count = 0
    async for line in found:
        count += 1
        if count > MAX_ROWS + 1:
            raise Invalid(f"A file has at most {MAX_ROWS} bodies.", faults=[Fault("", "too_many_lines")])
        yield line


def planned(rows: Sequence[Line], directory: Mapping[str, Agency], caller: Caller) -> Plan:
    """Return what a file would do to a directory, and everything that is wrong with it."""
    number, first = rows[0]
    if isinstance(first, BadLine):
        raise Invalid("The header cannot be read.", faults=[Fault("/header", str(first))])
    names = header(first, frozenset(COLUMNS), NEEDED)
    plan, found = Plan(), dict[str, tuple[int, Agency]]()
    for number, line in rows[1:]:
        body = _read(plan, number, line, names)
        if body is not None and body.id in found:
            plan.faults.append(ImportFault(line=number, field="id", reason="repeated"))
        elif body is not None:
            found[body.id] = number, body
    whole = {**directory, **{name: body for name, (_, body) in found.items()}}
    for number, body in found.values():
        _judge(plan, number, body, directory, whole, caller)
    plan.faults.sort(key=lambda each: each.line)
    return plan


def _read(plan: Plan, number: int, line: bytes | BadLine, names: Sequence[str]) -> Agency | None:
    """Return the body of a line; what is wrong with the line goes into the plan."""
    try:
        if isinstance(line, BadLine):
            raise line
        texts = cells(line)
        if len(texts) != len(names):
            raise BadLine("another_number_of_cells")
        return AgencyIn.model_validate(_given(dict(zip(names, texts, strict=True)))).agency()
    except BadLine as error:
        plan.faults.append(ImportFault(line=number, field="", reason=str(error)))
    except ValidationError as error:
        for fault in problems.faults(error):
            name = fault.pointer.lstrip("/").partition("/")[0]
            plan.faults.append(ImportFault(line=number, field=name, reason=fault.reason))
    return None


def _given(texts: Mapping[str, str]) -> dict[str, object]:
    """Return a line as a body would be sent. An empty cell leaves its field out."""
    given: dict[str, object] = {name: text for name, text in texts.items() if text}
    for name in _LISTS:
        if name in given:
            given[name] = texts[name].split(";")
    if "verified" in given:
        given["verified"] = _FLAGS.get(texts["verified"])  # else null, which is refused
    return given


def _judge(
    plan: Plan, number: int, body: Agency, directory: Mapping[str, Agency], whole: Mapping[str, Agency], caller: Caller
) -> None:
    """Put a body where it belongs in the plan: new, changed, as it was, or at fault."""
    before = directory.get(body.id)
    after = replace(body, version=1 if before is None else before.version)
    if before == after:
        plan.unchanged += 1
        return
    wrong = service.wrong(after, whole)
    wrong += [(name, "never_changes") for name in (rules.moved(before, after) if before else ())]
    if not rules.may_manage(caller.agency_kind, service.of_caller(caller), after):
        wrong.append(("id", "not_yours"))
    plan.faults += [ImportFault(line=number, field=name, reason=reason) for name, reason in wrong]
    if not wrong:
        changed = after if before is None else replace(after, version=before.version + 1)
        plan.changes.append(("register" if before is None else "update", changed))
