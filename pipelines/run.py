"""``taskhouse sync``: passes inside this process, one after the other, with a note for Dagster about each."""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from taskhouse.advice import advised, interrupted
from taskhouse.errors import TaskhouseError
from taskhouse.operations import publish_all, publish_soon, rest_of_first_load, sync
from taskhouse.pages.formatting import span
from taskhouse.pipelines import home
from taskhouse.pipelines.notes import Failure, Note, leave
from taskhouse.plural import counted
from taskhouse.resources.registry import RESOURCES
from taskhouse.resources.tasks.spec import TASKS

if TYPE_CHECKING:
    from taskhouse.passes.context import Progress
    from taskhouse.passes.lifecycle import PassReport
    from taskhouse.settings import Settings

T = TypeVar("T")

PUBLISHED = "published"
"""The copy."""

FIRST_LOADS = ("runs", "run_events")
"""Resources whose first loads take requests for each task."""

WORTH_SAYING = timedelta(seconds=30)
"""A first load that takes less is not announced."""


class Watcher(Protocol):
    """Receives the progress of a run."""

    def begins(self, project_id: int, resource: str) -> None:
        """A pass begins."""

    def moves(self, progress: "Progress") -> None:
        """A pass makes progress."""

    def ends(self, report: "PassReport") -> None:
        """A pass has ended."""

    def fails(self, project_id: int, resource: str, problem: TaskhouseError) -> None:
        """A pass failed."""

    def waits(self, reason: str) -> None:
        """Another sync is running."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What went wrong with a resource of a project."""

    project_id: int
    resource: str
    error: TaskhouseError


@dataclass(slots=True)
class SyncOutcome:
    """How it ended.

    Attributes:
        wanted: The projects and resources that were asked for.
        reports: Passes that ended, in order.
        problems: What failed, in order.
        unshown: Why Dagster will not show all of it, if so.
    """

    wanted: frozenset[tuple[int, str]]
    reports: list["PassReport"] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    unshown: TaskhouseError | None = None

    @property
    def proven(self) -> bool:
        """Whether a complete pass was reported for everything that was asked for, and nothing else failed."""
        return not self.problems and self.wanted == {
            (report.project_id, report.resource) for report in self.reports if report.verdict == "complete"
        }

    @property
    def skipped(self) -> list[tuple[int, str]]:
        """What was requested and has neither a report nor its own failure, because an earlier pass failed."""
        ended = {(report.project_id, report.resource) for report in self.reports}
        ended |= {(problem.project_id, problem.resource) for problem in self.problems}
        return sorted(self.wanted - ended)


def sync_projects(
    settings: "Settings", projects: Sequence[int], resources: Sequence[str], watcher: Watcher
) -> SyncOutcome:
    """Sync resources of projects, one project after the other; a project that fails does not stop the next.

    Args:
        settings: What to fetch and where to keep it.
        projects: Some of the projects that the settings name.
        resources: Some of the resources; a copy is published after them.
        watcher: Sees how it goes.

    Raises:
        KeyboardInterrupt: A person stopped it.
    """
    names = [name for name in RESOURCES if name in resources]
    outcome = SyncOutcome(frozenset((project_id, name) for project_id in projects for name in names))
    with home.alone(settings, lambda: watcher.waits("Another `taskhouse sync` is running; this one waits for it.")):
        for project_id in projects:
            ProjectSync(settings, project_id, watcher, outcome).run(names)
    return outcome


@dataclass(frozen=True, slots=True)
class ProjectSync:
    """The passes over one project.

    Attributes:
        settings: What to fetch and where to keep it.
        project_id: The project.
        watcher: Sees how it goes.
        outcome: Receives how it went.
    """

    settings: "Settings"
    project_id: int
    watcher: Watcher
    outcome: SyncOutcome

    def run(self, names: Sequence[str]) -> None:
        """A pass over each resource, without those that build on one that failed; then a copy, if none failed."""
        without: set[str] = set()
        for name in names:
            if without.intersection(RESOURCES[name].after) or not self.sync(name):
                without.add(name)
        if not without:
            self._publish()

    def sync(self, resource: str) -> bool:
        """One pass; whether it ended."""
        began = self.settings.clock.now()
        self.watcher.begins(self.project_id, resource)
        report = self._attempt(resource, began, lambda: self._pass(resource))
        if report is None:
            return False
        self._note(resource, began, report=report)
        self._attempt(resource, began, lambda: publish_soon(self.settings))
        return True

    def _pass(self, resource: str) -> "PassReport":
        report = asyncio.run(sync(self.settings, self.project_id, resource, progress=self.watcher.moves))
        self.outcome.reports.append(report)
        self.watcher.ends(report)
        if resource == TASKS.name and report.rows_added:
            self._forecast()
        return report

    def _forecast(self) -> None:
        """Say how long the limits of the key make a first load wait, as soon as it is known how much there is."""
        wanted = self.outcome.wanted & {(self.project_id, name) for name in FIRST_LOADS}
        if not (wanted and self.settings.requests_per_hour):
            return
        with contextlib.suppress(TaskhouseError):  # the next pass says it
            rest = rest_of_first_load(self.settings, self.project_id)
            if rest is not None and rest.seconds >= WORTH_SAYING.total_seconds():
                self.watcher.waits(
                    f"Project {self.project_id}: the first load of runs is not over. This sync needs about"
                    f" {counted(rest.requests, 'more request', 'more requests')}, and the limits of the key make them"
                    f" take about {span(rest.seconds)}. If you interrupt it, the next sync continues."
                )

    def _publish(self) -> None:
        """Publish a copy, which is of all projects, even if the last one is recent."""
        began = self.settings.clock.now()
        publication = self._attempt(PUBLISHED, began, lambda: publish_all(self.settings, force=True))
        if publication is not None:
            self._note(PUBLISHED, began, figures=publication.figures)

    def _attempt(self, name: str, began: datetime, work: Callable[[], T]) -> T | None:
        """The result of some work on an asset; None after an error, which is shown and noted."""
        try:
            return work()
        except Exception as problem:  # noqa: BLE001 - one that fails does not stop the next
            if interrupted(problem):
                raise KeyboardInterrupt from None
            known = problem if isinstance(problem, TaskhouseError) else advised(problem)
            error = known or TaskhouseError(f"{type(problem).__name__}: {problem}"[:500])
            self.outcome.problems.append(Problem(self.project_id, name, error.with_traceback(problem.__traceback__)))
            if name != PUBLISHED:
                self.watcher.fails(self.project_id, name, error)
            self._note(name, began, failure=Failure.of(known or problem))
            return None

    def _note(self, name: str, began: datetime, **more: Any) -> None:
        """Leave a note for Dagster. If that is impossible, the sync goes on, and says so at its end."""
        project_id = None if name == PUBLISHED else self.project_id
        try:
            leave(self.settings, Note(name, project_id, began, self.settings.clock.now(), **more))
        except OSError as problem:
            self.outcome.unshown = advised(problem) or TaskhouseError(str(problem))
