"""Exit codes, and how an error becomes one clear line.

====  ================================================================
code  meaning
====  ================================================================
0     complete: everything is there, and proved
1     failed: the server, the warehouse or this program
2     usage or configuration: a person has to mend it first
3     finished, but not proved complete
4     ``status``: the last proof is older than ``--max-age``, or the published copy is late
5     ``status``: nothing is held, a resource was never synced, or nothing was ever published
130   interrupted; what was read until then is kept
141   nobody reads the output any more, as in ``taskhouse status | head -1``
====  ================================================================
"""

import contextlib
import functools
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import typer

if TYPE_CHECKING:
    from taskhouse.errors import TaskhouseError

T = TypeVar("T")

debug = {"on": False}
OUTPUT = Path("The output")
"""The subject of an error that occurred while writing to standard output."""


class Exit(IntEnum):
    """The exit codes."""

    COMPLETE = 0
    FAILED = 1
    USAGE = 2
    UNPROVEN = 3
    STALE = 4
    MISSING = 5
    INTERRUPTED = 130
    UNREAD = 141


def code_of(problem: BaseException) -> Exit:
    """The exit code for an error. Errors that only a person can fix count as usage or configuration."""
    from taskhouse.errors import AccessDenied, ConfigurationError, Incomplete, NoProject

    if isinstance(problem, ConfigurationError | AccessDenied | NoProject):
        return Exit.USAGE
    return Exit.UNPROVEN if isinstance(problem, Incomplete) else Exit.FAILED


def guarded(command: Callable[..., T]) -> Callable[..., T]:
    """A command whose errors end it with one line and the right exit code."""

    @functools.wraps(command)
    def run(*arguments: object, **options: object) -> T:
        from taskhouse.advice import advised, interrupted
        from taskhouse.atomic import naming
        from taskhouse.errors import TaskhouseError

        try:
            result = command(*arguments, **options)
            with naming(OUTPUT):
                sys.stdout.flush()
        except BrokenPipeError:
            from taskhouse.pipelines.cli import screen

            screen.silence(sys.stdout)
            raise typer.Exit(Exit.UNREAD) from None
        except TaskhouseError as problem:
            complain(problem)
            raise typer.Exit(code_of(problem)) from None
        except (typer.Exit, typer.Abort):
            raise
        except (Exception, KeyboardInterrupt) as problem:  # noqa: BLE001 - no traceback for people
            if interrupted(problem):
                say("Interrupted.")
                raise typer.Exit(Exit.INTERRUPTED) from None
            advice = advised(problem)
            if advice is not None:
                complain(advice.with_traceback(problem.__traceback__))
                raise typer.Exit(code_of(advice)) from None
            if debug["on"]:
                traceback.print_exc()
            say(f"Unexpected {type(problem).__name__}: {hidden(str(problem))}", style="red")
            say("This is a bug in taskhouse. Run it again with `taskhouse --debug …` to see where.")
            raise typer.Exit(Exit.FAILED) from None
        return result

    return run


def emit(value: object) -> None:
    """JSON for programs, on standard output."""
    import json

    from taskhouse.cells import in_json

    typer.echo(in_json(json.dumps(value, ensure_ascii=False, indent=2, default=str)))


@contextlib.contextmanager
def errors_as_json(asked: bool) -> Iterator[None]:  # noqa: FBT001 - it is the option itself
    """Print an error of the block as JSON on standard output too, if ``--json`` was given."""
    from taskhouse.advice import advised
    from taskhouse.errors import TaskhouseError

    try:
        yield
    except Exception as problem:
        found = problem if isinstance(problem, TaskhouseError) else advised(problem)
        if asked and found is not None:
            emit(outcome(found))
        raise


def outcome(problem: "TaskhouseError | None") -> dict[str, object]:
    """How a command ended, for programs."""
    if problem is None:
        return {"exit_code": Exit.COMPLETE}
    return {"exit_code": code_of(problem), "error": hidden(problem.message), "hint": hidden(problem.hint)}


def complain(problem: Exception) -> None:
    """Print what is wrong and how to fix it."""
    from taskhouse.errors import TaskhouseError

    if debug["on"]:
        traceback.print_exception(problem)
    message, hint = (problem.message, problem.hint) if isinstance(problem, TaskhouseError) else (str(problem), "")
    for place, line in enumerate(hidden(message).splitlines()):
        say(line if place else f"Error: {line}", style="red")
    if hint:
        say(f"Hint:  {hidden(hint)}")


def hidden(text: str) -> str:
    """The text without the key, whether that came from the environment or from ``.env``."""
    for key in _keys():
        text = text.replace(key, "[key]")
    return text


def _keys() -> set[str]:
    from taskhouse.errors import TaskhouseError
    from taskhouse.settings import load

    keys = {os.environ.get("POSTHOG_PERSONAL_API_KEY", "")}
    with contextlib.suppress(TaskhouseError):
        keys.add(load().key())
    return {form for key in keys for form in (key, key.strip()) if form}


def say(text: str, *, style: str = "") -> None:
    """A line for people, on standard error."""
    from taskhouse.pipelines.cli import screen

    screen.notes().print(screen.plain(text, style=style), soft_wrap=True)
