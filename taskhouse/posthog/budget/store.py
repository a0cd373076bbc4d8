"""Where the windows of a budget are kept: what each kind of store can do."""

from typing import Protocol

from taskhouse.posthog.budget.limits import Priority, Window


class Unreachable(Exception):
    """A store that shards share does not answer; says why, in words that contain nothing of its address."""


class Store(Protocol):
    """The windows of one key. Everything blocks, and is called from one thread at a time."""

    place: str
    """Where it is, without a user or a password."""

    def take(self, priority: Priority) -> float:
        """Take one request's room; 0 if there was some, otherwise the seconds until there may be."""
        ...

    def peek(self) -> tuple[Window, ...]:
        """How full each window is, the minute first."""
        ...

    def close(self) -> None:
        """Close connections and files; the next use opens them again."""
        ...


class SharedStore(Store, Protocol):
    """A store on the network. Each call raises :class:`Unreachable` if it does not answer."""

    def doubt(self) -> str:
        """Why it may forget what was used; empty if it does not."""
        ...
