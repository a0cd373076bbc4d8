"""An agent that numbers nothing, bursts that overflow its stream, and a reader that is killed again and again.

The stream and the reader are played here, in virtual milliseconds; what was lost is known from what was written.
"""

import random
from itertools import pairwise

import pytest

from taskhouse.spool.folder import Spool
from taskhouse.warehouse.connection import Warehouse
from tests.warehouse.test_seams import Server, state

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
    assert played.server.judge() == around
