"""An outage is shared: what a crowd of followers asks of a host that is down, and how soon all are back, by figures."""

import asyncio
import contextlib
import math
import socket
from bisect import bisect_left
from collections.abc import AsyncIterator, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskhouse.clock import LoopClock
from taskhouse.emulator.virtual import VirtualLoop, run
from taskhouse.errors import Retryable
from taskhouse.posthog.api import TasksApi
from taskhouse.posthog.circuit import TICK_S, Circuit, CircuitPolicy
from taskhouse.posthog.client import PostHog
from taskhouse.posthog.follow import Ending, follow
from taskhouse.settings import Settings

MakeSettings = Callable[..., Settings]
KEEPALIVE = b'event: keepalive\ndata: {"type": "keepalive"}\n\n'
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
BUSY = b"HTTP/1.1 503 Busy\r\nRetry-After: 30\r\nContent-Length: 0\r\n\r\n"
DOWN = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n"


class Host:
    """A server of streams that can be up, or in trouble in several ways; ``at`` has the moment of every connect."""

    def __init__(self) -> None:
        self.mode = "up"
        self.at: list[float] = []
        self.open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        listening = await asyncio.start_server(self._accept, "127.0.0.1", 0, backlog=1000)
        try:
            yield f"http://localhost:{listening.sockets[0].getsockname()[1]}"
        finally:
            listening.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def abort(self) -> None:
        for writer in self.open:
            writer.transport.abort()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.at.append(asyncio.get_running_loop().time())
        mode = self.mode
        gone = asyncio.ensure_future(reader.read())
        try:
            if mode == "up":
                self.open.add(writer)
                writer.write(HEAD)
                while not gone.done():
                    await asyncio.wait([gone], timeout=20)
                    writer.write(b"%x\r\n%b\r\n" % (len(KEEPALIVE), KEEPALIVE) if self.mode != "silent" else b"")
            elif mode == "silent":
                await gone
            else:
                writer.write({"hollow": HEAD, "busy": BUSY, "gateway": DOWN}.get(mode, b""))
                await asyncio.sleep(0.01)
        finally:
            self.open.discard(writer)
            writer.transport.abort()
            await asyncio.gather(gone, return_exceptions=True)

    def connects(self, since: float, seconds: float) -> int:
        return bisect_left(self.at, since + seconds) - bisect_left(self.at, since)


async def outage(settings: MakeSettings, mode: str, runs: int, seconds: float) -> tuple[int, int, float]:
    """The connects of the first minute of an outage, those of all of it, and the seconds until everybody is back."""
    host, stop = Host(), asyncio.Event()
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)

    async def one(api: TasksApi, number: int) -> Ending | None:
        batches = follow(api, "t", f"r{number}", stop=stop, sleep=asyncio.sleep)
        return [batch.ending async for batch in batches][-1]

    async with host.serving() as origin, PostHog(settings(origin).with_clock(LoopClock())) as client:
        followers = [asyncio.create_task(one(TasksApi(client, 1), number)) for number in range(runs)]
        await asyncio.sleep(60)
        assert len(host.open) == runs
        began, host.mode = loop.time(), mode
        if mode == "name":
            loop.resolve = unknown
        if mode != "silent":
            host.abort()
        await asyncio.sleep(seconds)
        first, during = host.connects(began, 60), host.connects(began, seconds)
        loop.resolve = lambda _: "127.0.0.1"
        ended, host.mode = loop.time(), "up"
        while len(host.open) < runs:
            await asyncio.sleep(0.1)
            assert loop.time() < ended + 600
        back = loop.time() - ended
        stop.set()
        assert set(await asyncio.gather(*followers)) == {Ending.STOPPED}
        return first, during, back


def unknown(name: str) -> str:
    raise socket.gaierror(socket.EAI_AGAIN, f"no address of {name}")


@pytest.mark.parametrize(
    ("mode", "runs", "first", "all_of_it", "late_s"),
    [
        ("reset", 40, 25, 40, 7),
        ("reset", 400, 50, 65, 25),
        ("hollow", 40, 25, 40, 7),
        ("gateway", 40, 25, 40, 7),
        ("busy", 40, 15, 25, 35),
        ("busy", 400, 40, 50, 50),
        ("name", 40, 0, 0, 7),
    ],
)
def test_a_crowd_learns_from_the_first_failures(
    settings: MakeSettings, mode: str, runs: int, first: int, all_of_it: int, late_s: float
) -> None:
    asked, during, back_s = run(outage(settings, mode, runs, 120))
    assert asked <= first
    assert during <= all_of_it
    assert back_s <= late_s


@pytest.mark.parametrize(("runs", "seconds", "late_s"), [(1, 2, 7), (2, 2, 7), (40, 2, 5), (2, 600, 10), (40, 600, 10)])
def test_an_outage_is_over_soon_after_its_end(settings: MakeSettings, runs: int, seconds: float, late_s: float) -> None:
    _, during, back_s = run(outage(settings, "reset", runs, seconds))
    assert during <= 30 + seconds / 4
    assert back_s <= late_s


@pytest.mark.parametrize("runs", [40])
def test_a_host_that_says_nothing_is_asked_once_by_each(settings: MakeSettings, runs: int) -> None:
    _, during, back_s = run(outage(settings, "silent", runs, 120))
    assert during <= runs + 10
    assert back_s <= 45


def test_calls_share_an_outage_too(settings: MakeSettings) -> None:
    async def calls() -> tuple[int, float]:
        host, loop = Host(), asyncio.get_running_loop()
        host.mode = "reset"
        async with (
            host.serving() as origin,
            PostHog(settings(origin).with_clock(LoopClock()), sleep=asyncio.sleep) as client,
        ):
            began = loop.time()
            api = TasksApi(client, 1)
            found = await asyncio.gather(*[api.run("t", f"r{n}") for n in range(50)], return_exceptions=True)
            assert {type(error) for error in found} == {Retryable}
            return len(host.at), loop.time() - began

    asked, took_s = run(calls())
    assert asked <= 70, "and 400 without it, eight for each"
    assert took_s <= 200


def test_whoever_is_early_by_less_than_a_clock_can_tell_waits_for_a_moment() -> None:
    circuit = Circuit(CircuitPolicy(burst=0))
    assert circuit.turn(1e6) == 0.0
    allowed = 1e6 + circuit.turn(1e6)
    assert circuit.turn(math.nextafter(allowed, 0)) == TICK_S


def test_answered_calls_keep_no_distance_and_a_crowd_without_an_answer_does() -> None:
    policy = CircuitPolicy()
    circuit = Circuit(policy)
    for _ in range(10 * policy.burst):
        assert circuit.turn(0.0) == 0.0
        circuit.succeeded(0.0)
    at_once = sum(circuit.turn(0.0) == 0.0 for _ in range(10 * policy.burst))
    assert policy.burst <= at_once <= policy.burst + 1
    assert 0.0 < circuit.turn(0.0) <= policy.pace_s
    circuit.succeeded(0.0)
    one, _, third = (circuit.turn(TICK_S) for _ in range(3))
    assert one == 0.0 < third


def test_a_run_alone_in_its_trouble_holds_up_nobody() -> None:
    circuit = Circuit(CircuitPolicy())
    for now in range(100):
        circuit.failed("r", float(now))
        assert circuit.turn(float(now)) == 0.0
    assert circuit.since is None


@given(st.lists(st.tuples(st.floats(0, 30), st.sampled_from(["a", "b", "c", "answered", "succeeded"])), max_size=200))
def test_whoever_waits_has_a_turn_soon_and_an_open_circuit_lets_few_in(story: list[tuple[float, str]]) -> None:
    policy = CircuitPolicy()
    circuit, now = Circuit(policy), 100.0
    for seconds, what in story:
        now += seconds
        wait_s = circuit.turn(now)
        assert 0 <= wait_s <= policy.late_s
        assert circuit.turn(now + wait_s) == 0.0 or wait_s == 0.0
        if circuit.since is not None:
            assert circuit.turn(now + wait_s) > 0
        if what == "answered":
            circuit.answered(now)
        elif what == "succeeded":
            circuit.succeeded(now)
        else:
            circuit.failed(what, now)
        assert circuit.since is None or what in {"a", "b", "c"}
