"""The command ``taskhouse``: each subcommand is a module beside this one, which only its own commands import."""

import importlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from taskhouse.pipelines.cli.exits import debug

if TYPE_CHECKING:
    app: typer.Typer

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

COMMANDS: dict[str, dict[str, Any]] = {
    "demo": {},
    "check": {},
    "plan": {},
    "sync": {},
    "tail": {},
    "status": {},
    "query": {"cls": "Asking"},
    "search": {"cls": "Searching"},
    "report": {},
    "digest": {},
    "run": {},
    "site": {},
    "export": {},
    "replay": {},
    "backup": {},
    "restore": {},
    "verify": {},
    "derive": {},
    "dev": {},
    "shard": {},
    "emulator": {"context_settings": "PASSED_ON", "add_help_option": False},
    "lake": {},
    "schedule": {},
}
"""How each command is added, in the order of the help; texts name what the module of the command has."""


def build(arguments: Sequence[str] = ()) -> typer.Typer:
    """The command line: all of it, or only the command that the arguments name, which starts sooner.

    Args:
        arguments: Those of the process, without its name.
    """
    made = typer.Typer(
        name="taskhouse",
        help=ABOUT,
        epilog=EPILOG,
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode="markdown",
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    made.callback()(options)
    words = [word for word in arguments[:2] if word != "--debug"]
    for name in words[:1] if words[:1] and words[0] in COMMANDS else COMMANDS:
        module = importlib.import_module(f"taskhouse.pipelines.cli.{name}")
        command = getattr(module, name)
        if isinstance(command, typer.Typer):
            made.add_typer(command, name=name)
        else:
            how = {option: vars(module).get(value, value) for option, value in COMMANDS[name].items()}
            made.command(**how)(command)
    return made


def __getattr__(name: str) -> typer.Typer:
    """``app``, with all commands, made when it is first asked for."""
    if name != "app":
        raise AttributeError(name)
    made = globals()["app"] = build()
    return made


def _version(*, asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"taskhouse {version('taskhouse')}")
        raise typer.Exit


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
