"""Possible matches: found when a child is met again, shown without a word of who it is."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from services.intake.matches import service, store, upkeep
from services.intake.matches.blind import unpacked
from shared import clock
from shared.db import run
from shared.testing import key
from tests.unit.intake.world import ENCOUNTERS, Row, World, again, assert_problem, encounter, girl

MATCHES = "/v1/intake/matches"
SAME = {"given_names": "Xiomara Belén", "first_surname": "Ixchop", "second_surname": "Tzoc"}
HEARD = {"given_names": "Xiomara Belem", "first_surname": "Ixchop", "second_surname": "Tzok"}


async def twice(world: World, second: Row | None = None, state: str = "MX-CHP") -> tuple[Row, Row]:
    """Meet a girl in Chiapas, and again somewhere, as another officer heard her name."""
    first = await world.met(encounter(child=girl(**SAME)))
    other = encounter(child=girl(**(second or HEARD)), place={"state": state})
    return first, await world.met(other, state=state)


def clock_at(**later: float) -> Any:
    return clock.at(clock.now() + timedelta(**later))


async def persons(world: World, *child_ids: str) -> dict[str, str]:
    async with world.runtime.database.work(write=False) as session:
        return await store.person_of(session, child_ids)


async def strip(world: World, *tables: str) -> None:
    async with world.runtime.database.work() as session:
        for table in tables:
            await run(session, text(f'DELETE FROM "{table}"'))


async def keys(world: World) -> dict[str, list[int]]:
    return {row["child_id"]: unpacked(row["keys"]) for row in await world.rows("match_child", "child_id")}


async def act(world: World, match: str, name: str, code: str, etag: str | None = '"v1"', **who: Any) -> Any:
    async with world.calling(**who) as caller:
        headers = key() | ({} if etag is None else {"If-Match": etag})
        return await caller.post(f"{MATCHES}/{match}/{name}", json={"code": code}, headers=headers)


async def test_a_child_who_is_met_again_under_another_spelling_is_found_in_the_same_request(world: World) -> None:
    first, second = await twice(world)
    assert first["possible_matches"] == []
    (possible,) = second["possible_matches"]
    assert possible["band"] == "strong"
    shown = (await world.get(f"{MATCHES}/{possible['match_id']}")).json()
    assert {side["child_id"] for side in shown["children"]} == {first["child_id"], second["child_id"]}
    assert (shown["status"], shown["allowed_actions"]) == ("proposed", ["link", "reject"])
    levels = {reason["field"]: reason["level"] for reason in shown["reasons"]}
    assert levels["given_names"] == levels["surnames"] == "agree+close"
    assert levels["birth_date"] == "agree"
    assert (await world.get(f"{ENCOUNTERS}/{first['id']}")).json()["possible_matches"] == [possible]
    assert [each["id"] for each in (await world.get(MATCHES)).json()["items"]] == [possible["match_id"]]


async def test_another_child_is_not_found(world: World) -> None:
    _, second = await twice(world, {**SAME, "given_names": "Rosa"})
    assert second["possible_matches"] == []


async def test_an_encounter_of_a_known_child_names_the_matches_that_wait(world: World) -> None:
    first, second = await twice(world)
    third = await world.met(again(first["child_id"]))
    assert third["possible_matches"] == second["possible_matches"]


async def test_nothing_that_matching_keeps_or_says_holds_a_name_or_a_date(world: World, log: Any) -> None:
    born = girl()["birth_date"]
    first, second = await twice(world)
    (possible,) = second["possible_matches"]
    said = (await world.get(f"{MATCHES}/{possible['match_id']}")).text
    await world.patch(first["child_id"], {"identity": {**SAME, "birth_date": born}})
    with clock_at(minutes=2):
        assert await upkeep.turn(world.runtime)
    kept = repr(await world.everything()) + log.text + said + repr(world.files())
    for word in ("xiomara", "belen", "belem", "ixchop", "tzo", "isxob", born):
        assert word not in kept.lower(), word


# -- review ------------------------------------------------------------------------------------------------------


async def test_a_link_makes_one_person_and_referral_takes_both_for_relatives_first(world: World) -> None:
    first, second = await twice(world)
    match = second["possible_matches"][0]["match_id"]
    answer = await act(world, match, "link", "DOCUMENTS", kind="PP")
    assert answer.status_code == 200, answer.text
    assert answer.headers["etag"] == '"v2"'
    assert (answer.json()["status"], answer.json()["decided_by"]) == ("linked", "pp-chp")
    one, other = first["child_id"], second["child_id"]
    told = {path.rpartition("/")[2]: body["relatives"] for path, _, body in world.referral.facts}
    assert told == {one: [other], other: [one]}
    assert await persons(world, one, other) == {one: min(one, other), other: min(one, other)}
    child = await world.child(one)
    assert (child["version"], child["relatives"]) == (2, [])
    assert [row for row in await world.rows("audit_entry") if (row["action"], row["resource"]) == ("link", "match")]


async def test_what_is_found_and_decided_is_counted(world: World) -> None:
    before = {name: service.MATCHES.labels(name)._value.get() for name in ("found_strong", "linked", "unlinked")}
    _, second = await twice(world)
    match = second["possible_matches"][0]["match_id"]
    await act(world, match, "link", "DOCUMENTS")
    await act(world, match, "unlink", "NEW_EVIDENCE", '"v2"')
    assert {name: service.MATCHES.labels(name)._value.get() - was for name, was in before.items()} == dict.fromkeys(
        before, 1
    )


async def test_a_link_that_referral_does_not_confirm_is_not_made(world: World) -> None:
    first, second = await twice(world)
    match = second["possible_matches"][0]["match_id"]
    world.referral.status = 503
    assert_problem(await act(world, match, "link", "DOCUMENTS"), 503, "unavailable")
    assert (await world.get(f"{MATCHES}/{match}")).json()["status"] == "proposed"
    assert await world.rows("person_link", "child_id") == []
    assert (await world.child(first["child_id"]))["version"] == 1


async def test_unlinking_gives_back_two_persons_and_opens_nothing_at_the_guard(world: World) -> None:
    first, second = await twice(world)
    match = second["possible_matches"][0]["match_id"]
    await act(world, match, "link", "CHILD_CONFIRMS")
    told = len(world.referral.facts)
    answer = await act(world, match, "unlink", "LINKED_BY_MISTAKE", '"v2"')
    assert answer.json()["status"] == "unlinked"
    assert await persons(world, first["child_id"], second["child_id"]) == {
        first["child_id"]: first["child_id"], second["child_id"]: second["child_id"],
    }  # fmt: skip
    assert len(world.referral.facts) == told
    assert (await act(world, match, "link", "DOCUMENTS", '"v3"')).json()["status"] == "linked"


async def test_who_is_linked_through_a_third_is_a_relative_of_each(world: World) -> None:
    first, second = await twice(world)
    await act(world, second["possible_matches"][0]["match_id"], "link", "DOCUMENTS")
    third = await world.met(encounter(child=girl(**HEARD)))
    (possible,) = third["possible_matches"]  # one for the person, not one for each record of it
    world.referral.facts.clear()
    assert (await act(world, possible["match_id"], "link", "DOCUMENTS")).status_code == 200
    everyone = {each["child_id"] for each in (first, second, third)}
    told = {path.rpartition("/")[2]: set(body["relatives"]) for path, _, body in world.referral.facts}
    assert told == {child: everyone - {child} for child in everyone}


async def test_a_rejected_pair_is_not_proposed_again(world: World) -> None:
    _, second = await twice(world)
    match = second["possible_matches"][0]["match_id"]
    assert (await act(world, match, "reject", "SIBLING")).json()["status"] == "rejected"
    async with world.runtime.database.work() as session:
        await service.refresh(session, world.runtime, second["child_id"])
    assert [each["status"] for each in await world.rows("child_match")] == ["rejected"]
    assert (await world.get(MATCHES)).json()["items"] == []
    assert [each["id"] for each in (await world.get(f"{MATCHES}?status=rejected")).json()["items"]] == [match]


async def test_a_step_needs_its_reason_its_version_and_its_turn(world: World) -> None:
    _, second = await twice(world)
    match = second["possible_matches"][0]["match_id"]
    assert_problem(await act(world, match, "link", "TWIN"), 422, "invalid_request")
    assert_problem(await act(world, match, "link", "DOCUMENTS", None), 428, "precondition_required")
    assert_problem(await act(world, match, "link", "DOCUMENTS", '"v7"'), 412, "stale_version")
    refused = assert_problem(await act(world, match, "unlink", "NEW_EVIDENCE"), 409, "illegal_move")
    assert refused["allowed_actions"] == ["link", "reject"]
    assert_problem(await act(world, f"mtc_{'0' * 32}", "link", "DOCUMENTS"), 404, "not_found")


# -- two states --------------------------------------------------------------------------------------------------


async def test_records_of_two_states_need_a_reviewer_of_each(world: World) -> None:
    first, second = await twice(world, state="MX-TAB")
    match = second["possible_matches"][0]["match_id"]
    seen = (await world.get(f"{MATCHES}/{match}", state="MX-TAB")).json()
    assert {side["child_id"] for side in seen["children"]} == {None, second["child_id"]}
    half = (await act(world, match, "link", "DOCUMENTS", kind="PP", state="MX-TAB")).json()
    assert (half["status"], half["confirmed_by_state"]) == ("confirmed", "MX-TAB")
    assert half["allowed_actions"] == ["reject"]
    assert world.referral.facts == []
    assert_problem(await act(world, match, "link", "DOCUMENTS", '"v2"', state="MX-TAB"), 409, "illegal_move")
    assert (await world.get(MATCHES, state="MX-TAB")).json()["items"] == []
    assert [each["id"] for each in (await world.get(MATCHES)).json()["items"]] == [match]
    whole = (await act(world, match, "link", "SEEN_IN_PERSON", '"v2"')).json()
    assert whole["status"] == "linked"
    assert {side["child_id"] for side in whole["children"]} == {None, first["child_id"]}


async def test_a_federal_office_links_records_of_two_states_alone(world: World) -> None:
    first, second = await twice(world, state="MX-TAB")
    match = second["possible_matches"][0]["match_id"]
    linked = (await act(world, match, "link", "DOCUMENTS", state=None)).json()
    assert linked["status"] == "linked"
    assert {side["child_id"] for side in linked["children"]} == {first["child_id"], second["child_id"]}


@pytest.mark.parametrize("who", [{"state": "MX-SON"}, {"kind": "PP", "state": "MX-SON"}])
async def test_a_third_state_knows_of_no_match(world: World, who: Row) -> None:
    _, second = await twice(world, state="MX-TAB")
    match = second["possible_matches"][0]["match_id"]
    assert_problem(await world.get(f"{MATCHES}/{match}", **who), 404, "not_found")
    assert_problem(await act(world, match, "link", "DOCUMENTS", **who), 404, "not_found")
    assert (await world.get(MATCHES, **who)).json()["items"] == []


@pytest.mark.parametrize("kind", ["DIF", "COMAR", "CONSULATE", "IO"])
async def test_only_inm_and_the_procuradurias_review(standing_world: World, kind: str) -> None:
    assert_problem(await standing_world.get(MATCHES, kind=kind), 403, "forbidden")
    assert_problem(await act(standing_world, f"mtc_{'0' * 32}", "link", "DOCUMENTS", kind=kind), 403, "forbidden")


async def test_reading_the_reasons_is_recorded(world: World) -> None:
    _, second = await twice(world)
    match = second["possible_matches"][0]["match_id"]
    await world.get(f"{MATCHES}/{match}", kind="PP")
    (read,) = [row for row in await world.rows("audit_entry") if (row["action"], row["resource"]) == ("read", "match")]
    assert (read["resource_id"], read["agency"]) == (match, "pp-chp")


async def test_the_list_goes_by_score_page_by_page(world: World) -> None:
    await twice(world)
    await world.met(encounter(child=girl(**SAME)))
    everything = (await world.get(MATCHES)).json()["items"]
    assert len(everything) == 3
    scores = [each["score"] for each in everything]
    assert scores == sorted(scores, reverse=True)
    paged: list[Row] = []
    cursor: str | None = ""
    while cursor is not None:
        page = (await world.get(f"{MATCHES}?limit=1{cursor and f'&cursor={cursor}'}")).json()
        paged, cursor = paged + page["items"], page["next"]
    assert paged == everything
