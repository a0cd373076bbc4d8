"""Fields of an object of the API, read one by one: each is what the contract says, or the record is bad.

``data`` is the object, ``name`` the field, and ``at`` the JSON pointer of the object within its record.
"""

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast

INTEGER, BIGINT = 2**31, 2**63
"""Bounds of the columns of whole numbers."""
EARLIEST, LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
"""A time outside of these is no time of a task."""


class BadRecord(Exception):
    """An object that breaks the contract: where (a JSON pointer) and why."""

    def __init__(self, pointer: str, reason: str) -> None:
        super().__init__(f"{pointer}: {reason}")
        self.pointer = pointer
        self.reason = reason


def _value(data: Mapping[str, Any], name: str, at: str, kind: type, word: str, *, optional: bool) -> Any:
    value = data.get(name)
    if value is None and optional:
        return None
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise BadRecord(f"{at}/{name}", f"{'missing' if name not in data else f'not {word}'}")
    return value


def text(data: Mapping[str, Any], name: str, at: str = "", *, optional: bool = False) -> str | None:
    """A text."""
    return cast("str | None", _value(data, name, at, str, "a text", optional=optional))


def number(
    data: Mapping[str, Any], name: str, at: str = "", *, optional: bool = False, below: int = BIGINT
) -> int | None:
    """A whole number that its column can hold."""
    value = cast("int | None", _value(data, name, at, int, "a whole number", optional=optional))
    if value is not None and not -below <= value < below:
        raise BadRecord(f"{at}/{name}", "out of range")
    return value


def flag(data: Mapping[str, Any], name: str) -> bool | None:
    """True, false, or None where it is missing."""
    return cast("bool | None", _value(data, name, "", bool, "true or false", optional=True))


def mapping(data: Mapping[str, Any], name: str, *, optional: bool = False) -> dict[str, Any] | None:
    """An object."""
    return cast("dict[str, Any] | None", _value(data, name, "", dict, "an object", optional=optional))


def array(data: Mapping[str, Any], name: str) -> list[Any]:
    """An array; an empty one where it is missing."""
    return _value(data, name, "", list, "an array", optional=True) or []


def identifier(data: Mapping[str, Any], name: str, at: str = "") -> str:
    """A UUID, as the warehouse writes it."""
    value = text(data, name, at) or ""
    try:
        return str(uuid.UUID(value))
    except ValueError:
        raise BadRecord(f"{at}/{name}", "not a UUID") from None


def moment(data: Mapping[str, Any], name: str, *, optional: bool = False) -> str | None:
    """A time as ISO 8601 in UTC; the API writes three notations (API facts 1.8)."""
    value = text(data, name, optional=optional)
    if value is None:
        return None
    try:
        instant = datetime.fromisoformat(value)
        instant = instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadRecord(f"/{name}", "not a time") from None
    if not EARLIEST <= instant < LATEST:
        raise BadRecord(f"/{name}", "not a time between 2000 and 2200")
    return instant.isoformat()
