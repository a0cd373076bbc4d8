"""Bodies read as the API documents them: pages, single objects, log pages. Pure; a broken promise is ``Contract``."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from taskhouse.errors import Retryable
from taskhouse.posthog import jsonslices
from taskhouse.posthog.bodies import cut
from taskhouse.posthog.client import Answer
from taskhouse.posthog.http_errors import Garbled, unreadable

HTML = "text/html"
MOST_ROWS = 2**53
"""No list is that long, and every smaller number is kept as it is."""

LONGEST_NAME = 500
"""Characters of a name at most."""


class Row(NamedTuple):
    """One object: its value, the exact bytes it arrived as, and whether it is known to hold no float."""

    data: dict[str, Any]
    text: bytes
    plain: bool = False


class Bad(NamedTuple):
    """An element of a list that cannot be read: its exact bytes, why, and its id where it is only nested too deeply."""

    text: bytes
    reason: str
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list.

    Attributes:
        rows: The objects, in the server's order.
        count: How many the server says there are over all pages.
        next: URL of the next page, as the server gave it; None on the last one.
        body_sha256: Hex digest of the whole body.
        bad: Elements that are no objects, or that are nested too deeply.
    """

    rows: list[Row]
    count: int
    next: str | None
    body_sha256: str
    bad: list[Bad] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class LogPage:
    """One page of a run's log: exact text of each entry, entries over all pages, and whether more follow."""

    entries: list[bytes]
    total: int
    has_more: bool
    body_sha256: str


@dataclass(frozen=True, slots=True)
class Names:
    """A whole list of names or ids, in the server's order; ``bad`` has the exact bytes of what is none."""

    names: list[str]
    body_sha256: str
    bad: list[bytes] = field(default_factory=list)


def digest(body: bytes) -> str:
    """Hex SHA-256."""
    return hashlib.sha256(body).hexdigest()


def not_json(answer: Answer, wrong: Exception) -> Retryable | Garbled:
    """The error for a body that does not parse, because it breaks off or for another reason."""
    if cut(answer.body):
        return Retryable(f"{answer.what} was answered with an incomplete body: {wrong}.")
    kind = answer.headers.get("content-type", "no content type").split(";")[0]
    hint = "A web page came, not PostHog's API: check POSTHOG_HOST, and proxies in between." if kind == HTML else ""
    said = f"{answer.what} was answered with success, but the body ({kind}) is not the JSON expected: {wrong}."
    return Garbled(said, hint=hint)


def read_object(answer: Answer) -> Row:
    """A body that is one object.

    Raises:
        Contract: It is not.
    """
    try:
        text = jsonslices.decode(answer.body)
        value = jsonslices.document(text)
    except ValueError as wrong:
        raise not_json(answer, wrong) from None
    if not isinstance(value, dict):
        raise unreadable(answer.what, f"the body is a JSON {type(value).__name__}, not an object")
    return Row(value, answer.body)


def _read_list(answer: Answer, key: str) -> tuple[dict[str, Any], list[jsonslices.Slice]]:
    try:
        found = jsonslices.envelope(answer.body, key)
    except ValueError as wrong:
        raise not_json(answer, wrong) from None
    if not isinstance(found.get(key), list):
        raise unreadable(answer.what, f"the body has no array {key!r}")
    return found, found[key]


def read_page(answer: Answer) -> Page:
    """A body that is ``{"count", "next", "previous", "results"}`` (API facts 1.7).

    Raises:
        Contract: It is not.
    """
    found, slices = _read_list(answer, "results")
    count, following = found.get("count"), found.get("next", "")
    if not isinstance(count, int) or isinstance(count, bool) or not 0 <= count < MOST_ROWS:
        raise unreadable(answer.what, "its 'count' is no number of rows")
    if following is not None and (not isinstance(following, str) or not following):
        raise unreadable(answer.what, "its 'next' is neither a URL nor null")
    rows = [Row(*part) for part in slices if isinstance(part.value, dict)]
    bad = [_bad(part) for part in slices if not isinstance(part.value, dict)]
    return Page(rows, count, following, digest(answer.body), bad)


def _bad(part: jsonslices.Slice) -> Bad:
    if part.value is jsonslices.DEEP and part.text.startswith(b"{"):
        found = {field.key: field.value for field in jsonslices.whole(jsonslices.decode(part.text))}
        return Bad(part.text, "nested too deeply", found["id"] if _name(found.get("id")) else None)
    return Bad(part.text, "not an object")


def read_names(answer: Answer, key: str) -> Names:
    """A body that is ``{key: ["a name", …]}``, such as the repositories (API facts 3).

    Raises:
        Contract: It is not.
    """
    _, slices = _read_list(answer, key)
    names = [part.value for part in slices if _name(part.value)]
    bad = [part.text for part in slices if not _name(part.value)]
    return Names(names, digest(answer.body), bad)


def _name(value: object) -> bool:
    """Whether this can be a name, and can be asked about."""
    return isinstance(value, str) and 0 < len(value) <= LONGEST_NAME and value.isprintable()


def read_log(answer: Answer) -> LogPage:
    """A body that is a bare array, with ``X-Total-Count`` and ``X-Has-More`` beside it (API facts 7.6).

    Raises:
        Contract: It is not.
    """
    try:
        entries = jsonslices.array(answer.body)
    except ValueError as wrong:
        raise not_json(answer, wrong) from None
    total, more = _header(answer.headers, "x-total-count"), _header(answer.headers, "x-has-more").lower()
    if not (total.isascii() and total.isdigit() and len(total) < len(str(MOST_ROWS))) or more not in {"true", "false"}:
        raise unreadable(answer.what, "X-Total-Count or X-Has-More is missing or makes no sense")
    return LogPage(entries, int(total), more == "true", digest(answer.body))


def _header(headers: Mapping[str, str], name: str) -> str:
    return headers.get(name, "").strip()
