"""Figures by dimensions of free choice, two periods compared, and the forms in which figures are given."""

import csv
import io
import zipfile
from typing import Any
from xml.etree import ElementTree

import pytest
from fastapi import Request

from services.intake.counts import service as counts
from shared import clock
from shared.forms.choice import MEDIA_TYPES, Form, form_of
from shared.forms.sheets import harmless
from tests.unit.intake.test_statistics import (
    COMPARED,
    JULY,
    MEXICAN,
    ONE,
    PUBLIC,
    STATISTICS,
    UPM,
    fill,
    fixture,
    met,
    released,
)
from tests.unit.intake.world import World, assert_problem

SVG = "{http://www.w3.org/2000/svg}"
XLSX = MEDIA_TYPES[Form.XLSX]


# -- by dimensions of free choice, and two periods -----------------------------------------------------


async def broken_down(world: World, query: str, **who: Any) -> Any:
    return await world.get(f"{STATISTICS}/breakdown?{query}", scope="statistics:read", **(who or UPM))


async def test_those_who_publish_count_by_dimensions_and_days_of_their_choice(world: World) -> None:
    await fixture(world)
    while await counts.turn(world.runtime.database):
        pass
    days = "series=FOREIGN&first_day=2026-01-31&last_day=2026-03-15"
    found = (await broken_down(world, f"{days}&by=sex&by=month")).json()
    got = {tuple(cell["dimensions"].values()): (cell["events"], cell["persons"]) for cell in found["cells"]}
    assert got == {
        ("F", "2026-01"): (6, 6), ("M", "2026-02"): (6, 2), ("F", "2026-03"): (9, 1), ("X", "2026-03"): (5, 5),
    }  # fmt: skip
    whole = (await broken_down(world, days)).json()
    assert [(cell["dimensions"], cell["events"], cell["persons"]) for cell in whole["cells"]] == [({}, 26, 14)]
    assert (found["first_day"], found["exact"], found["complete"], found["dimensions"]) == (
        "2026-01-31", True, True, ["sex", "month"],
    )  # fmt: skip


@pytest.mark.asyncio(loop_scope="module")
async def test_nobody_else_counts_by_days_of_their_choice(standing_world: World) -> None:
    days = "series=FOREIGN&first_day=2026-01-01&last_day=2026-01-31"
    refused = assert_problem(await broken_down(standing_world, days, **PUBLIC), 409, "refused_by_law")
    assert refused["rule"] == "R33"
    for bad in ("series=FOREIGN&first_day=2026-02-01&last_day=2026-01-31", f"{days}&by=name", "series=ALL"):
        assert_problem(await broken_down(standing_world, bad), 422, "invalid_request")


@ONE
async def test_the_public_compares_released_periods_by_what_is_published(world: World) -> None:
    await fixture(world)
    assert_problem(
        await world.get(f"{STATISTICS}/{COMPARED}", scope="statistics:read", **PUBLIC), 409, "refused_by_law"
    )
    with clock.at(JULY):
        await released(world)
        found = (await world.get(f"{STATISTICS}/{COMPARED}", scope="statistics:read", **PUBLIC)).json()
        exact = (await world.get(f"{STATISTICS}/{COMPARED}", scope="statistics:read", **UPM)).json()
    assert (found["period"]["events"], found["against"]["events"], found["rise_percent"]) == (5, 70, -92.9)
    assert (found["period"]["persons"], found["period"]["mexican_events"], found["period"]["version"]) == (None, 50, 1)
    assert (exact["period"]["events"], exact["period"]["persons"], exact["rise_percent"]) == (30, 18, -57.1)


# -- other forms --------------------------------------------------------------------------------------


async def formed(world: World, accept: str = "*/*", query: str = "", path: str = "T1", **headers: str) -> Any:
    async with world.calling(**UPM, scope="statistics:read") as upm:
        url = f"{STATISTICS}/{path}?first_month=2026-01&last_month=2026-06{query}"
        return await upm.get(url, headers={"Accept": accept} | headers)


@ONE
async def test_a_table_is_given_as_csv_xlsx_and_chart(world: World) -> None:
    evil = met("2026-03-01", persons=7, **MEXICAN, return_point='=HYPERLINK("http://x")', returned_from="USA")
    await fill(world, met("2026-01-31", persons=6), met("2026-01-31", persons=2, nationality=None), evil)
    sheet = await formed(world, "text/csv")
    assert sheet.headers["content-type"] == "text/csv; charset=utf-8"
    assert sheet.headers["content-disposition"] == 'attachment; filename="T1-2026-01-2026-06.csv"'
    heads, tags, *rows = csv.reader(io.StringIO(sheet.text))
    assert heads[:4] == ["Nacionalidad", "Nacionalidad (nombre)", "Edad", "Edad (nombre)"]
    assert tags[:4] == ["#country+nationality+code", "#country+nationality+name", "#group+age+code", "#group+age+name"]
    assert len(heads) == len(tags) == len(rows[0]) == len(set(tags))
    assert [row[1] for row in rows] == ["no especificado", "Honduras"]
    assert rows[1][6:10] == ["6", "6", "2026-01", "2026-06"]
    assert rows[1][12:] == ["", "R33", "UPM, tables from INM's records, as quoted by the press in 2019"]
    english = await formed(world, query="&format=csv&lang=en")
    assert english.text.startswith("Nationality,Nationality (name),Age,Age (name),Travel condition,")
    assert "'=HYPERLINK" in (await formed(world, "text/csv", path="T6A")).text

    book = await formed(world, "application/json;q=0.1, " + XLSX)
    assert book.headers["content-type"] == XLSX
    with zipfile.ZipFile(io.BytesIO(book.content)) as parts:
        page = parts.read("xl/worksheets/sheet1.xml").decode()
    assert "#country+nationality+code" in page
    assert "<f>" not in page
    other = await formed(world, query="&format=xlsx", path="T6A")
    with zipfile.ZipFile(io.BytesIO(other.content)) as parts:
        page = parts.read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in page
    assert "'=HYPERLINK" in page

    chart = await formed(world, "image/svg+xml")
    root = ElementTree.fromstring(chart.content)  # noqa: S314  (we wrote it)
    assert (root.get("role"), root.get("aria-labelledby"), root.get("lang")) == ("group", "title desc", "es")
    assert [each.tag.removeprefix(SVG) for each in root][:2] == ["title", "desc"]
    cells = [each.text for each in root.iter(f"{SVG}text") if each.get("role") in ("rowheader", "cell")]
    assert cells == [
        "Honduras · 12 a 17 · no acompañado", "6", "no especificado · 12 a 17 · no acompañado", "2",
    ]  # fmt: skip
    assert "R33" in chart.text
    assert "HYPERLINK(&quot;" in (await formed(world, "image/svg+xml", path="T6A")).text


@ONE
async def test_a_reader_who_has_it_is_told_so(world: World) -> None:
    first = await formed(world, "text/csv")
    again_ = await formed(world, "text/csv", **{"If-None-Match": f'"other", {first.headers["etag"]}'})
    assert (again_.status_code, again_.content) == (304, b"")
    assert (await formed(world, "application/json", **{"If-None-Match": first.headers["etag"]})).status_code == 200
    await fill(world, met("2026-01-31"))
    changed = await formed(world, "text/csv", **{"If-None-Match": first.headers["etag"]})
    assert (changed.status_code, changed.headers["etag"] != first.headers["etag"]) == (200, True)


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("", "json"), ("*/*", "json"), ("text/csv", "csv"), ("text/*", "csv"), ("text/html, image/svg+xml", "svg"),
        ("text/csv;q=0.5, application/json;q=0.9", "json"), ("text/csv;q=x, text/html", "json"),
        ("text/csv;q=0", "json"),
    ],
)  # fmt: skip
def test_accept_chooses_the_form(accept: str, form: str) -> None:
    assert form_of(Request({"type": "http", "headers": [(b"accept", accept.encode())]}), None) == form


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\r=1", "＝1"])
def test_no_spreadsheet_takes_a_text_for_a_formula(text: str) -> None:
    assert harmless(text) == f"'{text}"


def test_numbers_and_other_texts_stay_as_they_are() -> None:
    assert [harmless(each) for each in (-1, "a=b", None, True)] == [-1, "a=b", None, True]
