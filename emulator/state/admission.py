"""The cap on streams that are open at once."""

from __future__ import annotations

import random
from http import HTTPStatus
from typing import Final

from starlette.responses import Response

_RETRY_AFTER_S: Final = (15, 44)


class Admission:
    """The cap on streams that are open at once; the answer over it is jittered."""

    def __init__(self, most: int, seed: int) -> None:
        self.most = most
        self._rng = random.Random(f"admission-{seed}")

    def refusal(self, open_streams: int) -> Response | None:
        """503 with an empty body, or None when there is room."""
        if open_streams < self.most:
            return None
        headers = {"Retry-After": str(self._rng.randint(*_RETRY_AFTER_S))}
        return Response(status_code=HTTPStatus.SERVICE_UNAVAILABLE, headers=headers)
