"""How many requests came."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from starlette.types import Message, Send


class Requests:
    """Counts the API's requests by endpoint and by status; those that were never answered are ``none``."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Start again at zero."""
        self._by_endpoint: Counter[str] = Counter()
        self._by_status: Counter[str] = Counter()

    def counted(self, endpoint: str, send: Send) -> Send:
        """Count one request, and its status once it is sent."""
        self._by_endpoint[endpoint] += 1

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._by_status[str(message["status"])] += 1
            await send(message)

        return watched

    def shown(self) -> dict[str, Any]:
        """``{"total","by_endpoint","by_status"}``."""
        total = self._by_endpoint.total()
        by_status = dict(sorted(self._by_status.items()))
        if unanswered := total - self._by_status.total():
            by_status["none"] = unanswered
        return {"total": total, "by_endpoint": dict(sorted(self._by_endpoint.items())), "by_status": by_status}
