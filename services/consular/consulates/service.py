"""Use cases of the directory: load it, read it, change it by new versions, find the post for a notice.

The CSV files beside this module are where a person corrects a row (docs/data-sources.md), but the
database is what routes. Read straight from the package, two versions of this service that run side
by side during an upgrade would send notices by two directories; the table is one for all of them,
a notice can refer to it, and the newest edition stays even when an older process starts after it.
What administrators have entered or changed stands above every edition.
"""

import csv
from collections import Counter as Count
from collections.abc import Sequence
from datetime import date
from importlib.resources import files

from prometheus_client import Counter
from sqlmodel.ext.asyncio.session import AsyncSession

from services.consular.consulates import rules, schemas, store
from services.consular.consulates.models import Consulate, ConsulateVersion, Jurisdiction
from services.consular.consulates.rules import ADMINISTRATORS, DIRECTORY, RCM, Coverage, PostKind, PostStatus
from services.consular.consulates.schemas import (
    ConsulateContent,
    ConsulateIn,
    ConsulateOut,
    ConsulatePatch,
    CoverageOut,
    CoverOut,
    CoverTotal,
    DutyHours,
    JurisdictionOut,
)
from shared import audit, clock, etags
from shared.auth import Caller
from shared.errors import Conflict, Fault, Invalid, NotFound, Unavailable
from shared.runtime import Runtime
from shared.shapes import State
from shared.zones import local_day, zone

EDITION = 1
"""Raise it with every change of the files: a test holds the digest of each edition."""

CHANGES = Counter("ruta_consulate_changes", "Posts that administrators have entered or changed", ["action"])


async def load(_: Runtime, session: AsyncSession) -> None:
    """Bring the directory of the database to this edition, unless it has that or a newer one."""
    await store.lock(session)
    if await store.edition(session) < EDITION:
        await store.replace(session, *read())


def read() -> tuple[list[Consulate], list[Jurisdiction]]:
    """Read the files of this edition."""
    posts = [
        Consulate(
            id=row["id"],
            country=row["country"],
            city=row["city"],
            state=row["state"],
            kind=PostKind(row["kind"]),
            status=PostStatus(row["status"]),
            valid_from=_day(row["valid_from"]),
            valid_to=_day(row["valid_to"]),
            source=row["source"],
            verified=row["verified"] == "true",
            edition=EDITION,
        )
        for row in _rows("consulates.csv")
    ]
    jurisdictions = [
        Jurisdiction(
            id=number,
            consulate_id=row["consulate_id"],
            state=row["state"],
            valid_from=_day(row["valid_from"]),
            valid_to=_day(row["valid_to"]),
            source=row["source"],
            verified=row["verified"] == "true",
        )
        for number, row in enumerate(_rows("jurisdictions.csv"), start=1)
    ]
    return posts, jurisdictions


def _rows(name: str) -> list[dict[str, str]]:
    text = (files("services.consular.consulates") / "data" / name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines(), strict=True))


def _day(cell: str) -> date | None:
    return date.fromisoformat(cell) if cell else None


async def show(session: AsyncSession, caller: Caller, consulate_id: str) -> ConsulateOut:
    """Return one post with the states that it serves. Raises NotFound."""
    found = await store.find(session, caller, consulate_id)
    if found is None:
        raise NotFound
    return (await complete(session, caller, [found]))[0]


async def complete(session: AsyncSession, caller: Caller, posts: Sequence[Consulate]) -> list[ConsulateOut]:
    """Return posts with the states that they serve, by one further query."""
    rows = await store.jurisdictions(session, [post.id for post in posts])
    return [
        ConsulateOut(
            **post.model_dump(exclude={"edition", "own", "hours", "holidays"}),
            hours=[DutyHours.model_validate(each) for each in post.hours],
            holidays=[date.fromisoformat(day) for day in post.holidays],
            on_duty=_on_duty(post),
            states=[JurisdictionOut.model_validate(row) for row in rows if row.consulate_id == post.id],
            allowed_actions=["update"] if caller.agency_kind in ADMINISTRATORS else [],
        )
        for post in posts
    ]


def _on_duty(post: Consulate) -> bool | None:
    hours = [DutyHours.model_validate(each) for each in post.hours]
    return rules.on_duty(hours, map(date.fromisoformat, post.holidays), clock.now().astimezone(zone(post.state)))


# -- changes -----------------------------------------------------------------------------------------


async def register(session: AsyncSession, caller: Caller, body: ConsulateIn) -> ConsulateOut:
    """Enter a post. Raises RefusedByLaw, Invalid, Conflict."""
    must_administer(caller)
    await store.lock(session)
    if await store.locked(session, body.id) is not None:
        raise Conflict("The directory has a post of this id.")
    _check(body)
    await put(session, caller, body, 1, body.reason)
    return await show(session, caller, body.id)


async def change(
    session: AsyncSession, caller: Caller, consulate_id: str, if_match: str, patch: ConsulatePatch
) -> ConsulateOut:
    """Let a new version of a post count. Raises NotFound, RefusedByLaw, Stale, Invalid."""
    must_administer(caller)
    await store.lock(session)
    post = await store.locked(session, consulate_id)
    if post is None:
        raise NotFound
    etags.must_match(if_match, post.version)
    before = content_of(post, await store.jurisdictions(session, [post.id]))
    after = patch.applied(before)
    _check(after)
    if after.content() == before.content():
        return await show(session, caller, consulate_id)
    await put(session, caller, after, post.version + 1, patch.reason, before=before)
    return await show(session, caller, consulate_id)


async def put(
    session: AsyncSession,
    caller: Caller,
    post: ConsulateContent,
    version: int,
    reason: str,
    before: ConsulateContent | None = None,
) -> None:
    """Write a post that was checked, with its version and its audit row. A shipped row becomes version 1 first."""
    if before is not None and version == 2 and not await store.history(session, post.id):
        shipped = ConsulateVersion(
            consulate_id=post.id, version=1, content=before.content(), changed_by="ruta", reason="as shipped"
        )
        session.add(shipped)
    made = ConsulateVersion(
        consulate_id=post.id, version=version, content=post.content(), changed_by=caller.agency,
        changed_at=clock.now(), reason=reason,
    )  # fmt: skip
    await store.write(session, made.content, made)
    action = "register" if before is None else "update"
    CHANGES.labels(action).inc()
    audit.wrote(session, caller, action, "consulate", post.id, version=version)


def content_of(post: Consulate, rows: Sequence[Jurisdiction]) -> ConsulateContent:
    """Return what the directory says of a post now."""
    own = [row.model_dump(exclude={"id", "consulate_id"}) for row in rows if row.consulate_id == post.id]
    said = post.model_dump(include=set(ConsulateContent.model_fields)) | {"states": own}
    return ConsulateContent.model_validate(said)


def must_administer(caller: Caller) -> None:
    """Raise RefusedByLaw unless the caller keeps the directory."""
    if caller.agency_kind not in ADMINISTRATORS:
        raise DIRECTORY.refuse("The directory of consulates is not yours to change.", allowed_actions=[])


def _check(post: ConsulateContent) -> None:
    found = [Fault(f"/{name}", reason) for name, reason in schemas.faults(post)]
    if found:
        raise Invalid("The post does not fit.", faults=found)


async def history(session: AsyncSession, caller: Caller, consulate_id: str) -> Sequence[ConsulateVersion]:
    """Return the versions of a post, oldest first. Raises NotFound."""
    if await store.find(session, caller, consulate_id) is None:
        raise NotFound
    return await store.history(session, consulate_id)


# -- who is told -------------------------------------------------------------------------------------


async def coverage(session: AsyncSession, country: str | None, on: date | None) -> CoverageOut:
    """Return who covers which nationality in which state: the member states of the RCM, or one country."""
    posts, rows = await store.everything(session)
    today = clock.now()

    def day_in(state: str) -> date:
        return on or local_day(today, state)

    countries = RCM if country is None else (country,)
    found = list(rules.coverage(countries, [each.value for each in State], day_in, posts, rows))
    counts = Count((each.country, each.how) for each in found)
    return CoverageOut(
        on=on,
        totals=[CoverTotal(country=each, **{how.value: counts[each, how] for how in Coverage}) for each in countries],
        items=[CoverOut.model_validate(each) for each in found],
    )


async def route(session: AsyncSession, nationality: str, state: str) -> Consulate | None:
    """Return the post that a notice goes to today, or None: then a person must find a way (R19).

    Raises Unavailable while the directory is not loaded, which looks like a world without consulates.
    """
    posts = await store.of_country(session, nationality)
    if not posts and await store.edition(session) == 0:
        raise Unavailable("The directory of consulates is not loaded yet.")
    rows = await store.jurisdictions(session, [post.id for post in posts])
    return rules.route(nationality, state, local_day(clock.now(), state), posts, rows)


async def post(session: AsyncSession, consulate_id: str) -> Consulate:
    """Return a post that a notice names."""
    return await store.of_id(session, consulate_id)


async def embassy(session: AsyncSession, country: str, state: str) -> Consulate | None:
    """Return the country's open embassy today, by the calendar of a Mexican state, or None."""
    posts = await store.of_country(session, country)
    return rules.embassy(country, local_day(clock.now(), state), posts)
