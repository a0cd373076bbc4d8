"""Trouble in the Redis behind the streams, and odd cursors: what readers meet."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from taskhouse.emulator.serve import Emulator
from tests.emulator.conftest import truth_of

PROJECT = "/api/projects/1/tasks"
END = 'event: stream-end\ndata: {"status": "complete"}\n\n'
READ_ERROR = 'event: error\ndata: {"error": "Stream read error"}\n\n'
LOST = 'event: error\ndata: {"error": "Connection lost to task run stream"}\n\n'
Own = Callable[..., tuple[Emulator, httpx.Client]]


def stream_of(made: dict[str, Any]) -> str:
    return f"{PROJECT}/{made['task_id']}/runs/{made['run_id']}/stream/"


@contextmanager
def attached(client: httpx.Client, made: dict[str, Any]) -> Iterator[list[str]]:
    """A reader that has had its first piece; what it has in the end stands in the list."""
    got: list[str] = []
    begun = threading.Event()

    def work() -> None:
        with client.stream("GET", stream_of(made), timeout=30) as answer:
            for piece in answer.iter_text():
                got.append(piece)
                begun.set()

    reader = threading.Thread(target=work)
    reader.start()
    assert begun.wait(10)
    yield got
    reader.join(30)
    assert not reader.is_alive()


@pytest.fixture
def running(own: Own) -> tuple[Emulator, httpx.Client, dict[str, Any]]:
    """A run that has been going on for a while."""
    emulator, client = own(tasks=3, live_runs=0, late_state=0.0)
    made = emulator.mutate("new_task", run=True)
    emulator.clock(advance_s=45)
    return emulator, client, made


Running = tuple[Emulator, httpx.Client, dict[str, Any]]


def test_with_redis_down_a_connection_gets_200_and_a_body_that_breaks_off_before_its_first_frame(
    running: Running,
) -> None:
    emulator, client, made = running
    emulator.mutate("redis", state="down")
    host, port = emulator.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as wire:
        key = f"Authorization: Bearer {emulator.api_key}"
        wire.sendall(f"GET {stream_of(made)} HTTP/1.1\r\nHost: x\r\n{key}\r\n\r\n".encode())
        got = b""
        while piece := wire.recv(4096):
            got += piece
    head, _, body = got.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200")
    assert b"transfer-encoding: chunked" in head.lower()
    assert body == b"", "no frame and no closing chunk"
    assert client.get(f"{PROJECT}/").status_code == 200, "the rest of the API goes on"
    emulator.mutate("redis", state="up")
    emulator.clock(advance_s=700)
    assert client.get(stream_of(made)).text.endswith(END)


def test_a_reader_that_loses_redis_is_told_so_after_a_moment(running: Running) -> None:
    emulator, client, made = running
    with attached(client, made) as got:
        emulator.mutate("redis", state="down")
        emulator.clock(advance_s=1)
    assert "".join(got).endswith(LOST)


def test_a_silent_redis_sends_not_even_keepalives_to_old_and_to_new_readers(running: Running) -> None:
    emulator, client, made = running
    emulator.mutate("redis", state="silent")
    with client.stream("GET", stream_of(made), timeout=0.5) as answer:
        assert answer.status_code == 200
        emulator.clock(advance_s=300)
        pieces = answer.iter_text()
        with pytest.raises(httpx.ReadTimeout):
            next(pieces)
    emulator.mutate("redis", state="up")
    with attached(client, made) as got:
        emulator.mutate("redis", state="silent")
        emulator.clock(advance_s=1000)
        emulator.mutate("redis", state="up")
    assert "keepalive" not in "".join(got)
    assert "".join(got).endswith((END, 'event: end\ndata: {"type": "rotated"}\n\n'))


def test_a_reset_that_fails_leaves_the_old_end_marker_in_the_way(running: Running) -> None:
    emulator, client, made = running
    emulator.clock(advance_s=700)
    before = client.get(stream_of(made)).text
    emulator.mutate("reopen", run_id=made["run_id"], reset=False)
    emulator.clock(advance_s=700)
    assert client.get(stream_of(made)).text == before
    truth = truth_of(emulator, made)
    assert (truth["incarnation"], truth["live"]["unreachable"] > 20) == (1, True)


def test_a_failover_rolls_events_back_which_come_again_under_other_ids(running: Running) -> None:
    emulator, client, made = running
    emulator.clock(advance_s=20)
    with attached(client, made) as got:
        emulator.clock(advance_s=1)
        given = emulator.mutate("roll_back", run_id=made["run_id"], events=4)["stream_ids"]
        emulator.mutate("finish", run_id=made["run_id"])
    frames = [frame.split("\ndata: ") for frame in "".join(got).split("\n\n") if frame.startswith("id: ")]
    again = [text for head, text in frames if head.removeprefix("id: ") in given]
    assert len(again) == 4
    assert all([text for _, text in frames].count(text) == 2 for text in again), "the reader has them twice"
    alone = client.get(stream_of(made)).text
    assert all(alone.count(text) == 1 for text in again), "whoever comes later has them once"
    with pytest.raises(httpx.HTTPStatusError):
        httpx.post(
            f"{emulator.url}/_emulator/mutate", json={"action": "roll_back", "run_id": made["run_id"]}
        ).raise_for_status()


def test_what_a_failover_loses_for_good_is_in_no_stream_and_its_end_marker_neither(running: Running) -> None:
    emulator, client, made = running
    emulator.mutate("inject", run_id=made["run_id"], live='{"type": "two",\n "lines": 2}')
    emulator.mutate("finish", run_id=made["run_id"])
    before = client.get(stream_of(made)).text
    assert emulator.mutate("roll_back", run_id=made["run_id"], events=3, again=False)["stream_ids"] == []
    with client.stream("GET", stream_of(made), timeout=30) as answer:
        emulator.clock(advance_s=25)
        pieces = answer.iter_text()
        after = next(pieces)
        while "keepalive" not in after:
            after += next(pieces)
    kept = after.split("event: keepalive")[0]
    assert before.startswith(kept)
    assert before[len(kept) :].count("id: ") == 2, "the third was the end marker"


@pytest.mark.parametrize("thin", [False, True])
def test_cursors_that_only_redis_or_only_python_reads(thin: bool, own: Own) -> None:  # noqa: FBT001 - a case
    emulator, client = own(tasks=3, live_runs=0, late_state=0.0)
    made = emulator.mutate("new_task", run=True, thin_tail=thin)
    emulator.clock(advance_s=700)

    def read(cursor: str) -> str:
        return client.get(stream_of(made), headers={"Last-Event-ID": cursor}).text

    whole = client.get(stream_of(made)).text
    assert read("99999999999999-0_1") == READ_ERROR, "Python reads it as a number, Redis does not"
    assert read("garbage") == (whole if thin else READ_ERROR)
    assert read("+") == (whole if thin else END), "the newest entry is the hidden end marker"
    if thin:
        assert read("$") == whole


def test_a_dollar_sign_is_the_newest_entry(running: Running) -> None:
    emulator, client, made = running
    with client.stream("GET", stream_of(made), headers={"Last-Event-ID": "$"}, timeout=30) as answer:
        emulator.mutate("inject", run_id=made["run_id"], live='{"type": "here"}')
        emulator.mutate("finish", run_id=made["run_id"])
        text = answer.read().decode()
    assert text.count("\n\n") == 3
    assert '{"type": "here"}' in text.split("\n\n", 1)[0]


def test_status_objects_are_never_shown_whatever_they_say(running: Running) -> None:
    emulator, client, made = running
    before = truth_of(emulator, made)["live"]
    emulator.mutate("inject", run_id=made["run_id"], live='{"type": "STREAM_STATUS", "status": "paused"}')
    emulator.mutate("inject", run_id=made["run_id"], live='{"type": "note", "says": "STREAM_STATUS"}')
    after = truth_of(emulator, made)["live"]
    assert (after["count"], after["unreachable"]) == (before["count"] + 1, before["unreachable"] + 1)
    emulator.mutate("inject", run_id=made["run_id"], live='{"type": "STREAM_STATUS", "status": "error", "error": "x"}')
    text = client.get(stream_of(made)).text
    assert '"type": "STREAM_STATUS"' not in text
    assert text.endswith('event: error\ndata: {"error": "x"}\n\n')
    assert json.loads(text.split("\n\n")[-3].partition("data: ")[2]) == {"type": "note", "says": "STREAM_STATUS"}


def test_an_unreadable_line_of_a_log_that_had_expired_stays_marked(own: Own) -> None:
    emulator, client = own(tasks=3, live_runs=0)
    made = emulator.mutate("new_task", run=True)
    emulator.clock(advance_s=700)
    emulator.clock(advance_s=31 * 86400)
    emulator.mutate("inject", run_id=made["run_id"], log="no json")
    path = f"{PROJECT}/{made['task_id']}/runs/{made['run_id']}"
    assert client.get(f"{path}/logs/").text == "no json\n"
    assert client.get(f"{path}/session_logs/").json() == []
    assert truth_of(emulator, made)["log"]["unreadable"] == 1
