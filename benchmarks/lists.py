"""How fast lists are read into the warehouse: tasks, summaries and lists of runs, beside a plain loop and dlt.

    python -m benchmarks.lists [--tasks 30400] [--rounds 3] [--cases cold half ...] [--peers] [--json FILE]

The server is a process of its own that sends canned rows over real HTTP. Each run is a fresh process in a fresh folder,
and the contenders take turns. Seconds and processor time are those of the work itself, without imports; the processor
time is that of all threads of the contender, never of the server. With ``--peers``, dlt runs in an environment of its
own, which is made once in a temporary folder from ``requirements-peers.lock``.

What the contenders do differs. The loop keeps nothing. dlt stores the rows as columns, and neither their text nor a
proof that all came; it begins again after a kill. taskhouse stores versions, sightings, the SHA-256 of each original
and the proof, and continues after a kill.
"""

import argparse
import asyncio
import contextlib
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import httpx

from benchmarks.list_server import LISTED, serving, show
from taskhouse.clock import Clock
from taskhouse.operations import open_warehouse, sync
from taskhouse.passes.page_spool import PageSpool
from taskhouse.posthog import api
from taskhouse.resources.tasks import rows
from taskhouse.settings import Settings
from taskhouse.warehouse import commit, engine

HERE = Path(__file__).parent
CASES = {
    "cold": "a first load of the list of tasks",
    "half": "the same list when half of its tasks are known",
    "history": "the list when every task is known in HISTORY versions, and half of them changed",
    "summaries": "summaries of all tasks, which are known",
    "runs": "the lists of runs of RUNS tasks",
}
FORMS = {"parquet": "dlt, Parquet", "insert_values": "dlt, default"}
"""The files through which dlt loads."""

RUNS = 500
"""Lists of runs in one run."""

AGE = """
INSERT INTO raw.{table} BY NAME
SELECT
    stored.* REPLACE (
        valid_from - to_days(back::INTEGER) AS valid_from,
        md5(content_hash || back) AS content_hash,
        'made' AS pass_id
    )
FROM
    raw.{table} AS stored,
    range(1, {versions}) AS past (back)
"""
"""Older versions of all that is stored."""


class Later(Clock):
    """The present, so many days later."""

    def __init__(self, days: float) -> None:
        self._later = timedelta(days=days)

    def now(self) -> datetime:
        """That moment."""
        return datetime.now(UTC) + self._later


def measured(work: Callable[[], Any]) -> dict[str, Any]:
    """Seconds and processor time of a piece of work in this process."""
    began, busy = time.perf_counter(), time.process_time()
    work()
    return {"seconds": time.perf_counter() - began, "cpu_s": time.process_time() - busy}


def loop(url: str) -> dict[str, Any]:
    """Every page of the list, parsed and forgotten."""
    came = 0

    def work() -> None:
        nonlocal came
        with httpx.Client(base_url=url, headers={"Authorization": "Bearer phx_emulator"}) as client:
            count = 1
            while came < count:
                query = {"limit": "100", "offset": str(came), "internal": "all", "archived": "all"}
                page = client.get(LISTED, params=query).raise_for_status().json()
                count, came = page["count"], came + len(page["results"])

    return measured(work) | {"rows": came}


def settings_of(url: str, home: Path, days: float = 0) -> Settings:
    """Settings without a limit of requests."""
    settings = Settings(
        host=url, api_key="phx_emulator", project_ids=(1,), home=home, requests_per_hour=0, first_load_tasks=RUNS
    )
    return settings.with_clock(Later(days))


def once(settings: Settings, resource_name: str) -> None:
    """One pass, which must be complete."""
    report = asyncio.run(sync(settings, 1, resource_name))
    if report.verdict != "complete" and "first load" not in report.reason:
        raise ValueError(f"the pass is {report.verdict}: {report.reason}")


def prepare(case: str, url: str, home: Path, history: int) -> tuple[str, float]:
    """Bring the home into the state in which a case begins; the resource to sync, and how many days later."""
    settings = settings_of(url, home)
    with open_warehouse(settings).transaction("making the tables"):
        pass
    if case == "cold":
        return "tasks", 0
    show(url, step=2 if case == "half" else 1)
    once(settings, "tasks")
    show(url)
    if case == "history":
        with open_warehouse(settings).transaction("older versions") as connection:
            for table in ("task_versions", "run_versions"):
                connection.execute(AGE.format(table=table, versions=history))
        show(url, edition=1)
    return {"half": ("tasks", 8), "history": ("tasks", 8), "summaries": ("tasks", 0.9), "runs": ("runs", 0)}[case]


STAGES = (
    ("decode pages, hash them", api, "read_page"),
    ("make columns of tasks and runs", rows, "take"),
    ("put pages on disk", PageSpool, "keep"),
    ("bring rows to DuckDB", commit, "stage"),
    ("store what is new", commit, "_changes"),
    ("open the file", engine.Attached, "__init__"),
    ("close the file", engine.Attached, "close"),
)
"""Where the time of a list goes: parts that contain none of the others."""


@contextlib.contextmanager
def staged(spent: dict[str, float]) -> Iterator[None]:
    """Note the processor time of each stage, in seconds; without the helping threads of DuckDB."""
    with contextlib.ExitStack() as stack:
        for stage, owner, name in STAGES:
            original = getattr(owner, name)

            def timed(*given: Any, stage: str = stage, original: Any = original, **named: Any) -> Any:
                began = time.thread_time()
                try:
                    return original(*given, **named)
                finally:
                    spent[stage] = spent.get(stage, 0.0) + time.thread_time() - began

            setattr(owner, name, timed)
            stack.callback(setattr, owner, name, original)
        yield


def taskhouse(case: str, url: str, home: Path, history: int) -> dict[str, Any]:
    """One pass in a home that is in the state of the case."""
    resource_name, days = prepare(case, url, home, history)
    settings = settings_of(url, home, days)
    spent: dict[str, float] = {}
    with staged(spent):
        figures = measured(lambda: once(settings, resource_name))
    figures["stages"] = spent | {"all else": figures["cpu_s"] - sum(spent.values())}
    with open_warehouse(settings).reading("counting") as connection:
        one = connection.execute(
            "SELECT kind, rows_seen, requests, pages FROM ledger.passes ORDER BY started_at DESC LIMIT 1"
        ).fetchone()
    return figures | dict(zip(("kind", "rows", "requests", "pages"), one or (None, 0, 0, 0), strict=True))


@dataclass
class Peers:
    """The environment of the others, made when it is first needed."""

    folder: Path
    forms: list[str]
    _python: list[Path] = field(default_factory=list)

    def python(self) -> Path:
        """Its interpreter."""
        if not self._python:
            venv.create(self.folder, with_pip=True)
            python = self.folder / "bin" / "python"
            lock = ["--require-hashes", "--requirement", str(HERE / "requirements-peers.lock")]
            subprocess.run(
                [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *lock], check=True
            )
            self._python.append(python)
        return self._python[0]


def contenders(case: str, url: str, peers: Peers | None, history: int) -> dict[str, Callable[[Path], list[str]]]:
    """The command of each contender of a case, by name; it gets a fresh folder."""
    this = [sys.executable, "-m", "benchmarks.lists", "--url", url, "--cases", case, "--history", str(history)]
    found: dict[str, Callable[[Path], list[str]]] = {
        "plain loop": lambda _: [*this, "--run", "loop"],
        "taskhouse": lambda home: [*this, "--run", "taskhouse", "--home", str(home)],
    }
    if case != "cold":
        del found["plain loop"]
    if peers is not None and case == "cold":
        for form in peers.forms:
            found[FORMS[form]] = partial(with_dlt, peers.python(), url, form)
    return found


def with_dlt(python: Path, url: str, form: str, home: Path) -> list[str]:
    """The command that loads the list with dlt."""
    return [str(python), str(HERE / "peers" / "dlt_lists.py"), url, str(home), form, "append"]


def run(command: Callable[[Path], list[str]]) -> dict[str, Any]:
    """The figures of one run in a fresh folder."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "RUNTIME__DLTHUB_TELEMETRY": "false"}
        done = subprocess.run(
            command(Path(folder)), check=True, stdout=subprocess.PIPE, env=environment, cwd=HERE.parent
        )
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures


def middle(runs: list[dict[str, Any]], name: str) -> str:
    """Median and range of a figure."""
    values = [one[name] for one in runs]
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def table(results: dict[str, dict[str, list[dict[str, Any]]]]) -> str:
    """The results as Markdown."""
    lines = [
        "| case | contender | seconds | processor time, s | us a row | peak, MB |",
        "| --- | --- | ---: | ---: | ---: | ---: |",
    ]
    for case, by_name in results.items():
        for name, runs in by_name.items():
            each = statistics.median(one["cpu_s"] * 1e6 / max(1, one["rows"]) for one in runs)
            peak = statistics.median(one["peak_mb"] for one in runs)
            lines.append(
                f"| {case} | {name} | {middle(runs, 'seconds')} | {middle(runs, 'cpu_s')} | {each:.0f} | {peak:.0f} |"
            )
    return "\n".join(lines)


def profile(runs: list[dict[str, Any]]) -> str:
    """Where the time goes, as Markdown: microseconds of processor time a row."""
    lines = ["| stage | us a row |", "| --- | ---: |"]
    for stage in (*(name for name, *_ in STAGES), "all else"):
        each = statistics.median(one["stages"].get(stage, 0.0) * 1e6 / max(1, one["rows"]) for one in runs)
        lines.append(f"| {stage} | {each:.1f} |")
    return "\n".join(lines)


def arguments() -> argparse.Namespace:
    """What was asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", type=int, default=30_400, help="of the emulator; some are hidden")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--history", type=int, nargs="+", default=[1, 10], help="versions of each task in `history`")
    parser.add_argument("--peers", nargs="*", choices=FORMS, help="dlt too, in an environment of its own; all forms")
    parser.add_argument("--json", type=Path, help="where to write all figures")
    parser.add_argument("--run", choices=["loop", "taskhouse"], help=argparse.SUPPRESS)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    parser.add_argument("--home", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> int:
    """Measure, and print a table; or one run of one contender."""
    asked = arguments()
    if asked.run:
        case = asked.cases[0]
        found = loop(asked.url) if asked.run == "loop" else taskhouse(case, asked.url, asked.home, asked.history[0])
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps(found | {"peak_mb": peak}))
        return 0
    results: dict[str, dict[str, list[dict[str, Any]]]] = {}
    with serving(asked.tasks) as url, tempfile.TemporaryDirectory() as folder:
        peers = Peers(Path(folder), asked.peers or list(FORMS)) if asked.peers is not None else None
        for case in asked.cases:
            for history in asked.history if case == "history" else [1]:
                name = f"history of {history}" if case == "history" else case
                commands = contenders(case, url, peers, history)
                found = results.setdefault(name, {each: [] for each in commands})
                for _ in range(asked.rounds):
                    for each, command in commands.items():
                        show(url)
                        found[each].append(run(command))
                        print(f"{name}, {each}: {found[each][-1]['seconds']:.1f} s", file=sys.stderr)
    machine = f"{os.cpu_count()} cores, Python {platform.python_version()}, DuckDB {version('duckdb')}"
    print(f"{machine}, {asked.rounds} rounds\n\n{table(results)}")
    for case, found in results.items():
        print(f"\n{case}\n\n{profile(found['taskhouse'])}")
    if asked.json:
        asked.json.write_text(json.dumps({"machine": machine, "results": results}, indent=2), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
