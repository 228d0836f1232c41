"""The acta on paper: the same bytes for one acta, fit to be kept and read aloud, and nothing beyond the acta."""

import re
import zlib
from datetime import UTC, datetime
from typing import Any

from services.referral.actas import paper
from services.referral.actas.models import Acta
from services.referral.actas.service import digest_of
from shared import ids
from shared.audit import AuditEntry
from tests.unit.referral.world import V1, World

AT = "2026-11-20T15:04:05+00:00"


def acta(**more: Any) -> Acta:
    content = {
        "acta": "act_" + "1" * 32, "case": "cas_" + "2" * 32, "child": "chd_" + "3" * 32, "state": "MX-CHP",
        "place": "Tapachula", "issued_at": AT, "issued_by": {"agency": "inm-chp", "office": None},
        "pp_notice": {"agency": "pp-chp", "acknowledged_at": AT},
        "dif": {"agency": "dif-gone", "accepted_at": AT, "recipient": "Ana López"},
    } | more  # fmt: skip
    return Acta(
        id=content["acta"], case_id=content["case"], content=content, digest=digest_of(content), signature="e30." * 60,
        dif="dif-gone", issued_by="inm-chp", issued_at=datetime(2026, 11, 20, 15, 4, 5, tzinfo=UTC),
    )  # fmt: skip


def whole(pdf: bytes) -> bytes:
    """Return a PDF with every stream of it unpacked."""
    streams = re.findall(rb"stream\r?\n(.*?)endstream", pdf, re.S)
    unpacked = []
    for each in streams:
        try:
            unpacked.append(zlib.decompress(each))
        except zlib.error:
            unpacked.append(each)
    return pdf + b"\n".join(unpacked)


def test_one_acta_has_the_same_bytes_and_another_has_others() -> None:
    first = paper.pdf(acta())
    paper._compiled.cache_clear()
    assert paper.pdf(acta()) == first
    assert paper.pdf(acta(place="Tijuana")) != first


def test_it_is_tagged_in_spanish_and_meets_both_standards() -> None:
    told = whole(paper.pdf(acta()))
    assert told.startswith(b"%PDF-1.7")
    for mark in (b"/StructTreeRoot", b"/Marked true", b"es-MX", b"<pdfaid:part>2<", b"<pdfaid:conformance>A<",
                 b"<pdfuaid:part>1<"):  # fmt: skip
        assert mark in told, mark


def test_what_somebody_wrote_is_text_and_never_a_command() -> None:
    wild = '#read("/etc/passwd") $x$ *b* `c` \\ <l> @x ] #panic("no")'
    assert paper.pdf(acta(place=wild))


async def test_it_is_read_by_whoever_may_read_the_acta_and_the_reading_is_recorded(world: World) -> None:
    case = await world.channelled()
    ((made),) = (await world.get("dif-chp", f"/actas?case_id={case['id']}"))["items"]
    for agency, status in (("inm-chp", 200), ("pp-chp", 200), ("dif-chp", 200), ("pp-fed", 200), ("dif-oax", 404)):
        async with world.agency(agency) as caller:
            answer = await caller.get(f"{V1}/actas/{made['id']}.pdf")
        assert answer.status_code == status
        if status == 200:
            assert answer.headers["content-type"] == "application/pdf"
            assert answer.headers["content-disposition"] == 'attachment; filename="acta.pdf"'
            assert answer.content.startswith(b"%PDF-")
    async with world.agency("pp-chp") as caller:
        assert (await caller.get(f"{V1}/actas/{ids.new('act')}.pdf")).status_code == 404
    read = [row for row in await world.rows(AuditEntry) if (row.action, row.resource) == ("read", "acta")]
    assert len(read) == 4
