"""Each receiver, built and listening once for all tests of a file."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.receivers.kit import LANGUAGES, Language, Running, built, running
from tests.receivers.messages import NEXT_SECRET, SECRET, settings


@pytest.fixture(scope="module", params=LANGUAGES, ids=[language.folder for language in LANGUAGES])
def language(request: pytest.FixtureRequest) -> Language:
    chosen: Language = request.param
    return chosen


@pytest.fixture(scope="module")
def folder(language: Language, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(language, tmp_path_factory.mktemp("receivers"))


@pytest.fixture(scope="module")
def receiver(language: Language, folder: Path) -> Iterator[Running]:
    """One receiver for all tests; it knows two secrets, as while a key is being replaced."""
    with running(language, folder, **settings(folder / "events.jsonl", f"{SECRET}, {NEXT_SECRET}")) as listening:
        yield listening
