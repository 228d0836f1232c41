"""A case that is kept from an agency (R29) shows it nothing: in no list, no object and no filter of referral.

The requests are made out of the routes, so that a new slice is held to it by itself. What the law itself orders stays,
and is named here with its reason.
"""

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from sqlalchemy import delete
from sqlmodel import col, select

from services.referral.cases.models import Case, CaseWithheld
from services.referral.clocks.rules import ORDERED
from shared import clock, ids
from shared.db import run
from shared.openapi.describe import api_routes
from shared.routing import methods_of
from tests.contract.law import KINDS
from tests.contract.matrix import Asked, Place, asked, readers

_A_CASE = re.compile(r'"cas_[0-9a-f]{32}"')
KEPT = ("inm-chp", "inm", "dif-chp", "dif-tam", "dif-nacional", "comar", "unicef", "unhcr", "iom")
"""Who reads anything of a case, but for Procuradurías: from none of these is one kept (R26)."""

STAYS: dict[str, Any] = {
    # LM 112, LRPCAP 21: what the law orders goes to whom it names, as codes
    "referrals": lambda who, item: item["kind"] != "SERVICE",
    # LM 112-I: both who made an acta have to prove it
    "actas": lambda who, item: who in (item["issued_by"], item["content"]["dif"]["agency"]),
    # whoever read under a consent has to say what it did with it
    "withdrawals": lambda who, item: item["agency"] == who,
    # LGDNNA 99: SNDIF's database holds every admission
    "admissions": lambda who, item: who == "dif-nacional",
    # LGDNNA 122-VI: the MP orders what it was asked for
    "measures": lambda who, item: item["mp"] == who,
    # LRPCAP 15 and 24: COMAR decides
    "refuge-claims": lambda who, item: who == "comar",
    # R24: INM leaves its procedure alone
    "procedure-holds": lambda who, item: KINDS[who]["agency_kind"] == "INM",
    # what the law orders, in a partner's words: the tag at its head names the kind
    "interop": lambda who, item: re.search(r"PP_NOTICE|DIF_HANDOVER|COMAR_NOTICE|MP_NOTICE", json.dumps(item)),
    # a duty that the law gives is owed
    "clocks": lambda who, item: item["rule"] in ORDERED,
}
"""The resource → what of it stays with an agency that the case is kept from."""


def requests(place: Place) -> list[tuple[Asked, str]]:
    """Return a request to every route that reads one object, and to every list by a filter, with its object."""
    return [
        (request, name)
        for request in asked(place)
        if request.method == "GET" and "/endpoints" not in request.route.path_format
        for name in place.situations(request.kind)
    ]


def plain_lists(place: Place) -> list[str]:
    return [
        route.path_format
        for route in api_routes(place.inner)
        if "GET" in methods_of(route) and "{" not in route.path_format
    ]


def stays(who: str, path: str, item: Any) -> bool:
    rule = STAYS.get(path.split("/")[3])
    return rule is not None and bool(rule(who, item))


def is_json(answer: httpx.Response) -> bool:
    """Whether it shows something; an acta on paper shows what the acta does."""
    return answer.status_code == 200 and answer.headers["content-type"] == "application/json"


async def shown(place: Place, who: str) -> dict[str, list[Any]]:
    """Return what each address shows the caller of any case."""
    found: dict[str, list[Any]] = {}

    def note(label: str, path: str, body: Any) -> None:
        items = body["items"] if isinstance(body, dict) and "items" in body else [body]
        for item in items:
            if _A_CASE.search(json.dumps(item)):
                found.setdefault(f"{label} {path}", []).append(item)

    async with place.as_(who) as caller:
        for path in plain_lists(place):
            answer = await caller.get(path, params={"limit": 100})
            if is_json(answer):
                note("list", path, answer.json())
        for request, name in requests(place):
            if who not in readers(name):
                continue  # the matrix holds that it gets what a nonexistent id gets
            answer = await caller.request(**request.made(place.objects[name], place.beside))
            if is_json(answer):
                note(f"{name} {request.param}", request.route.path_format, answer.json())
    return found


@asynccontextmanager
async def everything_kept(place: Place) -> AsyncIterator[None]:
    """Keep every case from all of them, whatever their part: what no act could bring about."""
    database: Any = place.inner.state.runtime.database
    rows: list[str] = []
    async with database.work() as session:
        for case_id in (await session.exec(select(Case.id))).all():
            for whom in KEPT:
                rows.append(ids.new("wth"))
                session.add(
                    CaseWithheld(
                        id=rows[-1], case_id=case_id, whom=whom, reason="FEAR_OF_HARM", agency="pp-chp",
                        officer="pp-0001", since=clock.now(),
                    )
                )  # fmt: skip
    yield
    async with database.work() as session:
        await run(session, delete(CaseWithheld).where(col(CaseWithheld.id).in_(rows)))


def unlawful(who: str, found: dict[str, list[Any]]) -> set[tuple[str, str]]:
    """Return what shows a kept agency more than the law itself orders."""
    return {
        (who, label)
        for label, items in found.items()
        if not all(stays(who, label.rpartition(" ")[2], item) for item in items)
    }
