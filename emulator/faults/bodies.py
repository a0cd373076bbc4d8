"""Faults inside a JSON body: what a server that broke its word would send."""

from __future__ import annotations

import asyncio
import json
from functools import partial
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from starlette.requests import Request

from taskhouse.emulator.rendering import compact

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from starlette.types import Message, Receive, Scope, Send

    from taskhouse.emulator.faults.fault import App, Fault

    Edit = Callable[[Any, Fault, Scope], Any]

_ENUMS: Final = ("results.*.latest_run.status", "results.*.status", "status", "overall")


async def rewritten(
    app: App,
    asgi: tuple[Scope, Receive, Send],
    change: Callable[[bytes], bytes | Iterator[bytes]],
    *,
    encoding: bytes = b"",
) -> None:
    """Send a 200 JSON answer with another body, its length restated; anything else as it is.

    A body that comes in pieces is sent as they come, without a length.
    """
    scope, receive, send = asgi
    held: list[Message] = []
    applies = False

    async def watched(message: Message) -> None:
        nonlocal applies
        if message["type"] == "http.response.start":
            types = [value for name, value in message["headers"] if name.lower() == b"content-type"]
            applies = message["status"] == 200 and bool(types) and types[0].startswith(b"application/json")  # noqa: PLR2004
        if not applies:
            await send(message)
            return
        held.append(message)
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            body = change(b"".join(part.get("body", b"") for part in held[1:]))
            headers = [(name, value) for name, value in held[0]["headers"] if name.lower() != b"content-length"]
            if isinstance(body, bytes):
                headers.append((b"content-length", str(len(body)).encode()))
                body = iter([body])
            if encoding:
                headers.append((b"content-encoding", encoding))
            await send({**held[0], "headers": headers})
            for piece in body:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
                await asyncio.sleep(0)  # a client that left is noticed
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    await app(scope, receive, watched)


def edited(edit: Edit) -> Callable[[Fault, App, Scope, Receive, Send], Any]:
    """A kind of fault from a function that changes the parsed body (in place, or by returning another)."""

    async def kind(fault: Fault, app: App, scope: Scope, receive: Receive, send: Send) -> None:
        def change(body: bytes) -> bytes:
            parsed = json.loads(body)
            result = edit(parsed, fault, scope)
            return compact(parsed if result is None else result)

        await rewritten(app, (scope, receive, send), change)

    return kind


def paged(edit: Edit) -> Callable[[Fault, App, Scope, Receive, Send], Any]:
    """The same from a function that changes a page of a list; answers that are none pass as they are."""

    def of_page(body: Any, fault: Fault, scope: Scope) -> Any:
        return edit(body, fault, scope) if isinstance(body, dict) and "results" in body else None

    return edited(of_page)


async def truncated(fault: Fault, app: App, scope: Scope, receive: Receive, send: Send) -> None:
    """Lose the end of the body: keep the ``share`` (half) of it, with a length that says so."""
    share = float(fault.get("share", 0.5))
    await rewritten(app, (scope, receive, send), lambda body: body[: int(len(body) * share)])


def places(body: Any, field: str) -> list[tuple[Any, Any]]:
    """The (container, key) pairs that a dotted path (``results.0.id``) names; ``*`` is every element."""
    return list(_places(body, field.split(".")))


def _places(value: Any, path: list[str]) -> Iterator[tuple[Any, Any]]:
    step, rest = path[0], path[1:]
    if isinstance(value, list):
        keys: list[Any] = list(range(len(value))) if step == "*" else [int(step)] if step.isdigit() else []
        keys = [key for key in keys if key < len(value)]
    elif isinstance(value, dict):
        keys = list(value) if step == "*" else [step] if step in value else []
    else:
        return
    for key in keys:
        if rest:
            yield from _places(value[key], rest)
        else:
            yield value, key


def missing_field(body: Any, fault: Fault, scope: Scope) -> None:
    """Leave out ``field``, a dotted path (``results.0.id``)."""
    del scope
    for container, key in places(body, str(fault.get("field", "results.0.id"))):
        del container[key]


def mistyped_field(body: Any, fault: Fault, scope: Scope) -> None:
    """Put ``value`` (an object by default) in ``field``."""
    del scope
    for container, key in places(body, str(fault.get("field", "results.0.title"))):
        container[key] = fault.get("value", {"unexpected": "object"})


async def raw_field(fault: Fault, app: App, scope: Scope, receive: Receive, send: Send) -> None:
    """Put texts, JSON or not, in fields as they stand: ``fields`` is a text by dotted path."""
    texts = {str(field): str(text) for field, text in fault.get("fields", {"results.0.title": "NaN"}).items()}
    await rewritten(app, (scope, receive, send), partial(put, texts=texts))


def put(body: bytes, texts: dict[str, str]) -> bytes:
    """A JSON body with each text, as it stands, wherever its dotted path names a value."""
    parsed = json.loads(body)
    for number, field in enumerate(texts):
        for container, key in places(parsed, field):
            container[key] = f"emulator.put.{number}"
    made = compact(parsed)
    for number, text in enumerate(texts.values()):
        made = made.replace(compact(f"emulator.put.{number}"), text.encode("utf-8", "surrogatepass"))
    return made


def unknown_field(body: Any, fault: Fault, scope: Scope) -> None:
    """Add a field that no client knows to every row, or to the answer."""
    del scope
    rows = body.get("results") if isinstance(body, dict) else body
    for row in rows if isinstance(rows, list) else [body]:
        if isinstance(row, dict):
            row[str(fault.get("name", "brand_new_field"))] = fault.get("value", {"nested": [1, None, "x"]})


def unknown_enum(body: Any, fault: Fault, scope: Scope) -> None:
    """Put a value that no client knows in ``field``, by default in the status of every row."""
    del scope
    asked = fault.get("field", None)
    for path in [str(asked)] if asked else _ENUMS:
        for container, key in places(body, path):
            container[key] = fault.get("value", "brand_new_value")


def _rows(body: Any) -> list[Any]:
    """The rows of a list or the entries of a log; an answer that is neither has none."""
    rows = body.get("results", []) if isinstance(body, dict) else body
    return rows if isinstance(rows, list) else []


def duplicate_row(body: Any, fault: Fault, scope: Scope) -> None:
    """Show the first row of a page, or the first entry of a log page, twice."""
    del fault, scope
    rows = _rows(body)
    if rows:
        rows.append(rows[0])


def missing_row(body: Any, fault: Fault, scope: Scope) -> None:
    """Leave out the row number ``at`` of a page or a log page, by default the last, without counting it out."""
    del scope
    rows = _rows(body)
    if rows:
        del rows[max(-len(rows), min(int(fault.get("at", -1)), len(rows) - 1))]


def count_lies(body: Any, fault: Fault, scope: Scope) -> None:
    """Count ``by`` more rows (or fewer, when negative) than there are."""
    del scope
    body["count"] = max(0, body["count"] + int(fault.get("by", 7)))


def next_repeats(body: Any, fault: Fault, scope: Scope) -> None:
    """Let ``next`` point to the page itself."""
    del fault
    body["next"] = str(Request(scope).url)


def next_cycles(body: Any, fault: Fault, scope: Scope) -> None:
    """Let ``next`` point back to the first page, for ever."""
    del fault
    parts = urlsplit(str(Request(scope).url))
    query = [(name, value) for name, value in parse_qsl(parts.query) if name != "offset"]
    body["next"] = urlunsplit(parts._replace(query=urlencode(query)))


def next_elsewhere(body: Any, fault: Fault, scope: Scope) -> None:
    """Let ``next`` point to another ``host``; the last page too if ``always``."""
    if body.get("next") is None and not fault.get("always", False):
        return
    parts = urlsplit(body["next"] or str(Request(scope).url))
    body["next"] = urlunsplit(parts._replace(scheme="https", netloc=str(fault.get("host", "elsewhere.example.com"))))


async def page_clamped(fault: Fault, app: App, scope: Scope, receive: Receive, send: Send) -> None:
    """Serve pages of at most ``limit`` (10) rows, regardless of what was asked."""
    query = dict(parse_qsl(scope["query_string"].decode(), keep_blank_values=True))
    asked = query.get("limit", "")
    most = int(fault.get("limit", 10))
    query["limit"] = str(min(int(asked), most) if asked.isdigit() and int(asked) else most)
    await app({**scope, "query_string": urlencode(query).encode()}, receive, send)


async def header(fault: Fault, app: App, scope: Scope, receive: Receive, send: Send) -> None:
    """Send the header ``name`` with ``value``, or without a value leave it out."""
    name = str(fault.get("name", "X-Has-More")).lower().encode()
    value = fault.get("value", None)

    async def watched(message: Message) -> None:
        if message["type"] == "http.response.start":
            others = [pair for pair in message["headers"] if pair[0].lower() != name]
            own = [] if value is None else [(name, str(value).encode())]
            message = {**message, "headers": [*others, *own]}
        await send(message)

    await app(scope, receive, watched)
