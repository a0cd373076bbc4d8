"""What an answer that is no success means: status and body in, one of our errors out.

API facts 1.5: ``{"type","code","detail","attr"}``, or ``{"error": …}`` from some actions, or on the stream endpoint
the literal text ``typecodedetailattr``; a gateway in between may say anything. The status decides, the body explains.
A bad key is answered 403 like a missing scope and like a run that is refused for its content: ``code`` names the key,
and where it names nobody, a second route tells (``access``).
"""

import html
import json
import re
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from taskhouse.errors import AccessDenied, Contract, NotFound, Permanent, Retryable, TaskhouseError, Throttled
from taskhouse.posthog.retry import come_back

QUOTE = 200
"""Characters of the server's own words that a message may hold."""

TRY_AGAIN = frozenset({408, 425, 429}) | frozenset(range(500, 600))
"""Statuses after which the same request may succeed."""

_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]+")

KEY_REFUSED = "The key is not valid on this host: check POSTHOG_PERSONAL_API_KEY and POSTHOG_HOST."

HINTS = {
    "not_authenticated": "The server received no key: check POSTHOG_PERSONAL_API_KEY and POSTHOG_HOST.",
    "authentication_failed": KEY_REFUSED,
    "permission_denied": "The key needs the scope task:read and access to this project; run `taskhouse check`.",
}

REGIONS = (
    "POSTHOG_HOST is not set, so taskhouse asked https://us.posthog.com. PostHog Cloud has two regions, and a key is"
    " valid in only one: set POSTHOG_HOST to https://us.posthog.com or https://eu.posthog.com, or to your own server."
)
"""What mends a refused key if nobody said which server it belongs to."""


OTHER_REGION = (
    "PostHog Cloud has two regions, and a key is valid in only one. If this key is for {}, set POSTHOG_HOST to that;"
    " otherwise check POSTHOG_PERSONAL_API_KEY."
)
"""What mends a refused key if POSTHOG_HOST names one of the two regions."""


class Garbled(Contract):
    """A body that does not parse: perhaps a broken promise, perhaps a gateway's passing mood, so worth another try."""


class Oversized(Contract):
    """A body larger than is read; fewer rows may fit."""


_TITLE = re.compile(r"<title[^>]*>([^<]*)<", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Words:
    """What an error body said, as far as it can be read; empty where it said nothing."""

    code: str = ""
    detail: str = ""
    attr: str = ""

    def __str__(self) -> str:
        where = f" ({self.attr})" if self.attr else ""
        return ": ".join(part for part in (f"{self.code}{where}".strip(), self.detail) if part)


def clean(text: str, *, secret: str = "", limit: int = QUOTE) -> str:
    """Server text that is safe in a message: no secret, no control or direction characters, at most ``limit`` long."""
    if secret:
        text = text.replace(secret, "[key]")
    text = " ".join(_UNSEEN.sub(" ", text).split())
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def _page(text: str, *, secret: str) -> str:
    """What a page of a gateway says in its title; its markup helps nobody."""
    title = _TITLE.search(text)
    said = clean(html.unescape(title[1]), secret=secret) if title else ""
    return f"(a web page: {said})" if said else "(a web page)"


def words(body: bytes, *, secret: str = "") -> Words:
    """Read an error body of either shape; anything else becomes the detail."""
    text = body[:65536].decode("utf-8", "replace")
    try:
        document: Any = json.loads(body)
    except (ValueError, RecursionError):
        if text.lstrip().startswith("<"):
            return Words(detail=_page(text, secret=secret))
        return Words(detail="" if text == "typecodedetailattr" else clean(text, secret=secret))
    if not isinstance(document, dict):
        return Words(detail=clean(text, secret=secret))

    def field(*names: str) -> str:
        value = next((document[name] for name in names if document.get(name) is not None), "")
        return clean(value if isinstance(value, str) else json.dumps(value), secret=secret)

    return Words(code=field("code", "type"), detail=field("detail", "error", "message"), attr=field("attr"))


def origin(url: str) -> str:
    """``scheme://host:port`` of a URL, the default port left out; empty when there is none or it makes no sense."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return ""
    if not parts.scheme or not parts.hostname:
        return ""
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    usual = {"http": 80, "https": 443}.get(parts.scheme)
    return f"{parts.scheme}://{host}" + (f":{port}" if port not in {None, usual} else "")


def refusal(status: int, body: bytes, *, what: str, location: str = "", secret: str = "") -> TaskhouseError:
    """The error that an unsuccessful answer means.

    Args:
        status: HTTP status, 300 or above.
        body: The answer's body.
        what: The request, ``GET /api/…``.
        location: The ``Location`` header of a redirect.
        secret: The key, never to be quoted.
    """
    said = words(body, secret=secret)
    message = clean(f"{what} returned {status} {said}", secret=secret, limit=3 * QUOTE).rstrip(" :.") + "."
    if status in TRY_AGAIN:
        return Retryable(message)
    if status < HTTPStatus.BAD_REQUEST:
        target = clean(origin(location), secret=secret) or "the same server"
        return Permanent(
            f"{what} was redirected ({status}) to {target}; taskhouse does not follow redirects, to protect the key.",
            hint="Set POSTHOG_HOST to the server's final origin.",
        )
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        about_key = status == HTTPStatus.UNAUTHORIZED or said.code in {"not_authenticated", "authentication_failed"}
        hint = HINTS.get(said.code, HINTS["permission_denied"])
        return AccessDenied(message, hint=hint, about_key=about_key)
    if status == HTTPStatus.NOT_FOUND:
        return NotFound(message, hint="It does not exist, or the owner of this key may not see it.")
    return Permanent(message)


def throttled(error: TaskhouseError, asked_s: float, *, now: datetime) -> Throttled:
    """The same refusal, saying when to come back."""
    return Throttled(
        f"{error.message} It asks to wait until {come_back(asked_s, now=now)}.",
        retry_after_s=asked_s,
        hint="Other clients may use the same key. Lower TASKHOUSE_REQUESTS_PER_HOUR to leave room for them.",
    )


def unreadable(what: str, why: str) -> Contract:
    """The error for a successful answer that is not what the API documents."""
    return Contract(f"{what} was answered with success, but {why}.", hint="Run `taskhouse check` to compare the API.")
