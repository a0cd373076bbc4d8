"""Recorded conversations with the real stream server, replayed: same frames, same order, byte for byte.

Each file under ``wire/`` is one connection: what was asked, what was written with the ids that the server's store gave,
and what came back. Time is driven: writes happen at their recorded millisecond, everything between is skipped.

Two recordings cannot be checked to the last byte. ``trimmed_fresh`` and ``trimmed_resume`` keep 60 of 12,000 ids, so a
rule makes up the others; the kept frames, the number of frames, the body's length and the trim point are exact, the
body's hash is not known.
"""

import asyncio
import hashlib
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from taskhouse.emulator.backlog import Backlog
from taskhouse.emulator.clock import Clock
from taskhouse.emulator.sse import PLAIN, Mode, frames
from taskhouse.emulator.streams import RunStream, StreamSettings, StreamStore

WIRE = Path(__file__).parent / "wire"
NAMES = sorted(path.stem for path in WIRE.glob("*.json"))
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def load(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((WIRE / f"{name}.json").read_text())
    if other := loaded.get("written_as_in"):
        loaded["written"] = load(other)["written"]
    for write in loaded.get("written", []):
        expand(write.get("event"))
    return loaded


def expand(node: Any) -> None:
    """Write out the long texts that are kept as a rule."""
    if not isinstance(node, dict):
        return
    for key, value in node.items():
        if isinstance(value, dict) and value.keys() == {"repeat", "chars"}:
            node[key] = (value["repeat"] * (value["chars"] // len(value["repeat"]) + 1))[: value["chars"]]
        else:
            expand(value)


def mode_of(capture: dict[str, Any]) -> Mode:
    """Thin-tail runs have a log, of which readers are shown the lines that are JSON objects."""
    if "log" not in capture:
        return PLAIN
    entries = [line for line in capture["log"] if is_object(line)]
    return Mode(backlog=Backlog(lambda: entries, lambda: entries, most_bytes=10**6))


def is_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def ms_of(stream_id: str) -> int:
    return int(stream_id.partition("-")[0])


@dataclass
class Recorded:
    """The run of a recording."""

    terminal: bool
    state: dict[str, Any] | None
    id: str = "run"

    def is_terminal(self) -> bool:
        return self.terminal

    def state_frame(self) -> str:
        return json.dumps(self.state)


@dataclass
class Reader:
    """A connection in its own task, and a hand on the clock."""

    clock: Clock
    got: list[bytes] = field(default_factory=list)

    async def read(self, store: StreamStore, run: Recorded, request: dict[str, Any], mode: Mode) -> None:
        latest = "start=latest" in request["query"].split("&")
        async for frame in frames(
            store, run, last_event_id=request["last_event_id"], start_latest=latest, clock=self.clock, mode=mode
        ):
            self.got.append(frame)

    async def settle(self, task: asyncio.Task[None]) -> None:
        """Let the reader work until it waits for the clock, or is done."""
        for _ in range(8):
            await asyncio.sleep(0)
        while not task.done() and self.clock.next_wake_s() is None:  # noqa: ASYNC110 - no wait of its own
            await asyncio.sleep(0)

    async def until(self, task: asyncio.Task[None], end_ms: int) -> None:
        """Play the time up to ``end_ms``, wait by wait."""
        await self.settle(task)
        while not task.done():
            wake_s = self.clock.next_wake_s()
            left_s = (end_ms * 1000 - self.clock.now_us()) / 1e6
            if wake_s is None or wake_s > left_s:
                break
            self.clock.advance(wake_s)
            await self.settle(task)
        if (left_us := end_ms * 1000 - self.clock.now_us()) > 0:
            self.clock.advance(left_us / 1e6)
            await self.settle(task)


def write(stream: RunStream, row: dict[str, Any], now_ms: int) -> None:
    """Do one recorded write and compare the id."""
    match row["do"]:
        case "complete":
            stream.complete(now_ms)
        case "error":
            stream.error(row["message"], now_ms)
        case _:
            given = stream.append(json.dumps(row["event"]), now_ms, publish=row["do"] == "publish")
            assert given == row["id"]
    if row["id"] is not None:
        assert str(stream.newest(now_ms)) == row["id"]


def write_rule(stream: RunStream, rule: dict[str, Any]) -> None:
    """The 12,000 writes: times run straight between the known ones."""
    known = dict(rule["known"])
    anchors = [*rule["anchors"], [rule["count"], rule["anchors"][-1][1]]]
    for (first, from_ms), (last, to_ms) in pairwise(anchors):
        for n in range(first, last):
            now_ms = from_ms + (to_ms - from_ms) * (n - first) // (last - first)
            text = json.dumps({**rule["event"], "n": n, "event_id": f"1-{n + 1}"})
            given = stream.append(text, now_ms)
            assert known.get(n, given) == given
    assert stream.count(now_ms) == rule["stored_before_sentinel"]


async def replay(capture: dict[str, Any]) -> list[bytes]:
    opened_ms = capture["sent_ms"] + capture["opened_after_ms"]
    clock = Clock(speed=0, start=EPOCH + timedelta(milliseconds=opened_ms))
    store = StreamStore(StreamSettings(**capture["settings"]), clock)
    run = Recorded(terminal=capture["terminal"], state=capture.get("state"))
    stream = store.stream(run.id)
    if "written_rule" in capture:
        write_rule(stream, capture["written_rule"])
    earlier = [row for row in capture["written"] if row.get("at_ms", -1) <= capture["opened_after_ms"]]
    later = capture["written"][len(earlier) :]
    if "written_as_in" in capture:
        earlier, later = capture["written"], []
    for row in earlier:
        # A `complete` that wrote nothing shows the id of the sentinel before it.
        write(stream, row, max(ms_of(row["id"]), stream.newest(opened_ms).ms))
    reader = Reader(clock)
    task = asyncio.create_task(reader.read(store, run, capture["request"], mode_of(capture)))
    await reader.settle(task)
    for row in later:
        await reader.until(task, ms_of(row["id"]))
        write(stream, row, ms_of(row["id"]))
        await reader.settle(task)
    closed_after = capture["closed_after_ms"]
    if closed_after is None:
        await reader.until(task, opened_ms + 2_000_000)
        assert task.done(), "the server should have closed"
    else:
        await reader.until(task, capture["sent_ms"] + closed_after)
        assert not task.done(), "the server should have kept the connection"
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    if task.done() and not task.cancelled():
        task.result()
    return reader.got


def expected_frames(capture: dict[str, Any]) -> list[bytes]:
    """The recorded frames; a very long one is kept as the id of the write that it shows."""
    by_id = {row["id"]: row.get("event") for row in capture["written"]}
    return [
        (frame if isinstance(frame, str) else show(frame["written_id"], by_id[frame["written_id"]])).encode()
        for frame in capture["frames"]
    ]


def show(stream_id: str, event: Any) -> str:
    return f"id: {stream_id}\ndata: {json.dumps(event)}\n\n"


@pytest.mark.parametrize("name", [name for name in NAMES if not name.startswith("trimmed")])
def test_a_recorded_connection_comes_out_byte_for_byte(name: str) -> None:
    capture = load(name)
    got = asyncio.run(replay(capture))
    assert got == expected_frames(capture)
    body = b"".join(got)
    assert (len(got), len(body)) == (capture["frames_total"], capture["body_bytes"])
    assert hashlib.sha256(body).hexdigest() == capture["body_sha256"]


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("trimmed")])
def test_a_trimmed_stream_starts_at_the_recorded_survivor_without_a_word(name: str) -> None:
    capture = load(name)
    got = asyncio.run(replay(capture))
    assert [frame.decode() for frame in got[:20]] == capture["first_frames"]
    assert [frame.decode() for frame in got[-20:]] == capture["last_frames"]
    assert (len(got), sum(map(len, got))) == (capture["frames_total"], capture["body_bytes"])


def test_every_recording_is_here() -> None:
    assert len(NAMES) == 43
