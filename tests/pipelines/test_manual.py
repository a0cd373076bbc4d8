"""The command line explains itself, and starts at once."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer.main
from typer.testing import CliRunner

from taskhouse.pipelines.cli.app import app, build
from taskhouse.pipelines.cli.reference import reference

ROOT = Path(__file__).parents[2]
COMMANDS = ["demo", "check", "sync", "status", "query", "dev", "emulator", "schedule"]


def _all(command: Any, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Any]]:
    inner = getattr(command, "commands", {})
    return [(path, command), *(found for name in inner for found in _all(inner[name], (*path, name)))]


EVERY = _all(typer.main.get_command(app))


def test_there_are_these_commands() -> None:
    assert set(COMMANDS) <= set(typer.main.get_command(app).commands)  # type: ignore[attr-defined]


@pytest.mark.parametrize(("path", "command"), EVERY, ids=[" ".join(path) or "taskhouse" for path, _ in EVERY])
def test_every_command_and_every_option_has_help(path: tuple[str, ...], command: Any) -> None:
    shown = CliRunner().invoke(app, [*path, "--help"])

    assert shown.exit_code == 0
    assert command.help
    assert all(param.help for param in command.params if param.name != "help"), command.params


def test_the_reference_in_the_docs_is_up_to_date() -> None:
    written = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")

    assert written == reference(), "run: python -m taskhouse.pipelines.cli.reference > docs/cli.md"


def test_the_manual_states_the_exit_codes_and_the_settings() -> None:
    shown = CliRunner().invoke(app, ["--help"]).output

    for word in ("Exit codes", "not proved complete", "POSTHOG_PERSONAL_API_KEY", "TASKHOUSE_HOME", "130"):
        assert word in shown


@pytest.mark.parametrize("arguments", [[], ["--debug"]])
def test_a_command_is_added_alone_as_it_is_beside_all_others(arguments: list[str]) -> None:
    every: Any = typer.main.get_command(app)

    for name, command in every.commands.items():
        only: Any = typer.main.get_command(build([*arguments, name, "--help"]))
        assert list(only.commands) == [name]
        for (path, one), (_, other) in zip(_all(only.commands[name]), _all(command), strict=True):
            shape = [
                (type(each), each.help, [(param.name, param.opts) for param in each.params]) for each in (one, other)
            ]
            assert shape[0] == shape[1], (name, path)


@pytest.mark.parametrize("arguments", [["--help", "status"], ["--version"], ["nothing"], ["status_copy"]])
def test_all_commands_are_there_unless_one_is_named(arguments: list[str]) -> None:
    assert list(typer.main.get_command(build(arguments)).commands) == list(typer.main.get_command(app).commands)  # type: ignore[attr-defined]


@pytest.mark.parametrize("arguments", ["['--help']", "['query', 'SELECT 1']", "['status']", "['schedule', 'show']"])
def test_light_commands_import_neither_dagster_nor_pandas(arguments: str) -> None:
    code = (
        f"import sys; sys.argv = ['taskhouse', *{arguments}]\n"
        "from taskhouse.pipelines.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print(sorted({'dagster', 'pandas', 'sqlalchemy'} & set(sys.modules)))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert shown.stdout.splitlines()[-1] == "[]"


def test_the_reference_of_settings_is_up_to_date_and_the_readme_points_to_it() -> None:
    from taskhouse.pipelines.cli.settings import reference as settings  # noqa: PLC0415

    written = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")

    assert written == settings(), "run: python -m taskhouse.pipelines.cli.settings > docs/settings.md"
    assert "docs/settings.md" in readme
    assert "TASKHOUSE_CAPTURE_TEXT=none" in readme
