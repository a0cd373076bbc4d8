"""Limit and offset as the framework's LimitOffsetPagination reads and links them: 50 by default, at most 100."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

from taskhouse.emulator.rendering import compact

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.requests import Request

DEFAULT: Final = 50


@dataclass(frozen=True, slots=True)
class Window:
    """The rows that a page shows."""

    limit: int
    offset: int


def window(request: Request, most: int) -> Window:
    """Read the query leniently: nonsense is the default, and a larger limit is silently ``most``."""
    limit = _number(request.query_params.get("limit"), least=1)
    offset = _number(request.query_params.get("offset"), least=0)
    return Window(min(DEFAULT if limit is None else limit, most), offset or 0)


def _number(text: str | None, *, least: int) -> int | None:
    try:
        value = int(text or "")
    except ValueError:  # of more than 4,300 digits, too
        return None
    return value if value >= least else None


def envelope(request: Request, page: Window, count: int, rows: Iterable[bytes]) -> bytes:
    """``{"count","next","previous","results"}`` around rows that are JSON already."""
    head = compact({"count": count, "next": _following(request, page, count), "previous": _before(request, page)})
    return head[:-1] + b',"results":[' + b",".join(rows) + b"]}"


def _following(request: Request, page: Window, count: int) -> str | None:
    if page.offset + page.limit >= count:
        return None
    return _linked(request, page.limit, page.offset + page.limit)


def _before(request: Request, page: Window) -> str | None:
    if page.offset <= 0:
        return None
    offset = page.offset - page.limit
    return _linked(request, page.limit, offset if offset > 0 else None)


def _linked(request: Request, limit: int, offset: int | None) -> str:
    """The request's own URL, slash form and other parameters included, at another offset; parameters are sorted."""
    parts = urlsplit(str(request.url))
    query = parse_qs(parts.query, keep_blank_values=True)
    query["limit"] = [str(limit)]
    query.pop("offset", None)
    if offset is not None:
        query["offset"] = [str(offset)]
    return urlunsplit((parts.scheme, parts.netloc, parts.path, urlencode(sorted(query.items()), doseq=True), ""))
