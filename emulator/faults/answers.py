"""Faults that answer in the application's place: error statuses and bodies that are not JSON."""

from __future__ import annotations

from datetime import timedelta
from email.utils import format_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from starlette.responses import Response

from taskhouse.emulator.api import errors
from taskhouse.emulator.rendering import compact

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from taskhouse.emulator.faults.fault import App, Fault

_PAGE: Final = (
    "<html>\r\n<head><title>{0}</title></head>\r\n<body>\r\n<center><h1>{0}</h1></center>\r\n</body>\r\n</html>\r\n"
)


def _retry_after(fault: Fault) -> str | None:
    """``retry_after`` as it is, or ``retry_after_date_s``: a number of seconds from now, as an HTTP date."""
    seconds = fault.get("retry_after_date_s", None)
    if seconds is not None:
        return format_datetime(fault.clock.now() + timedelta(seconds=float(seconds)), usegmt=True)
    given = fault.get("retry_after", None)
    return None if given is None else str(given)


async def status(fault: Fault, app: App, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with ``status`` (or the kind's own number): the API's error body, or a gateway's page above 500."""
    del app
    code = int(fault.get("status", fault.kind if fault.kind.isdigit() else 500))
    retry_after = _retry_after(fault)
    headers = {str(name): str(value) for name, value in fault.get("headers", {}).items()}
    if code == HTTPStatus.TOO_MANY_REQUESTS:
        wait = fault.get("retry_after", 1)
        body = compact(errors.throttled(wait if isinstance(wait, int) else 1).body)
        retry_after = retry_after or str(wait)
        media_type = "application/json"
    elif code == HTTPStatus.INTERNAL_SERVER_ERROR:
        body, media_type = compact(errors.server_error().body), "application/json"
    else:
        known = code in set(HTTPStatus)
        body = _PAGE.format(f"{code} {HTTPStatus(code).phrase}" if known else str(code)).encode()
        media_type = "text/html"
    headers.setdefault("Date", fault.clock.http_date())
    if retry_after is not None:
        headers["Retry-After"] = retry_after
    given = fault.get("body", None)
    if given is not None:
        body = given.encode() if isinstance(given, str) else compact(given)
    response = Response(body, code, headers=headers, media_type=fault.get("content_type", media_type))
    await response(scope, receive, send)


async def not_json(fault: Fault, app: App, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer 200 with a page instead of JSON, under ``content_type`` (by default text/html)."""
    del app
    body = fault.get("body", "<!doctype html><title>Just a moment...</title>")
    await Response(body, media_type=fault.get("content_type", "text/html"))(scope, receive, send)
