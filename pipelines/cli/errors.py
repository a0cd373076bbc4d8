"""The table of errors in Markdown, made from the places in the code that raise them.

``python -m taskhouse.pipelines.cli.errors > docs/errors.md`` writes it; a test compares, and looks for a test of each.
"""

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from taskhouse import advice, errors
from taskhouse.pipelines.cli.exits import code_of
from taskhouse.posthog import http_errors

ROOT = Path(__file__).resolve().parents[2]
PARTS = {
    "Settings, home and machine": (
        "settings.py",
        "values.py",
        "variables.py",
        "home.py",
        "files.py",
        "daemon.py",
        "pipelines/run.py",
        "attributes.py",
        "component.py",
        "advice.py",
        "ports.py",
        "cli/",
    ),
    "The server": ("posthog/",),
    "Passes and capture": ("passes/", "capture/", "resources/", "operations.py", "spool/"),
    "The lake": ("lake/",),
    "The warehouse, its copies and backups": ("warehouse/",),
    "Questions, reports and exports": (
        *("reading.py", "report/", "digest/", "run_page/", "site/", "export.py", "search/"),
    ),
}
"""Headings, each with a part of the paths of its files; the first match counts."""

ELSE: dict[type[errors.TaskhouseError], str] = {
    errors.Retryable: "taskhouse retries by itself. If it has given up, run the command again later.",
    errors.Contract: "The next sync tries again. `taskhouse check` compares the API.",
    errors.Corrupt: "Nothing was changed. Run the command again; `taskhouse verify` checks all data.",
}
"""The fix for errors without a hint of their own."""

OPEN = "…"
HEAD = """# Errors

Generated from the code by `python -m taskhouse.pipelines.cli.errors > docs/errors.md`.

This page lists the errors of the commands, how to fix each one, and the exit code. `…` stands for names and numbers.
If an error concerns only one record, run or task, the pass continues, ends as incomplete (exit code 3), and gives the
message as its reason. `taskhouse --debug …` shows the traceback of an error. An error that is not in this table is a
bug in taskhouse.
"""


@dataclass(frozen=True, slots=True)
class ErrorRow:
    """One error.

    Attributes:
        where: The file that raises it, from the root.
        kind: Its class.
        said: The message.
        hint: What mends it; empty if it says nothing of that.
    """

    where: str
    kind: type[errors.TaskhouseError]
    said: str
    hint: str

    @property
    def part(self) -> str:
        """The heading that it stands under."""
        return next(part for part, names in PARTS.items() if any(name in self.where for name in names))


def rows() -> list[ErrorRow]:
    """Every error whose message is written in the code."""
    found = [*_advice(), *_refusals()]
    for folder in ("taskhouse", "pipelines"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            if path != Path(__file__).resolve():
                found += _raised(path)
    return [row for row in dict.fromkeys(found) if len(re.findall(r"\w+", row.said)) > 1]


def reference() -> str:
    """The whole table."""
    text, found = HEAD, rows()
    for part in PARTS:
        text += f"\n## {part}\n\n| error | how to fix it | exit code |\n| --- | --- | --- |\n"
        text += "".join(
            f"| {_cell(row.said)} | {_cell(row.hint)} | {int(code_of(row.kind.__new__(row.kind)))} |\n"
            for row in found
            if row.part == part
        )
    return text


def _advice() -> Iterator[ErrorRow]:
    for kind, said, hint in advice.SAID.values():
        yield ErrorRow("taskhouse/advice.py", kind, said.format(OPEN), hint)


def _refusals() -> Iterator[ErrorRow]:
    where = "taskhouse/posthog/http_errors.py"
    for code, hint in http_errors.HINTS.items():
        yield ErrorRow(where, errors.AccessDenied, f"{OPEN} returned 403 {code}", hint)
    yield ErrorRow(where, errors.AccessDenied, f"{OPEN} returned 403 authentication_failed", http_errors.REGIONS)
    other = http_errors.OTHER_REGION.format(OPEN)
    yield ErrorRow(where, errors.AccessDenied, f"{OPEN} returned 403 authentication_failed", other)


def _raised(path: Path) -> Iterator[ErrorRow]:
    where = str(path.relative_to(ROOT))
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or not node.args:
            continue
        kind = getattr(errors, node.func.id, getattr(http_errors, node.func.id, None))
        if node.func.id == "ValueError" and where == "taskhouse/values.py":
            yield ErrorRow(where, errors.ConfigurationError, f"{OPEN} {_text(node.args[0])}.", "Fix the value.")
        elif isinstance(kind, type) and issubclass(kind, errors.TaskhouseError):
            given = next((each.value for each in node.keywords if each.arg == "hint"), None)
            hint = _text(given) if given else next((text for of, text in ELSE.items() if issubclass(kind, of)), "")
            yield ErrorRow(where, kind, _text(node.args[0]), hint)


def _text(node: ast.expr) -> str:
    """The text of an expression; values that are known only at run time become placeholders."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return re.sub(f"{OPEN}+", OPEN, "".join(_text(part) for part in parts))
        case ast.BinOp(left=left, right=right):
            return _text(left) + _text(right)
        case ast.IfExp(body=body, orelse=other):
            return _text(body) or _text(other)
        case _:
            return OPEN


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").replace("<", "&lt;").split())


if __name__ == "__main__":
    sys.stdout.write(reference())
