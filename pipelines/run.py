"""Run the job ``sync`` inside this process, one run per project, recorded in the Dagster instance."""

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

import dagster as dg

from taskhouse import errors
from taskhouse.advice import advised, interrupted
from taskhouse.assets.catalog import checks_of
from taskhouse.assets.keys import key, label
from taskhouse.errors import TaskhouseError
from taskhouse.operations import rest_of_first_load, sync
from taskhouse.pages.formatting import span
from taskhouse.pipelines import home
from taskhouse.pipelines.definitions import build
from taskhouse.pipelines.jobs import SYNC
from taskhouse.plural import counted
from taskhouse.resources.registry import RESOURCES
from taskhouse.resources.tasks.spec import TASKS

if TYPE_CHECKING:
    from taskhouse.passes.context import Progress
    from taskhouse.passes.lifecycle import PassReport
    from taskhouse.settings import Settings

PUBLISHED = "published"
FIRST_LOADS = ("runs", "run_events")
"""Resources whose first loads take requests for each task."""

WORTH_SAYING = timedelta(seconds=30)
"""A first load that takes less is not announced."""
TAG = "taskhouse/command"
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
BUSY = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]


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
class Outcome:
    """How it ended.

    Attributes:
        wanted: The projects and resources that were asked for.
        reports: Passes that ended, in order.
        problems: What failed, in order.
        interrupted: Whether a person stopped it.
    """

    wanted: frozenset[tuple[int, str]]
    reports: list["PassReport"] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    interrupted: bool = False

    @property
    def proven(self) -> bool:
        """Whether a complete pass was reported for everything that was asked for, and nothing else failed."""
        return not self.problems and self.wanted == {
            (report.project_id, report.resource) for report in self.reports if report.verdict == "complete"
        }

    @property
    def skipped(self) -> list[tuple[int, str]]:
        """What was requested and has neither a report nor its own failure, because an earlier step failed."""
        ended = {(report.project_id, report.resource) for report in self.reports}
        ended |= {(problem.project_id, problem.resource) for problem in self.problems}
        return sorted(self.wanted - ended)


class WatchedEngine:
    """The engine for a run in this process: Dagster retries nothing, and a copy is published at the end."""

    tries_again = 0
    copies_now = True

    def __init__(self, settings: "Settings", watcher: Watcher, outcome: Outcome) -> None:
        self._settings = settings
        self._watcher = watcher
        self._outcome = outcome

    def settings(self) -> "Settings":
        """The settings that the command was given."""
        return self._settings

    def told(self, text: str) -> str:
        """What an error says; the settings are the variables that it names."""
        return text

    def sync(self, project_id: int, resource: str) -> "PassReport":
        """One pass, watched."""
        self._watcher.begins(project_id, resource)
        try:
            report = asyncio.run(sync(self._settings, project_id, resource, progress=self._watcher.moves))
        except (KeyboardInterrupt, dg.DagsterExecutionInterruptedError):
            self._outcome.interrupted = True
            raise
        except TaskhouseError as problem:
            self._outcome.problems.append(Problem(project_id, resource, problem))
            self._watcher.fails(project_id, resource, problem)
            raise
        except Exception as problem:
            if interrupted(problem):
                raise KeyboardInterrupt from None
            advice = advised(problem)
            if advice is None:
                raise
            self._outcome.problems.append(Problem(project_id, resource, advice))
            self._watcher.fails(project_id, resource, advice)
            raise advice from problem
        self._outcome.reports.append(report)
        self._watcher.ends(report)
        if resource == TASKS.name and report.rows_added:
            self._forecast(project_id)
        return report

    def _forecast(self, project_id: int) -> None:
        """Say how long the limits of the key make a first load wait, as soon as it is known how much there is."""
        wanted = self._outcome.wanted & {(project_id, name) for name in FIRST_LOADS}
        if not (wanted and self._settings.requests_per_hour):
            return
        with contextlib.suppress(TaskhouseError):  # the next pass says it
            rest = rest_of_first_load(self._settings, project_id)
            if rest is not None and rest.seconds >= WORTH_SAYING.total_seconds():
                self._watcher.waits(
                    f"Project {project_id}: the first load of runs is not over. This sync needs about"
                    f" {counted(rest.requests, 'more request', 'more requests')}, and the limits of the key make them"
                    f" take about {span(rest.seconds)}. If you interrupt it, the next sync continues."
                )


def sync_projects(settings: "Settings", projects: Sequence[int], resources: Sequence[str], watcher: Watcher) -> Outcome:
    """Sync resources of projects, one project after the other; a project that fails does not stop the next.

    Args:
        settings: What to fetch and where to keep it.
        projects: Some of the projects that the settings name.
        resources: Some of the resources; a copy is published after them.
        watcher: Sees how it goes.

    Raises:
        KeyboardInterrupt: A person stopped it; Dagster has closed the run.
    """
    names = [name for name in RESOURCES if name in resources]
    outcome = Outcome(frozenset((project_id, name) for project_id in projects for name in names))
    engine = WatchedEngine(settings, watcher, outcome)
    with (
        home.alone(settings, lambda: watcher.waits("Another `taskhouse sync` is running; this one waits for it.")),
        home.instance(settings) as instance,
    ):
        _bury(instance)
        job = build(settings, engine).resolve_job_def(label(settings.asset_prefix, SYNC))
        for project_id in projects:
            chosen = (*names, PUBLISHED)
            own = job.get_subset(
                asset_selection={key(settings.asset_prefix, name) for name in chosen},
                asset_check_selection={*checks_of(settings, chosen, str(project_id))},
            )
            result = own.execute_in_process(
                instance=instance,
                partition_key=str(project_id),
                run_config=QUIET,
                raise_on_error=False,
                tags={TAG: SYNC},
            )
            if not result.success:
                _explain(outcome, project_id, result)
            if outcome.interrupted:
                raise KeyboardInterrupt
    return outcome


def _bury(instance: dg.DagsterInstance) -> None:
    """Close the runs of commands that were killed; no other command runs one, because this one holds the lock."""
    for run in instance.get_runs(dg.RunsFilter(tags={TAG: SYNC}, statuses=BUSY)):
        instance.report_run_failed(run, "The command ended before its run did.")


def _explain(outcome: Outcome, project_id: int, result: dg.ExecuteInProcessResult) -> None:
    """Add what failed outside of a pass: publishing, a check, a bug, or the run itself before any step began."""
    known = {problem.resource for problem in outcome.problems if problem.project_id == project_id}
    for event in result.all_events:
        step = (event.step_key or SYNC).rpartition("__")[2]  # a prefix of the assets stands before it
        if not event.is_step_failure or step in known:
            continue
        error = event.step_failure_data.error
        cause = error.cause if error is not None and error.cause is not None else error
        if cause is not None and (
            cause.cls_name == dg.DagsterExecutionInterruptedError.__name__ or interrupted(cause.message)
        ):
            outcome.interrupted = True
            continue
        text = cause.message.strip().split(": ", 1)[-1] if cause is not None else "It failed."
        ours = cause is not None and hasattr(errors, cause.cls_name or "")  # it is said already what was refused
        found = None if ours else advised(text)
        outcome.problems.append(Problem(project_id, step, found or TaskhouseError(text[:500])))
    if not outcome.interrupted and all(problem.project_id != project_id for problem in outcome.problems):
        why = _run_failure(result)
        outcome.problems.append(
            Problem(project_id, SYNC, advised(why) or TaskhouseError(f"Dagster could not run it: {why}"))
        )


def _run_failure(result: dg.ExecuteInProcessResult) -> str:
    """Why a run failed although none of its steps did."""
    for event in result.all_events:
        error = event.job_failure_data.error if event.is_job_failure else None
        if error is not None:
            cause = error.cause or error
            return cause.message.strip()[:500]
    return "it gave no reason."
