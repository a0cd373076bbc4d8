"""The picture of the data model in ``docs/questions.md``, from the keys of the views and their columns."""

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

from taskhouse.marts.describe import describe
from taskhouse.marts.keys import KEYS
from taskhouse.warehouse import views

THINGS = ("projects", "people", "repositories", "tasks", "pull_requests", "runs", "run_attempts", "readiness_trend")
"""The views whose key names a thing of its own, parents first; other views are about one of them."""

ABOUT = (
    *("task_lifecycle", "task_cost", "pr_cost", "pr_history", "run_usage", "run_activity", "failures"),
    *("tool_calls", "messages", "readiness_capabilities", "readiness_changes"),
)
SHOWN = (*THINGS, *ABOUT)

Edge = tuple[str, str]

ONE_OF_SEVERAL: tuple[Edge, ...] = (
    *(("tasks", "pull_requests"), ("tasks", "pr_history"), ("runs", "pr_history")),
    *(("repositories", "pull_requests"), ("repositories", "pr_history")),
)
"""A pull request shows one of the runs that name it, with its task, and the repository of its URL: no parents."""


def edges(columns: Mapping[str, Mapping[str, str]]) -> list[Edge]:
    """Parent and child: a child has the columns of its parent's key. What follows from two others is left out."""
    found = [
        (parent, child)
        for parent, child in itertools.product(THINGS, SHOWN)
        if (parent, child) not in ONE_OF_SEVERAL
        and SHOWN.index(parent) < SHOWN.index(child)
        and {*KEYS[parent]} <= columns[child].keys()
    ]
    return [
        (parent, child)
        for parent, child in found
        if not any((parent, middle) in found and (middle, child) in found for middle in THINGS)
    ]


def orphans(edge: Edge) -> str:
    """A statement that counts the rows of a child without a parent."""
    parent, child = edge
    key = ("project_id", *KEYS[parent])
    return f"SELECT count(*) FROM {child} ANTI JOIN {parent} USING ({', '.join(key)})"


def picture(columns: Mapping[str, Mapping[str, str]], connection: Any) -> Iterator[str]:
    """Lines of a Mermaid diagram; a parent that some rows of the history lack is optional."""
    yield "```mermaid"
    yield "erDiagram"
    for name in SHOWN:
        yield f"    {name} {{"
        for column in ("project_id", *KEYS[name]):
            yield f"        {columns[name][column].split()[0]} {column} PK"
        yield "    }"
    for parent, child in edges(columns):
        left = "|o" if connection.execute(orphans((parent, child))).fetchone()[0] else "||"
        right = "o|" if {*KEYS[parent]} == {*KEYS[child]} else "o{"
        yield f'    {parent} {left}--{right} {child} : "{", ".join(KEYS[parent]) or "project_id"}"'
    yield "```"


def rows() -> Iterator[str]:
    """Lines of a table: view, key, and what one row is."""
    yield "| view | key, beside `project_id` | what it has |"
    yield "| --- | --- | --- |"
    for name in SHOWN:
        key = ", ".join(f"`{column}`" for column in KEYS[name])
        summary = describe(views.statement(name)).summary.split(". ")[0].removesuffix(".")
        yield f"| [{name}](views.md#{name}) | {key} | {summary} |"
