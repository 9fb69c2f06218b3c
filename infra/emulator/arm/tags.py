"""Tags and property dictionaries: what resources of every type map from strings to strings."""

from typing import Any

from infra.emulator.arm.call import invalid
from infra.emulator.errors import ServiceError

MAX_TAGS = 50
MAX_NAME = 512
MAX_VALUE = 256


def string_map(name: str, value: Any) -> dict[str, str | None]:
    """The dictionary in the field `name` with its numbers as strings, as the service reads them; 400 for others."""
    if value is None:
        return {}
    if not isinstance(value, dict) or any(isinstance(item, dict | list) for item in value.values()):
        message = f"The field {name} must map strings to strings."
        raise invalid(message, code="ValidationError", target=f"properties.{name}")
    return {key: item if item is None else str(item) for key, item in value.items()}


def checked_tags(sent: Any) -> dict[str, str | None]:
    """The tags of a tracked resource; 400 for too many or for names or values that are too long."""
    tags = string_map("tags", sent)
    for name, value in tags.items():
        if len(name) > MAX_NAME or len(value or "") > MAX_VALUE:
            raise ServiceError(
                400,
                "InvalidTagValueLength",
                f"Tag '{name[:64]}' is too long: names may have {MAX_NAME} characters, values {MAX_VALUE}.",
            )
    if len(tags) > MAX_TAGS:
        raise ServiceError(400, "TooManyTags", f"A resource may have {MAX_TAGS} tags, not {len(tags)}.")
    return tags
