"""Compare a warehouse with what the emulator says that a perfect client should hold."""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

from taskhouse.resources.registry import TABLES

if TYPE_CHECKING:
    from taskhouse.settings import Settings

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
CHUNK = 2000
"""Texts of events that are in memory at once."""
PARTS = 8
"""In how many parts the runs are compared."""
EMPTY = (0, hashlib.sha256().hexdigest())
LAYERS = {"live": ("run_events", "live events"), "log": ("run_log_entries", "log entries")}
FACTS = ("tasks", "repositories", "readiness", "runs")
TASK = ("id", "title", "repository", "latest_run_id", "latest_run_status")


Digests = dict[str, tuple[int, str]]


class Compared(NamedTuple):
    """One line of the comparison: how many there should be, how many there are, and whether they are the same."""

    what: str
    truth: int
    held: int
    equal: bool


def compare(settings: "Settings", truth: Mapping[str, Any]) -> list[Compared]:
    """Tasks, repositories, readiness answers and runs as sets of facts; events and log entries by number and hash."""
    project = {"project_id": truth["project_id"]}
    lines = _facts_compared(answers(settings, FACTS, project), truth)
    for layer in LAYERS:
        theirs, ours = _layer(settings, truth, layer)
        lines += _digests_compared(layer, theirs, ours, {})
    return lines


def compare_ever(settings: "Settings", truth: Mapping[str, Any]) -> list[Compared]:
    """The same, of all that was ever there, with pull requests and attempts.

    Events of a stream that nobody could read in time are no difference, if the warehouse says that it lacks some.
    """
    project = {"project_id": truth["project_id"]}
    held = answers(settings, (*FACTS, "pull_requests", "attempts", "losses"), project)
    lines = _facts_compared(held, truth)
    there = {task["id"] for task in truth["tasks"] if not task["deleted"]}
    listed = [run for run in truth["runs"] if run["task_id"] in there]
    made = [_facts(run, "id", "pr_url", "pr_state") for run in listed if run["pr_url"]]
    attempts = [(run["id"], run["incarnation"] + 1) for run in truth["runs"]]
    lines += [_sets("pull requests", made, held["pull_requests"]), _sets("attempts", attempts, held["attempts"])]
    for layer in LAYERS:
        theirs, ours = _layer(settings, truth, layer)
        lost = {run_id for run_id, (count, _) in theirs.items() if ours.get(run_id, EMPTY)[0] < count}
        known = lost & {run_id for (run_id,) in held["losses"]} if layer == "live" else set()
        lines += _digests_compared(layer, theirs, ours, {run_id: theirs[run_id] for run_id in known})
        if lost:
            what = f"runs that lost {LAYERS[layer][1]}, as the warehouse says"
            lines.append(Compared(what, len(lost), len(known), lost == known))
    return lines


def _facts_compared(held: Mapping[str, list[tuple[Any, ...]]], truth: Mapping[str, Any]) -> list[Compared]:
    tasks = [_facts(task, *TASK) for task in truth["tasks"] if not task["deleted"]]
    return [
        _sets("tasks", tasks, held["tasks"]),
        _sets("repositories", [(name,) for name in truth["repositories"]], held["repositories"]),
        _sets("readiness", [_readiness(answer) for answer in truth["readiness"]], held["readiness"]),
        _sets("runs", [_facts(run, "id", "task_id", "status") for run in truth["runs"]], held["runs"]),
    ]


def _layer(settings: "Settings", truth: Mapping[str, Any], layer: str) -> tuple[Digests, Digests]:
    """Number and SHA-256 of each run's texts: what was served, and what is held."""
    from taskhouse.warehouse import sql
    from taskhouse.warehouse.opening import open_warehouse

    statement = sql.statement("taskhouse.pipelines.cli", f"sql/truth/{LAYERS[layer][0]}")
    with open_warehouse(settings).reading("comparing with the truth") as connection:
        ours: Digests = {}
        for part in range(PARTS):  # to put all texts in order at once would take a hundred megabytes
            asked = {"project_id": truth["project_id"], "parts": PARTS, "part": part}
            found = connection.execute(statement, asked)
            ours |= digests(row for rows in iter(partial(found.fetchmany, CHUNK), []) for row in rows)
    return {run["id"]: (run[layer]["count"], run[layer]["sha256"]) for run in truth["runs"]}, ours


def _digests_compared(layer: str, theirs: Digests, ours: Digests, lost: Digests) -> list[Compared]:
    """Two lines; of the runs that lost some, what is held counts as what there should be."""
    name = LAYERS[layer][1]
    same = sum(ours.get(run_id, EMPTY) == digest for run_id, digest in theirs.items())
    equal = same + len(lost) == len(theirs) and not ours.keys() - theirs.keys()
    missing = _total(lost) - _total({run_id: ours.get(run_id, EMPTY) for run_id in lost})
    return [
        Compared(name, _total(theirs) - missing, _total(ours), equal),
        Compared(f"runs by SHA-256 of their {name}", len(theirs) - len(lost), same, equal),
    ]


def raw_counts(settings: "Settings") -> dict[str, int]:
    """Rows of every table of ``raw``."""
    from taskhouse.warehouse.opening import open_warehouse

    counts = " UNION ALL ".join(f"SELECT '{table.name}', count(*) FROM raw.{table.name}" for table in TABLES)  # noqa: S608
    with open_warehouse(settings).reading("counting its rows") as connection:
        return dict(connection.execute(counts).fetchall())


def answers(
    settings: "Settings", questions: Iterable[str], parameters: Mapping[str, object]
) -> dict[str, list[tuple[Any, ...]]]:
    """The rows of ``sql/truth/<question>.sql``, by question."""
    from taskhouse.warehouse import publish, sql
    from taskhouse.warehouse.engine import connect
    from taskhouse.warehouse.opening import open_warehouse

    made = publish.publish(open_warehouse(settings), settings.published, force=True)
    if made is None:
        raise open_warehouse(settings).empty()
    with connect(made.path, read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
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
        *_facts(answer, "repository", "window_days"),
        (datetime.fromisoformat(answer["generated_at"]) - _EPOCH) // timedelta(microseconds=1),
        *_facts(answer, "overall", "classification"),
        *answer["states"],
        answer["files_scanned"],
    )
