"""HTTP of code lists."""

from typing import Annotated

from fastapi import Path

from services.intake.codes import rules
from services.intake.codes.rules import CodeList
from services.intake.codes.schemas import CodeListItem, CodeListOut, CodeLists, CodeOut
from shared.auth import Allow, Caller
from shared.errors import NotFound
from shared.routing import router

codes = router("/v1/intake/codes", "codes")

Reader = Annotated[Caller, Allow("intake:read")]
Name = Annotated[
    str, Path(max_length=64, description="the list's name, as `/v1/intake/codes` has it", examples=["facility-kinds"])
]

_LISTS = {name: found for name, found in sorted(rules.lists().items())}


@codes.get("", summary="List the code lists")
async def index(_: Reader) -> CodeLists:
    """List every code list of the service by its name."""
    return CodeLists(items=[CodeListItem(name=name, size=len(found.codes)) for name, found in _LISTS.items()])


@codes.get("/{list_name}", summary="Read a code list")
async def show(_: Reader, list_name: Name) -> CodeListOut:
    """Return a list in Spanish and English, each code with its source, whether that is verified, and its validity."""
    found = _LISTS.get(list_name)
    if found is None:
        raise NotFound
    return _show(found)


def _show(found: CodeList) -> CodeListOut:
    return CodeListOut(
        name=found.name,
        codes=[
            CodeOut(
                code=each.code, text_en=each.text.en, text_es=each.text.es, source=each.source,
                verified=each.verified, valid_from=each.valid_from, valid_to=each.valid_to,
            )
            for each in found.codes
        ],
    )  # fmt: skip
