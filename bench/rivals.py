"""What matching is compared with: plain trigrams, and an off-the-shelf record-linkage library (Splink 5)."""

import importlib.util
import itertools
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.people import HELD_OUT_SEED, TUNING_SEED
from bench.people.meetings import Meeting, meetings
from services.intake.matches.names import fold

Scored = list[tuple[float, bool]]


def run(size: int) -> dict[str, float]:
    """Return the F1 of each rival among so many children of the held-out seed."""
    found = {"trigrams": _rival(_trigrams, size)}
    if importlib.util.find_spec("splink"):
        found["splink"] = _rival(_splink, size)
    return found


def _rival(scores: Callable[[list[Meeting]], Scored], size: int) -> float:
    """Choose the threshold that is best for the tuning seed, and measure at it on the held-out one."""
    threshold = max(_curve(_met(TUNING_SEED, size), scores))[1]
    met = _met(HELD_OUT_SEED, size)
    kept = [same for score, same in scores(met) if score >= threshold]
    return round(2 * sum(kept) / (len(kept) + _pairs(met)), 4)


def _curve(met: list[Meeting], scores: Callable[[list[Meeting]], Scored]) -> list[tuple[float, float]]:
    """Return F1 at each threshold."""
    right, found = 0, []
    pairs = _pairs(met)
    for place, (score, same) in enumerate(sorted(scores(met), reverse=True), 1):
        right += same
        found.append((2 * right / (place + pairs), score))
    return found


def _met(seed: int, size: int) -> list[Meeting]:
    return list(itertools.takewhile(lambda each: each.child < size, meetings(seed)))


def _pairs(met: list[Meeting]) -> int:
    return sum(n * (n - 1) // 2 for n in Counter(each.child for each in met).values())


def _text(meeting: Meeting) -> str:
    known = meeting.identity
    names = " ".join(known[name] or "" for name in ("given_names", "first_surname", "second_surname"))
    return f"{fold(names)} {known['birth_date'] or ''} {meeting.sex} {meeting.nationality}"


def _trigrams(met: list[Meeting]) -> Scored:
    """Score every pair by the share of common trigrams, as PostgreSQL's pg_trgm counts them: words padded."""
    sets = []
    for meeting in met:
        padded = [f"  {word} " for word in _text(meeting).replace("-", " ").split()]
        sets.append(frozenset(word[at : at + 3] for word in padded for at in range(len(word) - 2)))
    found = []
    for one, other in itertools.combinations(range(len(met)), 2):
        common = len(sets[one] & sets[other])
        score = common / (len(sets[one]) + len(sets[other]) - common)
        if score >= 0.3:
            found.append((score, met[one].child == met[other].child))
    return found


def _splink(met: list[Meeting]) -> Scored:
    """Score by Splink as its own guide sets it up: blocking rules, comparisons from its library, EM for the weights."""
    # Only where it is installed: it is not needed for anything else.
    import pandas as pd  # type: ignore[import-untyped]  # has no types
    import splink.comparison_library as cl  # type: ignore[import-not-found]  # as said above
    from splink import DuckDBAPI, Linker, SettingsCreator, block_on

    rows = [
        {"unique_id": number, **{name: fold(m.identity[name]) if m.identity[name] else None
         for name in ("given_names", "first_surname", "second_surname")},
         "birth_date": m.identity["birth_date"], "sex": m.sex, "nationality": m.nationality, "language": m.language}
        for number, m in enumerate(met)
    ]  # fmt: skip
    settings = SettingsCreator(
        link_type="dedupe_only",
        comparisons=[
            cl.JaroWinklerAtThresholds("given_names", [0.9, 0.7]),
            cl.ForenameSurnameComparison("first_surname", "second_surname"),
            cl.DateOfBirthComparison("birth_date", input_is_string=True),
            cl.ExactMatch("sex"), cl.ExactMatch("nationality"), cl.ExactMatch("language"),
        ],
        blocking_rules_to_generate_predictions=[
            block_on("birth_date"), block_on("given_names", "first_surname"),
            block_on("first_surname", "second_surname"), block_on("given_names", "second_surname"),
            block_on("first_surname", "substr(birth_date, 1, 4)"),
            block_on("given_names", "substr(birth_date, 1, 4)"),
        ],
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        api = DuckDBAPI(connection=str(Path(folder) / "splink.db"))
        frame: Any = pd.DataFrame(rows)
        linker = Linker(api.register(frame), settings)
        linker.training.estimate_probability_two_random_records_match(
            [block_on("birth_date", "first_surname")], recall=0.6
        )
        linker.training.estimate_u_using_random_sampling(max_pairs=1e6)
        linker.training.estimate_parameters_using_expectation_maximisation(block_on("birth_date"))
        linker.training.estimate_parameters_using_expectation_maximisation(block_on("given_names", "first_surname"))
        pairs = linker.inference.predict().as_pandas_dataframe()
    return [
        (float(row.match_weight), met[row.unique_id_l].child == met[row.unique_id_r].child)
        for row in pairs.itertuples()
    ]
