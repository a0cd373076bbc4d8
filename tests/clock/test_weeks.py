"""Six weeks of history in seconds: client, warehouse, spool, backups and emulator on one clock, in one event loop."""

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from taskhouse.clock import LoopClock
from taskhouse.emulator.app import EmulatorApp
from taskhouse.emulator.mutations import mutate
from taskhouse.emulator.settings import EmulatorSettings
from taskhouse.emulator.virtual import emulated, run
from taskhouse.passes.context import Context
from taskhouse.posthog.client import PostHog
from taskhouse.resources import registry
from taskhouse.resources.registry import RESOURCES
from taskhouse.settings import Settings
from taskhouse.warehouse import maintenance
from taskhouse.warehouse.backup import Retention, backup
from taskhouse.warehouse.connection import Warehouse
from taskhouse.warehouse.opening import open_warehouse
from tests.asked import looking
from tests.blank import blank

START = datetime(2031, 3, 3, 6, tzinfo=UTC)
"""Far from now, so that a moment of the real clock stands out."""

WORLD = EmulatorSettings(start=START, tasks=5, repositories=2, live_runs=1, events=0.2)
EXPIRED = 31
"""The first day on which a log of the first day is gone."""

KEPT = 20
"""Days for which pages are kept that brought nothing."""

SEES = "SELECT min({0}), max({0}) FROM {1}"


class Weeks:
    """A home that lives through some days, a sync a day, and what a world does meanwhile."""

    def __init__(self, home: Path, days: list[int]) -> None:
        self.home = home
        self.days = days
        self.verdicts: dict[str, dict[int, str]] = defaultdict(dict)

    async def live(self) -> Warehouse:
        """Live through them."""
        async with emulated(WORLD) as (origin, emulator):
            settings = Settings(
                host=origin,
                api_key=WORLD.keys[0].value,
                project_ids=(1,),
                home=self.home / "home",
                readiness_windows=(7, 30),
                capture_seconds=5,
            ).with_clock(clock := LoopClock(START))
            blank(settings.warehouse)
            async with PostHog(settings) as client:
                context = Context(settings, 1, client, open_warehouse(settings), load_every_s=60)
                for day in self.days:
                    await clock.sleep((START + timedelta(days=day, minutes=1) - clock.now()).total_seconds())
                    self.happens(emulator, day)
                    for resource in filter(settings.wants, RESOURCES):
                        report = await registry.code(resource).sync(context)
                        self.verdicts[resource][day] = report.verdict
                    maintenance.forget(context.warehouse, days=KEPT)
                    backup(context.warehouse, self.home / "backups", Retention(last=2, weekly=3))
            return context.warehouse

    def happens(self, emulator: EmulatorApp, day: int) -> None:
        """A task is renamed daily; a run ends, and its log cannot be read until it is gone; repositories get better."""
        service = emulator.service
        tasks = service.world.of_project[1]
        self.task_id = tasks[0].id
        mutate(service, {"action": "rename", "task_id": self.task_id, "title": f"Day {day}"})
        if day == 0:
            self.run_id = service.world.live[0].id
            mutate(service, {"action": "finish", "run_id": self.run_id})
        if day == 1:
            emulator.faults.set({"kind": "500", "endpoint": "runs.session_logs", "path": self.run_id})
        if day >= EXPIRED:
            emulator.faults.clear()
            for repository in {task.repository for task in tasks if task.repository}:
                ready = {"init": True, "capture": True, "errors": True}
                mutate(service, {"action": "repository", "repository": repository, **ready})


def day_of(number: int) -> date:
    return (START + timedelta(days=number)).date()


@pytest.mark.parametrize(
    "days",
    [
        pytest.param([0, 1, 41], id="three days of six weeks"),
        pytest.param([*range(42)], marks=pytest.mark.worlds, id="every day of six weeks"),
    ],
)
def test_weeks_are_lived_in_seconds(tmp_path: Path, days: list[int]) -> None:
    weeks = Weeks(tmp_path, days)
    warehouse = run(weeks.live())
    with looking(warehouse) as connection:

        def rows(text: str, *parameters: Any) -> list[tuple[Any, ...]]:
            return connection.execute(text, parameters or None).fetchall()

        torn = [day for day in days if 0 < day < EXPIRED]
        for resource, verdicts in weeks.verdicts.items():
            bad = [day for day, verdict in verdicts.items() if verdict != "complete"]
            assert bad == (torn if resource == "run_events" else []), resource
        history = "SELECT title, CAST(valid_from AS DATE) FROM main.task_history WHERE task_id = ? ORDER BY valid_from"
        assert rows(history, weeks.task_id) == [(f"Day {day}", day_of(day)) for day in days]
        seen = rows("SELECT CAST(observed_at AS DATE), count(*) FROM raw.readiness_snapshots GROUP BY 1 ORDER BY 1")
        assert seen == [(day_of(day), 4) for day in days]
        assert rows("SELECT run_id, how, certain FROM ledger.gaps") == [
            (weeks.run_id, "the log expired before it was read to its end", False)
        ]
        scores = (
            "SELECT DISTINCT readiness_score FROM main.readiness_trend WHERE readiness_score IS NOT NULL AND day {} ?"
        )
        before, after = (rows(scores.format(side), day_of(max(EXPIRED, days[2]))) for side in ("<", ">="))
        assert max(before) < min(after)
        old = START + timedelta(days=days[-1] - KEPT)
        counted = rows("SELECT sum(pages) FROM ledger.passes WHERE started_at < ?", old)[0][0]
        assert 0 < rows("SELECT count(*) FROM ledger.pages WHERE fetched_at < ?", old)[0][0] < counted
        columns = rows(
            "SELECT column_name, schema_name || '.' || table_name FROM duckdb_columns()"
            " WHERE schema_name IN ('raw', 'ledger') AND data_type = 'TIMESTAMP WITH TIME ZONE'"
            " AND table_name NOT IN ('migrations', 'views')"
        )
        for column in columns:
            low, high = rows(SEES.format(*column))[0]
            assert low is None or START - timedelta(days=400) < low <= high < START + timedelta(days=42), column
    kept = sorted(path.stem[:8] for path in (tmp_path / "backups").glob("*.duckdb"))
    weeks_of = {day_of(day).isocalendar()[:2]: day for day in days}
    assert kept == [f"{day_of(day):%Y%m%d}" for day in sorted({*[*weeks_of.values()][-3:], *days[-2:]})]
