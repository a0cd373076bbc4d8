"""The modes over HTTP, in a world that moves: pinned at creation, shown in the state, accounted for in the truth."""

import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from taskhouse.emulator.redaction import redacted
from taskhouse.emulator.serve import Emulator
from taskhouse.emulator.world.model import TERMINAL
from tests.emulator.conftest import truth_of

PROJECT = "/api/projects/1/tasks"
Own = Callable[..., tuple[Emulator, httpx.Client]]
Event = tuple[str | None, str]


def path_of(made: dict[str, Any]) -> str:
    return f"{PROJECT}/{made['task_id']}/runs/{made.get('run_id') or made['id']}"


def events(text: str) -> list[Event]:
    """Id and data of every frame without a name."""
    found: list[Event] = []
    for frame in text.split("\n\n")[:-1]:
        lines = frame.split("\n")
        own = lines[0][4:] if lines[0].startswith("id: ") else None
        data = [line[6:] for line in lines if line.startswith("data: ")]
        if not lines[0].startswith("event: "):
            found.append((own, "\n".join(data)))
    return found


def digest(texts: list[str]) -> str:
    joined = "".join(f"{redacted(text)}\n" for text in texts)
    return hashlib.sha256(joined.encode("utf-8", "surrogatepass")).hexdigest()


def read(client: httpx.Client, made: dict[str, Any], cursor: str | None = None) -> list[Event]:
    """A stream that ends by itself."""
    headers = {"Last-Event-ID": cursor} if cursor else {}
    answer = client.get(f"{path_of(made)}/stream/", headers=headers)
    assert answer.text.endswith("event: stream-end\ndata: {" + '"status": "complete"}\n\n')
    return events(answer.text)


@contextmanager
def reading(client: httpx.Client, made: dict[str, Any]) -> Iterator[list[str]]:
    """A connection that is read in the background; what came is complete after the block, which must end the run."""
    got: list[str] = []
    attached = threading.Event()

    def work() -> None:
        with client.stream("GET", f"{path_of(made)}/stream/", timeout=30) as stream:
            attached.set()
            got.extend(stream.iter_text())

    thread = threading.Thread(target=work)
    thread.start()
    assert attached.wait(10)
    yield got
    thread.join(30)
    assert not thread.is_alive()


def numbers(entries: list[Event], *, log: bool) -> set[tuple[str, int]]:
    """The agent's numbers that some events hold, as a range where the log coalesced them."""
    held = set()
    for own, text in entries:
        entry = json.loads(text)
        if (own or "").startswith("log-") is log and "event_id" in entry:
            boot, _, last = entry["event_id"].rpartition("-")
            first = int(entry.get("first_event_id", entry["event_id"]).rpartition("-")[2])
            held |= {(boot, number) for number in range(first, int(last) + 1)}
    return held


def test_modes_are_pinned_by_share_by_origin_and_by_hand_and_change_nothing_else(own: Own) -> None:
    plain, _ = own(tasks=40, live_runs=2)
    thin, client = own(tasks=40, live_runs=2, thin_tail=0.5, presence_gated_origins=("slack",))
    runs = thin.truth()["runs"]
    origin = {task["id"]: task["origin_product"] for task in thin.truth()["tasks"]}
    assert 0.3 < sum("thin_tail" in run["modes"] for run in runs) / len(runs) < 0.7
    assert all(("presence_gated" in run["modes"]) == (origin[run["task_id"]] == "slack") for run in runs)
    assert [run["id"] for run in runs] == [run["id"] for run in plain.truth()["runs"]]
    for run in runs[:20]:
        assert not {"stream_thin_tail", "stream_presence_gated"} & client.get(f"{path_of(run)}/").json()["state"].keys()
    made = thin.mutate("new_task", run=True, thin_tail=False, presence_gated=True)
    assert truth_of(thin, made)["modes"] == ["presence_gated"]
    again = thin.mutate("new_run", task_id=made["task_id"], thin_tail=True, presence_gated=False, proxy=True)
    assert truth_of(thin, again)["modes"] == ["thin_tail"], "the proxy never serves a thin-tail run"


def test_modes_are_off_by_default(own: Own) -> None:
    emulator, _ = own(tasks=20)
    assert all(run["modes"] == [] for run in emulator.truth()["runs"])


def test_a_thin_tail_run_is_whole_by_log_and_tail_together(own: Own) -> None:
    emulator, client = own(tasks=3, live_runs=0, late_state=0.0)
    made = emulator.mutate("new_task", run=True, thin_tail=True)
    emulator.clock(advance_s=60)
    with reading(client, made) as got:
        emulator.clock(advance_s=800)
    entries = events("".join(got))
    truth = truth_of(emulator, made)
    logged, tail = numbers(entries, log=True), numbers(entries, log=False)
    assert logged
    assert tail
    assert not logged & tail, "what the log covered does not come again"
    everything = {(boot, n) for boot, last in truth["agent"].items() for n in range(1, last + 1)}
    assert logged | tail == everything
    again = read(client, made)
    whole = client.get(f"{path_of(made)}/session_logs/", params={"limit": 5000}).json()
    assert [json.loads(text) for own, text in again if (own or "").startswith("log-")] == whole
    assert not numbers(again, log=True) & numbers(again, log=False)
    after = next(own for own, _ in again if own and own.startswith("log-1"))
    assert read(client, made, after) == again[2:]


def test_a_finished_thin_tail_run_offers_what_its_tail_still_holds(own: Own) -> None:
    emulator, client = own(tasks=60, live_runs=0, thin_tail=1.0, events=8.0)
    recent = [run for run in emulator.truth()["runs"] if run["live"]["count"]]
    assert recent
    for run in recent:
        redis = [(own, text) for own, text in read(client, {**run, "run_id": run["id"]}) if "log-" not in (own or "")]
        assert len(redis) < run["live"]["count"] < 700, "the covered ones are left out"
        assert run["live"]["last_id"] == redis[-1][0]
    assert any(run["live"]["count"] < run["live"]["emitted"] for run in recent)


def test_a_busy_backlog_passes(own: Own) -> None:
    emulator, client = own(tasks=3, live_runs=0)
    made = emulator.mutate("new_task", run=True, thin_tail=True)
    emulator.clock(advance_s=900)
    emulator.faults(
        {"kind": "backlog", "endpoint": "runs.stream", "times": 1},
        {"kind": "backlog", "endpoint": "runs.stream", "times": 1, "after": 1, "state": "unavailable"},
    )
    said = [client.get(f"{path_of(made)}/stream/").text for _ in range(2)]
    assert said == [f'event: error\ndata: {{"error": "Backlog {state}"}}\n\n' for state in ("busy", "unavailable")]
    assert read(client, made)


def test_a_gated_run_that_nobody_watched_ends_without_a_word(own: Own) -> None:
    emulator, client = own(tasks=3, live_runs=0)
    made = emulator.mutate("new_task", run=True, presence_gated=True)
    emulator.clock(advance_s=900)
    assert read(client, made) == []
    live = truth_of(emulator, made)["live"]
    assert (live["count"], live["unmirrored"]) == (0, live["emitted"])
    assert live["emitted"] > 50
    assert client.get(f"{path_of(made)}/session_logs/").json(), "the log is the source of truth"
    emulator.clock(advance_s=1800)
    assert json.loads(read(client, made)[0][1])["status"] in TERMINAL, "once the stream is gone it is as any other"


def test_a_gated_run_gives_what_was_watched_and_the_lease_outlives_the_reader(own: Own) -> None:
    emulator, client = own(tasks=3, live_runs=0, late_state=0.0)
    made = emulator.mutate("new_task", run=True, presence_gated=True)
    emulator.clock(advance_s=30)
    missed = truth_of(emulator, made)["live"]["unmirrored"]
    assert missed > 0
    with reading(client, made) as got:
        emulator.clock(advance_s=20)
        emulator.clock(advance_s=800)
    live = truth_of(emulator, made)["live"]
    assert live["unmirrored"] == missed
    seen = events("".join(got))
    assert (len(seen), digest([text for _, text in seen])) == (live["count"], live["sha256"])
    assert read(client, made) == seen


@pytest.mark.parametrize(("wait_s", "mirrored"), [(290, True), (310, False)])
def test_the_lease_is_five_minutes(own: Own, wait_s: float, mirrored: bool) -> None:  # noqa: FBT001
    emulator, client = own(tasks=3, live_runs=0, events=0.01)
    made = emulator.mutate("new_task", run=True, presence_gated=True)
    emulator.mutate("inject", run_id=made["run_id"], log="{}")
    with client.stream("GET", f"{path_of(made)}/stream/"):
        pass
    while emulator.streams()["django"]:
        pass
    emulator.clock(advance_s=wait_s)
    (given,) = emulator.mutate("inject", run_id=made["run_id"], live="{}")["stream_ids"]
    assert (given is not None) is mirrored


def test_a_gated_thin_tail_run_is_read_from_its_log(own: Own) -> None:
    emulator, client = own(tasks=3, live_runs=0)
    made = emulator.mutate("new_task", run=True, presence_gated=True, thin_tail=True)
    emulator.clock(advance_s=900)
    entries = read(client, made)
    assert len(entries) == truth_of(emulator, made)["log"]["count"] > 20
    assert all(own and own.startswith("log-") for own, _ in entries)


def test_a_chain_shows_ten_ancestors_and_no_more(own: Own) -> None:
    emulator, client = own(tasks=3, live_runs=0, events=0.1)
    made = [emulator.mutate("new_task", run=True)]
    for _ in range(12):
        emulator.clock(advance_s=700)
        made.append(emulator.mutate("new_run", task_id=made[0]["task_id"], resume_from=True))
    emulator.clock(advance_s=700)
    counts = [truth_of(emulator, one)["log"]["count"] for one in made]
    for depth in (1, 10, 11, 12):
        chain = client.get(f"{path_of(made[depth])}/session_logs/", params={"limit": 5000})
        assert len(chain.json()) == sum(counts[max(0, depth - 10) : depth + 1])
    markers = [
        entry["notification"]["params"]["runId"]
        for entry in chain.json()
        if entry["notification"].get("method") == "_posthog/run_started"
    ]
    assert markers == [one["run_id"] for one in made[2:]]
    resumed = [entry for entry in chain.json() if entry["notification"].get("method") == "_posthog/session/resume"]
    assert len(resumed) >= 11


def test_a_chain_begins_later_once_an_ancestors_log_has_expired(own: Own) -> None:
    emulator, client = own(tasks=3, live_runs=0)
    first = emulator.mutate("new_task", run=True)
    emulator.clock(advance_s=700)
    emulator.clock(advance_s=29 * 86400)
    second = emulator.mutate("new_run", task_id=first["task_id"], resume_from=True)
    emulator.clock(advance_s=700)
    path = f"{path_of(second)}/session_logs/"
    before = int(client.get(path).headers["X-Total-Count"])
    gone = truth_of(emulator, first)["log"]["count"]
    emulator.clock(advance_s=2 * 86400)
    assert int(client.get(path).headers["X-Total-Count"]) == before - gone


def test_a_reopened_runs_agent_goes_on_counting_its_boots(own: Own) -> None:
    emulator, client = own(tasks=3, live_runs=0, october_agents=False)
    made = emulator.mutate("new_task", run=True, thin_tail=True)
    emulator.clock(advance_s=900)
    emulator.mutate("reopen", run_id=made["run_id"])
    emulator.clock(advance_s=900)
    truth = truth_of(emulator, made)
    assert truth["incarnation"] == 1
    assert {int(boot) // 10 for boot in truth["agent"]} == {0, 1}
    held = read(client, made)
    everything = {(boot, n) for boot, last in truth["agent"].items() for n in range(1, last + 1)}
    assert everything - numbers(held, log=True) - numbers(held, log=False) < {
        one for one in everything if int(one[0]) < 10
    }
