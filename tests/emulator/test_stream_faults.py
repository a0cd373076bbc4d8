"""What can go wrong with a stream: faults frame by frame, and events that no agent should have sent."""

import hashlib
import json
import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from taskhouse.emulator.redaction import redacted
from taskhouse.emulator.script.hostile import HOSTILE
from taskhouse.emulator.serve import Emulator
from tests.emulator.conftest import truth_of

PROJECT = "/api/projects/1/tasks"
CUT = (httpx.RemoteProtocolError, httpx.ReadError)
ID = re.compile(r"^id: (\S+)$", re.MULTILINE)
Own = Callable[..., tuple[Emulator, httpx.Client]]
Stream = tuple[Emulator, Callable[..., bytes], bytes]


@pytest.fixture
def stream(own: Own) -> Stream:
    """A finished stream, a way to read it under a fault, and its bytes without one."""
    emulator, client = own(tasks=3, live_runs=0, late_state=0.0)
    made = emulator.mutate("new_task", run=True)
    emulator.clock(advance_s=40)
    emulator.mutate("inject", run_id=made["run_id"], live='{"raw": "grüße 界"}')
    emulator.clock(advance_s=800)

    def read(*, broken: bool = False, **fault: Any) -> bytes:
        if fault:
            emulator.faults({"endpoint": "runs.stream", "times": 1, **fault})
        got: list[bytes] = []
        path = f"{PROJECT}/{made['task_id']}/runs/{made['run_id']}/stream/"
        with client.stream("GET", path) as answer:
            if broken:
                with pytest.raises(CUT):
                    got.extend(answer.iter_raw())
            else:
                got.extend(answer.iter_raw())
        assert emulator.active_faults() == []
        return b"".join(got)

    return emulator, read, read()


def ids(body: bytes) -> list[str]:
    return ID.findall(body.decode())


def test_an_end_without_a_word(stream: Stream) -> None:
    _, read, whole = stream
    assert whole.startswith(cut := read(kind="eof", after_frames=5))
    assert (len(ids(cut)), cut[-2:]) == (5, b"\n\n")
    assert read(kind="eof", after_frames=0) == b""
    assert read() == whole


def test_an_error_that_is_gone_with_the_next_connection(stream: Stream) -> None:
    _, read, whole = stream
    text = read(kind="error_frame", after_frames=3, message="Stream read timeout").decode()
    assert text.endswith('event: error\ndata: {"error": "Stream read timeout"}\n\n')
    assert len(ID.findall(text)) == 3
    assert read() == whole


def test_an_event_twice(stream: Stream) -> None:
    _, read, whole = stream
    plain, got = ids(whole), ids(read(kind="duplicate_id", after_frames=4))
    assert got == [*plain[:5], *plain[4:]]


def test_two_events_in_the_wrong_order(stream: Stream) -> None:
    _, read, whole = stream
    plain, body = ids(whole), read(kind="reordered_id", after_frames=4)
    assert ids(body) == [*plain[:4], plain[5], plain[4], *plain[6:]]
    assert sorted(body.split(b"\n\n")) == sorted(whole.split(b"\n\n"))
    last = read(kind="reordered_id", after_frames=len(plain) - 1)
    assert last == whole, "there was nothing to change places with"


def test_an_id_used_twice_for_two_events(stream: Stream) -> None:
    _, read, whole = stream
    plain, body = ids(whole), read(kind="reused_id", after_frames=4)
    assert ids(body) == [*plain[:4], plain[3], *plain[5:]]
    assert [frame.split(b"\n")[1:] for frame in body.split(b"\n\n")] == [
        frame.split(b"\n")[1:] for frame in whole.split(b"\n\n")
    ]


@pytest.mark.parametrize("clean", [True, False])
def test_a_cut_inside_a_character(stream: Stream, clean: bool) -> None:  # noqa: FBT001
    _, read, whole = stream
    body = read(kind="cut_character", after_frames=0, clean=clean, broken=not clean)
    assert whole.startswith(body)
    assert body.endswith(b"gr\xc3") or not clean, "a reset may overtake what was sent before it"


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_pieces_of_any_size(stream: Stream, size: int) -> None:
    _, read, whole = stream
    assert read(kind="dribble", bytes=size) == whole


@pytest.mark.parametrize("kind", ["duplicate_id", "reordered_id", "reused_id", "eof", "error_frame"])
def test_faults_around_pieces_see_whole_frames(stream: Stream, kind: str) -> None:
    emulator, read, _ = stream
    alone = read(kind=kind, after_frames=4)
    emulator.faults({"kind": kind, "after_frames": 4, "times": 1}, {"kind": "dribble", "bytes": 5, "times": 1})
    assert read() == alone


def test_faults_of_a_chance_and_of_a_range(stream: Stream) -> None:
    emulator, _, _ = stream
    run = next(run for run in emulator.truth()["runs"] if run["live"]["count"] > 100)
    path = f"{PROJECT}/{run['task_id']}/runs/{run['id']}/stream/"

    def story() -> list[int]:
        emulator.faults()
        emulator.faults({"kind": "eof", "path": "/stream/", "rate": 0.5, "after_frames": [0, 30], "seed": 3})
        with httpx.Client(base_url=emulator.url, headers={"Authorization": f"Bearer {emulator.api_key}"}) as client:
            return [len(ids(client.get(path).content)) for _ in range(20)]

    counts = story()
    assert counts == story(), "the same chance each time"
    hit = [count for count in counts if count <= 30]
    assert 4 < len(hit) < 16
    assert len(set(hit)) > 3
    answer = httpx.post(f"{emulator.url}/_emulator/faults", json={"kind": "eof", "rate": 2})
    assert answer.status_code == 400


@pytest.mark.parametrize("kind", ["eof", "duplicate_id", "cut_character"])
def test_answers_that_are_no_stream_pass_untouched(stream: Stream, kind: str) -> None:
    emulator, _, _ = stream
    emulator.faults({"kind": kind, "after_frames": 0})
    with httpx.Client(base_url=emulator.url) as client:
        refused = client.get(f"{PROJECT}/x/runs/y/stream/")
        assert (refused.status_code, refused.text) == (403, "typecodedetailattr")
        headers = {"Authorization": f"Bearer {emulator.api_key}"}
        assert client.get(f"{PROJECT}/", headers=headers).json()["count"] > 0


def test_hostile_events_come_as_they_are_and_are_counted(own: Own) -> None:
    emulator, client = own(tasks=3, live_runs=0, late_state=0.0)
    made = emulator.mutate("new_task", run=True)
    emulator.clock(advance_s=40)
    before = truth_of(emulator, made)
    given = emulator.mutate("inject", run_id=made["run_id"], hostile=True)["stream_ids"]
    assert len(given) == len(HOSTILE)
    emulator.clock(advance_s=800)
    path = f"{PROJECT}/{made['task_id']}/runs/{made['run_id']}"
    frames = client.get(f"{path}/stream/").content.decode().split("\n\n")[:-2]
    texts = ["\n".join(line.removeprefix("data: ") for line in frame.split("\n")[1:]) for frame in frames]
    assert [text for text in texts if text in HOSTILE.values()] == list(HOSTILE.values())
    truth = truth_of(emulator, made)
    digest = hashlib.sha256("".join(f"{redacted(text)}\n" for text in texts).encode()).hexdigest()
    assert (truth["live"]["count"], truth["live"]["sha256"]) == (len(texts), digest)
    lines = client.get(f"{path}/logs/").text.removesuffix("\n").split("\n")
    entries = client.get(f"{path}/session_logs/", params={"limit": 5000})
    assert len(lines) == truth["log"]["count"] + truth["log"]["unreadable"] > before["log"]["count"]
    assert entries.headers["X-Total-Count"] == str(truth["log"]["count"])
    assert entries.text == "[" + ",".join(line for line in lines if is_object(line)) + "]"
    assert truth["log"]["unreadable"] == 7


def is_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def test_raw_texts_of_ones_own(own: Own) -> None:
    emulator, client = own(tasks=3, live_runs=0)
    made = emulator.mutate("new_task", run=True)
    emulator.clock(advance_s=40)
    emulator.mutate("inject", run_id=made["run_id"], live='{"a":1}', log='{"b":2}')
    emulator.mutate("inject", run_id=made["run_id"], hostile="nan")
    emulator.mutate("finish", run_id=made["run_id"])
    path = f"{PROJECT}/{made['task_id']}/runs/{made['run_id']}"
    assert '\ndata: {"a":1}\n\n' in client.get(f"{path}/stream/").text
    assert {"b": 2} in client.get(f"{path}/session_logs/").json()
    (given,) = emulator.mutate("inject", run_id=made["run_id"], live="{}")["stream_ids"]
    assert given
    assert truth_of(emulator, made)["live"]["unreachable"] == 1, "after the end marker nobody finds it"
    for wrong in ({"live": "a\rb"}, {"live": 5}, {"log": "a\nb"}, {"hostile": "unheard of"}):
        asked = {"action": "inject", "run_id": made["run_id"], **wrong}
        assert client.post("/_emulator/mutate", json=asked).status_code == 400


@pytest.mark.parametrize(("size", "character", "least"), [(1_000_000, "x", 10**6), (1_000_000, "界", 2 * 10**6)])
def test_an_event_of_some_megabytes(own: Own, size: int, character: str, least: int) -> None:
    emulator, client = own(tasks=3, live_runs=0)
    made = emulator.mutate("new_task", run=True)
    emulator.mutate("inject", run_id=made["run_id"], bytes=size, character=character)
    emulator.mutate("finish", run_id=made["run_id"])
    body = client.get(f"{PROJECT}/{made['task_id']}/runs/{made['run_id']}/stream/").content
    assert least < max(map(len, body.split(b"\n\n"))) < 3 * 10**6


def test_a_restarted_stream_uses_its_ids_again_for_other_events(own: Own) -> None:
    emulator, client = own(tasks=3, live_runs=0)
    made = emulator.mutate("new_task", run=True)
    path = f"{PROJECT}/{made['task_id']}/runs/{made['run_id']}/stream/"
    emulator.clock(advance_s=0.5)
    emulator.clock(advance_s=60)
    emulator.mutate("restart_stream", run_id=made["run_id"])
    first = truth_of(emulator, made)["live"]
    emulator.clock(advance_s=800)
    body = client.get(path).content
    assert ids(body)[0] == first["first_id"]
    assert len(ids(body)) == truth_of(emulator, made)["live"]["count"] - first["count"]
