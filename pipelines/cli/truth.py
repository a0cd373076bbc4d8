"""Compare a warehouse with what the emulator says that a perfect client should hold."""

import hashlib
from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

from taskhouse.resources.registry import TABLES

if TYPE_CHECKING:
    from taskhouse.settings import Settings

EMPTY = (0, hashlib.sha256().hexdigest())
LAYERS = {"live": ("run_events", "live events"), "log": ("run_log_entries", "log entries")}
FACTS = ("tasks", "repositories", "readiness", "runs")
TASK = ("id", "title", "repository", "latest_run_id", "latest_run_status")


class Compared(NamedTuple):
    """One line of the comparison: how many there should be, how many there are, and whether they are the same."""

    what: str
    truth: int
    held: int
    equal: bool


def compare(settings: "Settings", truth: Mapping[str, Any]) -> list[Compared]:
    """Tasks, repositories, readiness answers and runs as sets of facts; events and log entries by number and hash."""
    project = {"project_id": truth["project_id"]}
    held = answers(settings, FACTS, project)
    lines = [
        _sets("tasks", [_facts(task, *TASK) for task in truth["tasks"]], held["tasks"]),
        _sets("repositories", [(name,) for name in truth["repositories"]], held["repositories"]),
        _sets("readiness", [_readiness(answer) for answer in truth["readiness"]], held["readiness"]),
        _sets("runs", [_facts(run, "id", "task_id", "status") for run in truth["runs"]], held["runs"]),
    ]
    for layer, (table, name) in LAYERS.items():
        ours = digests(answers(settings, (table,), project)[table])
        theirs = {run["id"]: (run[layer]["count"], run[layer]["sha256"]) for run in truth["runs"]}
        same = sum(ours.get(run_id, EMPTY) == digest for run_id, digest in theirs.items())
        equal = same == len(theirs) and not ours.keys() - theirs.keys()
        lines += [
            Compared(name, _total(theirs), _total(ours), equal),
            Compared(f"runs by SHA-256 of their {name}", len(theirs), same, equal),
        ]
    return lines


def raw_counts(settings: "Settings") -> dict[str, int]:
    """Rows of every table of ``raw``."""
    from taskhouse.operations import open_warehouse

    counts = " UNION ALL ".join(f"SELECT '{table.name}', count(*) FROM raw.{table.name}" for table in TABLES)  # noqa: S608
    with open_warehouse(settings).reading("counting its rows") as connection:
        return dict(connection.execute(counts).fetchall())


def answers(
    settings: "Settings", questions: Iterable[str], parameters: Mapping[str, object]
) -> dict[str, list[tuple[Any, ...]]]:
    """The rows of ``sql/truth/<question>.sql``, by question."""
    from taskhouse.operations import open_warehouse
    from taskhouse.warehouse import sql

    with open_warehouse(settings).reading("comparing with the truth") as connection:
        return {
            question: connection.execute(
                sql.statement("taskhouse.pipelines.cli", f"sql/truth/{question}"), dict(parameters)
            ).fetchall()
            for question in questions
        }


def digests(rows: Iterable[tuple[Any, ...]]) -> dict[str, tuple[int, str]]:
    """Number and SHA-256 of each run's texts, each followed by a newline; rows of run and text, in order."""
    found = {}
    for run_id, texts in groupby(rows, key=lambda row: str(row[0])):
        digest, count = hashlib.sha256(), 0
        for _, text in texts:
            digest.update(text.encode() + b"\n")
            count += 1
        found[run_id] = (count, digest.hexdigest())
    return found


def _total(found: Mapping[str, tuple[int, str]]) -> int:
    return sum(count for count, _ in found.values())


def _sets(what: str, truth: list[tuple[Any, ...]], held: list[tuple[Any, ...]]) -> Compared:
    return Compared(what, len(truth), len(held), sorted(map(repr, truth)) == sorted(map(repr, held)))


def _facts(record: Mapping[str, Any], *names: str) -> tuple[Any, ...]:
    return tuple(record[name] for name in names)


def _readiness(answer: Mapping[str, Any]) -> tuple[Any, ...]:
    return (
        *_facts(answer, "repository", "window_days", "overall", "classification"),
        *answer["states"],
        answer["files_scanned"],
    )
