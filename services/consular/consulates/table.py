"""The directory as a table (CSV, RFC 4180): a line `post` for each, and `state` for each state it serves."""

import csv
import io
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from services.consular.consulates import schemas, service, store
from services.consular.consulates.models import Consulate, Jurisdiction
from services.consular.consulates.schemas import ConsulateContent, ConsulateFault, ConsulateImportOut, ServedState
from shared import problems
from shared.auth import Caller
from shared.bulk.lines import BadLine, Line, cells, header, lines
from shared.db import Database
from shared.errors import Fault, Invalid

COLUMNS = (
    "record", "id", "country", "city", "state", "kind", "status", "valid_from", "valid_to", "source", "verified",
    "telephone", "email", "address", "duty_text", "hours", "holidays_text", "holidays", "reason",
)  # fmt: skip
NEEDED = frozenset(("record", "id", "country", "city", "state", "kind", "status", "source", "verified"))
_OF_A_STATE = ("record", "id", "state", "valid_from", "valid_to", "source", "verified")
MAX_LINES = 10_000
MAX_FAULTS = 100
_FLAGS = {"true": True, "false": False}


@dataclass
class _Read:
    """A post of the file, on its way."""

    line: int
    post: dict[str, Any]
    reason: str
    states: list[ServedState] = field(default_factory=list)


@dataclass
class Plan:
    """What a file would do."""

    changes: list[tuple[ConsulateContent, int, str, ConsulateContent | None]] = field(default_factory=list)
    unchanged: int = 0
    faults: list[ConsulateFault] = field(default_factory=list)

    def wrong(self, line: int, name: str, reason: str) -> None:
        self.faults.append(ConsulateFault(line=line, field=name, reason=reason))

    def told(self) -> ConsulateImportOut:
        """Return it as it is answered."""
        added = sum(before is None for *_, before in self.changes)
        return ConsulateImportOut(
            added=added, changed=len(self.changes) - added, unchanged=self.unchanged, faults=self.faults[:MAX_FAULTS]
        )


def written(posts: Iterable[Consulate], rows: Sequence[Jurisdiction]) -> bytes:
    """Return the directory as a table. `reason` stays empty: who changes a line fills it in."""
    out = io.StringIO(newline="")
    sheet = csv.DictWriter(out, COLUMNS, restval="", lineterminator="\r\n")
    sheet.writeheader()
    for post in posts:
        said = service.content_of(post, rows).content()
        states = said.pop("states")
        hours = [f"{' '.join(each['days'])} {each['opens']}-{each['closes']}" for each in said["hours"]]
        sheet.writerow(
            _texts(said) | {"record": "post", "hours": ";".join(hours), "holidays": ";".join(said["holidays"])}
        )
        for each in states:
            sheet.writerow(_texts(each) | {"record": "state", "id": post.id})
    return out.getvalue().encode()


def _texts(said: Mapping[str, Any]) -> dict[str, str]:
    return {
        name: ("true" if value else "false") if isinstance(value, bool) else value or ""
        for name, value in said.items()
        if not isinstance(value, list)
    }


async def taken_in(
    database: Database, caller: Caller, chunks: AsyncIterator[bytes], *, really: bool
) -> ConsulateImportOut:
    """Import a table: whole, in one transaction, or not at all. Raises Invalid, with the first faults."""
    service.must_administer(caller)
    rows = [line async for line in _bounded(lines(chunks, quoted=True))]
    if not rows:
        raise Invalid("The file has no header.", faults=[Fault("/header", "missing")])
    async with database.work(write=really) as session:
        if really:
            await store.lock(session)
        plan = planned(rows, *await store.everything(session))
        if really and plan.faults:
            faults = [Fault(f"/lines/{each.line}/{each.field}".rstrip("/"), each.reason) for each in plan.faults[:10]]
            raise Invalid("Nothing was imported.", faults=faults)
        if really:
            for post, version, reason, before in plan.changes:
                await service.put(session, caller, post, version, reason, before=before)
    return plan.told()


async def _bounded(found: AsyncIterator[Line]) -> AsyncIterator[Line]:
    count = 0
    async for line in found:
        count += 1
        if count > MAX_LINES + 1:
            raise Invalid(f"A file has at most {MAX_LINES} lines.", faults=[Fault("", "too_many_lines")])
        yield line


def planned(rows: Sequence[Line], posts: Sequence[Consulate], jurisdictions: Sequence[Jurisdiction]) -> Plan:
    """Return what a file would do to a directory, and everything that is wrong with it."""
    _, first = rows[0]
    if isinstance(first, BadLine):
        raise Invalid("The header cannot be read.", faults=[Fault("/header", str(first))])
    names = header(first, frozenset(COLUMNS), NEEDED)
    plan, found = Plan(), dict[str, _Read]()
    for number, line in rows[1:]:
        try:
            if isinstance(line, BadLine):
                raise line
            texts = cells(line)
            if len(texts) != len(names):
                raise BadLine("another_number_of_cells")
            _read(plan, found, number, dict(zip(names, texts, strict=True)))
        except BadLine as error:
            plan.wrong(number, "", str(error))
        except ValidationError as error:
            for fault in problems.faults(error):
                plan.wrong(number, fault.pointer.lstrip("/").partition("/")[0], fault.reason)
    former = {post.id: post for post in posts}
    for each in found.values():
        _judge(plan, each, former.get(each.post["id"]), jurisdictions)
    plan.faults.sort(key=lambda fault: fault.line)
    return plan


def _read(plan: Plan, found: dict[str, _Read], number: int, texts: dict[str, str]) -> None:
    """Take in a line. Raises BadLine and ValidationError where it cannot stand by itself."""
    record, post_id = texts.pop("record"), texts["id"]
    given: dict[str, Any] = {name: text for name, text in texts.items() if text}
    given["verified"] = _FLAGS.get(texts["verified"])  # else null, which is refused
    if record == "state":
        if beyond := sorted(name for name in given if name not in _OF_A_STATE):
            plan.wrong(number, beyond[0], "not_of_a_state")
        elif post_id not in found:
            plan.wrong(number, "id", "no_post_before_it")
        else:
            found[post_id].states.append(
                ServedState.model_validate({name: value for name, value in given.items() if name != "id"})
            )
        return
    if record != "post":
        plan.wrong(number, "record", "unknown")
        return
    reason = given.pop("reason", "")
    given |= {name: texts[name].split(";") for name in ("hours", "holidays") if texts.get(name)}
    given["hours"] = [_hours(text) for text in given.get("hours", [])]
    ConsulateContent.model_validate(given)
    if post_id in found:
        plan.wrong(number, "id", "repeated")
    else:
        found[post_id] = _Read(number, given, reason)


def _hours(text: str) -> dict[str, Any]:
    *days, span = text.split() or [""]
    opens, _, closes = span.partition("-")
    return {"days": days, "opens": opens, "closes": closes}


def _judge(plan: Plan, read: _Read, former: Consulate | None, rows: Sequence[Jurisdiction]) -> None:
    """Put a post where it belongs in the plan: new, changed, as it was, or at fault."""
    after = ConsulateContent.model_validate(read.post).model_copy(update={"states": read.states})
    before = service.content_of(former, rows) if former is not None else None
    if before is not None and before.content() == after.content():
        plan.unchanged += 1
        return
    wrong = list(schemas.faults(after))
    if before is not None and before.country != after.country:
        wrong.append(("country", "never_changes"))
    if not read.reason:
        wrong.append(("reason", "missing"))
    elif len(read.reason) > 200:
        wrong.append(("reason", "too_long"))
    for name, reason in wrong:
        plan.wrong(read.line, name, reason)
    if not wrong:
        plan.changes.append((after, former.version + 1 if former is not None else 1, read.reason, before))
