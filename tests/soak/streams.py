"""The soak of the streams: dozens of live runs, a real tail that is killed again and again, and what was offered."""

import asyncio
import contextlib
import hashlib
import json
import logging
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from unittest import mock

from taskhouse.emulator.redaction import redacted
from taskhouse.emulator.serve import Emulator
from taskhouse.emulator.settings import EmulatorSettings
from taskhouse.emulator.streams import StreamSettings
from taskhouse.emulator.truth import Digest, Truth
from taskhouse.emulator.world.model import Run
from taskhouse.operations import sync
from taskhouse.settings import Settings
from taskhouse.warehouse.opening import open_warehouse
from tests.soak.result import Result
from tests.soak.trimmed import Server, parsed
from tests.tied import tied

TAIL: Final = Path(__file__).parents[1] / "capture" / "victim.py"
STEPS: Final = (
    "load/batch_lines",
    "load_live/insert",
    "load_log/insert",
    "load_cursors/moved_cursors",
    "load_cursors/insert",
    "load/enter_segment",
    "unlink",
)
"""Moments of a load at which it is killed: inside its transaction, and between the commit and the file's end."""

HARMLESS: Final[tuple[dict[str, Any], ...]] = (
    {"kind": "eof", "after_frames": [1, 60]},
    {"kind": "cut_frame", "after_frames": [1, 60]},
    {"kind": "cut_frame", "after_frames": [1, 60], "clean": True},
    {"kind": "error_frame", "after_frames": [0, 40]},
    {"kind": "duplicate_id", "after_frames": [1, 40]},
    {"kind": "dribble", "bytes": [1, 30]},
    {"kind": "reset", "after_bytes": [10, 20_000]},
    {"kind": "stall", "seconds": 1.0, "after_bytes": [10, 20_000]},
    {"kind": "delay", "seconds": 0.5},
    {"kind": "503", "retry_after": 1},
    {"kind": "502"},
    {"kind": "429", "retry_after": 1},
    {"kind": "not_json"},
)
"""Faults of a stream that cost time alone: everything offered must arrive all the same."""

STICKY: Final = "the stream of run {} failed repeatedly; the next pass tries it again"
"""What a pass says of a stream that an error has closed for good."""

WAITING: Final = "[0-9,]+ streams? failed repeatedly; a later pass tries (it|them) anew"
"""What it says of those that it does not try yet."""

LOSSY: Final = "/runs/[0-7]"
"""Runs whose streams lose events, too: two change places, and the connection ends between them."""


class Offered:
    """Notes every text that the streams of an emulator offer, by run."""

    def __init__(self) -> None:
        self.texts: dict[str, list[str]] = {}

    @contextlib.contextmanager
    def noted(self) -> Iterator[None]:
        """Listen to emulators that are started meanwhile."""
        live, add = Truth.live, Digest.add
        of_digest: dict[int, list[str]] = {}

        def known(truth: Truth, run: Run) -> Digest:
            digest = live(truth, run)
            of_digest[id(digest)] = self.texts.setdefault(run.id, [])
            return digest

        def added(digest: Digest, event_id: str, text: str) -> None:
            if id(digest) in of_digest:
                of_digest[id(digest)].append(redacted(text))
            add(digest, event_id, text)

        with mock.patch.object(Truth, "live", known), mock.patch.object(Digest, "add", added):
            yield


class StreamSoak:
    """One soak in a folder.

    Args:
        home: Where the warehouse lies.
        seed: Of the world, the kills and the faults.
        live: Runs that are live at any moment.
        faults: Whether streams fail at random, too.
        pace: How much faster than real agents the runs are.
        numbered: Whether agents number their events.
        window: Entries that a stream keeps, so that an absence loses events; None keeps all.
    """

    def __init__(
        self,
        home: Path,
        *,
        seed: int,
        live: int,
        faults: bool,
        pace: float = 1.0,
        numbered: bool = True,
        window: int | None = None,
    ) -> None:
        self.rng = random.Random(f"streams-{seed}")
        self.live = live
        self.faults = faults
        self.offered = Offered()
        self.window = window
        self.numbered = numbered
        self.server = Server()
        self.emulator = Emulator(
            EmulatorSettings(
                seed=seed,
                tasks=150,
                repositories=6,
                live_runs=live,
                events=0.5,
                speed=20,
                pace=pace,
                throttle=False,
                max_streams=1000,
                event_ids=numbered,
                streams=StreamSettings(
                    max_entries=window or 50_000, node_entries=20 if window else 100, completed_ttl_s=6 * 3600
                ),
            )
        )
        self.home = home
        self.begun: list[str] = []
        self.broken: set[str] = set()
        self.ends: Counter[str] = Counter()
        self.fewest = live

    def run(self, *, kills: int, pause_s: float = 1.5) -> Result:
        """Kill, then let every run end, read what is left and compare."""
        began = time.monotonic()
        logging.getLogger("asyncio").setLevel(logging.ERROR)  # it warns of every write to a tail that was killed
        with self.offered.noted(), self.server.noted(), self.emulator:
            self.settings = Settings(
                host=self.emulator.url,
                api_key=self.emulator.api_key,
                project_ids=(1,),
                home=self.home,
                requests_per_hour=0,
                log_final_s=0.2,
                capture_seconds=600,
                first_load_tasks=100_000,
                stream_windows=(self.window,) if self.window else None,
            )
            self._sync("tasks")
            for number in range(kills):
                self._busy()
                self._live_and_die(pause_s, inside=number % 4 == 3)
                if self.window:
                    time.sleep(self.rng.uniform(0, 3 * pause_s))
            self.emulator.faults()
            self.emulator.clock(speed=200)  # nobody reads until the runs have ended
            while self.emulator.settled() != {"live_runs": 0, "pending_log_entries": 0}:
                time.sleep(0.2)
            self.emulator.clock(speed=0)
            verdicts = {resource: self._sync(resource) for resource in ("tasks", "runs", "run_events")}
            result = self._compare_trimmed() if self.window else self._compare()
        for name, verdict in verdicts.items():
            sticky = "|".join([WAITING, *(STICKY.format(run_id) for run_id in self.broken)]) if self.broken else "^$"
            reported = re.sub(f"{sticky}|^incomplete: |; |^complete$", "", verdict)
            result.problems += [f"{name} ended with: {reported}"] if reported else []
        result.figures |= {
            "kills": sum(self.ends.values()),
            "of these inside a load": sum(count for step, count in self.ends.items() if step != "any moment"),
            "seconds": round(time.monotonic() - began),
            "live runs at least": self.fewest,
        }
        if self.fewest < self.live:
            result.problems.append(f"only {self.fewest} runs were live at one moment")
        return result

    def _sync(self, resource: str) -> str:
        report = asyncio.run(sync(self.settings, 1, resource))
        return report.verdict if report.verdict == "complete" else f"{report.verdict}: {report.reason}"

    def _busy(self) -> None:
        """Begin as many runs as have ended, and some more; make some streams fail."""
        for _ in range(self.live + 8 - self.emulator.settled()["live_runs"]):
            self.begun.append(self.emulator.mutate("new_task", run=True, title="soak")["run_id"])
        if not self.faults:
            return
        chosen = [{**self.rng.choice(HARMLESS), "endpoint": "runs.stream", "times": 8} for _ in range(2)]
        cut = self.rng.randint(1, 40)
        lossy = [
            {"kind": "eof", "after_frames": cut + 1, "endpoint": "runs.stream", "path": LOSSY, "times": 10},
            {"kind": "reordered_id", "after_frames": cut, "endpoint": "runs.stream", "path": LOSSY, "times": 10},
        ]
        self.emulator.faults(*lossy, *[{**fault, "after": self.rng.randrange(8)} for fault in chosen])
        with contextlib.suppress(OSError):  # the run has ended
            self.emulator.mutate("inject", run_id=self.rng.choice(self.begun[-20:]), hostile=True)
        with contextlib.suppress(OSError):
            broken = self.rng.choice(self.begun[-20:])
            self.emulator.mutate("stream_error", run_id=broken, message="soak")
            self.broken.add(broken)

    def _live_and_die(self, pause_s: float, *, inside: bool) -> None:
        """A tail that dies after a moment, or where a load stands."""
        self.fewest = min(self.fewest, self.emulator.settled()["live_runs"])
        step = [self.rng.choice(STEPS), str(self.rng.randint(1, 3))] if inside else []
        environment = {
            **os.environ,
            **self.emulator.environment(),
            "TASKHOUSE_HOME": str(self.home),
            "TASKHOUSE_REQUESTS_PER_HOUR": "0",
            "TASKHOUSE_LOG_FINAL_S": "0.2",
            "TASKHOUSE_TAIL_POLL_S": "0.2",
        } | ({"TASKHOUSE_STREAM_WINDOWS": str(self.window)} if self.window else {})
        with subprocess.Popen(
            tied([sys.executable, str(TAIL), *step]), env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        ) as tail:
            if tail.stdout is None or tail.stdout.readline() != b"ready\n":
                raise RuntimeError("the tail did not start")
            try:
                tail.wait(10 * pause_s if inside else self.rng.uniform(0.05, pause_s))
            except subprocess.TimeoutExpired:
                tail.kill()
                step = []
            if tail.wait() != -signal.SIGKILL:
                raise RuntimeError(f"the tail ended by itself: {tail.stdout.read().decode()}")
        self.ends[step[0] if step else "any moment"] += 1

    def _rows(self, text: str) -> list[tuple[Any, ...]]:
        with open_warehouse(self.settings).transaction("reading") as connection:
            return connection.execute(text).fetchall()

    def _compare_trimmed(self) -> Result:
        """Every event that is not held stands under a gap, and a gap stands where something may be missing."""
        held: dict[str, set[tuple[int, int]]] = defaultdict(set)
        for run_id, name in self._rows("SELECT run_id, stream_id FROM raw.run_events WHERE stream_id IS NOT NULL"):
            held[run_id].add(parsed(name))
        gaps = self._rows("SELECT run_id, after_stream_id, before_stream_id, certain FROM ledger.gaps")
        result = Result()
        result.problems, result.figures = self.server.problems(self.window or 0, held, gaps, numbered=self.numbered)
        live, log = self._texts()
        wanted = {hole for run_id in live for hole in holes(run_id, live[run_id], log[run_id])}
        result.problems += self._uncertain(wanted)
        result.figures |= {
            "runs": len(self.server.offered),
            "events offered": sum(map(len, self.server.offered.values())),
            "events held": sum(map(len, held.values())),
            "connections": sum(map(len, self.server.met.values())),
        }
        return result

    def _texts(self) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
        """What is held of both layers, by run."""
        live: dict[str, list[str]] = defaultdict(list)
        for run_id, payload in self._rows(
            "SELECT run_id, payload FROM raw.run_events ORDER BY run_id, incarnation, stream_ms, stream_seq"
        ):
            live[run_id].append(payload)
        log: dict[str, list[str]] = defaultdict(list)
        for run_id, payload in self._rows("SELECT run_id, payload FROM raw.run_log_entries ORDER BY run_id, position"):
            log[run_id].append(payload)
        return live, log

    def _uncertain(self, wanted: set[tuple[str, str, bool]]) -> list[str]:
        """Where the gaps that are called certain differ from those that the numbers in the texts prove."""
        found = set(self._rows("SELECT run_id, how, repaired_from_log FROM ledger.gaps WHERE certain"))
        return [f"a gap that is none: {gap}" for gap in sorted(found - wanted)] + [
            f"a gap that is not reported: {gap}" for gap in sorted(wanted - found)
        ]

    def _compare(self) -> Result:
        result = Result()
        live, log = self._texts()
        truth = {run["id"]: run for run in self.emulator.truth()["runs"]}
        lost: dict[str, list[str]] = {}
        for run_id, run in truth.items():
            if (len(log[run_id]), _sha256(log[run_id])) != (run["log"]["count"], run["log"]["sha256"]):
                result.problems.append(f"the log of run {run_id} differs")
            if (len(live[run_id]), _sha256(live[run_id])) == (run["live"]["count"], run["live"]["sha256"]):
                continue
            missing, more = Counter(self.offered.texts.get(run_id, ())), Counter(live[run_id])
            missing, more = missing - more, more - missing
            result.problems += [f"run {run_id} has {count} times too often {text[:90]}" for text, count in more.items()]
            lost[run_id] = list(missing.elements())
        wanted = {hole for run_id in truth for hole in holes(run_id, live[run_id], log[run_id])}
        found = set(self._rows("SELECT run_id, how, repaired_from_log FROM ledger.gaps WHERE certain"))
        result.problems += self._uncertain(wanted)
        reported = {run_id for run_id, *_ in found}
        allowed = {run_id for run_id in lost if self.faults and run_id[0] in "01234567"}
        for run_id in lost.keys() - (reported & allowed):
            texts = lost[run_id]
            if run_id in allowed:  # a faulty stream may lose what is not numbered, and what the log brings at an end
                texts = [text for text in texts if _number(text) and not at_an_end(text, live[run_id], log[run_id])]
            result.problems += [f"run {run_id} lacks {text[:120]}" for text in texts]
        possible = self._rows("SELECT run_id, how FROM ledger.gaps WHERE NOT certain")
        result.problems += [f"run {run_id}, which lost nothing, may have lost: {how}" for run_id, how in possible]
        result.figures |= {
            "runs": len(truth),
            "runs begun meanwhile": len(self.begun),
            "events offered": sum(run["live"]["count"] for run in truth.values()),
            "events held": sum(map(len, live.values())),
            "log entries held": sum(map(len, log.values())),
            "events lost by the server": sum(map(len, lost.values())),
            "gaps reported": len(found),
            "segments": self._rows("SELECT count(*) FROM ledger.segments")[0][0],
            "duplicates dropped": int(self._rows("SELECT sum(duplicates) FROM ledger.segments")[0][0]),
        }
        return result


Numbers = dict[str, set[int]]


def numbers(live: list[str], log: list[str]) -> tuple[Numbers, Numbers]:
    """The agent's own numbers in the texts of both layers, by boot; an entry of the log may stand for several."""
    seen: Numbers = defaultdict(set)
    logged: Numbers = defaultdict(set)
    for text in live:
        if found := _number(text):
            seen[found[0]].add(found[1])
    for text in log:
        if found := _number(text):
            first = _number(text, "first_event_id") or found
            believed = first[0] == found[0] and first[1] <= found[1] <= first[1] + 1_000_000
            logged[found[0]].update(range(first[1], found[1] + 1) if believed else (found[1],))
    return seen, logged


def at_an_end(text: str, live: list[str], log: list[str]) -> bool:
    """Whether the log has an event that is older than all that came live, or newer: of these no gap is told."""
    seen, logged = numbers(live, log)
    boot, number = _number(text) or ("", 0)
    return number in logged[boot] and not min(seen[boot], default=0) < number < max(seen[boot], default=0)


def holes(run_id: str, live: list[str], log: list[str]) -> set[tuple[str, str, bool]]:
    """What ``ledger.gaps`` must say of a run, computed from the agent's own numbers in the texts that are held."""
    seen, logged = numbers(live, log)
    reported = set()
    for boot, held in seen.items():
        absent = [number for number in range(1, max(held | logged[boot]) + 1) if number not in held]
        stretch: list[int] = []
        for number, following in zip(absent, [*absent[1:], -1], strict=False):
            stretch.append(number)
            kept = number in logged[boot]
            if following == number + 1 and (following in logged[boot]) == kept:
                continue
            if not kept or (stretch[0] > min(held) and number < max(held)):
                how = "came only from the log" if kept else "are in neither layer"
                reported.add((run_id, f"the agent's events {boot}-{stretch[0]} to {boot}-{number} {how}", kept))
            stretch = []
    return reported


def _number(text: str, field: str = "event_id") -> tuple[str, int] | None:
    try:
        value = json.loads(text, object_pairs_hook=_first)[field]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    found = re.fullmatch(r"(.+)-([0-9]+)", value) if isinstance(value, str) else None
    return (found[1], int(found[2])) if found else None


def _first(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object, in which the first of several equal keys counts, as in DuckDB."""
    return dict(reversed(pairs))


def _sha256(texts: list[str]) -> str:
    return hashlib.sha256("".join(f"{text}\n" for text in texts).encode()).hexdigest()
