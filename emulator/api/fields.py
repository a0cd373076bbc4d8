"""Reading parameters the way the framework's serializer fields do, with its codes and messages."""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from taskhouse.emulator.api.errors import invalid

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

_UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_TRUE: Final = frozenset({"t", "y", "yes", "true", "on", "1"})
_FALSE: Final = frozenset({"f", "n", "no", "false", "off", "0"})
_MAX_DIGITS: Final = 1000
_POINT_ZERO: Final = re.compile(r"\.0*\s*$")


def canonical_uuid(value: Any) -> str | None:
    """The lower-case dashed form of a UUID in any spelling that Python reads, or None."""
    if isinstance(value, str):
        if _UUID.fullmatch(value):
            return value
        try:
            return str(uuid.UUID(hex=value))
        except ValueError:
            return None
    if isinstance(value, int) and not isinstance(value, bool):
        try:
            return str(uuid.UUID(int=value))
        except ValueError:
            return None
    return None


def integer(query: Mapping[str, str], name: str, *, default: int, low: int, high: int | None = None) -> int:
    """An integer within bounds; outside is 400, never clamped. Empty is the default."""
    value = optional_integer(query, name)
    if value is None:
        return default
    if value < low:
        raise invalid(name, f"Ensure this value is greater than or equal to {low}.", "min_value")
    if high is not None and value > high:
        raise invalid(name, f"Ensure this value is less than or equal to {high}.", "max_value")
    return value


def optional_integer(query: Mapping[str, str], name: str) -> int | None:
    """An integer as Python reads it, or one with nothing but zeros after its point; None when absent or empty."""
    text = query.get(name, "")
    if not text:
        return None
    if len(text) > _MAX_DIGITS:
        raise invalid(name, "String value too large.", "max_string_length")
    try:
        return int(_POINT_ZERO.sub("", text))
    except ValueError:
        raise invalid(name, "A valid integer is required.") from None


def boolean(query: Mapping[str, str], name: str, *, default: bool | None) -> bool | None:
    """A truth value in the framework's spellings; empty is the default."""
    text = query.get(name, "").strip().lower()
    if not text:
        return default
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    raise invalid(name, "Must be a valid boolean.")


def choice(query: Mapping[str, str], name: str, choices: Collection[str]) -> str | None:
    """One of the choices, or None when absent or empty."""
    text = query.get(name, "")
    if not text:
        return None
    if text not in choices:
        raise invalid(name, f'"{text}" is not a valid choice.', "invalid_choice")
    return text


def optional_uuid(query: Mapping[str, str], name: str) -> str | None:
    """A UUID, or None when absent or empty."""
    text = query.get(name, "")
    if not text:
        return None
    found = canonical_uuid(text)
    if found is None:
        raise invalid(name, "Must be a valid UUID.")
    return found


def moment(query: Mapping[str, str], name: str) -> datetime | None:
    """An ISO 8601 time, naive ones in UTC; None when absent or empty."""
    text = query.get(name, "")
    if not text:
        return None
    try:
        return in_utc(datetime.fromisoformat(text))
    except ValueError:
        detail = (
            "Datetime has wrong format. Use one of these formats instead: "
            "YYYY-MM-DDThh:mm[:ss[.uuuuuu]][+HH:MM|-HH:MM|Z]."
        )
        raise invalid(name, detail) from None


def in_utc(at: datetime) -> datetime:
    """The moment in UTC; a naive one is taken as UTC."""
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def uuid_list(body: Any, name: str, *, longest: int) -> list[str]:
    """A required, non-empty list of UUIDs in a JSON object.

    One bad element fails the whole body, with the element's index in ``attr`` (``ids__1``).
    """
    if not isinstance(body, dict):
        raise invalid(None, f"Invalid data. Expected a dictionary, but got {type(body).__name__}.")
    if name not in body:
        raise invalid(name, "This field is required.", "required")
    values = body[name]
    if values is None:
        raise invalid(name, "This field may not be null.", "null")
    if not isinstance(values, list):
        raise invalid(name, f'Expected a list of items but got type "{type(values).__name__}".', "not_a_list")
    if not values:
        raise invalid(name, "This list may not be empty.", "empty")
    found = []
    for index, value in enumerate(values):
        found.append(_element(value, f"{name}__{index}"))
    if len(values) > longest:
        raise invalid(name, f"Ensure this field has no more than {longest} elements.", "max_length")
    return found


def _element(value: Any, attr: str) -> str:
    if value is None:
        raise invalid(attr, "This field may not be null.", "null")
    found = canonical_uuid(value)
    if found is None:
        raise invalid(attr, "Must be a valid UUID.")
    return found


def required_text(query: Mapping[str, str], name: str) -> str:
    """A trimmed text; missing and blank are different errors."""
    if name not in query:
        raise invalid(name, "This field is required.", "required")
    text = query[name].strip()
    if not text:
        raise invalid(name, "This field may not be blank.", "blank")
    return text
