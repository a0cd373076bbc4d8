"""How Dagster's folder grows in a month of schedules at rest, with what the daily ``maintenance`` forgets.

    python -m benchmarks.dagster_month [--days 30] [--share 0.1]

Each job of the schedules runs once against an emulator; its run and its events are then recorded again under new names
as often as the schedules run it in a day at rest, or a share of that, and so are the ticks. After each day everything
that is recorded grows a day older, and the housekeeping forgets what it would have forgotten by then.
"""

import argparse
import asyncio
import sqlite3
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
from dagster._core.events.log import EventLogEntry
from dagster._core.scheduler.instigation import InstigatorType, TickData, TickStatus
from dagster._core.utils import make_new_run_id
from dagster_shared.record import copy

from benchmarks.dagster_rest import on_disk
from benchmarks.harness.emulator import serving
from taskhouse.assets import records
from taskhouse.emulator.settings import EmulatorSettings
from taskhouse.operations import sync
from taskhouse.passes.lifecycle import PassReport
from taskhouse.pipelines.definitions import build
from taskhouse.pipelines.home import prepare
from taskhouse.resources.registry import RESOURCES
from taskhouse.settings import Settings

A_DAY = {
    "sync_tasks": 288,
    "sync_runs": 48,
    "sync_run_events": 48,
    "sync_published": 48,
    "sync_repositories": 24,
    "sync_readiness": 24,
    "sync_views": 4,
    "sync_maintenance": 1,
}
"""How often the schedules run each job of one project while nothing moves."""

TICKS_A_DAY = 1440 + 720 + 4 * 288
"""Ticks of the sensors and of the schedules that are left out, at most."""

SKIPPED_DAYS = 1
"""How long ``dagster.yaml`` keeps them."""

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
SELECTOR = "0" * 40
AGED: dict[str, dict[str, tuple[str, ...]]] = {
    "history/runs.db": {"runs": ("create_timestamp", "update_timestamp")},
    "history/runs/index.db": {"asset_check_executions": ("create_timestamp",)},
    "schedules/schedules.db": {"job_ticks": ("timestamp",)},
}


class Reads:
    """The engine of the assets, without a repetition."""

    tries_again = 0
    copies_now = True

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def settings(self) -> Settings:
        """Those of the benchmark."""
        return self._settings

    def reworded(self, text: str) -> str:
        """What an error says; the settings are the variables that it names."""
        return text

    def sync(self, project_id: int, resource: str) -> PassReport:
        """One pass."""
        return asyncio.run(sync(self._settings, project_id, resource))


@dataclass(frozen=True, slots=True)
class Ran:
    """A run, its events, and what it took on the disk."""

    run: dg.DagsterRun
    events: Sequence[EventLogEntry]
    bytes: int


def ran(instance: dg.DagsterInstance, definitions: dg.Definitions, name: str, folder: Path) -> Ran:
    """Run a job once."""
    job = definitions.resolve_job_def(name)
    whole = name in {"sync_published", "sync_maintenance"}
    before = sum(on_disk(folder).values())
    result = job.execute_in_process(instance=instance, partition_key=None if whole else "1", run_config=QUIET)
    run = instance.get_run_by_id(result.run_id)
    assert run is not None
    return Ran(run, instance.all_logs(result.run_id), sum(on_disk(folder).values()) - before)


def again(instance: dg.DagsterInstance, once: Ran) -> None:
    """Record a run once more, as a new one."""
    run_id = make_new_run_id()
    instance.run_storage.add_run(copy(once.run, run_id=run_id))
    for event in once.events:
        instance.handle_new_event(event._replace(run_id=run_id, timestamp=time.time()))


def tick(instance: dg.DagsterInstance) -> None:
    """Record a tick that asked for nothing."""
    instance.create_tick(
        TickData(
            instigator_origin_id="1" * 40,
            instigator_name="runs_moved",
            instigator_type=InstigatorType.SENSOR,
            status=TickStatus.SKIPPED,
            timestamp=time.time(),
            end_timestamp=time.time(),
            skip_reason="No run started or ended.",
            cursor='{"tasks": 123456, "runs": 123456}',
            selector_id=SELECTOR,
        )
    )


def age(folder: Path) -> None:
    """Everything that is recorded becomes a day older."""
    for name, tables in AGED.items():
        with sqlite3.connect(folder / name) as database:
            for table, columns in tables.items():
                older = ", ".join(f"{column} = datetime({column}, '-1 day')" for column in columns)
                database.execute(f"UPDATE {table} SET {older}")  # noqa: S608 - our own names


def main() -> int:
    """Live a month, and print how large the folder is."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--share", type=float, default=0.1, help="of the runs and ticks of each day")
    asked = parser.parse_args()
    world = EmulatorSettings(tasks=300, repositories=20, live_runs=0, events=0.1, throttle=False)
    with serving(world) as url, tempfile.TemporaryDirectory() as text:
        settings = Settings(
            host=url, api_key="phx_emulator", project_ids=(1,), home=Path(text),
            requests_per_hour=0, log_final_s=0,
        )  # fmt: skip
        for name in RESOURCES:
            if settings.wants(name):
                asyncio.run(sync(settings, 1, name))
        folder = settings.home / "dagster"
        definitions = build(settings, Reads(settings))
        with dg.DagsterInstance.from_config(str(prepare(settings))) as instance:
            for name in A_DAY:
                ran(instance, definitions, name, folder)  # what only the first one writes
            once = {name: ran(instance, definitions, name, folder) for name in A_DAY}
            for name, each in once.items():
                print(f"{name}: {each.bytes / 1e3:.0f} kB, {len(each.events)} events")
            print(f"{sum(each.bytes * A_DAY[name] for name, each in once.items()) / 1e6:.0f} MB of runs a day")
            records.forget(instance, 0, datetime.now(UTC))  # what was only run to be measured
            start = sum(on_disk(folder).values())
            for day in range(1, asked.days + 1):
                for name, times in A_DAY.items():
                    for _ in range(max(1, round(times * asked.share))):
                        again(instance, once[name])
                for _ in range(round(TICKS_A_DAY * asked.share)):
                    tick(instance)
                age(folder)
                instance.purge_ticks("1" * 40, SELECTOR, before=time.time() - SKIPPED_DAYS * 86400)
                records.forget(instance, settings.keep_runs_days, datetime.now(UTC))
                size = (sum(on_disk(folder).values()) - start) / asked.share / 1e6
                print(f"day {day}: {size:.0f} MB, {size / day:.1f} MB a day", flush=True)
            for name, bytes_ in sorted(on_disk(folder).items(), key=lambda item: -item[1])[:10]:
                print(f"{bytes_ / 1e6:8.1f} MB {name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
