"""What views and macros say of themselves, read from the comment at the head of their file. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

INTRO = """\
# Views

All views are in the schema `main` of every published copy; the warehouse itself has none. The schema `raw` contains the
data as it arrived, and `ledger` the proof of completeness; you can query both in the same way. Views over events read
what is stored in the schema `mart` and compute the rest; `mart.runs` says which runs are stored. Columns that end in
`_s` are seconds; those of runs, attempts, tasks and tool calls are rounded to milliseconds.

The descriptions below are also comments in the database: `SELECT column_name, comment FROM duckdb_columns() WHERE
schema_name = 'main' AND table_name = 'runs'`.

Generated from the files in `taskhouse/marts/` by `python -m taskhouse.warehouse.views > docs/views.md`; do not edit."""


@dataclass(frozen=True, slots=True)
class Described:
    """What a view or macro says of itself.

    Attributes:
        summary: What one row is, or what the macro gives.
        columns: Column to description, in the order of the columns.
    """

    summary: str
    columns: dict[str, str]


def describe(text: str) -> Described:
    """Read the comment at the head of a file; the form is stated in :mod:`taskhouse.marts`."""
    summary: list[str] = []
    columns: dict[str, str] = {}
    name = ""
    listing = False
    for line in text.splitlines():
        if not line.startswith("--"):
            break
        words = line[2:].removeprefix(" ")
        if not words.strip():
            listing = True
        elif not listing:
            summary.append(words)
        elif words.startswith(" "):
            columns[name] += f" {words.strip()}"
        else:
            name, rest = words.split(": ", 1)
            columns[name] = rest
    return Described(" ".join(summary), columns)


def markdown(
    kinds: Mapping[str, Mapping[str, Described]],
    types: Mapping[str, Mapping[str, str]],
    calls: Mapping[str, str],
) -> str:
    """The page of all views and macros.

    Args:
        kinds: Heading to name to description, in order.
        types: View to column to type; a view that is not there has its columns without types.
        calls: Macro to how it is called.
    """
    parts = [INTRO]
    for heading, entries in kinds.items():
        parts.append(f"## {heading}")
        for name, described in entries.items():
            parts.append(f"### `{calls.get(name, name)}`")
            parts.append(described.summary)
            if described.columns:
                parts.append("\n".join(_table(described.columns, types.get(name, {}))))
    return "\n\n".join(parts) + "\n"


def _table(columns: Mapping[str, str], types: Mapping[str, str]) -> Iterator[str]:
    yield "| column | type | what it is |"
    yield "| --- | --- | --- |"
    for name, text in columns.items():
        yield f"| `{name}` | {types.get(name, '')} | {text.replace('|', chr(92) + '|')} |"
