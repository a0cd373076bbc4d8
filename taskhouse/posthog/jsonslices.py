"""The exact text of each part of a JSON document, beside its value: no byte is ever rewritten.

The stored original must be what arrived, and ``json.dumps(json.loads(x))`` is not: it changes spacing, floats,
escapes and duplicate keys. Read as leniently as Python does (NaN, Infinity, lone surrogates, duplicate keys where the
last wins), and bytes that are no UTF-8 survive as surrogate escapes. What is nested deeper than Python reads has an
exact text like anything else, and ``DEEP`` for its value, so that it keeps nobody from reading its neighbours.
"""

import json
import re
from typing import Any, Final, NamedTuple

from taskhouse.posthog import plainjson


class _Deep:
    """The value of what is nested too deeply to have one here."""

    def __repr__(self) -> str:
        return "DEEP"


DEEP: Final = _Deep()

_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*("?)|[\[\]{}]', re.DOTALL)
_CLOSES: Final = {"[": "]", "{": "}"}
_SPACE = re.compile(r"[ \t\n\r]*")
_BOM = "\ufeff"
_DIGITS = 4000  # Python refuses to convert longer integers


class Slice(NamedTuple):
    """A value, the exact text it was read from, and whether it is known to hold no float."""

    value: Any
    text: bytes
    plain: bool = False


class Member(NamedTuple):
    """A member of an object, with the span of its value in the document's text."""

    key: str
    value: Any
    start: int
    end: int


def _whole(digits: str) -> int | float:
    return int(digits) if len(digits) < _DIGITS else float(digits)


_fast = json.JSONDecoder(strict=False)
_patient = json.JSONDecoder(strict=False, parse_int=_whole)
_skim = json.JSONDecoder(strict=False, parse_int=str, parse_float=str, parse_constant=str)


def decode(body: bytes) -> str:
    """The document's text; ``encode`` gives the same bytes back, but for a byte order mark."""
    return body.decode("utf-8", "surrogateescape").removeprefix(_BOM)


def encode(text: str) -> bytes:
    """The bytes of a piece of the document's text."""
    return text.encode("utf-8", "surrogateescape")


def scan(text: str, at: int, *, skim: bool = False) -> tuple[Any, int]:
    """Read one value at ``at``: the value, or ``DEEP``, and where it ends.

    Args:
        text: The document.
        at: Where the value begins, white space already skipped.
        skim: Only the end matters; numbers are left as text.

    Raises:
        ValueError: There is no JSON value.
    """
    why = ""
    for decoder in (_skim,) if skim else (_fast, _patient):
        try:
            return decoder.raw_decode(text, at)
        except RecursionError:
            return DEEP, _end(text, at)
        except json.JSONDecodeError as wrong:
            why = f"{wrong.msg} at character {wrong.pos}"
            break
        except ValueError as wrong:  # a number with more digits than Python converts
            why = str(wrong)
    raise ValueError(why)  # outside of the handlers: Python's own error carries the whole document along


def _end(text: str, at: int) -> int:
    """Where the object or array that begins at ``at`` ends, however deep it is; only its brackets are looked at."""
    closing: list[str] = []
    for token in _TOKEN.finditer(text, at):
        sign = text[token.start()]
        if sign == '"' and not token[1]:
            break
        if sign in _CLOSES:
            closing.append(_CLOSES[sign])
        elif sign != '"' and closing.pop() != sign:
            break
        if not closing:
            return token.end()
    raise ValueError(f"nested too deeply, with no end of what begins at character {at}")


def skip(text: str, at: int) -> int:
    """The first character at or after ``at`` that is no JSON white space."""
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _char(text: str, at: int) -> str:
    return text[at : at + 1]


def _expect(text: str, at: int, wanted: str) -> int:
    if _char(text, at) != wanted:
        raise ValueError(f"no {wanted} at character {at}")
    return at + 1


def elements(text: str, at: int = 0, *, skim: bool = False) -> tuple[list[tuple[Any, int, int]], int]:
    """Value, start and end of each element of the array that begins at ``at``, and where the array ends."""
    found: list[tuple[Any, int, int]] = []
    at = skip(text, _expect(text, at, "["))
    if _char(text, at) == "]":
        return found, at + 1
    while True:
        value, end = scan(text, at, skim=skim)
        found.append((value, at, end))
        at = skip(text, end)
        if _char(text, at) != ",":
            return found, _expect(text, at, "]")
        at = skip(text, at + 1)


def members(text: str, at: int = 0, *, sliced: str = "") -> tuple[list[Member], int]:
    """The members of the object that begins at ``at``, duplicates included, and where the object ends.

    An array under the key ``sliced`` is given as a list of ``Slice``.
    """
    found: list[Member] = []
    at = skip(text, _expect(text, at, "{"))
    if _char(text, at) == "}":
        return found, at + 1
    while True:
        if _char(text, at) != '"':
            raise ValueError(f"no key at character {at}")
        key, at = scan(text, at)
        start = skip(text, _expect(text, skip(text, at), ":"))
        if sliced and key == sliced and _char(text, start) == "[":
            parts, end = elements(text, start)
            value: Any = [Slice(part, encode(text[first:last])) for part, first, last in parts]
        else:
            value, end = scan(text, start)
        found.append(Member(key, value, start, end))
        at = skip(text, end)
        if _char(text, at) != ",":
            return found, _expect(text, at, "}")
        at = skip(text, at + 1)


def _finish(text: str, at: int) -> None:
    if skip(text, at) != len(text):
        raise ValueError(f"more text after the document at character {skip(text, at)}")


def whole(text: str) -> list[Member]:
    """The members of a text that is one object, duplicates included.

    Raises:
        ValueError: It is not.
    """
    found, end = members(text, skip(text, 0))
    _finish(text, end)
    return found


def array(body: bytes) -> list[bytes]:
    """The exact slices of the elements of a body that is one JSON array.

    Raises:
        ValueError: It is not.
    """
    text = decode(body)
    parts, end = elements(text, skip(text, 0), skim=True)
    _finish(text, end)
    if len(text) == len(body):  # one byte each: no need to encode again
        return [body[first:last] for _, first, last in parts]
    return [encode(text[first:last]) for _, first, last in parts]


def envelope(body: bytes, key: str) -> dict[str, Any]:
    """A body that is one JSON object, by key; the array under ``key``, if it is one, as a list of ``Slice``.

    Raises:
        ValueError: It is not.
    """
    if plain := plainjson.objects(body, key):
        others, objects = plain
        return {**others, key: [Slice(value, exact, plain=True) for value, exact in objects]}
    text = decode(body)
    found, end = members(text, skip(text, 0), sliced=key)
    _finish(text, end)
    return {member.key: member.value for member in found}


def document(text: str) -> Any:
    """The value of a text that is one JSON document.

    Raises:
        ValueError: It is not.
    """
    value, end = scan(text, skip(text, 0))
    _finish(text, end)
    if value is DEEP:
        raise ValueError("nested too deeply")
    return value
