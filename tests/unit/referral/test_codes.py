"""Code lists: every code has its text in both languages, and is published."""

import pytest

from services.referral.codes.rules import LISTED
from tests.unit.referral.world import World


@pytest.fixture
def database_kind() -> str:
    """No list is in a database."""
    return "sqlite"


def test_every_code_has_a_text_in_both_languages() -> None:
    for each in LISTED:
        assert set(each.texts) == set(each.codes), each.name
        assert all(text.en and text.es for text in each.texts.values())


async def test_the_lists_are_published(world: World) -> None:
    lists = (await world.get("unicef", "/codes"))["items"]
    assert [each["name"] for each in lists] == sorted(each.name for each in LISTED)
    one = await world.get("unicef", "/codes/decline-reasons")
    assert one["codes"][0] == {
        "code": "NO_CAPACITY", "text_en": "No place or no staff", "text_es": "Sin lugar o sin personal",
    }  # fmt: skip
    assert one["source"]
    await world.get("unicef", "/codes/nothing", 404)
