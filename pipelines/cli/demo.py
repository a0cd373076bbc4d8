"""``taskhouse demo``: fill a warehouse from an emulated PostHog, and check it against what the emulator served."""

import shutil
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from taskhouse.pipelines.cli.exits import Exit, guarded, say
from taskhouse.pipelines.cli.sync import conclude, judge
from taskhouse.plural import counted
from taskhouse.resources.registry import RESOURCES

if TYPE_CHECKING:
    from taskhouse.passes.context import Progress
    from taskhouse.settings import Settings

SPEED = 60
PER_HOUR = 4800
EXAMPLE = "FROM runs SELECT status, count(*) AS runs, round(avg(duration_s)) AS seconds GROUP BY ALL ORDER BY ALL"


@guarded
def demo(
    tasks: Annotated[
        int,
        typer.Option(min=1, help="Number of tasks to make up. About a fifth are deleted or private, and not listed."),
    ] = 240,
    repositories: Annotated[int, typer.Option(min=1, help="Number of repositories to make up.")] = 12,
    live_runs: Annotated[int, typer.Option(min=0, help="Number of runs that are active during the capture.")] = 40,
    seed: Annotated[int, typer.Option(help="Seed for the made-up data.")] = 1,
) -> None:
    """Fill a warehouse from a local stand-in for PostHog, and compare it with what was served.

    The stand-in serves made-up tasks and live runs over real HTTP. Its clock runs sixty times as fast as soon as
    streams are being captured. The demo uses the same code as `taskhouse sync`. It syncs until every run has ended,
    compares every task, repository, readiness answer, run, event and log entry with what was served, and syncs once
    more, which must add nothing. It needs no key and no network. The data is kept in TASKHOUSE_HOME/demo, which each
    demo replaces.

    Exit code 0 means that everything matched.
    """
    from taskhouse.pipelines.cli.standin import hurry, standing_in, truth

    began = time.monotonic()
    counts = (tasks, "task", None), (repositories, "repository", "repositories"), (live_runs, "live run", None)
    say(f"Starting a stand-in for PostHog: {', '.join(counted(*each) for each in counts)} …")
    world = {"tasks": tasks, "repositories": repositories, "live_runs": live_runs, "seed": seed}
    with standing_in(**world) as environment:
        settings = _settings(environment)
        shutil.rmtree(settings.home, ignore_errors=True)
        say(f"Syncing from {settings.host} into {settings.warehouse}:")
        first = _sync(settings, lambda: hurry(environment, SPEED))
        if first is not Exit.COMPLETE:
            raise typer.Exit(first)
        equal = _compare(settings, truth(environment))
        say("Syncing once more, which must add nothing:")
        idle = _again(settings)
    say(f"Done in {time.monotonic() - began:.0f} s.")
    _farewell(settings)
    raise typer.Exit(Exit.COMPLETE if equal and idle else Exit.FAILED)


def _settings(environment: dict[str, str]) -> "Settings":
    from taskhouse.settings import Settings, load

    return Settings(
        host=environment["POSTHOG_HOST"],
        api_key=environment["POSTHOG_PERSONAL_API_KEY"],
        project_ids=environment["POSTHOG_PROJECT_IDS"],
        home=load().home / "demo",
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
    from taskhouse.pipelines.cli.watch import watcher
    from taskhouse.pipelines.run import sync_projects

    waiting = [flowing]

    def moves(progress: "Progress") -> None:
        if waiting and progress.resource == "run_events" and progress.done:
            waiting.pop()()
        tell(progress)

    with watcher() as shown:
        tell, shown.moves = shown.moves, moves  # type: ignore[method-assign]
        outcome = sync_projects(settings, settings.projects(), tuple(filter(settings.wants, RESOURCES)), shown)
    conclude(outcome)
    return judge(outcome)


def _compare(settings: "Settings", truth: dict[str, object]) -> bool:
    from taskhouse.pipelines.cli import screen
    from taskhouse.pipelines.cli.truth import compare

    lines = compare(settings, truth)
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


def _farewell(settings: "Settings") -> None:
    import sys

    from taskhouse.pipelines.cli import screen
    from taskhouse.warehouse import publish

    taskhouse = sys.argv[0] if sys.argv[0].endswith("taskhouse") else "taskhouse"
    out = screen.results()
    out.print(f"\nThe warehouse: {settings.warehouse}", soft_wrap=True, markup=False)
    out.print(f"To read it:    {publish.readable(settings.published)}", soft_wrap=True, markup=False)
    out.print(
        f'Try:           TASKHOUSE_HOME={settings.home} {taskhouse} query "{EXAMPLE}"', soft_wrap=True, markup=False
    )
