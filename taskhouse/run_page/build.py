"""Reads a run from the published copy."""

import re
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
            " lists the newest runs.",
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
    asked = {"project": project, "run": run}
    with snapshot.reader.moment():
        row = rows(snapshot, "run", **asked)[0]
        task = rows(snapshot, "task", project=project, task=row["task_id"])[0]
        attempts = rows(snapshot, "attempts", **asked)
        totals = rows(snapshot, "totals", **asked)[0]
        events = rows(snapshot, "events", most=MOST_BYTES, **asked)
        found = steps(
            [event for event in events if not event["is_message"]],
            rows(snapshot, "messages", most=MOST_TEXT, **asked),
            rows(snapshot, "calls", **asked),
            rows(snapshot, "gaps", **asked) if row["known_gaps"] else [],
            attempts,
            frozenset(event["ordinal"] for event in events if event["is_message"]),
        )
        return Run(
            row=row,
            task=_shown(task),
            attempts=attempts,
            totals=totals,
            usage=rows(snapshot, "usage", **asked),
            steps=found,
            hidden=any(event["is_hidden"] for event in events),
        )


def _shown(task: Row) -> Row:
    """A task whose description is no mark of a text that was not kept."""
    from_server = task["description"] or ""
    return {**task, "description": "" if MARK.fullmatch(from_server) else from_server}


def rows(snapshot: Snapshot, query: str, **parameters: object) -> list[dict[str, Any]]:
    """The rows of ``queries/<query>.sql``, each by column name."""
    return snapshot.records(sql.statement("taskhouse.run_page", f"queries/{query}"), **parameters)
