"""Stream tokens: what the API says about the leg of one run's stream, kept for as long as it is valid.

A token opens one run's stream at the agent proxy and nothing else. Its life is measured from the moment it came, by
the difference of its own two times: the clocks of two machines need not agree.
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

from taskhouse.clock import REAL, Clock
from taskhouse.posthog.http_errors import unreadable
from taskhouse.values import LOOPBACK

LIFE_S = 300.0
"""Lifetime of a token that does not state one."""

EARLY_S = 30.0
"""How long before its expiry a token is no longer used; at most a tenth of its lifetime."""

MOST_TOKENS = 10_000
"""How many tokens are kept."""


@dataclass(frozen=True, slots=True)
class StreamToken:
    """An answer of ``stream_token``.

    Attributes:
        value: The token.
        base_url: Where the proxy stands; None means the Django endpoint (API facts 5.7).
    """

    value: str = field(repr=False)
    base_url: str | None

    @classmethod
    def read(cls, data: Mapping[str, Any], what: str) -> "StreamToken":
        """The token in an answer to ``what``.

        Raises:
            Contract: It has another shape.
        """
        value, base = data.get("token"), data.get("stream_base_url")
        if not isinstance(value, str) or not isinstance(base, str | None):
            raise unreadable(what, "it holds no stream token")
        return cls(value, base or None)

    def url(self, run_id: str) -> str | None:
        """The run's stream at the proxy; None where a token must not be sent.

        It goes over https, or to this machine; and as a header it must be one printable word. ``resync=1`` asks the
        proxy to announce a cursor that was trimmed away; older proxies do not know it.
        """
        try:
            parts = urlsplit(self.base_url or "")
            host, port = parts.hostname, parts.port
        except ValueError:
            return None
        secure = parts.scheme == "https" or (parts.scheme == "http" and host in LOOPBACK)
        plain = "@" not in parts.netloc and not parts.query and not parts.fragment and port != 0
        sendable = self.value.isascii() and self.value.isprintable() and " " not in self.value and self.value
        if not (host and secure and plain and sendable):
            return None
        return f"{(self.base_url or '').rstrip('/')}/v1/runs/{quote(run_id, safe='')}/stream?resync=1"

    def life_s(self) -> float:
        """Its lifetime in seconds, according to its own claims."""
        claims = _claims(self.value)
        begun, ends = claims.get("iat"), claims.get("exp")
        if isinstance(begun, int | float) and isinstance(ends, int | float) and ends > begun:
            return float(ends - begun)
        return LIFE_S


class Tokens:
    """The tokens of one process, by run."""

    def __init__(self, clock: Clock = REAL) -> None:
        self._clock = clock
        self._kept: dict[str, tuple[float, StreamToken]] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, run_id: str) -> StreamToken | None:
        """The run's token, if one is still good for a new connection."""
        until, token = self._kept.get(run_id, (0.0, None))
        if token is not None and self._clock.monotonic() >= until:
            self.drop(run_id)
            return None
        return token

    def keep(self, run_id: str, token: StreamToken) -> None:
        """Store a new token."""
        life = token.life_s()
        self._kept.pop(run_id, None)
        self._kept[run_id] = (self._clock.monotonic() + life - min(EARLY_S, life / 10), token)
        if len(self._kept) > MOST_TOKENS:
            del self._kept[next(iter(self._kept))]

    def drop(self, run_id: str) -> None:
        """Delete the run's token, because it was refused or has expired."""
        self._kept.pop(run_id, None)


def _claims(token: str) -> dict[str, Any]:
    """The claims that a JWT shows, unverified: they say how long to keep it and nothing more."""
    try:
        part = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (IndexError, ValueError, RecursionError):
        return {}
    return claims if isinstance(claims, dict) else {}
