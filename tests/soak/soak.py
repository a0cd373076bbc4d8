"""The soak: a restless world, a process that syncs from it and is killed, and the truth at the end."""

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from taskhouse.emulator.serve import Emulator
from taskhouse.emulator.settings import EmulatorSettings
from taskhouse.operations import sync
from taskhouse.settings import Settings
from taskhouse.warehouse.opening import open_warehouse
from tests.asked import ask
from tests.clocks import GivenClock
from tests.soak.restless import Restless
from tests.soak.result import Result
from tests.tied import tied

SLACK = timedelta(seconds=20)
"""Longest time between an answer of the server and the moment under which it is kept."""

CHILD = Path(__file__).with_name("child.py")
UNSOUND = """
SELECT 'tasks with other than one current version', count(*) FROM (
    SELECT task_id FROM main.task_history GROUP BY task_id HAVING count(*) FILTER (WHERE is_current) <> 1
)
UNION ALL
SELECT 'versions that end before they begin', count(*) FROM main.task_history WHERE valid_to <= valid_from
UNION ALL
SELECT 'versions that repeat the one before', count(*) FROM (
    SELECT payload, latest_run_id, latest_run_status, latest_run_environment,
        lag(payload) OVER line AS p, lag(latest_run_id) OVER line AS i, lag(latest_run_status) OVER line AS s,
        lag(latest_run_environment) OVER line AS e
    FROM raw.task_versions WINDOW line AS (PARTITION BY task_id ORDER BY valid_from)
) WHERE payload = p AND latest_run_id = i AND latest_run_status = s AND latest_run_environment = e
UNION ALL
SELECT 'tasks with two open stretches', count(*) FROM (
    SELECT task_id FROM raw.task_sightings WHERE absent_since IS NULL GROUP BY task_id HAVING count(*) > 1
)
UNION ALL
SELECT 'stretches that overlap', count(*) FROM raw.task_sightings AS one INNER JOIN raw.task_sightings AS two
ON one.task_id = two.task_id AND one.first_seen_at < two.first_seen_at
AND coalesce(one.absent_since > two.first_seen_at, true)
UNION ALL
SELECT 'pages entered twice', count(*) FROM (SELECT 1 FROM ledger.pages GROUP BY pass_id, page HAVING count(*) > 1)
UNION ALL
SELECT 'versions without their page', count(*) FROM raw.task_versions ANTI JOIN ledger.pages USING (pass_id, page)
UNION ALL
SELECT 'snapshots taken twice', count(*) FROM (
    SELECT 1 FROM raw.readiness_snapshots GROUP BY repository, window_days, generated_at HAVING count(*) > 1
)
"""


class Soak:
    """One soak in a folder."""

    def __init__(self, home: Path, *, seed: int, tasks: int) -> None:
        self.rng = random.Random(f"kills-{seed}")
        self.seed = seed
        self.emulator = Emulator(
            EmulatorSettings(seed=seed, tasks=tasks, repositories=6, live_runs=4, events=0.1, throttle=False)
        )
        self.home = home
        self.said: Counter[str] = Counter()

    def run(self, *, kills: int, pause_s: float = 2.5) -> Result:
        """Change and kill, then rest, sync once and compare."""
        began = time.monotonic()
        with self.emulator:
            self.settings = Settings(
                host=self.emulator.url,
                api_key=self.emulator.api_key,
                project_ids=(1,),
                home=self.home,
                requests_per_hour=0,
                sweep_hours=0.001,
                first_load_tasks=100_000,
            )
            world = Restless(self.emulator, self.seed)
            world.start()
            for _ in range(kills):
                self._live_and_die(pause_s)
            world.stop()
            self._clean(
                "tasks", hours=2
            )  # ends what a kill interrupted: a resumed pass shows its early pages as they were
            verdicts = [self._clean(resource, hours=4) for resource in ("tasks", "repositories", "runs")]
            result = self._compare(world)
            passes = self._rows("SELECT verdict, count(*), sum(resumes) FROM ledger.passes GROUP BY ALL")
        result.problems += [f"the clean sync is {verdict}" for verdict in verdicts if verdict != "complete"]
        result.figures |= {
            "kills": kills,
            "seconds": round(time.monotonic() - began),
            "changes": world.done.total(),
            "passes complete": sum(count for verdict, count, _ in passes if verdict == "complete"),
            "passes incomplete": sum(count for verdict, count, _ in passes if verdict != "complete"),
            "passes resumed": sum(resumes for _, _, resumes in passes),
        }
        return result

    def _live_and_die(self, pause_s: float) -> None:
        environment = {
            **os.environ,
            **self.emulator.environment(),
            "TASKHOUSE_HOME": str(self.home),
            "TASKHOUSE_REQUESTS_PER_HOUR": "0",
            "TASKHOUSE_SWEEP_HOURS": "0.001",
        }
        with subprocess.Popen(
            tied([sys.executable, str(CHILD)]), env=environment, cwd=self.home, stdout=subprocess.PIPE, text=True
        ) as child:
            if child.stdout is None or child.stdout.readline() != "ready\n":
                raise RuntimeError("the child did not start")
            time.sleep(self.rng.uniform(0.05, pause_s))
            child.send_signal(signal.SIGKILL)
            self.said.update(line.strip() for line in child.stdout)

    def _clean(self, resource: str, *, hours: float) -> str:
        """One sync some hours later, so that the sweep of the list is due."""
        later = timedelta(hours=hours)
        settings = self.settings.with_clock(GivenClock(lambda: datetime.now(UTC) + later))
        report = asyncio.run(sync(settings, 1, resource))
        return report.verdict if report.verdict == "complete" else f"{resource}: {report.reason}"

    def _rows(self, text: str) -> list[tuple[Any, ...]]:
        return ask(open_warehouse(self.settings), text)

    def _compare(self, world: Restless) -> Result:
        result = Result()
        truth = self.emulator.truth()
        names = ("id", "title", "repository", "archived", "internal", "latest_run_id", "latest_run_status")
        wanted = {tuple(task[name] for name in names) for task in truth["tasks"]}
        held = set(
            self._rows(
                "SELECT task_id, title, repository, archived, internal, latest_run_id, latest_run_status"
                " FROM main.tasks WHERE absent_since IS NULL"
            )
        )
        result.problems += [f"not as it is: {row}" for row in sorted(wanted ^ held, key=str)[:10]]
        runs = {(run["id"], run["status"]) for run in truth["runs"]}
        kept = set(self._rows("SELECT run_id, status FROM main.runs"))
        result.problems += [f"not kept: run {row}" for row in sorted(runs - kept)[:10]]
        repositories = {(name,) for name in truth["repositories"]}
        named = set(self._rows("SELECT repository FROM main.repositories WHERE absent_since IS NULL"))
        result.problems += [f"repository {row}" for row in sorted(repositories ^ named)]
        result.problems += [f"{count} {what}" for what, count in self._rows(UNSOUND) if count]
        stretches = self._rows("SELECT task_id, first_seen_at, last_seen_at, absent_since FROM raw.task_sightings")
        result.problems += list(_presence(world, stretches))[:10]
        result.figures |= {
            "tasks": len(held),
            "versions": self._rows("SELECT count(*) FROM raw.task_versions")[0][0],
            "stretches": len(stretches),
            "absences": sum(row[3] is not None for row in stretches),
            "in quarantine once": self._rows("SELECT count(*) FROM ledger.quarantine")[0][0],
        }
        return result


def _presence(world: Restless, stretches: list[tuple[Any, ...]]) -> list[str]:
    """What a stretch says must have been so when it was seen."""
    problems = []
    by_task: dict[str, list[tuple[Any, ...]]] = {}
    for row in sorted(stretches, key=lambda row: row[1]):
        by_task.setdefault(row[0], []).append(row)
    for task_id, rows in by_task.items():
        periods = world.seen.get(task_id, [])
        for _, first, last, absent in rows:
            problems += [
                f"{task_id} was not there at {at}" for at in (first, last) if not _was(periods, at, visible=True)
            ]
            if absent is not None and not _was(periods, absent, visible=False):
                problems.append(f"{task_id} was there at {absent}")
        if len(periods) == 1 and (len(rows) != 1 or rows[0][3] is not None):
            problems.append(f"{task_id} was always there, and has {len(rows)} stretches")
        if (rows[-1][3] is None) != periods[-1][2]:
            problems.append(f"{task_id} ends otherwise than it is")
    problems += [f"{task_id} was never seen" for task_id in world.visible - by_task.keys()]
    return problems


def _was(periods: list[tuple[datetime, datetime, bool]], at: datetime, *, visible: bool) -> bool:
    """Whether the task was visible (or not) at some moment shortly before ``at``."""
    if at > datetime.now(UTC) + timedelta(minutes=30):
        return periods[-1][2] is visible  # the clean syncs, hours later by their clock
    for number, (begins, _, state) in enumerate(periods):
        ends = periods[number + 1][1] if number + 1 < len(periods) else datetime.max.replace(tzinfo=UTC)
        if state is visible and begins <= at and ends >= at - SLACK:
            return True
    return not visible and bool(periods) and periods[0][1] >= at - SLACK
