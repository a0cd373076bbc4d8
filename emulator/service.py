"""Everything that one emulator is made of, put together."""

from __future__ import annotations

from collections import Counter
from datetime import UTC
from itertools import count
from typing import TYPE_CHECKING, Any

from taskhouse.emulator.api.readiness import Readiness
from taskhouse.emulator.api.stream import Admission
from taskhouse.emulator.api.throttle import Throttle
from taskhouse.emulator.api.tokens import Tokens
from taskhouse.emulator.chronicle import Chronicle
from taskhouse.emulator.clock import Clock
from taskhouse.emulator.driver import Driver
from taskhouse.emulator.faults import Faults
from taskhouse.emulator.streams import StreamStore
from taskhouse.emulator.truth import Truth
from taskhouse.emulator.world.logs import Logs
from taskhouse.emulator.world.world import World

if TYPE_CHECKING:
    from starlette.types import Message, Send

    from taskhouse.emulator.settings import EmulatorSettings


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


class Service:
    """The parts of an emulator and what they share. Belongs to one event loop."""

    def __init__(self, settings: EmulatorSettings, clock: Clock | None = None) -> None:
        self.settings = settings
        self.clock = clock or Clock(speed=settings.speed, start=settings.start)
        self.world = World(settings, (settings.start or self.clock.now()).astimezone(UTC))
        self.store = StreamStore(settings.streams, self.clock)
        self.logs = Logs(self.world, self.clock)
        self.chronicle = None if settings.surprise is None else Chronicle(self.world, self.clock)
        self.truth = Truth(self.world, self.logs, self.clock)
        self.driver = Driver(self.world, self.clock, self.store, self.logs, self.truth, settings, self.chronicle)
        self.readiness = Readiness(self.world, self.clock)
        self.throttle = Throttle(self.clock)
        self.admission = Admission(settings.max_streams, settings.seed)
        self.faults = Faults(self.clock)
        self.requests = Requests()
        self.tokens = Tokens()
        self.token_s = settings.token_s
        self.proxy_streams = settings.proxy_streams
        self.open_streams = 0
        self.open_proxy_streams = 0
        self.metering_down = False
        self._serial = count(1)
        self.driver.preload()
        if self.chronicle is not None:
            self.chronicle.begin(self.logs)

    def serial(self) -> int:
        """A number that was not given out before."""
        return next(self._serial) * 1000
