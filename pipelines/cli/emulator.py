"""``taskhouse emulator``: a local stand-in for PostHog."""

import sys
from typing import TYPE_CHECKING

import typer

from taskhouse.pipelines.cli.exits import guarded
from taskhouse.pipelines.cli.ports import bindable

if TYPE_CHECKING:
    from argparse import ArgumentParser

PASSED_ON = {"allow_extra_args": True, "ignore_unknown_options": True}


@guarded
def emulator(context: typer.Context) -> None:
    """Serve a local stand-in for PostHog with made-up tasks, until interrupted.

    Prints the environment variables that point `taskhouse sync` at it. docs/emulator.md describes its endpoints below
    `/_emulator/`: the truth to compare with, faults, and a clock.
    """
    from taskhouse.emulator.__main__ import main as serve

    asked = parser().parse_args(context.args)
    bindable(asked.host, asked.port)
    sys.argv = ["taskhouse emulator", *context.args]
    raise typer.Exit(serve())


def parser() -> "ArgumentParser":
    """The emulator's own command line, under our name."""
    import inspect

    from taskhouse.emulator.__main__ import parser as theirs

    made = theirs()
    made.prog = "taskhouse emulator"
    made.description = inspect.cleandoc(emulator.__doc__ or "").replace("`", "")
    return made
