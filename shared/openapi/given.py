"""A field of a change that may be left out, and not be emptied."""

from pydantic import GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema


class Given:
    """Leaves null out of the description: it stands for a field that was left out, and is refused when it is sent."""

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        described = handler(core)
        (kept,) = [each for each in described.pop("anyOf") if each != {"type": "null"}]
        return {**described, **kept}
