"""Leases in the catalogue: one process publishes a shard, and one at a time compacts or rewrites the lake.

A lease is not what keeps the rows right: that is the mark, which every publication updates. It tells a second process
which process the first one is, and lets a process that rewrites the lake ask the publishers to wait.
"""

import contextlib
import os
import platform
import secrets
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import duckdb

from taskhouse.errors import ConfigurationError, Locked
from taskhouse.lake.catalogue import Catalogue
from taskhouse.warehouse import sql

HELD_S = 60.0
"""How long a lease lasts that is not renewed."""

RENEWALS = 5
"""How often a lease is renewed in the time that it lasts."""

EVERYTHING = "*"
"""The lease of a process that changes rows that are there: publishers wait."""

UPKEEP = "*upkeep"
"""The lease of a process that compacts or rewrites."""

_NOW = {"postgres": "extract(epoch FROM clock_timestamp())", "sqlite": "((julianday('now') - 2440587.5) * 86400.0)"}


def new_holder() -> str:
    """A name that no other process has."""
    return f"{platform.node()}-{os.getpid()}-{secrets.token_hex(4)}"


@dataclass(frozen=True, slots=True)
class Lease:
    """A lease that somebody has.

    Attributes:
        home: The id of the home that it is of.
        place: Machine and folder of the process.
        holder: The process.
        left_s: Seconds until it ends; negative if it has ended.
    """

    home: str
    place: str
    holder: str
    left_s: float


@dataclass(slots=True)
class Leases:
    """The leases that one process claims.

    Attributes:
        catalogue: Where.
        home: The id of the home on whose behalf.
        place: Machine and folder of this process.
        holder: A name that no other process has.
        having: Those that it claimed and did not give back.
        lock: Held while one of them is claimed or given back.
    """

    catalogue: Catalogue
    home: str
    place: str
    holder: str = field(default_factory=new_holder)
    having: set[str] = field(default_factory=set)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def claim(self, name: str, *, any_home: bool = False, seconds: float = HELD_S) -> None:
        """Take a lease that lasts for the given number of seconds, or renew it.

        Raises:
            Locked: Another process has it.
            ConfigurationError: It is that of another home.
        """
        values = {"name": name, "home": self.home, "place": self.place, "holder": self.holder}
        text = sql.query("lake_catalogue/claim").format(
            now=_NOW[self.kind],
            seconds=seconds,
            any_home=str(any_home).lower() if self.kind == "postgres" else int(any_home),
            **{key: sql.literal(value) for key, value in values.items()},
        )
        with self.lock:
            self.catalogue.run(text)
            held = self.held(name)
            if held is None or held.holder == self.holder:
                self.having.add(name)
                return
            self.having.discard(name)
        if held.home != self.home and not any_home:
            raise ConfigurationError(
                f"Shard {name} belongs to another home, on {held.place}.",
                hint="Give this one another name in TASKHOUSE_SHARD: a shard is one home.",
            )
        raise Locked(
            f"{'The lake' if name.startswith(EVERYTHING) else f'Shard {name}'} is in use by a process on {held.place}.",
            hint=f"It is free when that process ends, or within {max(held.left_s, 1):.0f} s if it died.",
        )

    def held(self, name: str) -> Lease | None:
        """Who has a lease, or had it last."""
        text = sql.query("lake_catalogue/held").format(now=_NOW[self.kind], name=sql.literal(name))
        for home, place, holder, left_s in self.catalogue.ask(text):
            return Lease(home, place, holder, float(left_s))
        return None

    def busy(self, name: str) -> Lease | None:
        """Who else has a lease now."""
        held = self.held(name)
        return held if held and held.holder != self.holder and held.left_s > 0 else None

    def release(self, name: str) -> None:
        """Give a lease back; whose it is stays known."""
        text = sql.query("lake_catalogue/release")
        with self.lock:
            self.having.discard(name)
            self.catalogue.run(text.format(name=sql.literal(name), holder=sql.literal(self.holder)))

    def forget(self, name: str) -> None:
        """Forget a lease, and whose it was."""
        self.catalogue.run(sql.query("lake_catalogue/forget_lease").format(name=sql.literal(name)))

    @property
    def kind(self) -> str:
        """``postgres`` or ``sqlite``."""
        return self.catalogue.lake.kind


@contextlib.contextmanager
def renewed(leases: Leases, seconds: float) -> Iterator[None]:
    """Renew what these leases have while the block runs, so that a statement may take longer than they last.

    A thread does it, with a connection of its own. What another process took meanwhile stays with that one.
    """
    own = replace(leases, catalogue=replace(leases.catalogue, connection=leases.catalogue.connection.cursor()))
    ended = threading.Event()

    def renew() -> None:
        while not ended.wait(seconds / RENEWALS):
            with own.lock, contextlib.suppress(duckdb.Error, Locked):
                for name in sorted(own.having):
                    own.claim(name, any_home=True, seconds=seconds)

    thread = threading.Thread(target=renew, name="leases", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        own.catalogue.connection.close()
