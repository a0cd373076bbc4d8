"""Reads a run from the published copy."""

import re
from collections.abc import Sequence
from typing import Any

from taskhouse.errors import ConfigurationError
from taskhouse.reading import Snapshot
from taskhouse.run_page.model import Row, Run
from taskhouse.run_page.steps import steps
from taskhouse.run_page.texts import MARK
from taskhouse.warehouse import sql

MOST_BYTES = 300_000
"""Bytes of an event beyond which a page names its size and does not read it."""

MOST_TEXT = 80_000
"""Characters of a message beyond which its middle is not read."""

SHORTEST = 4
"""Characters that the beginning of an id has at least."""

NO_TASK: Row = {"title": None, "description": ""}
NO_TOTALS: Row = dict.fromkeys(("tokens", "output_tokens", "cost_usd", "cost_state"))
"""What stands for a row that is not there."""

_ID = re.compile(r"[\w.:-]{1,200}")


def find(snapshot: Snapshot, run_id: str, project_id: int | None = None) -> tuple[int, str]:
    """The project and the id of the run that a whole id, or the beginning of one, names.

    Raises:
        ConfigurationError: No run has such an id, or several have.
    """
    asked = run_id.strip().lower()
    if not _ID.fullmatch(asked) or len(asked) < SHORTEST:
        raise ConfigurationError(
            "This is not the id of a run.", hint=f"Give a run's id, or at least its first {SHORTEST} characters."
        )
    found = rows(snapshot, "candidates", run=asked, project=project_id)
    exact = [row for row in found if row["run_id"] == asked]
    chosen = exact or found
    if len(chosen) == 1:
        return chosen[0]["project_id"], chosen[0]["run_id"]
    if not chosen:
        where = f" in project {project_id}" if project_id is not None else ""
        raise ConfigurationError(
            f"No run{where} has an id that begins with {asked}.",
            hint='`taskhouse query "FROM runs SELECT run_id, status, created_at ORDER BY created_at DESC LIMIT 10"`'
            " lists the newest runs; with --lake, those of the lake.",
        )
    if exact:
        projects = ", ".join(str(row["project_id"]) for row in exact)
        raise ConfigurationError(f"Several projects have a run {asked}: {projects}.", hint="Choose one with --project.")
    shown = [f"{row['run_id']} ({row['status']})" for row in chosen[:5]]
    more = " and others" if len(chosen) > len(shown) else ""
    raise ConfigurationError(
        f"Several runs have an id that begins with {asked}: {', '.join(shown)}{more}.",
        hint="Give more of the id.",
    )


def gather(snapshot: Snapshot, run_id: str, project_id: int | None = None) -> Run:
    """Everything that is known of a run.

    Raises:
        ConfigurationError: As for :func:`find`.
    """
    project, run = find(snapshot, run_id, project_id)
    return gather_all(snapshot, project, [run])[run]


def gather_all(snapshot: Snapshot, project: int, run_ids: Sequence[str]) -> dict[str, Run]:
    """The same for some runs of a project that there are, by their whole ids.

    Most of the time of a small run goes into planning the statements: twenty runs together take little more than one.
    """

    def asked(query: str, ids: Sequence[str] = run_ids, **more: object) -> dict[str, list[dict[str, Any]]]:
        return _by_run(_rows_of(snapshot, query, "run", ids, project=project, **more))

    with snapshot.reader.moment():
        runs = {run: each[0] for run, each in asked("run").items()}
        tasks = _rows_of(snapshot, "task", "task", [row["task_id"] for row in runs.values()], project=project)
        shown = {row["task_id"]: _shown(row) for row in tasks}
        attempts, totals, usage = asked("attempts"), asked("totals"), asked("usage")
        events, messages, calls = asked("events", most=MOST_BYTES), asked("messages", most=MOST_TEXT), asked("calls")
        broken = [run for run, row in runs.items() if row["has_gaps"]]
        gaps = asked("gaps", broken) if broken else {}
        return {
            run: Run(
                row=row,
                task=shown.get(row["task_id"], NO_TASK),
                attempts=attempts.get(run, []),
                totals=totals[run][0] if run in totals else NO_TOTALS,
                usage=usage.get(run, []),
                steps=steps(
                    [event for event in events.get(run, []) if not event["is_message"]],
                    messages.get(run, []),
                    calls.get(run, []),
                    gaps.get(run, []),
                    attempts.get(run, []),
                    frozenset(event["ordinal"] for event in events.get(run, []) if event["is_message"]),
                ),
                hidden=any(event["is_hidden"] for event in events.get(run, [])),
            )
            for run, row in runs.items()
        }


def _shown(task: Row) -> Row:
    """A task whose description is no mark of a text that was not kept."""
    from_server = task["description"] or ""
    return {**task, "description": "" if MARK.fullmatch(from_server) else from_server}


def rows(snapshot: Snapshot, query: str, **parameters: object) -> list[dict[str, Any]]:
    """The rows of ``queries/<query>.sql``, each by column name."""
    return snapshot.records(_text(query), **parameters)


def _text(query: str) -> str:
    return sql.statement("taskhouse.run_page", f"queries/{query}")


def _rows_of(
    snapshot: Snapshot, query: str, name: str, ids: Sequence[str], **parameters: object
) -> list[dict[str, Any]]:
    """The rows of a query for each of some ids: a list of constants reaches the stored tables, as one does."""
    each = {f"{name}{number}": each for number, each in enumerate(dict.fromkeys(ids))}
    text = _text(query).replace(f"{name}_id = ${name}", f"{name}_id IN ({', '.join(f'${one}' for one in each)})")
    return snapshot.records(text, **parameters, **each)


def _by_run(found: Sequence[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    grouped: dict[str, list[dict[str, Any]]] = {}
    for row in found:
        grouped.setdefault(row["run_id"], []).append(row)
    return grouped
