"""How one connection to a run's stream began; gaps are judged by this later."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from taskhouse.clock import Clock


@dataclass(slots=True)
class Opening:
    """One connection that was answered with a stream.

    Attributes:
        after: The last event that was read before it.
        date: The server's clock at its beginning, by its ``Date`` header, in whole seconds; None without a header.
        clock: Our own clock; its moments are used, since they go on while the machine sleeps.
        opened_at: Our own clock at its beginning.
        heard_at: Our own clock when its last bytes came.
        overlaps: Whether it was asked for from that event on, and not after it.
        joined: Whether that event was the first that came, so that nothing between is gone; None while nothing has
            come, or if it was not asked for.
        quiet_since: Since when nothing but keepalives has come, in the clock's seconds; None once it has
            ended. They come while nothing else stands in the stream.
        signs: How often the store behind the host's streams has shown that it answers: all streams have the same.
        on_end: Called with how many seconds of such silence stood before an end that the server gave it.
    """

    after: str | None
    date: datetime | None
    clock: Clock
    opened_at: datetime = field(init=False)
    heard_at: datetime = field(init=False)
    quiet_since: float | None = None
    overlaps: bool = False
    joined: bool | None = None
    signs: Callable[[], int] = lambda: 0
    on_end: Callable[[float], None] = lambda _: None
    _signs_before: int = field(init=False)
    _present_ms: int = field(init=False)

    def __post_init__(self) -> None:
        self.opened_at = self.heard_at = self.clock.now()
        self._signs_before = self.signs()
        present = self.date + timedelta(seconds=1) if self.date else self.opened_at + timedelta(seconds=60)
        self._present_ms = int(present.timestamp() * 1000)

    def is_answered(self) -> bool:
        """Whether the store has shown since then that it answers; if not, streams are silent even if they hold more.

        An event of any stream shows it, and so does a keepalive, which comes after 20 seconds (API facts 5.2).
        """
        return self.signs() > self._signs_before

    def heard(self, now_s: float | None) -> None:
        """Bytes came; ``now_s`` is the clock's time, None if they were nothing but control frames."""
        self.heard_at = self.clock.now()
        if now_s is not None:
            self.quiet_since = now_s

    def ended(self, now_s: float, *, said: bool) -> None:
        """It is over; ``said`` is whether the server ended it, and not a break."""
        if said and self.quiet_since is not None:
            self.on_end(now_s - self.quiet_since)
        self.quiet_since = None

    def present_ms(self) -> int:
        """An event with an id of this time or later came after all that stood in the stream when this began.

        Without the server's clock our own must do, which may be a minute off.
        """
        return self._present_ms

    def last_heard(self) -> datetime:
        """When its last bytes came, on the server's clock if that is known."""
        return (self.date or self.opened_at) + max(timedelta(), self.heard_at - self.opened_at)


def server_date(header: str | None) -> datetime | None:
    """The moment of a ``Date`` header; None where it is absent or cannot be read."""
    if header is None or len(header) > 64:  # noqa: PLR2004 - an HTTP date has 29 characters
        return None
    try:
        date = parsedate_to_datetime(header)
        return date.astimezone(UTC) if date.tzinfo is not None else date.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
