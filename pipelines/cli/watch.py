"""How a sync is shown while it runs: bars on a terminal, a line for each step elsewhere."""

import time
from typing import TYPE_CHECKING, Self

from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from taskhouse.pipelines.cli import screen
from taskhouse.plural import counted

if TYPE_CHECKING:
    from rich.progress import TaskID

    from taskhouse.errors import TaskhouseError
    from taskhouse.passes import context
    from taskhouse.passes.verdict import PassReport

EVERY_S = 10.0
WORTH_SAYING_S = 3.0
"""A shorter wait for room in the request budget is not shown."""


def described(report: "PassReport") -> str:
    """A pass in one line."""
    added, asked = counted(report.rows_added, "row"), counted(report.requests, "request")
    return f"{report.verdict}, {report.rows_seen:,} seen, {added} added, {asked}, {report.seconds:.1f} s"


def far(progress: "context.Progress") -> str:
    """How far a pass is, and what it waits for; empty if nothing is known yet."""
    total = f" of {progress.total:,}" if progress.total is not None else ""
    done = f"{progress.done:,}{total} {progress.unit}" if progress.unit else ""
    waits = f"waits {progress.waits_s:.0f} s for the key's limits" if progress.waits_s >= WORTH_SAYING_S else ""
    return ", ".join(filter(None, [done, waits]))


class Lines:
    """A line for each step, on standard error: for logs, pipes and continuous integration."""

    def __init__(self) -> None:
        self._printed_at = 0.0
        self._waiting = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *problem: object) -> None:
        pass

    def begins(self, project_id: int, resource: str) -> None:
        """A pass begins."""
        self._printed_at = time.monotonic()
        del project_id, resource

    def moves(self, progress: "context.Progress") -> None:
        """Say so now and then, and at once that it waits."""
        waits = progress.waits_s >= WORTH_SAYING_S
        if (self._waiting or not waits) and time.monotonic() - self._printed_at < EVERY_S:
            return
        self._printed_at, self._waiting = time.monotonic(), waits
        self._say(f"project {progress.project_id}  {progress.resource}: {far(progress) or '…'}")

    def ends(self, report: "PassReport") -> None:
        """A pass came to its end."""
        self._say(f"project {report.project_id}  {report.resource}: {described(report)}")

    def fails(self, project_id: int, resource: str, problem: "TaskhouseError") -> None:
        """A pass failed."""
        self._say(f"project {project_id}  {resource}: failed: {problem.message}")

    def waits(self, reason: str) -> None:
        """Somebody else is first."""
        self._say(reason)

    def _say(self, text: str) -> None:
        screen.notes().print(screen.plain(text), soft_wrap=True)


class Bars:
    """A bar for each pass, on a terminal."""

    def __init__(self) -> None:
        self._bars = Progress(
            SpinnerColumn(finished_text=" "),
            TextColumn("{task.fields[project]}", style="dim"),
            TextColumn("{task.description}", style="bold"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[state]}"),
            TimeElapsedColumn(),
            console=screen.notes(),
        )
        self._shown: dict[tuple[int, str], TaskID] = {}

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, *problem: object) -> None:
        self._bars.stop()

    def begins(self, project_id: int, resource: str) -> None:
        """A pass begins."""
        self._shown[project_id, resource] = self._bars.add_task(
            resource, total=None, project=f"project {project_id}", state=""
        )

    def moves(self, progress: "context.Progress") -> None:
        """Move its bar."""
        self._bars.update(
            self._shown[progress.project_id, progress.resource],
            completed=progress.done,
            total=progress.total,
            state=far(progress),
        )

    def ends(self, report: "PassReport") -> None:
        """Fill its bar."""
        colour = screen.VERDICTS[report.verdict]
        state = f"[{colour}]{report.verdict}[/] {report.rows_seen:,} seen, {counted(report.rows_added, 'row')} added"
        self._bars.update(self._shown[report.project_id, report.resource], total=1, completed=1, state=state)

    def fails(self, project_id: int, resource: str, problem: "TaskhouseError") -> None:
        """Stop its bar."""
        del problem
        self._bars.update(self._shown[project_id, resource], total=1, completed=0, state="[red]failed[/]")
        self._bars.stop_task(self._shown[project_id, resource])

    def waits(self, reason: str) -> None:
        """Somebody else is first."""
        self._bars.console.print(screen.plain(reason))


def watcher() -> Lines | Bars:
    """What fits where standard error goes."""
    return Bars() if screen.notes().is_terminal else Lines()
