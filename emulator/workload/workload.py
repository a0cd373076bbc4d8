"""The days of a project, played on the emulator's clock: waves of runs, what becomes of them, and what else happens."""

from __future__ import annotations

import heapq
import random
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Final

from taskhouse.emulator.mutations.administration import project as change_project
from taskhouse.emulator.mutations.runs import finish, pull_request, reopen, started
from taskhouse.emulator.mutations.tasks import archive, delete, move, rename
from taskhouse.emulator.workload import courses, fates, week
from taskhouse.emulator.workload.backlog import Backlog
from taskhouse.emulator.workload.incidents import Incident, incidents
from taskhouse.emulator.world.facts import RepositoryFacts

if TYPE_CHECKING:
    from collections.abc import Callable

    from taskhouse.emulator.faults import Faults
    from taskhouse.emulator.service import Service
    from taskhouse.emulator.world.model import Fate, Run, Task

_DAY: Final = timedelta(days=1)
_IDLE_S: Final = 3600.0
_US: Final = 1_000_000
_RETRIED: Final = 0.45
_REOPENED: Final = 0.2
_MERGED: Final = 0.68
_CLOSED: Final = 0.8
_REWORKED: Final = 0.93
_WITH_PULL_REQUEST: Final = 0.8
_RENAMED: Final = 0.06
_BY_AUTOMATION: Final = 0.2
_ARCHIVED: Final = 0.3
_SUMMARIES_DAYS: Final = (1.6, 3.2)
"""How often the replays of a repository are summarized."""
_STUCK_AFTER: Final = 0.4
_SHORT_S, _LONG_S = 120.0, 3000.0
_RUSHED_S: Final = 600.0


class Workload:
    """What people and automation do for ``busy_days`` from the start on, in the first project."""

    def __init__(self, service: Service, faults: Faults) -> None:
        self._service = service
        self._faults = faults
        settings = service.settings
        self._rng = random.Random(f"workload-{settings.seed}")
        self._project = service.world.projects[settings.projects[0]]
        self._start = service.clock.now()
        self._days = settings.busy_days
        self._backlog = Backlog(service, self._project.id, self._rng)
        self._due: list[tuple[datetime, int, Callable[[], None]]] = []
        self._serial = count()
        self._again: list[Callable[[], None]] = []
        self._stuck: Run | None = None
        if self._days:
            self._plan()

    @property
    def until(self) -> datetime:
        """When it ends."""
        return self._start + self._days * _DAY

    async def run_forever(self) -> None:
        """Do what is due, until cancelled."""
        clock = self._service.clock
        while True:
            now = clock.now()
            while self._due and self._due[0][0] <= now:
                heapq.heappop(self._due)[2]()
            wait_s = (self._due[0][0] - now).total_seconds() if self._due else _IDLE_S
            await clock.wait_for(None, wait_s)

    def rush(self, runs: int) -> None:
        """Let a number of short runs begin now, on new tasks; nothing follows them once the days are over."""
        for _ in range(runs):
            by = fates.model(self._day_number(), self._rng)
            task = self._backlog.task(automatic=False)
            made = fates.fate(by, task.repository, self._day_number(), ready=True, number=0, rng=self._rng)
            number = self._backlog.pull_request(task) if made.outcome == "completed" else 0
            self._run(task, made._replace(duration_s=min(made.duration_s, _RUSHED_S), pull_request=number))

    def _at(self, moment: datetime, action: Callable[[], None]) -> None:
        """Do something at a moment, if that is before the end."""
        if moment < self.until:
            heapq.heappush(self._due, (moment, next(self._serial), action))

    def _in(self, seconds: float, action: Callable[[], None]) -> None:
        self._at(self._service.clock.now() + timedelta(seconds=seconds), action)

    def _plan(self) -> None:
        """Schedule the days, the incidents and the milestones of repositories."""
        rng = random.Random(f"courses-{self._service.settings.seed}")
        midnight = self._start.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        for number in range(self._days + 1):
            self._at(max(self._start, midnight + number * _DAY), partial(self._day, midnight + number * _DAY))
        for incident in incidents(self._days):
            day = midnight + incident.day * _DAY
            day = week.weekday(day) if incident.weekday else day
            self._at(day + timedelta(hours=incident.hours), partial(self._happens, incident))
        for index, name in enumerate(self._backlog.repositories):
            kind = courses.KINDS[index % len(courses.KINDS)]
            made = courses.course(kind, name, self._start, self._days, rng)
            self._service.readiness.facts[name] = made.facts
            self._backlog.kinds[name] = kind
            for milestone in made.milestones:
                at = week.weekday(midnight + milestone.day * _DAY) + timedelta(hours=9 + 6 * rng.random())
                self._at(at, partial(self._milestone, name, milestone))
            self._at(self._start + _DAY * rng.uniform(0.2, 3), partial(self._summaries, name))

    def _day(self, midnight: datetime) -> None:
        """Begin the waves of a day."""
        for wave in week.waves(midnight, len(self._backlog.repositories), self._rng):
            if wave.at >= self._service.clock.now():
                self._at(wave.at, partial(self._wave, wave))

    def _wave(self, wave: week.Wave) -> None:
        """Start what waits for somebody, then new tasks."""
        waiting, self._again = self._again, []
        for action in waiting:
            self._at(week.moment(wave, self._rng), action)
        for _ in range(max(1, wave.runs - len(waiting))):
            self._at(
                week.moment(wave, self._rng),
                partial(self._new, automatic=wave.automatic or self._rng.random() < _BY_AUTOMATION),
            )

    def _new(self, *, automatic: bool) -> None:
        task = self._backlog.task(automatic=automatic)
        if self._rng.random() < _RENAMED:
            self._in(self._rng.uniform(600, 7200), partial(self._rename, task))
        self._run(task)

    def _rename(self, task: Task) -> None:
        rename(
            self._service, {"task_id": task.id, "title": f"{task.title} ({self._rng.choice(('EU', 'part 1', 'v2'))})"}
        )

    def _day_number(self) -> int:
        return (self._service.clock.now() - self._start).days

    def _run(
        self, task: Task, fate: Fate | None = None, *, resume: bool = False, merged: Callable[[], None] | None = None
    ) -> Run:
        """Start a run of the task, and plan what follows its end."""
        rng, day = self._rng, self._day_number()
        by = fates.model(day, rng)
        before = task.latest_run
        if fate is None:
            number = self._backlog.pull_request(task) if rng.random() < _WITH_PULL_REQUEST else 0
            ready = self._backlog.is_set_up(task.repository, self._service.clock.now())
            fate = fates.fate(by, task.repository, day, ready=ready, number=number, rng=rng)
        run = started(
            self._service,
            task,
            {},
            resume_from=before.id if resume and before is not None else None,
            fate=fate,
            model=(by.adapter, by.provider, by.name),
        )
        if fate.stops_after >= 1:
            self._in(fate.duration_s + 60, partial(self._ended, run, merged))
        return run

    def _ended(self, run: Run, merged: Callable[[], None] | None) -> None:
        """A run is over: its pull request is opened, or somebody tries again."""
        rng = self._rng
        if run.task.deleted:
            return
        if run.status == "failed":
            dice = rng.random()
            if dice < _REOPENED:
                self._again.append(partial(self._reopen, run))
            elif dice < _REOPENED + _RETRIED:
                self._again.append(partial(self._try_again, run.task))
        if run.status != "completed" or not (run.output or {}).get("pr_url"):
            return
        pull_request(self._service, {"run_id": run.id, "state": "open"})
        review = week.working(self._service.clock.now() + timedelta(hours=rng.lognormvariate(0.9, 0.9)))
        self._at(review, partial(self._review, run, merged))

    def _try_again(self, task: Task) -> None:
        """Somebody starts another run of the task, which continues the one before."""
        if not task.deleted:
            self._run(task, resume=True)

    def _reopen(self, run: Run) -> None:
        """Somebody goes on in the same run."""
        if run.status != "failed" or run.task.deleted:
            return
        run.fate = fates.success(self._backlog.pull_request(run.task), self._rng)
        reopen(self._service, {"run_id": run.id})
        self._in(run.fate.duration_s + 60, partial(self._ended, run, None))

    def _review(self, run: Run, merged: Callable[[], None] | None) -> None:
        """Somebody looks at a pull request: it is merged, closed, sent back, or left open."""
        rng = self._rng
        if run.task.deleted:
            return
        dice = 0.0 if merged is not None else rng.random()
        if dice < _MERGED:
            pull_request(self._service, {"run_id": run.id, "state": "merged"})
            if merged is not None:
                merged()
            if rng.random() < _ARCHIVED:
                self._in(rng.uniform(1, 4) * 86_400, partial(self._archive, run.task))
        elif dice < _CLOSED:
            pull_request(self._service, {"run_id": run.id, "state": "closed"})
        elif dice < _REWORKED:
            self._again.append(partial(self._try_again, run.task))

    def _archive(self, task: Task) -> None:
        if not task.deleted:
            archive(self._service, {"task_id": task.id})

    def _milestone(self, name: str, milestone: courses.Milestone) -> None:
        """What a scan of a repository finds changes: at once, or when the pull request of a task is merged."""
        name = self._backlog.names.get(name, name)
        if name not in self._backlog.repositories:
            return

        def changed() -> None:
            now = self._service.clock.now()
            courses.apply(self._service.readiness.facts[name], milestone.change, now, self._rng)

        if not milestone.title:
            changed()
            return
        self._again.append(partial(self._instrument, name, milestone.title, changed))

    def _instrument(self, name: str, title: str, merged: Callable[[], None]) -> None:
        """A task whose pull request changes what a scan finds."""
        if name in self._backlog.repositories:
            task = self._backlog.task(automatic=False, repository=name, title=title)
            self._run(task, fates.success(self._backlog.pull_request(task), self._rng), merged=merged)

    def _summaries(self, name: str) -> None:
        """PostHog summarizes the replays of a repository that records them, every other day or so."""
        current = self._backlog.names.get(name, name)
        if self._backlog.records(current, self._service.clock.now()):
            self._backlog.summary(current)
        self._in(86_400 * self._rng.uniform(*_SUMMARIES_DAYS), partial(self._summaries, name))

    def _happens(self, incident: Incident) -> None:
        """One of the incidents."""
        what = incident.what
        switches = {
            "exceptions off": {"exception_autocapture": False},
            "exceptions on": {"exception_autocapture": True},
            "token lost": {"github_token": False},
            "token back": {"github_token": True},
        }
        if what in switches:
            change_project(self._service, dict(switches[what]))
        elif what == "server down":
            self._faults.set({"kind": "503", "endpoint": "*"})
        elif what == "server up":
            self._faults.clear()
        elif what == "repository renamed":
            self._rename_repository()
        elif what == "repository removed":
            for task in self._backlog.remove():
                delete(self._service, {"task_id": task.id})
        else:
            self._odd_run(what)

    def _odd_run(self, what: str) -> None:
        """A run that takes long beside one that does not, one that gets stuck, or the end of that."""
        fate = fates.success(0, self._rng)
        if what == "long run begins":
            for duration_s in (_SHORT_S, _LONG_S):
                self._run(self._backlog.task(automatic=False), fate._replace(duration_s=duration_s))
        elif what == "run gets stuck":
            self._stuck = self._run(self._backlog.task(automatic=False), fate._replace(stops_after=_STUCK_AFTER))
        elif self._stuck is not None and not self._stuck.is_terminal():
            finish(self._service, {"run_id": self._stuck.id, "status": "cancelled"})

    def _rename_repository(self) -> None:
        old, new, tasks = self._backlog.rename()
        facts = self._service.readiness.facts
        facts[new], facts[old] = facts[old], RepositoryFacts(reachable=False)
        for task in tasks:
            move(self._service, {"task_id": task.id, "repository": new})
