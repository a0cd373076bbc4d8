"""How one connection to a run's stream began: what a later judgement of gaps rests on."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime


@dataclass(slots=True)
class Opening:
    """One connection that was answered with a stream.

    Attributes:
        after: The last event that was read before it.
        date: The server's clock at its beginning, by its ``Date`` header, in whole seconds; None without a header.
        clock: Our own clock, in seconds since the epoch: unlike a monotonic one it goes on while the machine sleeps.
        opened_at: Our own clock at its beginning.
        heard_at: Our own clock when its last bytes came.
        overlaps: Whether it was asked for from that event on, and not after it.
        joined: Whether that event was the first that came, so that nothing between is gone; None while nothing has
            come, or if it was not asked for.
        quiet_since: Since when nothing but keepalives has come, in the seconds of the event loop; None once it has
            ended. They come while nothing else stands in the stream.
        on_end: Told how many seconds of such silence stood before an end that the server gave it.
    """

    after: str | None
    date: datetime | None
    clock: Callable[[], float] = time.time
    opened_at: float = field(init=False)
    heard_at: float = field(init=False)
    quiet_since: float | None = None
    overlaps: bool = False
    joined: bool | None = None
    on_end: Callable[[float], None] = lambda _: None

    def __post_init__(self) -> None:
        self.opened_at = self.heard_at = self.clock()

    def heard(self, loop_s: float | None) -> None:
        """Bytes came; ``loop_s`` is the time of the event loop, None if they were nothing but control frames."""
        self.heard_at = self.clock()
        if loop_s is not None:
            self.quiet_since = loop_s

    def ended(self, loop_s: float, *, said: bool) -> None:
        """It is over; ``said`` is whether the server ended it, and not a break."""
        if said and self.quiet_since is not None:
            self.on_end(loop_s - self.quiet_since)
        self.quiet_since = None

    def present_ms(self) -> int:
        """An event with an id of this time or later came after all that stood in the stream when this began.

        Without the server's clock our own must do, which may be a minute off.
        """
        return int((self.date.timestamp() + 1 if self.date else self.opened_at + 60) * 1000)

    def last_heard(self) -> datetime:
        """When its last bytes came, on the server's clock if that is known."""
        since = timedelta(seconds=max(0.0, self.heard_at - self.opened_at))
        return (self.date or datetime.fromtimestamp(self.opened_at, UTC)) + since


def server_date(header: str | None) -> datetime | None:
    """The moment of a ``Date`` header; None where it is absent or cannot be read."""
    if header is None or len(header) > 64:  # noqa: PLR2004 - an HTTP date has 29 characters
        return None
    try:
        date = parsedate_to_datetime(header)
        return date.astimezone(UTC) if date.tzinfo is not None else date.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
