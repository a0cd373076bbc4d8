"""The event stream of a run, frame by frame as the recordings show it."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.worlds import agent
from tests.worlds.texts import spaced
from tests.worlds.wire import Broken

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from random import Random

    from tests.worlds.state import Piece, Run, World

BATCH = 16
START = (0, -1)
THIN = 500


def frame(data: str, *, name: str = "", stream_id: str | None = None) -> bytes:
    """One frame."""
    lines = [f"event: {name}"] if name else []
    lines += [f"id: {stream_id}"] if stream_id else []
    return ("\n".join([*lines, f"data: {data}"]) + "\n\n").encode()


KEEPALIVE = frame('{"type": "keepalive"}', name="keepalive")
ROTATED = frame('{"type": "rotated"}', name="end")
ENDED = frame('{"status": "complete"}', name="stream-end")


def error(text: str) -> bytes:
    """The frame that tells of trouble."""
    return frame(spaced({"error": text}), name="error")


def place(stream_id: str) -> tuple[int, int]:
    """Where an id stands."""
    millis, _, number = stream_id.partition("-")
    return int(millis), int(number or 0)


def number_of(event_id: str | None) -> tuple[str, int] | None:
    """Boot and number of an agent's id, where it has that form."""
    boot, dash, number = (event_id or "").rpartition("-")
    return (boot, int(number)) if dash and number.isascii() and number.isdigit() else None


def told_by(entries: list[Piece]) -> set[tuple[str, int]]:
    """The numbers that a log tells of, alone or in a range."""
    found: set[tuple[str, int]] = set()
    for entry in entries:
        last = number_of(entry.event_id)
        first = number_of(entry.first_event_id) or last
        if last and first and last[0] == first[0]:
            found.update((last[0], number) for number in range(first[1], last[1] + 1))
    return found


@dataclass(slots=True)
class Reader:
    """One connection to a stream."""

    world: World
    run: Run
    rng: Random
    clock: Callable[[], float]
    cursor: str | None
    latest: bool

    async def frames(self) -> AsyncIterator[bytes]:
        """Every frame, until the server closes."""
        run = self.run
        backlog = self._backlog() if self.cursor is None or self.cursor.startswith("log-") else []
        if run.stream is None and not run.terminal:
            async for waiting in self._wait():
                yield waiting
        elif run.stream is None:
            for waiting in [*backlog, self._drained(), ENDED]:
                yield waiting
            return
        after = self._start()
        if after is None:
            yield error("Stream read error" if run.stream is not None else "Stream not available")
            return
        known = told_by([piece for piece in run.entries if piece.until > self.clock()] if backlog else [])
        for waiting in backlog:
            yield waiting
        async for sent in self._tail(after, known, blind=self.latest and run.sentinel is not None):
            yield sent

    def _start(self) -> tuple[int, int] | None:
        """Where reading begins; None where the server refuses."""
        run = self.run
        if run.stream is None:
            return None
        if self.cursor is not None and not (run.window == THIN and self.cursor.startswith("log-")):
            return place(self.cursor) if re.fullmatch(r"[0-9]+(-[0-9]+)?", self.cursor) else None
        return run.last_stream_ms if self.latest else START

    async def _tail(self, after: tuple[int, int], known: set[tuple[str, int]], *, blind: bool) -> AsyncIterator[bytes]:
        run, begun = self.run, self.clock()
        quiet_since = begun
        while True:
            for piece in (batch := self._next(after)):
                after = place(piece.stream_id or "0-0")
                if number_of(piece.event_id) not in known:
                    yield frame(piece.text, stream_id=piece.stream_id)
                quiet_since = self.clock()
            if batch:
                continue
            if run.stream is not None and run.sentinel and not blind:
                kind, text = run.sentinel
                yield ENDED if kind == "complete" else error(text)
                return
            if self.clock() - begun > self.world.nature.rotation:
                yield ROTATED
                return
            if self.clock() - quiet_since > self.world.nature.silence:
                yield KEEPALIVE
                quiet_since = self.clock()
            await asyncio.sleep(0.05)

    def _next(self, after: tuple[int, int]) -> list[Piece]:
        found = [piece for piece in self.run.stream or () if place(piece.stream_id or "0-0") > after]
        return found[:BATCH]

    def _backlog(self) -> list[bytes]:
        run = self.run
        if run.window != THIN or self.latest or not run.agent.numbered:
            return []
        chain = run.chain() if self.world.nature.log_chain else [run]
        pieces = [piece for each in chain for piece in each.entries if piece.until > self.clock()]
        first = int(self.cursor[4:]) + 1 if self.cursor and self.cursor[4:].isdigit() else 0
        first = first if first <= len(pieces) else 0
        return [
            frame(spaced(json.loads(piece.text)), stream_id=f"log-{first + number}")
            for number, piece in enumerate(pieces[first:])
        ]

    def _drained(self) -> bytes:
        state: dict[str, Any] = agent.state_frame(self.run, self.rng)
        self.run.drained.append(spaced(state))
        return frame(self.run.drained[-1])

    async def _wait(self) -> AsyncIterator[bytes]:
        until = self.clock() + self.world.nature.wait_for_stream
        while self.run.stream is None and self.clock() < until:  # noqa: ASYNC110
            await asyncio.sleep(0.1)  # as the server itself does
        if self.run.stream is None:
            yield KEEPALIVE


async def broken_after(frames: AsyncIterator[bytes], allowed: int) -> AsyncIterator[bytes]:
    """The same bytes, until the network fails."""
    async for piece in frames:
        if len(piece) >= allowed:
            yield piece[:allowed]
            raise Broken
        allowed -= len(piece)
        yield piece
