"""A run's stream followed across connections: nothing lost, nothing taken for the end that is not."""

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import pytest

from taskhouse.errors import AccessDenied, Permanent
from taskhouse.posthog.api import TasksApi
from taskhouse.posthog.budget import Priority
from taskhouse.posthog.client import PostHog
from taskhouse.posthog.follow import Ending, StreamBatch, follow
from taskhouse.posthog.reconnect_policy import FollowPolicy
from taskhouse.posthog.retry import Policy
from taskhouse.posthog.sse import Frame, Oversize
from taskhouse.settings import Settings
from tests.posthog.raw import Script, Server, answer, events, exact, serving

MakeSettings = Callable[..., Settings]
KEEPALIVE = b'event: keepalive\ndata: {"type": "keepalive"}\n\n'
ROTATED = b'event: end\ndata: {"type": "rotated"}\n\n'
STREAM_END = b'event: stream-end\ndata: {"status": "complete"}\n\n'
UNAVAILABLE = b'event: error\ndata: {"error": "Stream not available"}\n\n'
ERROR = b'event: error\ndata: {"error": "Stream read error"}\n\n'
DRAINED = b'data: {"type": "task_run_state", "status": "failed"}\n\n'
FAST = FollowPolicy(watchdog_s=5)


def event(number: int) -> bytes:
    return f'id: 17-{number}\ndata: {{"n": {number}}}\n\n'.encode()


def run_is(status: str) -> Script:
    return answer(json.dumps({"id": "r", "status": status}).encode())


def followed(
    settings: MakeSettings, scripts: Sequence[Script], *, policy: FollowPolicy = FAST, **given: Any
) -> tuple[list[StreamBatch], Server]:
    async def run() -> tuple[list[StreamBatch], Server]:
        async with (
            serving(scripts) as server,
            PostHog(settings(server.origin), policy=Policy(attempts=1)) as client,
        ):
            batches = [batch async for batch in follow(TasksApi(client, 1), "t", "r", policy=policy, **given)]
            return batches, server

    return asyncio.run(asyncio.wait_for(run(), 20))


def numbers(batches: list[StreamBatch]) -> list[int]:
    return [json.loads(frame.data)["n"] for batch in batches for frame in batch.frames if isinstance(frame, Frame)]


def cursors(server: Server) -> list[str | None]:
    paths = server.paths()
    return [server.header(n, "last-event-id") for n in range(len(paths)) if paths[n].endswith("/stream/")]


def test_a_stream_to_its_end(settings: MakeSettings) -> None:
    batches, server = followed(settings, [events(event(1), KEEPALIVE, event(2) + event(3), STREAM_END)])
    assert numbers(batches) == [1, 2, 3]
    assert (batches[-1].ending, batches[-1].cursor, batches[-1].leg) == (Ending.STREAM_END, "17-3", "django")
    assert [batch.ending for batch in batches[:-1]] == [None] * (len(batches) - 1)
    assert cursors(server) == [None]
    assert server.paths() == ["/api/projects/1/tasks/t/runs/r/stream/"]
    assert server.header(0, "accept") == "text/event-stream"


def test_each_batch_carries_the_cursor_of_its_last_event(settings: MakeSettings) -> None:
    batches, _ = followed(settings, [events(event(1) + event(2) + DRAINED, STREAM_END)], cursor="17-0")
    assert batches[0].cursor == "17-2"
    assert [frame.id for frame in batches[0].frames] == ["17-1", "17-2", None]


def test_the_end_of_a_connection_is_never_the_end(settings: MakeSettings) -> None:
    scripts = [
        events(event(1)),
        events(event(2), end=False),
        events(event(3), b"id: 17-4\ndata: {cut off"),
        exact(b""),
        events(event(4), ROTATED),
        answer(b"<html>", kind="text/html"),
        events(event(5) + STREAM_END),
    ]
    batches, server = followed(settings, scripts)
    assert numbers(batches) == [1, 2, 3, 4, 5]
    assert cursors(server) == [None, "17-1", "17-2", "17-3", "17-3", "17-4", "17-4"]


def test_keepalives_and_frames_without_an_id_leave_the_cursor_alone(settings: MakeSettings) -> None:
    scripts = [events(event(1), KEEPALIVE, DRAINED, b"id:\ndata: {}\n\n"), events(STREAM_END)]
    _, server = followed(settings, scripts)
    assert cursors(server) == [None, "17-1"]


def test_only_the_event_line_decides(settings: MakeSettings) -> None:
    looks = [
        b'{"type":"keepalive"}',
        b'{"type":"rotated"}',
        b'{"error":"x"}',
        b'{"status":"complete"}',
        b"{}",
        b"no json",
    ]
    body = b"".join(b"id: 5-%d\ndata: %s\n\n" % pair for pair in enumerate(looks))
    batches, _ = followed(settings, [events(body + b"event: message\ndata: {}\n\n", STREAM_END)])
    assert [frame.data for frame in batches[0].frames if isinstance(frame, Frame)] == [*looks, b"{}"]


def test_frames_with_an_unknown_name_are_no_events_and_are_counted(settings: MakeSettings) -> None:
    odd = b'event: run\nid: 17-9\ndata: {"id":"r"}\n\n'
    batches, server = followed(settings, [events(odd + event(1) + odd), events(odd, ROTATED), events(STREAM_END)])
    assert numbers(batches) == [1]
    assert sum((Counter(batch.unknown) for batch in batches), Counter()) == {"run": 3}
    assert cursors(server) == [None, "17-1", "17-1"]


def stamped(ms: int, number: int = 0) -> bytes:
    return f'id: 179577616053{ms}-{number}\ndata: {{"n": {ms}}}\n\n'.encode()


def test_reading_goes_on_from_the_last_event_and_its_coming_again_shows_that_nothing_is_gone(
    settings: MakeSettings,
) -> None:
    scripts = [
        events(stamped(1) + stamped(2, 7)),
        events(stamped(2, 7) + stamped(3)),
        events(stamped(5)),
        events(STREAM_END),
    ]
    batches, server = followed(settings, scripts)
    assert numbers(batches) == [1, 2, 3, 5]
    asked = [None, "1795776160532-6", "1795776160532-18446744073709551615", "1795776160534-18446744073709551615"]
    assert cursors(server) == asked
    openings = {id(batch.opening): batch.opening for batch in batches if batch.opening is not None}
    assert [(one.overlaps, one.joined) for one in openings.values()] == [
        (False, None),
        (True, True),
        (True, False),
        (True, None),
    ]


def test_another_event_under_the_id_of_the_last_one_is_an_event_and_no_proof(settings: MakeSettings) -> None:
    scripts = [events(stamped(1)), events(stamped(1).replace(b"{", b'{"other": 1, ') + stamped(2)), events(STREAM_END)]
    asked: list[bytes] = []

    def is_same(frame: Frame) -> bool:
        asked.append(frame.data)
        return b"other" not in frame.data

    batches, _ = followed(settings, scripts, is_same=is_same)
    assert numbers(batches) == [1, 1, 2]
    openings = {id(batch.opening): batch.opening for batch in batches if batch.opening is not None}
    assert [one.joined for one in openings.values()] == [None, False, None]
    assert asked == [b'{"other": 1, "n": 1}']


def test_an_event_that_comes_again_is_no_progress(settings: MakeSettings) -> None:
    """Each connection meets the same error again."""
    scripts = [events(stamped(1) + ERROR), *[events(stamped(1) + ERROR), run_is("in_progress")] * 5]
    batches, _ = followed(settings, scripts, policy=replace(FAST, base_s=0.01))
    assert numbers(batches) == [1]
    assert batches[-1].ending is Ending.ERROR_BUDGET


def end(text: bytes) -> bytes:
    return b"event: end\ndata: " + text + b"\n\n"


def test_after_a_resync_the_cursor_is_dropped_and_the_batch_names_it(settings: MakeSettings) -> None:
    resync = end(b'{"type":"resync","reason":"trimmed"}')
    batches, server = followed(settings, [events(resync), events(event(5)), events(STREAM_END)], cursor="17-1")
    assert cursors(server) == ["17-1", None, "17-5"]
    assert [batch.trimmed for batch in batches] == ["17-1", None, None, None]
    assert batches[0].cursor is None
    assert "start=latest" not in "".join(server.paths())


def test_an_end_of_an_unknown_type_is_a_rotation_and_is_counted(settings: MakeSettings) -> None:
    odd = [b'{"type":"paused"}', b"{}", b"[1]", b"no json", b'{"type":null}']
    scripts = [*[events(event(n), end(text)) for n, text in enumerate(odd, 1)], events(STREAM_END)]
    batches, server = followed(settings, scripts)
    assert cursors(server) == [None, *[f"17-{n}" for n in range(1, 6)]]
    assert sum((Counter(batch.unknown) for batch in batches), Counter()) == {"end paused": 1, "end None": 4}
    assert not any(batch.trimmed for batch in batches)


def test_a_resync_without_a_cursor_and_one_after_another_come_to_an_end(settings: MakeSettings) -> None:
    resync = end(b'{"type":"resync"}')
    batches, _ = followed(settings, [*[events(resync)] * 20, run_is("in_progress")])
    assert batches[-1].ending is Ending.ERROR_BUDGET
    scripts = [script for n in range(40) for script in (events(event(n)), events(resync))]
    batches, _ = followed(settings, [*scripts, run_is("in_progress")], cursor="17-1")
    assert batches[-1].ending is Ending.ERROR_BUDGET


def test_frames_after_the_end_are_not_given_out(settings: MakeSettings) -> None:
    assert numbers(followed(settings, [events(event(1) + STREAM_END + event(2))])[0]) == [1]


def test_an_oversize_event_moves_the_cursor_and_leaves_a_mark(settings: MakeSettings) -> None:
    scripts = [events(b"id: 17-1\ndata: " + b"x" * 200 + b"\n\n", event(2), STREAM_END)]
    batches, _ = followed(settings, scripts, policy=replace(FAST, max_frame=100))
    assert batches[0].frames == [Oversize("17-1", 215)]
    assert batches[0].cursor == "17-1"


def test_a_sticky_error_uses_up_its_budget_then_the_run_is_asked_once(settings: MakeSettings) -> None:
    scripts = [events(event(1), ERROR), *[events(ERROR)] * 4, run_is("in_progress")]
    batches, server = followed(settings, scripts)
    last = batches[-1]
    assert last.ending is Ending.ERROR_BUDGET
    assert last.run is not None
    assert last.run.data["status"] == "in_progress"
    assert "Stream read error" in last.note
    assert cursors(server) == [None, *["17-1"] * 4]
    assert server.paths()[-1].endswith("/runs/r/")
    assert len(server.paths()) == 6


def test_keepalives_do_not_forgive_errors_but_events_do(settings: MakeSettings) -> None:
    batches, _ = followed(settings, [*[events(KEEPALIVE, ERROR)] * 5, run_is("queued")])
    assert batches[-1].ending is Ending.ERROR_BUDGET
    scripts = [*[events(ERROR)] * 4, events(event(1), ERROR), *[events(ERROR)] * 3, events(event(2), STREAM_END)]
    assert followed(settings, scripts)[0][-1].ending is Ending.STREAM_END


def test_broken_connections_use_up_their_budget(settings: MakeSettings) -> None:
    batches, server = followed(settings, [*[exact(b"")] * 9, run_is("in_progress")])
    assert batches[-1].ending is Ending.ERROR_BUDGET
    assert len(cursors(server)) == 9
    assert "9 broken connections in a row" in batches[-1].note


def test_data_and_keepalives_forgive_broken_connections(settings: MakeSettings) -> None:
    scripts = [*[exact(b"")] * 8, events(KEEPALIVE, end=False), *[exact(b"")] * 8, run_is("queued")]
    assert followed(settings, scripts)[0][-1].ending is Ending.ERROR_BUDGET, "the ninth since the keepalive"
    scripts = [*[exact(b"")] * 8, events(KEEPALIVE, end=False), *[exact(b"")] * 7, events(STREAM_END)]
    assert followed(settings, scripts)[0][-1].ending is Ending.STREAM_END


def test_a_stream_that_is_missing_for_a_finished_run_ends_at_once(settings: MakeSettings) -> None:
    batches, server = followed(settings, [events(KEEPALIVE, UNAVAILABLE), run_is("completed")])
    assert batches[-1].ending is Ending.TERMINAL_WITHOUT_STREAM
    assert batches[-1].run is not None
    assert len(server.paths()) == 2


def test_a_drained_stream_ends(settings: MakeSettings) -> None:
    batches, _ = followed(settings, [events(DRAINED + STREAM_END)])
    assert len(batches[0].frames) == 1
    assert (batches[-1].ending, batches[-1].cursor) == (Ending.STREAM_END, None)


def test_nothing_but_keepalives_until_rotation_asks_for_the_run_and_looks_once_more(settings: MakeSettings) -> None:
    idle = events(KEEPALIVE, KEEPALIVE, ROTATED)
    batches, server = followed(
        settings, [idle, run_is("in_progress"), idle, run_is("failed"), events(KEEPALIVE, hold=True)]
    )
    assert batches[-1].ending is Ending.TERMINAL_WITHOUT_STREAM
    assert len(server.paths()) == 5
    late = [idle, run_is("completed"), events(event(1), KEEPALIVE, STREAM_END)]
    batches, _ = followed(settings, late)
    assert (numbers(batches), batches[-1].ending) == ([1], Ending.STREAM_END)


def test_connections_that_bring_nothing_ask_for_the_run(settings: MakeSettings) -> None:
    batches, server = followed(settings, [*[events()] * 3, run_is("cancelled"), events()])
    assert batches[-1].ending is Ending.TERMINAL_WITHOUT_STREAM
    assert len(server.paths()) == 5


def test_a_server_that_only_rotates_does_not_spin(settings: MakeSettings) -> None:
    batches, server = followed(settings, [*[events(ROTATED)] * 9, run_is("queued")])
    assert batches[-1].ending is Ending.ERROR_BUDGET
    assert len(cursors(server)) == 9


@pytest.mark.parametrize(
    ("script", "kind"),
    [(answer(b"typecodedetailattr", "403 No"), AccessDenied), (answer(b"", "406 No"), Permanent)],
)
def test_a_refusal_is_final(settings: MakeSettings, script: Script, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        followed(settings, [script])


def test_a_run_that_does_not_exist(settings: MakeSettings) -> None:
    batches, server = followed(settings, [answer(b"typecodedetailattr", "404 Not Found", kind="text/event-stream")])
    assert [batch.ending for batch in batches] == [Ending.NOT_FOUND]
    assert len(server.paths()) == 1


@pytest.mark.parametrize("status", ["429 Too Many Requests", "503 Service Unavailable"])
def test_retry_after_is_honoured(settings: MakeSettings, status: str) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    async def run() -> Ending | None:
        scripts = [answer(b"", status, Retry_After="17"), events(STREAM_END)]
        async with serving(scripts) as server, PostHog(settings(server.origin)) as client:
            found = [batch async for batch in follow(TasksApi(client, 1), "t", "r", sleep=sleep)]
            return found[-1].ending

    assert asyncio.run(run()) is Ending.STREAM_END
    assert 17 <= slept[0] <= 17.5


def test_silence_is_noticed(settings: MakeSettings) -> None:
    policy = replace(FAST, watchdog_s=0.05)
    scripts = [events(event(1), hold=True), exact(b"", hold=True), events(event(2), STREAM_END)]
    batches, server = followed(settings, scripts, policy=policy)
    assert numbers(batches) == [1, 2]
    assert cursors(server) == [None, "17-1", "17-1"]


@pytest.mark.parametrize("script", [events(event(1), hold=True), exact(b"", hold=True), exact(b"")])
def test_it_stops_when_it_is_told_to(settings: MakeSettings, script: Script) -> None:
    async def run() -> list[StreamBatch]:
        stop = asyncio.Event()

        async def sleep(_: float) -> None:
            await asyncio.Event().wait()

        async with serving([script]) as server, PostHog(settings(server.origin)) as client:
            asyncio.get_running_loop().call_later(0.05, stop.set)
            found = [batch async for batch in follow(TasksApi(client, 1), "t", "r", stop=stop, sleep=sleep)]
            await asyncio.wait_for(server.idle.wait(), 5)
            return found

    batches = asyncio.run(asyncio.wait_for(run(), 5))
    assert batches[-1].ending is Ending.STOPPED
    assert all(batch.ending is None for batch in batches[:-1])


def test_cancelling_closes_the_connection(settings: MakeSettings) -> None:
    async def run() -> None:
        async with serving([events(event(1), hold=True)]) as server, PostHog(settings(server.origin)) as client:
            got = asyncio.Event()

            async def consume() -> None:
                async with aclosing(follow(TasksApi(client, 1), "t", "r")) as batches:
                    async for _ in batches:
                        got.set()

            task = asyncio.create_task(consume())
            await asyncio.wait_for(got.wait(), 5)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            assert task.cancelled()
            await asyncio.wait_for(server.idle.wait(), 5)

    asyncio.run(run())


def test_every_connection_is_paid_as_live(settings: MakeSettings) -> None:
    async def run() -> None:
        scripts = [events(event(1)), events(event(2)), events(STREAM_END)]
        async with (
            serving(scripts) as server,
            PostHog(settings(server.origin, requests_per_hour=200)) as client,
        ):
            for _ in range(9):
                await client.budget.acquire(Priority.SWEEP)
            api = TasksApi(client, 1, priority=Priority.SWEEP)
            assert [batch async for batch in follow(api, "t", "r")][-1].ending is Ending.STREAM_END
            assert [window.used for window in client.budget.windows.peek()] == [12, 12]
            assert api.meter.requests == 3

    asyncio.run(run())


@pytest.mark.parametrize("cursor", ["log-3", "not-a-redis-id"])
def test_a_cursor_that_is_refused_is_dropped_once(settings: MakeSettings, cursor: str) -> None:
    batches, server = followed(settings, [events(ERROR), events(event(1), STREAM_END)], cursor=cursor)
    assert (numbers(batches), batches[-1].ending) == ([1], Ending.STREAM_END)
    assert cursors(server) == [cursor, None]
    assert f"{cursor} is no cursor" in batches[0].note


def test_a_cursor_that_the_server_gave_is_never_dropped(settings: MakeSettings) -> None:
    _, server = followed(settings, [events(ERROR), events(ERROR), events(event(1), STREAM_END)], cursor="17-0")
    assert cursors(server) == ["17-0"] * 3


def test_a_stream_whose_ids_are_refused_is_not_read_for_ever(settings: MakeSettings) -> None:
    odd = b'id: odd\ndata: {"n": 1}\n\n'
    scripts = [events(odd, ERROR), events(ERROR), events(odd, ERROR), *[events(ERROR)] * 3, run_is("in_progress")]
    batches, server = followed(settings, scripts, policy=replace(FAST, errors=3))
    assert batches[-1].ending is Ending.ERROR_BUDGET
    assert cursors(server) == [None, "odd", None, "odd", "odd"]
