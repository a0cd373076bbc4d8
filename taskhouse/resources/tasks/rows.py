"""Puts pages of tasks into a batch: versions of the tasks and of their latest runs, and their sightings."""

import uuid
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from taskhouse.passes.sync_pass import Pass
from taskhouse.posthog.fields import EARLIEST, LATEST
from taskhouse.posthog.pages import Page, Row
from taskhouse.resources.runs import nested
from taskhouse.resources.runs import record as runs
from taskhouse.resources.runs.spec import VERSIONS as RUN_VERSIONS
from taskhouse.resources.tasks import list_diff, record, run_facts, spec
from taskhouse.warehouse import state
from taskhouse.warehouse.commit import WriteBatch

RESOURCE = "tasks"
COMMIT_PAGES = 10


def take(the_pass: Pass, batch: WriteBatch, page: Page, request: str, offset: int | None = None) -> list[str]:
    """Enter a page of full tasks; returns the ids of those that could not be read."""
    number = the_pass.page(batch, request, ids(page), page.body_sha256, page.count, offset=offset)
    for text in page.bad:
        the_pass.quarantine(batch, RESOURCE, text, "not an object", pointer="")
    payloads = _held(the_pass, page.rows)
    successes = [_take_one(the_pass, batch, row, number, "list", payloads) for row in page.rows]
    run_facts.note(the_pass, batch, run_facts.TASK, map(run_facts.of_task, page.rows))
    return [name for name, was in zip(ids(page), successes, strict=True) if name and not was]


def take_one(the_pass: Pass, batch: WriteBatch, row: Row, page: int, observed_in: str) -> bool:
    """Take in one full task; False if it could not be read."""
    run_facts.note(the_pass, batch, run_facts.TASK, [run_facts.of_task(row)])
    return _take_one(the_pass, batch, row, page, observed_in, _held(the_pass, [row]))


def _take_one(
    the_pass: Pass, batch: WriteBatch, row: Row, page: int, observed_in: str, payloads: Mapping[str, str]
) -> bool:
    columns = the_pass.read(batch, row, record.read, record.SHAPE, RESOURCE)
    if columns is None:
        return False
    batch.add(spec.VERSIONS, the_pass.stamp(columns, page, observed_in))
    batch.see(spec.SIGHTINGS, the_pass.sighting(columns["task_id"], page))
    with the_pass.sparing(batch, "runs", row.text, key=columns["latest_run_id"]):
        inner, payload, read = runs.latest(row), payloads.get(columns["latest_run_id"]), runs.run_of(columns["task_id"])
        run = (
            the_pass.read(
                batch, inner, lambda shown: read(nested.own(shown, payload)), runs.SHAPE, "runs", came=row.text
            )
            if inner
            else None
        )
        if run is not None:
            batch.add(RUN_VERSIONS, the_pass.stamp(run, page, "task"))
    return True


def present(the_pass: Pass) -> list[list_diff.Key]:
    """The positions of all stored and present tasks, in the order of the list.

    They are read again only if the pass has added rows since the last time: at 100,000 tasks this takes half a second.
    """

    def positions() -> list[list_diff.Key]:
        tasks = the_pass.context.read(state.records, "tasks/present", project_id=the_pass.context.project_id)
        return sorted((list_diff.key(row["created_at"], row["task_id"]) for row in tasks), reverse=True)

    return the_pass.until_added("tasks/present", positions)


def _held(the_pass: Pass, rows: Iterable[Row]) -> dict[str, str]:
    """The stored JSON of latest runs that may differ from what their tasks show, by run."""
    latest_runs = [run for row in rows if isinstance(run := row.data.get("latest_run"), dict)]
    doubtful = [run["id"] for run in latest_runs if nested.is_doubtful(run) and isinstance(run.get("id"), str)]
    if not doubtful:
        return {}
    context = the_pass.context
    stored_runs = context.read(state.records, "tasks/run_payloads", project_id=context.project_id, run_ids=doubtful)
    return {row["run_id"]: row["payload"] for row in stored_runs}


def ids(page: Page) -> list[str]:
    """The ids of a page's rows, as they came; "" for a row without a valid id."""
    return [name if isinstance(name := row.data.get("id"), str) and _asked(name) else "" for row in page.rows]


def _asked(name: str) -> bool:
    try:
        return bool(uuid.UUID(name))
    except ValueError:
        return False


def zoned_moment(row: Row, name: str) -> datetime | None:
    """A time of a row, in UTC; None if it has none that makes sense, or one without a zone."""
    text = row.data.get(name)
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
        if moment is None or moment.tzinfo is None:
            return None
        moment = moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return moment if EARLIEST <= moment < LATEST else None


def key(row: Row) -> list_diff.Key | None:
    """The position of a task in the list; None if that is unclear."""
    created_at, name = zoned_moment(row, "created_at"), row.data.get("id")
    try:
        return list_diff.key(created_at, str(uuid.UUID(name))) if created_at and isinstance(name, str) else None
    except ValueError:
        return None


def newest(page: Page, now: datetime) -> datetime | None:
    """The latest activity on a page; a time in the future would keep discovery from reading what changes now."""
    moments = (zoned_moment(row, "last_activity_at") for row in page.rows)
    return max((min(moment, now) for moment in moments if moment is not None), default=None)
