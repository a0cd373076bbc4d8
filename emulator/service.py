"""The whole state of one emulator: its world, the runs that are played, and what the server stores."""

from __future__ import annotations

from datetime import UTC
from itertools import count
from typing import TYPE_CHECKING

from taskhouse.emulator.chronicle import Chronicle
from taskhouse.emulator.clock import Clock
from taskhouse.emulator.driver import Driver
from taskhouse.emulator.state.admission import Admission
from taskhouse.emulator.state.readiness import Readiness
from taskhouse.emulator.state.requests import Requests
from taskhouse.emulator.state.throttle import Throttle
from taskhouse.emulator.state.tokens import Tokens
from taskhouse.emulator.streams import StreamStore
from taskhouse.emulator.truth import Truth
from taskhouse.emulator.world.logs import Logs
from taskhouse.emulator.world.world import World

if TYPE_CHECKING:
    from taskhouse.emulator.settings import EmulatorSettings


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
