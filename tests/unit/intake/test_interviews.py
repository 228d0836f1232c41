"""INM asks what LM 112-VI lets it ask (R14), after telling the child (R27); those read it with whom it is shared."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlmodel import update

from services.intake.children.models import Child
from services.intake.interviews import rules
from services.intake.interviews.rules import AUTHORITIES, PROTECTORS, TOPICS, Topic
from shared import clock, ids
from shared.errors import Invalid, RefusedByLaw
from tests.unit.intake.world import CHILDREN, Row, World, ago, assert_problem, girl

INTERVIEWS = "/v1/intake/interviews"
ONE = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
"""For what no statement of SQL decides: one database is enough."""
MOMENT = datetime(2026, 11, 20, 16, tzinfo=UTC)


def interview(*topics: str, **changes: Any) -> Row:
    """A lawful interview an hour ago, on some topics. None leaves a field out."""
    body = {
        "held_at": ago(minutes=50), "officer": "opi-0417", "opi": True, "explained_at": ago(minutes=55),
        "explained_in": "spa", "language": "spa", "cndh_present": True,
        "answers": [{"topic": topic, "said": f"Dijo canary {topic}"} for topic in topics or ("IDENTITY",)],
        "indicators": [] if "PROTECTION_NEEDS" in topics else None,
    }  # fmt: skip
    return {name: value for name, value in (body | changes).items() if value is not None}


async def held(world: World, *topics: str, child_id: str | None = None, **changes: Any) -> Row:
    child_id = child_id or (await world.met())["child_id"]
    answer = await world.add(child_id, "interviews", interview(*topics, **changes))
    return {"status": answer.status_code, "answer": answer, "child_id": child_id, **answer.json()}


def refused(outcome: Row, rule: str, article: str) -> Row:
    problem = assert_problem(outcome["answer"], 409, "refused_by_law")
    assert problem["rule"] == rule
    assert article in problem["source"]
    return problem


# -- the law, as tables ----------------------------------------------------------------------------------


def test_the_topics_are_those_of_the_law() -> None:
    assert set(Topic) == {
        "IDENTITY", "NATIONALITY_OR_RESIDENCE", "MIGRATION_STATUS", "RELATIVES_WHEREABOUTS", "PROTECTION_NEEDS",
        "MEDICAL_NEEDS", "PSYCHOLOGICAL_NEEDS",
    }  # fmt: skip
    assert TOPICS.keys() == set(Topic)
    assert all(law.text.en and law.text.en != law.text.es for law in TOPICS.values())


@pytest.mark.parametrize("topic", list(Topic))
def test_what_the_child_fears_is_read_by_its_protectors_alone(topic: Topic) -> None:
    expected = PROTECTORS if topic is Topic.PROTECTION_NEEDS else AUTHORITIES
    kinds = ("INM", "PP", "DIF", "COMAR", "UPM", "CONSULATE")
    assert [kind for kind in kinds if rules.reads(kind, topic)] == list(expected)


@pytest.mark.parametrize("topic", list(Topic))
def test_each_topic_of_the_law_is_taken(topic: Topic) -> None:
    assert rules.check_topics([topic.value]) == [topic]


@pytest.mark.parametrize("topic", ["ROUTE", "SMUGGLER", "CRIMINAL_RECORD", "RELIGION", "identity", "IDENTITY "])
def test_any_other_topic_is_not(topic: str) -> None:
    with pytest.raises(Invalid) as said:
        rules.check_topics(["IDENTITY", topic])
    assert said.value.law is not None
    assert (said.value.law.rule, said.value.faults[0].pointer) == ("R14", "/answers/1/topic")


@pytest.mark.parametrize(
    ("explained_at", "lawful"),
    [(None, False), (MOMENT + timedelta(seconds=1), False), (MOMENT, True), (MOMENT - timedelta(hours=1), True)],
)
def test_the_child_is_told_before_it_is_asked(explained_at: datetime | None, lawful: bool) -> None:
    if lawful:
        return rules.check_explained(explained_at, MOMENT)
    with pytest.raises(RefusedByLaw) as said:
        rules.check_explained(explained_at, MOMENT)
    assert said.value.law is not None
    assert said.value.law.rule == "R27"


@pytest.mark.parametrize(
    ("used", "spoken", "interpreter", "lawful"),
    [
        (["spa"], ["spa"], False, True),
        (["spa", "mam"], ["spa", "mam"], False, True),
        (["spa", "mam"], ["mam"], False, False),
        (["spa"], ["mam"], True, True),
        (["spa"], ["mam"], False, False),
    ],
)
def test_a_child_is_heard_in_its_language_or_with_an_interpreter(
    used: list[str], spoken: list[str], interpreter: bool, lawful: bool
) -> None:
    if lawful:
        return rules.check_language(used, spoken, interpreter=interpreter)
    with pytest.raises(RefusedByLaw) as said:
        rules.check_language(used, spoken, interpreter=interpreter)
    assert said.value.law is not None
    assert said.value.law.rule == "R27-INTERPRETER"


# -- recording ---------------------------------------------------------------------------------------------


async def test_an_interview_on_the_topics_of_the_law_is_recorded_and_sealed(world: World) -> None:
    made = await held(world, *(topic.value for topic in Topic))
    assert made["status"] == 201, made
    assert made["topics"] == [topic.value for topic in Topic]
    assert (made["officer"], made["language"], made["explained_in"], made["cndh_present"]) == (
        "opi-0417", "spa", "spa", True,
    )  # fmt: skip
    assert "canary" not in made["answer"].text
    assert "canary" not in repr(await world.everything())
    assert b"canary" not in world.files()


async def test_another_topic_is_refused_and_nothing_kept(world: World) -> None:
    child_id = (await world.met())["child_id"]
    before = await world.everything()
    outcome = await held(world, "IDENTITY", "SMUGGLER_ROUTE", child_id=child_id)
    problem = assert_problem(outcome["answer"], 422, "invalid_request")
    assert (problem["rule"], problem["source"]) == ("R14", "Ley de Migración, art. 112, fr. VI")
    assert problem["errors"] == [{"pointer": "/answers/1/topic", "reason": "not_a_lawful_topic"}]
    assert problem["allowed_actions"] == [topic.value for topic in Topic]
    assert "SMUGGLER" not in outcome["answer"].text  # never the value
    assert await world.everything() == before


@ONE
@pytest.mark.parametrize(
    ("changes", "rule", "article"),
    [
        ({"opi": False}, "R14-OFFICER", "112, fr. VI"),
        ({"explained_at": None}, "R27", "112, fr. IV"),
        ({"language": "mam"}, "R27-INTERPRETER", "92"),
        ({"explained_in": "mam"}, "R27-INTERPRETER", "92"),
    ],
    ids=["officer", "explanation", "language", "explanation's language"],
)
async def test_an_unlawful_interview_is_refused(world: World, changes: Row, rule: str, article: str) -> None:
    refused(await held(world, **changes), rule, article)
    assert await world.rows("interview") == []


@ONE
async def test_with_an_interpreter_any_language_will_do(world: World) -> None:
    assert (await held(world, language="mam", explained_in="mam", interpreter=True))["status"] == 201


@ONE
async def test_each_topic_is_told_once(world: World) -> None:
    assert_problem((await held(world, "IDENTITY", "IDENTITY"))["answer"], 422, "invalid_request")


@ONE
async def test_nobody_but_inm_records_an_interview_of_a_child_of_its_state(world: World) -> None:
    child_id = (await world.met())["child_id"]
    for kind in ("PP", "DIF", "UNICEF"):
        answer = await world.add(child_id, "interviews", interview(), kind=kind)
        assert_problem(answer, 403, "forbidden")
    elsewhere = await world.add(child_id, "interviews", interview(), state="MX-OAX")
    assert_problem(elsewhere, 404, "not_found")


# -- the guard -----------------------------------------------------------------------------------------------


async def test_signs_in_an_interview_close_the_guard_before_it_is_recorded(world: World) -> None:
    made = await held(world, "PROTECTION_NEEDS", indicators=["FEAR_OF_RETURN"])
    assert made["status"] == 201, made
    assert world.referral.facts[-1][2]["indicators"] == ["FEAR_OF_RETURN"]
    (screening,) = (await world.get(f"{CHILDREN}/{made['child_id']}/screenings", kind="PP")).json()["items"]
    assert (screening["indicators"], screening["officer"]) == (["FEAR_OF_RETURN"], "opi-0417")
    (row,) = await world.rows("interview")
    assert row["screening_id"] == screening["id"]


async def test_where_the_guard_cannot_be_told_nothing_is_recorded(world: World) -> None:
    child_id = (await world.met())["child_id"]
    before = await world.everything()
    outcome = await held(world.without_referral(), "PROTECTION_NEEDS", child_id=child_id, indicators=["PERSECUTION"])
    assert_problem(outcome["answer"], 503, "unavailable")
    assert await world.everything() == before


@ONE
async def test_needs_of_protection_are_not_spoken_of_without_a_word_to_the_guard(world: World) -> None:
    child_id = (await world.met())["child_id"]
    body = interview("PROTECTION_NEEDS")
    del body["indicators"]
    answer = await world.add(child_id, "interviews", body)
    refused({"answer": answer}, "R15-INTERVIEW", "112, fr. V")
    assert (await held(world, "PROTECTION_NEEDS", child_id=child_id))["status"] == 201  # none found
    assert (await held(world, "MEDICAL_NEEDS", child_id=child_id))["status"] == 201  # not spoken of
    assert len(await world.rows("screening")) == 1


# -- reading ---------------------------------------------------------------------------------------------------


async def test_an_interview_is_shared_with_procuraduria_and_dif_and_every_reading_recorded(world: World) -> None:
    made = await held(world, "IDENTITY", "PROTECTION_NEEDS")
    path = f"{INTERVIEWS}/{made['id']}"
    fears = {"INM": None, "PP": "Dijo canary PROTECTION_NEEDS", "DIF": "Dijo canary PROTECTION_NEEDS"}
    for kind, said in fears.items():
        shown = (await world.get(path, kind=kind)).json()
        assert [each["said"] for each in shown["answers"]] == ["Dijo canary IDENTITY", said]
        assert [each["topic"] for each in shown["answers"]] == ["IDENTITY", "PROTECTION_NEEDS"]
    read = [row for row in await world.rows("audit_entry") if row["action"] == "read"]
    assert [(row["agency"], row["resource"], row["resource_id"]) for row in read] == [
        (f"{kind.lower()}-chp", "interview", made["id"]) for kind in fears
    ]
    assert "canary" not in repr(read)
    for who in ({"state": "MX-OAX"}, {"kind": "PP", "state": "MX-OAX"}, {"kind": "DIF", "state": "MX-OAX"}):
        assert_problem(await world.get(path, **who), 404, "not_found")
    for kind in ("COMAR", "UNICEF", "CONSULATE", "UPM", "OPERATOR"):
        assert_problem(await world.get(path, kind=kind, state=None), 403, "forbidden")
    for kind in AUTHORITIES:
        assert (await world.get(path, kind=kind, state=None)).status_code == 200  # a federal office


async def test_a_childs_interviews_are_listed_without_what_was_said(world: World) -> None:
    made = await held(world, "IDENTITY")
    later = await held(world, "MEDICAL_NEEDS", child_id=made["child_id"])
    await held(world, child_id=(await world.met({"child": girl(given_names="Berta")} | _met()))["child_id"])
    path = f"{CHILDREN}/{made['child_id']}/interviews"
    for kind in AUTHORITIES:
        listed = await world.get(path, kind=kind)
        assert [each["id"] for each in listed.json()["items"]] == [later["id"], made["id"]]
        assert "canary" not in listed.text
    for who in ({"state": "MX-OAX"}, {"kind": "DIF", "state": "MX-OAX"}):
        assert_problem(await world.get(path, **who), 404, "not_found")
    assert_problem(await world.get(f"{CHILDREN}/{ids.new('chd')}/interviews"), 404, "not_found")


@ONE
async def test_an_interview_of_an_erased_child_is_gone(world: World) -> None:
    made = await held(world)
    (row,) = await world.rows("child")
    await world.keyring.erase(row["key_id"])
    assert_problem(await world.get(f"{INTERVIEWS}/{made['id']}", kind="DIF"), 404, "not_found")


@ONE
async def test_nobody_reads_an_interview_of_a_child_whose_record_is_blocked(world: World) -> None:
    made = await held(world)
    async with world.runtime.database.work() as session:
        await session.exec(update(Child).values(blocked_at=clock.now()))
    for kind in AUTHORITIES:
        assert_problem(await world.get(f"{INTERVIEWS}/{made['id']}", kind=kind), 404, "not_found")
        assert_problem(await world.get(f"{CHILDREN}/{made['child_id']}/interviews", kind=kind), 404, "not_found")


def _met() -> Row:
    return {"occurred_at": ago(hours=2), "place": {"state": "MX-CHP"}, "adult": {"tie": "NOBODY"}}
