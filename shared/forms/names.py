"""What countries and states are called, in Spanish and English."""

import csv
import gettext
from functools import cache
from importlib.resources import as_file, files

from shared import jsons
from shared.catalogue import Text


@cache
def countries() -> dict[str, Text]:
    """Return the names of countries by their three letters (ISO 3166-1, as pycountry carries it)."""
    package = files("pycountry")
    content = jsons.loads((package / "databases" / "iso3166-1.json").read_bytes())
    with as_file(package / "locales") as locales:
        spanish = gettext.translation("iso3166-1", locales, ["es"])
    named = {row["alpha_3"]: row.get("common_name", row["name"]) for rows in content.values() for row in rows}
    return {code: Text(name, spanish.gettext(name)) for code, name in named.items()}


@cache
def states() -> dict[str, Text]:
    """Return the names of the 32 states by their codes (ISO 3166-2). They are the same in both languages."""
    text = (files("shared") / "states.csv").read_text(encoding="utf-8")
    return {row["code"]: Text(row["name"], row["name"]) for row in csv.DictReader(text.splitlines())}
