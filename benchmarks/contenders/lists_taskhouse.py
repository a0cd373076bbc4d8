"""Lists with taskhouse: one pass over tasks, summaries or lists of runs.

With ``new``, it is the first one in a new home; with ``profile``, also where its time goes.
"""

import asyncio
import contextlib
import gc
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.contenders import history, measure
from taskhouse.clock import Clock
from taskhouse.operations import sync
from taskhouse.passes.page_spool import PageSpool
from taskhouse.posthog import api
from taskhouse.resources.tasks import rows
from taskhouse.settings import Settings
from taskhouse.warehouse import commit, engine
from taskhouse.warehouse.opening import open_warehouse

RUNS = 500
"""Lists of runs in one pass."""

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

COUNT = "SELECT count(DISTINCT task_id) FROM raw.task_versions WHERE pass_id <> 'pass'"
"""Tasks, but not those of a history."""

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


class Later(Clock):
    """The present time, moved by a number of days."""

    def __init__(self, days: float) -> None:
        self._later = timedelta(days=days)

    def now(self) -> datetime:
        """That moment."""
        return datetime.now(UTC) + self._later


def settings_of(url: str, home: Path, days: float) -> Settings:
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


def prepare(settings: Settings, size: Mapping[str, int]) -> None:
    """Load the list of tasks, and give each task and run a number of versions; or only make a history beside it."""
    if "runs of a history" in size:
        history.store(settings, size["runs of a history"], size["events of a run"])
        return
    once(settings, "tasks")
    if size.get("versions", 1) > 1:
        with open_warehouse(settings).transaction("older versions") as connection:
            for table in ("task_versions", "run_versions"):
                connection.execute(AGE.format(table=table, versions=size["versions"]))


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


def profile(spent: dict[str, float], cpu_s: float, read: int) -> list[dict[str, object]]:
    """Microseconds of processor time a row, by stage."""
    stages = spent | {"all else": cpu_s - sum(spent.values())}
    return [{"stage": stage, "µs a row": seconds * 1e6 / max(1, read)} for stage, seconds in stages.items()]


def main() -> None:
    """Measure a pass over ``tasks``, ``summaries`` or ``runs``, a number of days after the first one."""
    asked = measure.asked()
    resource_name, days, *more = asked.arguments
    if asked.mode == "prepare":
        prepare(settings_of(asked.url, asked.home, 0), measure.size(asked))
        return
    gc.freeze()  # as every command does with what it imports
    settings = settings_of(asked.url, asked.home, float(days))
    warehouse = open_warehouse(settings)
    if "new" not in more:
        with warehouse.transaction("making the tables"):
            pass
    spent: dict[str, float] = {}
    with staged(spent) if "profile" in more else contextlib.nullcontext():
        figures = measure.measured(lambda: once(settings, resource_name))
    with warehouse.reading("counting") as connection:
        (count,) = connection.execute(COUNT).fetchall()[0]
        changed = connection.execute("SELECT count(*) FROM raw.task_versions WHERE title LIKE 'Changed: %'").fetchall()
        read = connection.execute("SELECT rows_seen FROM ledger.passes ORDER BY started_at DESC LIMIT 1").fetchall()
    tables = {"where the processor time goes": profile(spent, figures["cpu_s"], read[0][0])} if spent else {}
    with warehouse.still("measuring"):
        disk_mb = measure.size_mb(settings.warehouse)
    measure.tell(**figures, rows=count, changed=changed[0][0], read=read[0][0], disk_mb=disk_mb, tables=tables)


if __name__ == "__main__":
    main()
