"""Fields of an object of the API, read one by one: each is what the contract says, or the record is bad.

``data`` is the object, ``name`` the field, and ``at`` the JSON pointer of the object within its record.
"""

import functools
import re
import uuid
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, cast

INTEGER, BIGINT = 2**31, 2**63
"""Bounds of the columns of whole numbers."""
EARLIEST, LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
"""A time outside of these is no time of a task."""

_CANONICAL = re.compile("[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
LONGEST = 100
"""Characters of an id or a time at most; both may be written with any number of hyphens or digits."""


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
    if type(value := data.get(name)) is str or (value is None and optional):
        return value
    return cast("str | None", _value(data, name, at, str, "a text", optional=optional))


def texts(data: Mapping[str, Any], names: Iterable[str]) -> dict[str, str | None]:
    """Several texts, each of which may be missing."""
    return {
        name: value if (value := data.get(name)) is None or type(value) is str else text(data, name, optional=True)
        for name in names
    }


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
    if type(value := data.get(name)) is bool:
        return value
    return cast("bool | None", _value(data, name, "", bool, "true or false", optional=True))


def mapping(data: Mapping[str, Any], name: str, *, optional: bool = False) -> dict[str, Any] | None:
    """An object."""
    if type(value := data.get(name)) is dict:
        return value
    return cast("dict[str, Any] | None", _value(data, name, "", dict, "an object", optional=optional))


def array(data: Mapping[str, Any], name: str) -> list[Any]:
    """An array; an empty one where it is missing."""
    if type(value := data.get(name)) is list:
        return value
    return _value(data, name, "", list, "an array", optional=True) or []


def identifier(data: Mapping[str, Any], name: str, at: str = "") -> str:
    """A UUID, as the warehouse writes it."""
    value = text(data, name, at) or ""
    try:
        return canonical_uuid(value)
    except ValueError:
        raise BadRecord(f"{at}/{name}", "not a UUID") from None


def moment(data: Mapping[str, Any], name: str, *, optional: bool = False) -> str | None:
    """A time as ISO 8601 in UTC; the API writes three notations (API facts 1.8)."""
    if type(value := data.get(name)) is not str:
        value = text(data, name, optional=optional)
    if value is None:
        return None
    try:
        return in_utc(value)
    except OutOfRange:
        raise BadRecord(f"/{name}", "not a time between 2000 and 2200") from None
    except (ValueError, OverflowError):
        raise BadRecord(f"/{name}", "not a time") from None


class OutOfRange(ValueError):
    """A time that is no time of a task."""


@functools.lru_cache(1024)
def canonical_uuid(text: str) -> str:
    """A UUID as the warehouse writes it. Each id of a record is asked for several times in a row.

    Raises:
        ValueError: It is none.
    """
    if len(text) > LONGEST:
        raise ValueError
    return text if _CANONICAL.fullmatch(text) else str(uuid.UUID(text))


@functools.lru_cache(1024)
def in_utc(text: str) -> str:
    """A time as ISO 8601 in UTC, with ``+00:00`` at its end.

    Raises:
        ValueError: It is none; ``OutOfRange`` if it is no time of a task.
        OverflowError: It is none in UTC.
    """
    if len(text) > LONGEST:
        raise ValueError
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is not UTC:
        instant = instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
    if not EARLIEST <= instant < LATEST:
        raise OutOfRange
    if text.endswith("Z"):  # the usual notation, in half the time
        return f"{datetime.fromisoformat(text[:-1]).isoformat()}+00:00"
    return instant.isoformat()
