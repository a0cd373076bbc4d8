"""``taskhouse demo``: fill a warehouse from an emulated PostHog, and check it against what the emulator served."""

import contextlib
import shutil
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from taskhouse.pipelines.cli.exits import Exit, guarded, say
from taskhouse.pipelines.cli.sync import conclude, exit_of
from taskhouse.plural import counted
from taskhouse.resources.registry import RESOURCES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Self

    from rich.progress import Progress

    from taskhouse.passes import context
    from taskhouse.settings import Settings

SPEED = 60
PER_HOUR = 4800
WEEK = 7
TASKS, TASKS_AT_ONCE = 60, 240
"""Tasks at the beginning: with days to come, and without."""


@guarded
def demo(
    days: Annotated[
        int, typer.Option(min=0, max=3650, help="Days of history to play before the live hour; 0 plays none.")
    ] = 42,
    tasks: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Number of tasks to make up that are there at the beginning: 60, or 240 without days. About a fifth"
            " are deleted or private, and not listed.",
        ),
    ] = None,
    repositories: Annotated[
        int, typer.Option(min=1, help="Number of repositories to make up. More of them have more runs a day.")
    ] = 12,
    live_runs: Annotated[int, typer.Option(min=0, help="Number of runs that are active during the live hour.")] = 12,
    seed: Annotated[int, typer.Option(help="Seed for the made-up data.")] = 1,
) -> None:
    """Fill a warehouse from a local stand-in for PostHog, and compare it with what was served.

    The stand-in makes up six weeks of a team that works with agents: tasks and runs of several people, pull requests,
    models that come and go, an outage, a repository that is renamed, and readiness that moves for reasons. They are
    synced as they go by, on a clock that jumps to what is due next. Then comes a live hour over real HTTP, sixty
    times as fast, with `taskhouse sync`. It syncs until every run has ended, compares every task, repository,
    readiness answer, run, event and log entry that was ever served with the warehouse, and syncs once more, which must
    add nothing. At the end it writes the report and the page of a run, and answers three questions. Names, owners and
    campaigns for the report are in the file taskhouse.toml of its home.

    It needs no key and no network. The same seed on the same day makes the same six weeks. The data is kept in
    TASKHOUSE_HOME/demo. Each demo begins by deleting that folder, so if you stop one, run it again.

    Exit code 0 means that everything matched.
    """
    from taskhouse.pipelines.cli import demo_directory
    from taskhouse.pipelines.cli.demo_answers import farewell
    from taskhouse.pipelines.cli.standin import hurry, standing_in, truth
    from taskhouse.report.directory import NAME

    began = time.monotonic()
    tasks = tasks or (TASKS if days else TASKS_AT_ONCE)
    counts = (tasks, "task", None), (repositories, "repository", "repositories"), (live_runs, "live run", None)
    say(f"Starting a stand-in for PostHog: {', '.join(counted(*each) for each in counts)} …")
    world = {"tasks": tasks, "repositories": repositories, "live_runs": live_runs, "seed": seed}
    with _emptied() as home, _DaysShown(days) as shown:
        with standing_in(shown.passed, days=days, home=str(home), **world) as environment:
            shown.done(time.monotonic() - began)
            settings = _settings(environment, home)
            say(f"Syncing from {settings.host} into {settings.warehouse}:")
            first = _sync(settings, lambda: hurry(environment, SPEED))
            if first is not Exit.COMPLETE:
                raise typer.Exit(first)
            equal = _compare(settings, truth(environment))
            say("Syncing once more, which must add nothing:")
            idle = _again(settings)
        demo_directory.leave(home / NAME, settings.clock.now().date())
        farewell(settings)
        say(f"Done in {time.monotonic() - began:.0f} s.")
    raise typer.Exit(Exit.COMPLETE if equal and idle else Exit.FAILED)


@contextlib.contextmanager
def _emptied() -> "Iterator[Path]":
    """The folder of the demo, without what an earlier one left there.

    Raises:
        Locked: Another demo is running there.
    """
    from filelock import FileLock, Timeout

    from taskhouse.errors import Locked
    from taskhouse.home import ready
    from taskhouse.pipelines.cli.standin import ENDS_S, playing
    from taskhouse.settings import load

    settings = load()
    ready(settings)
    home = settings.home / "demo"
    lock = FileLock(home.with_suffix(".lock"), thread_local=False)
    try:
        lock.acquire(timeout=0)
        with FileLock(playing(home), timeout=2 * ENDS_S):  # one that was killed leaves a stand-in, for a moment
            shutil.rmtree(home, ignore_errors=True)
    except Timeout:
        raise Locked(
            f"Another `taskhouse demo` is running in {home}.",
            hint="Wait until it has ended, or set TASKHOUSE_HOME to another folder.",
        ) from None
    try:
        yield home
    finally:
        lock.release()


class _DaysShown:
    """How far the days are: a bar on a terminal, a line a week elsewhere."""

    def __init__(self, days: int) -> None:
        self._days = days
        self._bar: Progress | None = None

    def __enter__(self) -> "Self":
        from taskhouse.pipelines.cli import screen

        if self._days and screen.notes().is_terminal:
            from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

            text = TextColumn("{task.completed:.0f} of {task.total:.0f} days")
            self._bar = Progress(text, BarColumn(bar_width=24), TimeElapsedColumn(), console=screen.notes())
            self._bar.start()
            self._bar.add_task("days", total=self._days)
        return self

    def __exit__(self, *problem: object) -> None:
        self._end()

    def passed(self, days: int) -> None:
        """The given number of days are over."""
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], completed=min(days, self._days))
        elif days % WEEK == 0 and days <= self._days:
            say(f"{days} of {counted(self._days, 'day')} …")

    def done(self, seconds: float) -> None:
        """All of them are."""
        self._end()
        if self._days:
            say(f"{counted(self._days, 'day')} played and synced in {seconds:.0f} s. Now a live hour.")

    def _end(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


def _settings(environment: dict[str, str], home: "Path") -> "Settings":
    from taskhouse.settings import Settings

    return Settings(
        host=environment["POSTHOG_HOST"],
        api_key=environment["POSTHOG_PERSONAL_API_KEY"],
        project_ids=environment["POSTHOG_PROJECT_IDS"],
        home=home,
        budget=None,
        requests_per_hour=PER_HOUR * SPEED,
        capture_seconds=600.0,
        log_final_s=2.0,
    )


def _sync(settings: "Settings", flowing: Callable[[], None] = lambda: None) -> Exit:
    """Sync everything.

    Args:
        settings: What to fetch.
        flowing: Called once the streams are open. Only then may the clock run: a stream is deleted half an hour after
            its run, and at sixty times the speed a slow machine would miss those that ended just before.
    """
    from taskhouse.pipelines.cli.memory import give_back
    from taskhouse.pipelines.cli.watch import watcher
    from taskhouse.pipelines.run import sync_projects

    waiting = [flowing]

    def moves(progress: "context.Progress") -> None:
        if waiting and progress.resource == "run_events" and progress.done:
            waiting.pop()()
        tell(progress)

    with watcher() as shown:
        tell, shown.moves = shown.moves, moves  # type: ignore[method-assign]
        outcome = sync_projects(settings, settings.projects(), tuple(filter(settings.wants, RESOURCES)), shown)
    conclude(outcome)
    give_back()
    return exit_of(outcome)


def _compare(settings: "Settings", truth: dict[str, object]) -> bool:
    from taskhouse.pipelines.cli import screen
    from taskhouse.pipelines.cli.memory import give_back
    from taskhouse.pipelines.cli.truth import compare_ever

    lines = compare_ever(settings, truth)
    give_back()
    answers = {True: screen.plain("yes", style="green"), False: screen.plain("NO", style="bold red")}
    rows = [(line.what, line.truth, line.held, answers[line.equal]) for line in lines]
    out = screen.results()
    out.print()
    out.print(screen.table(("resource", "truth", "warehouse", "equal"), rows))
    equal = all(line.equal for line in lines)
    out.print("Everything matches the truth." if equal else "[bold red]The warehouse does not match the truth.[/]")
    out.print()
    return equal


def _again(settings: "Settings") -> bool:
    from taskhouse.pipelines.cli import screen
    from taskhouse.pipelines.cli.truth import raw_counts

    before = raw_counts(settings)
    ended = _sync(settings)
    grown = {table: count - before[table] for table, count in raw_counts(settings).items() if count != before[table]}
    more = ", ".join(f"{count:+,} in raw.{table}" for table, count in grown.items())
    screen.results().print(f"[bold red]Rows were added: {more}.[/]" if grown else "No row was added to any raw table.")
    return not grown and ended is Exit.COMPLETE
