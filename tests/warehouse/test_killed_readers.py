"""An agent that numbers nothing, bursts that overflow its stream, and a reader that is killed again and again.

The stream and the reader are played here, in virtual milliseconds; what was lost is known from what was written.
"""

import random
from collections.abc import Iterable
from itertools import pairwise

import pytest

from taskhouse.spool.folder import Spool
from taskhouse.spool.line import Entry
from taskhouse.spool.writer import SpoolWriter
from taskhouse.warehouse.connection import Warehouse
from tests.clocks import GivenClock
from tests.warehouse.test_seams import Server, at, state, when

pytestmark = pytest.mark.usefixtures("attached")

KEPT, NODE = 200, 20


class Played:
    """A stream of which the server keeps so much, and a reader that goes on from its last event."""

    def __init__(self, server: Server, seed: int) -> None:
        self.server, self.rng = server, random.Random(seed)
        self.now = 0
        self.written: list[int] = []
        self.kept: list[int] = []
        self.held: list[int] = []

    def write(self, count: int) -> None:
        for _ in range(count):
            self.now += 1
            self.written.append(self.now)
            self.kept.append(self.now)
            if len(self.kept) >= KEPT + NODE:
                del self.kept[:NODE]

    def live(self, *, killed: bool) -> None:
        """Connect, read what waits and then what comes, until killed somewhere in it."""
        after = self.held[-1] if self.held else None
        joined = None if after is None else after in self.kept
        waiting = [number for number in self.kept if after is None or number > after]
        connected = self.now
        came = waiting[: self.rng.randint(0, len(waiting))] if killed else list(waiting)
        for _ in range(0 if killed and len(came) < len(waiting) else self.rng.randint(0, 12)):
            self.now += 40
            at = len(self.written)
            self.write(self.rng.randint(1, 40))
            came += self.written[at:]
        if came:  # how a connection began stands before its first events
            self.server.connect(came[0], connected, after=after, joined=joined)
            self.server.hold(came, texts={1: state("queued")})
            self.held += came
        self.now += self.rng.choice([5, 900, 20_000])


@pytest.mark.parametrize("seed", range(4))
def test_each_stretch_that_a_killed_reader_missed_is_one_gap_and_no_other_is(
    warehouse: Warehouse, spool: Spool, seed: int
) -> None:
    played = Played(Server(warehouse, spool), seed)
    played.write(3 if seed % 2 else 700)  # its beginning is read, or a full window
    for life in range(12):
        played.live(killed=life % 4 != 3)
        played.write(played.rng.choice([0, 1, 30, 150, 190, 205, 260, 700]))
    played.live(killed=False)
    held = set(played.held)
    assert len(played.held) == len(held)
    lost = [number for number in played.written if number not in held]
    around = [
        (after or None, before, False)
        for after, before in pairwise([0, *played.held])
        if any(after < number < before for number in lost)
    ]
    assert len(lost) > KEPT
    assert played.server.find_gaps() == around


def arrive(server: Server, *reads: tuple[Iterable[int], int]) -> None:
    """An open connection brings some events at a time, each time at a moment of our own clock."""
    now = [0]
    with SpoolWriter(server.spool, clock=GivenClock(lambda: when(now[0]))) as writer:
        for numbers, now[0] in reads:
            entries = [Entry(at(number), None, b'{"n":%d}' % number, redacted=False) for number in numbers]
            writer.append("live", server.run, entries, leg="django")


@pytest.mark.parametrize(
    ("reads", "lost"),
    [
        ([(range(10_295, 10_500), 10_510)], [(9000, 10_295, False)]),
        ([(range(10_350, 10_500), 10_510)], []),
        ([(range(10_000, 10_600), 10_610)], []),
        ([(range(first, first + 50), first + 60) for first in range(10_000, 11_000, 50)], []),
        ([(range(10_295, 10_400), 10_510), (range(10_400, 10_500), 10_520)], [(9000, 10_295, False)]),
        (
            [(range(10_295, 10_500), 10_510), (range(10_900, 11_100), 11_105)],
            [(9000, 10_295, False), (10_499, 10_900, False)],
        ),
    ],
    ids=["overrun", "not as many", "more than a stream keeps", "read as they come", "in two reads", "twice"],
)
def test_an_open_connection_that_was_overrun_is_a_possible_gap(
    warehouse: Warehouse, spool: Spool, reads: list[tuple[range, int]], lost: list[tuple[int, int, bool]]
) -> None:
    """The stream keeps the newest 200; what the agent wrote before them, between two reads, came to nobody."""
    server = Server(warehouse, spool)
    server.connect(1, 0)
    server.hold([1], texts={1: state("queued")})
    arrive(server, ([5000], 5005), ([9000], 9005), *reads, ([30_000], 30_005))
    assert server.find_gaps() == lost


@pytest.mark.parametrize("waiting", [[], [8000]], ids=["nothing", "one event"])
def test_so_is_one_that_was_overrun_before_anything_else_came(
    warehouse: Warehouse, spool: Spool, waiting: list[int]
) -> None:
    server = Server(warehouse, spool)
    server.connect(1, 0)
    arrive(server, ([1], 5))
    server.connect([*waiting, 10_295][0], 9000, after=1, joined=True)
    arrive(server, (waiting, 9010), (range(10_295, 10_500), 10_510), ([30_000], 30_005))
    assert server.find_gaps() == [([1, *waiting][-1], 10_295, False)]
