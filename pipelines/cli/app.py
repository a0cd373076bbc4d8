"""The command ``taskhouse``: each subcommand is a module beside this one."""

from typing import Annotated

import typer

from taskhouse.pipelines.cli.backup import backup
from taskhouse.pipelines.cli.check import check
from taskhouse.pipelines.cli.demo import demo
from taskhouse.pipelines.cli.derive import derive
from taskhouse.pipelines.cli.dev import dev
from taskhouse.pipelines.cli.digest import digest
from taskhouse.pipelines.cli.emulator import PASSED_ON, emulator
from taskhouse.pipelines.cli.exits import debug
from taskhouse.pipelines.cli.export import export
from taskhouse.pipelines.cli.lake import lake
from taskhouse.pipelines.cli.plan import plan
from taskhouse.pipelines.cli.query import Asking, query
from taskhouse.pipelines.cli.replay import replay
from taskhouse.pipelines.cli.report import report
from taskhouse.pipelines.cli.restore import restore
from taskhouse.pipelines.cli.run import run
from taskhouse.pipelines.cli.schedule import schedule
from taskhouse.pipelines.cli.search import Searching, search
from taskhouse.pipelines.cli.shard import shard
from taskhouse.pipelines.cli.site import site
from taskhouse.pipelines.cli.status import status
from taskhouse.pipelines.cli.sync import sync
from taskhouse.pipelines.cli.tail import tail
from taskhouse.pipelines.cli.verify import verify

ABOUT = """Keep the history of PostHog Tasks in DuckDB.

PostHog shows only the present: a task's latest run, a repository's current readiness, and a run's stream until half an
hour after the run. taskhouse keeps the history: it reads all tasks, takes snapshots of readiness, captures the events
of every run, and proves that nothing is missing.

**First steps:** `taskhouse demo` fills a warehouse from a local stand-in for PostHog. `taskhouse check` tests your
settings, `taskhouse sync` fetches the data, and `taskhouse query` runs SQL on it.
"""

EPILOG = """**Settings** come from the environment or from a `.env` file: POSTHOG_HOST, POSTHOG_PERSONAL_API_KEY (scope
task:read), POSTHOG_PROJECT_IDS (comma-separated) and TASKHOUSE_HOME (the folder for all data). The default home is
.taskhouse in the current folder, so each folder has its own history. docs/settings.md lists every setting.

**Exit codes:** 0 complete; 1 failed; 2 wrong usage or configuration, including the key; 3 finished, but not proved
complete; 130 interrupted; 141 the reader of the output went away, as with `| head -1`. `status` also uses 4 (the last
proof is older than --max-age, or the published copy is late) and 5 (no data, never synced, or never published).
"""

app = typer.Typer(
    name="taskhouse",
    help=ABOUT,
    epilog=EPILOG,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(*, asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"taskhouse {version('taskhouse')}")
        raise typer.Exit


@app.callback()
def options(
    *,
    verbose: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=lambda value: _version(asked=value), is_eager=True, help="Show the version."
        ),
    ] = False,
) -> None:
    """Options of every command."""
    del version
    debug["on"] = verbose


for command in (
    demo,
    check,
    plan,
    sync,
    tail,
    status,
    query,
    search,
    report,
    digest,
    run,
    site,
    export,
    replay,
    backup,
    restore,
    verify,
    derive,
    dev,
    shard,
):
    app.command(cls={query: Asking, search: Searching}.get(command))(command)
app.command(context_settings=PASSED_ON, add_help_option=False)(emulator)
app.add_typer(lake, name="lake")
app.add_typer(schedule, name="schedule")
