"""Stream tokens: who may read one run's stream through the agent proxy, and for how long."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from typing import TYPE_CHECKING, Any, Final

from taskhouse.emulator.rendering import compact

if TYPE_CHECKING:
    from taskhouse.emulator.world.model import Run

AUDIENCE: Final = "posthog:stream_read"
INVALID: Final = "ERR_JWT_INVALID"
FORGED: Final = "ERR_JWS_SIGNATURE_VERIFICATION_FAILED"
EXPIRED: Final = "ERR_JWT_EXPIRED"


class TokenError(ValueError):
    """A token that the proxy does not accept; says why in one code."""


class Tokens:
    """Makes and reads tokens in the form of a JWT. The signature is this process' own, not RS256."""

    def __init__(self) -> None:
        self._secret = secrets.token_bytes(32)

    def made(self, run: Run, *, now_s: float, life_s: float) -> str:
        """A token for one run."""
        claims = {
            "run_id": run.id,
            "task_id": run.task.id,
            "team_id": run.task.project_id,
            "aud": AUDIENCE,
            "iat": int(now_s),
            "exp": int(now_s + life_s),
        }
        body = ".".join(_encoded(compact(part)) for part in ({"alg": "RS256", "typ": "JWT"}, claims))
        return f"{body}.{self._signature(body)}"

    def read(self, token: str, *, now_s: float) -> dict[str, Any]:
        """The claims of a token.

        Raises:
            TokenError: It is none, is not one of ours, or has expired.
        """
        body, _, signature = token.rpartition(".")
        try:
            claims = json.loads(_decoded(body.split(".")[1]))
        except (IndexError, ValueError):
            raise TokenError(INVALID) from None
        if not isinstance(claims, dict) or not hmac.compare_digest(signature.encode(), self._signature(body).encode()):
            raise TokenError(FORGED)
        if claims["exp"] <= now_s:
            raise TokenError(EXPIRED)
        return claims

    def _signature(self, body: str) -> str:
        return _encoded(hmac.digest(self._secret, body.encode("utf-8", "surrogatepass"), hashlib.sha256))


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
