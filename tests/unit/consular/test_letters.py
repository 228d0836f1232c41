"""A consulate that takes no messages is told by letter: printed under a permit, handed over by a person, recorded."""

import re
import zlib
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlmodel import select

from services.consular.letters import paper, rules
from services.consular.letters.models import Letter
from services.consular.letters.rules import CHAIN, LETTER, LetterAction, LetterKind, LetterStatus
from services.consular.notices import chain
from shared import clock
from shared.audit import AuditEntry
from shared.clocks import service as clocks
from shared.delivery.rules import StepKind
from shared.errors import IllegalMove
from shared.testing import key
from tests.unit.consular.world import TAPACHULA, World

V1 = "/v1/consular"
GUATEMALAN, EMBASSY = "con-gtm-tapachula", "con-gtm-embassy"


async def waiting(world: World) -> list[dict[str, Any]]:
    return await world.notices(world.agency(), f"{V1}/letters?status=to_send")


async def printed(world: World, letter_id: str, who: Any = None) -> httpx.Response:
    async with who or world.agency() as caller:
        answer: httpx.Response = await caller.get(f"{V1}/letters/{letter_id}.pdf")
    return answer


async def recorded(world: World, letter_id: str, **more: Any) -> httpx.Response:
    body = {"officer": "opi-0417", "sent_at": clock.now().isoformat(), "how": "in_person", "evidence": "INM-CHP-1"}
    async with world.agency() as inm:
        answer: httpx.Response = await inm.post(f"{V1}/letters/{letter_id}/record", json=body | more, headers=key())
    return answer


async def handed_over(world: World) -> dict[str, Any]:
    """Print and hand over the one letter that waits."""
    (letter,) = await waiting(world)
    assert (await printed(world, letter["id"])).status_code == 200
    answer = await recorded(world, letter["id"])
    assert answer.status_code == 200, answer.text
    return letter


async def posted(world: World, tail: str, body: dict[str, Any], who: Any = None) -> httpx.Response:
    notice_id = (await world.notice())["id"]
    async with who or world.agency("pp-chp", "PP") as caller:
        answer: httpx.Response = await caller.post(f"{V1}/notices/{notice_id}/{tail}", json=body, headers=key())
    return answer


def whole(pdf: bytes) -> bytes:
    """Return a PDF with every stream of it unpacked."""
    streams = [pdf]
    for each in re.findall(rb"stream\r?\n(.*?)endstream", pdf, re.S):
        try:
            streams.append(zlib.decompress(each))
        except zlib.error:
            continue
    return b"\n".join(streams)


# -- the machine and the law -------------------------------------------------------------------------------


@pytest.mark.parametrize("status", LetterStatus)
@pytest.mark.parametrize("action", LetterAction)
def test_every_pair_of_the_machine(status: LetterStatus, action: LetterAction) -> None:
    if status is LetterStatus.TO_SEND:
        expected = {LetterAction.PRINT: LetterStatus.TO_SEND, LetterAction.RECORD: LetterStatus.SENT}[action]
        assert rules.advance(status, action, "INM") is expected
        return
    with pytest.raises(IllegalMove) as refused:
        rules.advance(status, action, "INM")
    assert refused.value.allowed_actions == []


@pytest.mark.parametrize(("kind", "actions"), [("INM", ["print", "record"]), ("PP", ["print", "record"]), ("DIF", [])])
def test_allowed_actions_are_the_callers_own(kind: str, actions: list[str]) -> None:
    assert rules.allowed_actions(LetterStatus.TO_SEND, kind) == actions


def test_the_chain_is_what_its_rule_says() -> None:
    assert list(CHAIN.values()) == [StepKind.REMIND, StepKind.ESCALATE, StepKind.PERSON]
    hours = [rules.C4.warn, rules.C4.due, timedelta(hours=48) + rules.THEN[0]]
    assert hours == [timedelta(hours=24), timedelta(hours=48), timedelta(hours=72)]
    assert timedelta(minutes=30) == rules.LIFE
    for text in (LETTER.text.en, LETTER.text.es):
        assert [text.index(number) for number in ("30", "24", "48", "72")] == sorted(
            text.index(number) for number in ("30", "24", "48", "72")
        )
    assert not LETTER.verified


def test_minutes_are_precise_enough_and_half_an_hour_is_the_limit() -> None:
    moment = clock.now().replace(second=40, microsecond=7)
    assert rules.in_time(moment.replace(second=0, microsecond=0), [moment])
    assert rules.in_time(moment + rules.LIFE, [moment])
    assert not rules.in_time(moment + rules.LIFE + timedelta(seconds=1), [moment])
    assert rules.in_time(moment + rules.LIFE + timedelta(seconds=1), [moment, moment + timedelta(minutes=1)])


# -- on paper ------------------------------------------------------------------------------------------------


def letter(kind: LetterKind = LetterKind.NOTICE, **said: Any) -> Letter:
    office = {"id": "pp-chp", "name": "Procuraduría", "telephone": None, "email": None}
    content: dict[str, Any] = {
        "notice_id": "ntc_" + "1" * 32, "nationality": "GTM", "state": "MX-CHP", "pp": office, "dif": office,
        "statement_es": "Conforme al artículo 112 …",
    }  # fmt: skip
    return Letter(
        id="ltr_" + "2" * 32, notice_id=content["notice_id"], release_id="rel_" + "3" * 32, state="MX-CHP",
        consulate_id=GUATEMALAN, kind=kind, status=LetterStatus.TO_SEND, content=content | said, owed_at=clock.now(),
    )  # fmt: skip


def post(**more: Any) -> Any:
    from services.consular.consulates.service import read

    found = next(each for each in read()[0] if each.id == GUATEMALAN)
    for name, value in more.items():
        setattr(found, name, value)
    return found


def test_it_is_tagged_in_spanish_and_meets_both_standards() -> None:
    told = whole(paper.pdf(letter(), post(), clock.now()))
    assert told.startswith(b"%PDF-1.7")
    for mark in (b"/StructTreeRoot", b"/Marked true", b"es-MX", b"<pdfaid:part>2<", b"<pdfuaid:part>1<"):
        assert mark in told, mark


def test_it_says_what_the_notice_says_and_nothing_that_leads_to_the_child() -> None:
    said = str(paper.shown(letter(), post(), clock.now()))
    assert "Conforme al artículo 112" in said
    assert "ntc_" in said
    for hidden in ("ltr_", "rel_", "padding", "con-gtm"):
        assert hidden not in said


def test_what_somebody_wrote_is_text_and_never_a_command() -> None:
    wild = '#read("/etc/passwd") $x$ *b* `c` \\ <l> @x ] #panic("no")'
    office = {"id": "pp-chp", "name": wild, "telephone": "+529615550100", "email": "a@b.mx"}
    assert paper.pdf(letter(LetterKind.REMINDER, pp=office, dif=office), post(address=wild, city=wild), clock.now())


# -- printing ------------------------------------------------------------------------------------------------


async def test_a_letter_is_printed_under_a_permit_handed_over_and_recorded(world: World) -> None:
    release_id = await world.release("GTM")
    (owed,) = await waiting(world)
    assert (owed["consulate_id"], owed["kind"], owed["allowed_actions"]) == (GUATEMALAN, "notice", ["print", "record"])
    answer = await printed(world, owed["id"])
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/pdf")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.content.startswith(b"%PDF-")
    assert world.referral.asked == [release_id]
    done = (await recorded(world, owed["id"])).json()
    assert (done["status"], done["sent_by"], done["how"], done["evidence"], done["in_time"]) == (
        "sent", "opi-0417", "in_person", "INM-CHP-1", True
    )  # fmt: skip
    notice = await world.notice()
    assert (notice["status"], notice["sending"]["stage"]) == ("issued", "received")
    assert [(row["rule"], row["agency"], row["state"]) for row in notice["clocks"]] == [
        ("C3", "pp-chp", "met"), ("C4", GUATEMALAN, "running")
    ]  # fmt: skip
    again = await recorded(world, owed["id"])
    assert (again.status_code, again.json()["code"]) == (409, "illegal_move")
    async with world.runtime.database.work(write=False) as session:
        rows = (await session.exec(select(AuditEntry).where(AuditEntry.resource == "letter"))).all()
    assert [row.action for row in rows] == ["print", "record"]


async def test_a_gate_that_waits_and_one_that_is_closed_refuse_in_the_same_words(world: World) -> None:
    release_id = await world.release("GTM")
    (owed,) = await waiting(world)
    said = []
    for verdict in ("wait", "closed"):
        world.referral.verdicts[release_id] = verdict
        answer = await printed(world, owed["id"])
        assert (answer.status_code, answer.json()["rule"], answer.json()["source"]) == (409, "R16", rules.R16.source)
        said.append(answer.json() | {"request_id": None})
    assert said[0] == said[1]
    refused = await recorded(world, owed["id"])  # what was never printed cannot have been sent
    assert (refused.status_code, refused.json()["rule"], refused.json()["source"]) == (409, "LETTER", LETTER.source)
    world.referral.verdicts[release_id] = "open"
    assert (await printed(world, owed["id"])).status_code == 200


async def test_a_referral_that_does_not_answer_is_a_no(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await world.release("GTM")
    (owed,) = await waiting(world)

    async def broken(*_: Any, **__: Any) -> Any:
        raise OSError

    monkeypatch.setattr(world.runtime.peers, "call", broken)
    assert (await printed(world, owed["id"])).status_code == 409


async def test_every_printing_asks_anew(world: World) -> None:
    release_id = await world.release("GTM")
    (owed,) = await waiting(world)
    assert [(await printed(world, owed["id"])).status_code for _ in range(2)] == [200, 200]
    world.referral.verdicts[release_id] = "closed"
    assert (await printed(world, owed["id"])).status_code == 409
    assert len(world.referral.asked) == 3


async def test_what_was_handed_over_too_late_is_recorded_as_late(world: World) -> None:
    await world.release("GTM")
    (owed,) = await waiting(world)
    with clock.at(clock.now() - timedelta(hours=1)):
        assert (await printed(world, owed["id"])).status_code == 200
    early = await recorded(world, owed["id"], sent_at=(clock.now() - timedelta(hours=2)).isoformat())
    assert (early.status_code, early.json()["errors"]) == (
        422, [{"pointer": "/sent_at", "reason": "before_it_was_printed"}]
    )  # fmt: skip
    assert (await recorded(world, owed["id"])).json()["in_time"] is False


@pytest.mark.parametrize(
    ("agency", "kind", "state", "status"),
    [("inm-tab", "INM", "MX-TAB", 404), ("dif-chp", "DIF", "MX-CHP", 403), ("comar", "COMAR", "MX-CHP", 403)],
)
async def test_nobody_else_finds_it(world: World, agency: str, kind: str, state: str, status: int) -> None:
    await world.release("GTM")
    (owed,) = await waiting(world)
    assert (await printed(world, owed["id"], world.agency(agency, kind, state))).status_code == status
    assert world.referral.asked == []
    assert (await printed(world, owed["id"], world.consulate(GUATEMALAN))).status_code == 403


# -- what follows --------------------------------------------------------------------------------------------


async def hours(world: World, count: float) -> None:
    """Let the clocks speak that are due so many hours from now."""
    with clock.at(clock.now() + timedelta(hours=count)):
        while await clocks.fire(world.runtime.database, chain.VOICE):
            pass


async def test_a_reminder_then_the_embassy_then_a_person(world: World) -> None:
    await world.release("GTM")
    await handed_over(world)
    await hours(world, 23)
    assert await waiting(world) == []
    await hours(world, 25)
    (reminder,) = await waiting(world)
    assert (reminder["consulate_id"], reminder["kind"]) == (GUATEMALAN, "reminder")
    await hours(world, 49)
    assert {(each["consulate_id"], each["kind"]) for each in await waiting(world)} == {
        (GUATEMALAN, "reminder"), (EMBASSY, "notice")
    }  # fmt: skip
    assert "C5" not in [row["rule"] for row in (await world.notice())["clocks"]]
    await hours(world, 73)
    assert ("C5", "pp-chp", "running") in [
        (row["rule"], row["agency"], row["state"]) for row in (await world.notice())["clocks"]
    ]
    assert len(await waiting(world)) == 2


async def test_a_letter_that_was_never_sent_is_neither_reminded_of_nor_escalated(world: World) -> None:
    world.referral.default = "wait"
    await world.release("GTM")
    await hours(world, 100)
    (owed,) = await waiting(world)
    assert (owed["kind"], (await world.notice())["escalated_to"]) == ("notice", None)


async def test_the_embassy_reads_what_it_was_sent_and_no_more(world: World) -> None:
    await world.release("GTM")
    await handed_over(world)
    path = f"{V1}/notices/{(await world.notice())['id']}"
    await hours(world, 49)
    async with world.consulate(EMBASSY) as embassy:
        assert (await embassy.get(path)).status_code == 404  # it is owed, not sent
        (owed,) = [each for each in await waiting(world) if each["consulate_id"] == EMBASSY]
        assert (await printed(world, owed["id"])).status_code == 200
        assert (await embassy.get(path)).status_code == 404
        assert (await recorded(world, owed["id"])).status_code == 200
        assert (await embassy.get(path)).status_code == 200
        assert (await embassy.get(f"{V1}/notices")).json()["items"] == []  # what is on paper is on paper
        assert (await embassy.get(f"{V1}/letters")).status_code == 403
        assert (await embassy.get(f"{path}/history")).status_code == 403


async def test_who_got_a_letter_may_acknowledge_by_its_id_and_nothing_further_is_sent(world: World) -> None:
    await world.release("GTM")
    sent = await handed_over(world)
    await hours(world, 25)
    async with world.consulate(GUATEMALAN) as consulate:
        answer = await consulate.post(f"{V1}/notices/{sent['notice_id']}/acknowledge", headers=key())
    assert (answer.status_code, answer.json()["status"]) == (200, "acknowledged")
    assert await waiting(world) == []
    states = {(row["rule"], row["state"]) for row in (await world.notice())["clocks"]}
    assert states == {("C3", "met"), ("C3", "cancelled"), ("C4", "met")}
    await hours(world, 100)
    assert await waiting(world) == []


# -- a person ------------------------------------------------------------------------------------------------

ACKNOWLEDGED = {"officer": "pp-0001", "evidence": "ACUSE-7"}


async def test_an_acknowledgement_on_paper_is_recorded_of_what_was_sent(world: World) -> None:
    await world.release("GTM")
    body = ACKNOWLEDGED | {"received_at": clock.now().isoformat()}
    early = await posted(world, "record_acknowledgement", body)
    assert (early.status_code, early.json()["code"]) == (409, "illegal_move")
    await handed_over(world)
    done = await posted(world, "record_acknowledgement", body)
    assert (done.status_code, done.json()["status"], done.json()["acknowledged_by"], done.json()["evidence"]) == (
        200, "acknowledged", "pp-0001", "ACUSE-7"
    )  # fmt: skip
    while await world.turn():
        pass
    assert world.referral.events[-1]["type"] == "notice.acknowledged"


async def test_of_what_was_not_sent_no_acknowledgement_is_recorded(world: World) -> None:
    world.referral.default = "wait"
    await world.register("http://127.0.0.1:9/")
    await world.release()
    await world.turn()
    answer = await posted(world, "record_acknowledgement", ACKNOWLEDGED | {"received_at": clock.now().isoformat()})
    assert (answer.status_code, answer.json()["rule"], answer.json()["source"]) == (409, "BY-HAND", "design decision")


async def test_a_person_decides_and_no_consulate_sees_it(world: World) -> None:
    await world.release("GTM")
    await handed_over(world)
    path = f"{V1}/notices/{(await world.notice())['id']}"
    async with world.consulate(GUATEMALAN) as consulate:
        before = (await consulate.get(path)).json()
        body = {"decision": "no_further_step", "officer": "pp-0001", "file": "PP-2026-1"}
        done = (await posted(world, "decide", body)).json()
        assert (await consulate.get(path)).json() == before
        refused = await consulate.post(f"{path}/decide", json=body, headers=key())
    assert (done["decision"], done["decided_by"], done["decided_in"]) == ("no_further_step", "pp-0001", "PP-2026-1")
    assert refused.status_code == 403
    await hours(world, 100)
    assert (await waiting(world), (await world.notice())["escalated_to"]) == ([], None)


async def test_a_person_has_a_letter_sent_where_no_message_gets_through(world: World) -> None:
    await world.register("http://127.0.0.1:9/")
    await world.release()
    await world.turn()
    body = {"decision": "send_letter", "officer": "pp-0001", "file": "PP-2026-1"}
    assert (await posted(world, "decide", body)).status_code == 200
    (owed,) = await waiting(world)
    assert (owed["consulate_id"], owed["kind"]) == (TAPACHULA, "notice")


async def test_where_there_is_no_post_there_is_nobody_to_write_to(world: World) -> None:
    await world.release("ECU")
    body = {"decision": "send_letter", "officer": "pp-0001", "file": "PP-2026-1"}
    answer = await posted(world, "decide", body)
    assert (answer.status_code, answer.json()["rule"]) == (409, "R19")
    done = await posted(world, "decide", body | {"decision": "no_further_step"})
    assert [(row["rule"], row["state"]) for row in done.json()["clocks"]] == [("C2", "met")]


async def test_the_history_is_told_in_two_languages_and_says_nothing_of_what_was_withheld(world: World) -> None:
    release_id = await world.release("GTM")
    await handed_over(world)
    world.referral.verdicts[release_id] = "closed"
    await hours(world, 25)
    await hours(world, 48.5)
    path = f"{V1}/notices/{(await world.notice())['id']}/history"
    told = await world.notices(world.agency("pp-chp", "PP"), path)
    assert [each["what"] for each in told] == [
        "issued", "letter_owed", "letter_sent", "letter_owed", "warned", "breached", "escalated", "letter_owed",
        "warned",
    ]  # fmt: skip
    assert all(each["text_es"] and each["text_en"] for each in told)
    world.referral.verdicts[release_id] = "wait"
    assert await world.notices(world.agency("pp-chp", "PP"), path) == told
