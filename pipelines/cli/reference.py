"""The command line's reference in Markdown, made from the commands themselves.

``python -m taskhouse.pipelines.cli.reference > docs/cli.md`` writes it; a test compares.
"""

import argparse
import inspect
import sys
from collections.abc import Iterator
from typing import Any

import typer.main

from taskhouse.pipelines.cli.app import app
from taskhouse.pipelines.cli.emulator import emulator, parser

HEAD = """# The command line

Generated from the code by `python -m taskhouse.pipelines.cli.reference > docs/cli.md`.
"""


def reference() -> str:
    """The whole reference."""
    root = typer.main.get_command(app)
    return "\n".join([HEAD, *_command(root, "taskhouse", level=2)]).rstrip() + "\n"


def _command(command: Any, path: str, *, level: int) -> Iterator[str]:
    yield f"{'#' * level} `{path}`\n"
    yield inspect.cleandoc(command.help or "") + "\n"
    options = [_option(param) for param in command.params if getattr(param, "help", None)]
    if command.name == emulator.__name__:
        options = [_action(action) for action in parser()._actions if action.dest != "help"]  # noqa: SLF001 - no other way
    if options:
        yield "| option | meaning | default |\n| --- | --- | --- |"
        yield "\n".join(options) + "\n"
    for name, inner in getattr(command, "commands", {}).items():
        yield from _command(inner, f"{path} {name}", level=min(level + 1, 4))
    if command.epilog:
        yield inspect.cleandoc(command.epilog) + "\n"


def _option(param: Any) -> str:
    names = ", ".join(f"`{name}`" for name in (*param.opts, *param.secondary_opts))
    label = f"`{param.metavar}`" if param.param_type_name == "argument" else names
    silent = param.required or param.default is None or param.default is False or callable(param.default)
    default = "" if silent else f"`{getattr(param.default, 'value', param.default)}`"
    return f"| {label} | {param.help} | {default} |"


def _action(action: argparse.Action) -> str:
    silent = action.default is None or action.default is False or action.default == []
    default = "" if silent else f"`{action.default}`"
    return f"| {', '.join(f'`{name}`' for name in action.option_strings)} | {action.help} | {default} |"


if __name__ == "__main__":
    sys.stdout.write(reference())
