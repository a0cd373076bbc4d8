"""The documentation names only what exists: files, links, settings, commands, options, make targets and classes."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer.main

from taskhouse.pipelines.cli.app import app
from taskhouse.settings import Settings
from taskhouse.variables import RETIRED, variable

ROOT = Path(__file__).parents[2]
DOCS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "tests").rglob("*.md")])
FOLDERS = ("assets", "benchmarks", "docs", "emulator", "examples", "pipelines", "taskhouse", "tests")
PAST = {ROOT / "CHANGELOG.md"}
"""What tells of earlier versions names what they had."""

FILE = re.compile(rf"`((?:{'|'.join(FOLDERS)})/[\w./-]+)`")
ROOM = re.compile(r"`([a-z_]+/[\w/]+\.py)`(?:, `([A-Za-z]\w+)`)?")
CLASS = re.compile(r"`([A-Z][a-z]+(?:[A-Z][a-z]+)+)`")
LINK = re.compile(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)")
SETTING = re.compile(r"\b(?:TASKHOUSE|POSTHOG)_[A-Z_]*[A-Z]\b(?!_|…)")
TARGET = re.compile(r"(?:`|^)make ([a-z]+)", re.MULTILINE)
COMMAND = re.compile(r"(?:`|^\$ |\.venv/bin/)taskhouse ([a-z]+)([^`\n#]*)", re.MULTILINE)
EXAMPLES = {"POSTHOG_URL", "POSTHOG_EU_KEY"}
"""Names that the documentation shows because they are no settings."""


@cache
def commands() -> dict[str, Any]:
    """Every command, with the options that it and its subcommands have."""
    found = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    return {
        name: {option for each in _all(command) for param in each.params for option in param.opts}
        for name, command in found.items()
    }


@cache
def classes() -> set[str]:
    """Every class of ours."""
    code = (path.read_text("utf-8") for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
    return {name for text in code for name in re.findall(r"^\s*class (\w+)", text, re.MULTILINE)}


def _all(command: Any) -> list[Any]:
    return [command, *(inner for each in getattr(command, "commands", {}).values() for inner in _all(each))]


def wrong(path: Path) -> list[str]:
    """What a page names that does not exist."""
    text = path.read_text("utf-8")
    settings = {variable(field) for field in Settings.model_fields} | EXAMPLES
    settings |= RETIRED.keys() if path.name == "settings.md" else set()
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    found = [f"link {link}" for link in LINK.findall(text) if not (path.parent / link).exists()]
    if path in PAST:
        return found
    found += [f"file {name}" for name in FILE.findall(text) if not (ROOT / name).exists()]
    for name, inside in ROOM.findall(text):
        path_of = next((each for each in (ROOT / name, ROOT / "taskhouse" / name) if each.exists()), None)
        if path_of is None:
            found.append(f"file {name}")
        elif inside and not re.search(rf"\b{inside}\b", path_of.read_text("utf-8")):
            found.append(f"{inside} in {name}")
    found += [f"class {name}" for name in CLASS.findall(text) if name not in classes()]
    found += [f"setting {name}" for name in SETTING.findall(text) if name not in settings]
    found += [f"make {name}" for name in TARGET.findall(text) if name not in targets]
    for name, rest in COMMAND.findall(text):
        if name not in commands():
            found.append(f"taskhouse {name}")
        else:
            known = commands()[name] | {"--help"}
            found += [
                f"taskhouse {name} {option}" for option in re.findall(r"--[a-z][\w-]*", rest) if option not in known
            ]
    return found


@pytest.mark.parametrize("path", DOCS, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_documentation_names_only_what_exists(path: Path) -> None:
    assert wrong(path) == []


def test_what_does_not_exist_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "[a](none.md) `docs/none.md` `TASKHOUSE_NONE=1` `make none` `taskhouse none`\n$ taskhouse sync --none\n"
        "`NoClass` `posthog/none.py` (`posthog/pages.py`, `Reading`)\n",
        "utf-8",
    )
    assert wrong(page) == [
        "link none.md",
        "file docs/none.md",
        "file posthog/none.py",
        "Reading in posthog/pages.py",
        "class NoClass",
        "setting TASKHOUSE_NONE",
        "make none",
        "taskhouse none",
        "taskhouse sync --none",
    ]
