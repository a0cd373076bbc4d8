"""Puts pages of tasks into a batch: versions of the tasks and of their latest runs, and their sightings."""

import json
from datetime import UTC, datetime
from typing import Any, NamedTuple

from taskhouse.passes.page_spool import Comparison, Kinds
from taskhouse.passes.sync_pass import Pass
from taskhouse.posthog import content
from taskhouse.posthog.fields import EARLIEST, LATEST, canonical_uuid
from taskhouse.posthog.pages import Page, Row
from taskhouse.posthog.redact import REDACTED
from taskhouse.resources.runs import nested
from taskhouse.resources.runs import record as runs
from taskhouse.resources.runs.spec import VERSIONS as RUN_VERSIONS
from taskhouse.resources.tasks import activity, list_diff, record, run_facts, spec
from taskhouse.warehouse import state
from taskhouse.warehouse.commit import WriteBatch

RESOURCE = "tasks"
COMMIT_PAGES = 5
"""Pages in one commit, if they are not on disk. As many may be read ahead while it is written, so a kill costs ten
requests at most."""

SPOOLED_PAGES = 80
"""Pages in one commit if each of them is on disk before the next one is requested (``passes/page_spool.py``)."""


def take(the_pass: Pass, batch: WriteBatch, page: Page, request: str, offset: int | None = None) -> list[str]:
    """Enter a page of full tasks; returns the ids of those that could not be read."""
    names = ids(page)
    number = the_pass.page(batch, request, names, page.body_sha256, page.count, offset=offset)
    for bad in page.bad:
        the_pass.quarantine(batch, RESOURCE, bad.text, bad.reason, pointer="", key=bad.key)
    now = the_pass.context.now()
    successes = [_take_one(the_pass, batch, row, number, "list", now) for row in page.rows]
    run_facts.note(the_pass, batch, map(run_facts.of_task, page.rows))
    return [name for name, was in zip(names, successes, strict=True) if name and not was]


def take_one(the_pass: Pass, batch: WriteBatch, row: Row, page: int, observed_in: str) -> bool:
    """Take in one full task; False if it could not be read."""
    run_facts.note(the_pass, batch, [run_facts.of_task(row)])
    return _take_one(the_pass, batch, row, page, observed_in, the_pass.context.now())


def _take_one(the_pass: Pass, batch: WriteBatch, row: Row, page: int, observed_in: str, now: datetime) -> bool:
    columns = the_pass.read(batch, row, record.read, record.SHAPE, RESOURCE)
    if columns is None:
        return False
    at = now.isoformat()
    batch.add(spec.VERSIONS, the_pass.stamp(columns, page, observed_in, at=at))
    batch.see(spec.SIGHTINGS, the_pass.sighting(columns["task_id"], page, at=at))
    activity.note(the_pass, batch, columns, zoned_moment(row, "last_activity_at"), now)
    with the_pass.quarantining(batch, "runs", row.text, key=columns["latest_run_id"]):
        if inner := runs.latest(row):
            _take_run(the_pass, batch, inner, row.text, columns, page, at)
    return True


def _take_run(
    the_pass: Pass, batch: WriteBatch, run: Row, came: bytes, task: dict[str, Any], page: int, at: str
) -> None:
    """Enter a latest run, as far as it shows its own facts; where it may show others, that is found at the commit.

    The text that it came in is that of its task, given as ``came``.
    """
    read, as_shown = runs.run_of(task["task_id"]), run.data

    def as_new(shown: Row) -> dict[str, Any]:
        nonlocal as_shown
        as_shown = shown.data
        return read(nested.own(shown, None))

    columns = the_pass.read(batch, run, as_new, runs.SHAPE, "runs", came=came)
    if columns is None:
        return
    columns["payload_sha256"] = task["payload_sha256"]
    if nested.is_doubtful(as_shown):
        latest = Latest(
            columns, _otherwise(as_shown, columns["payload"], plain=run.plain), nested.may_hide(as_shown), page, at
        )
        the_pass.complete_in(batch, LATEST_RUNS, [latest])
    else:
        batch.add(RUN_VERSIONS, the_pass.stamp(columns, page, "task", at=at))


class Latest(NamedTuple):
    """The run inside a task, if it may differ from its own row.

    Attributes:
        columns: Its columns if it is a new one.
        otherwise: Fields that the task shows, may be kept, and are not so in the payload of these columns, as JSON.
        hidden: Whether fields of it may be hidden.
        page: The page that it came on.
        at: When that came.
    """

    columns: dict[str, Any]
    otherwise: str
    hidden: bool
    page: int
    at: str

    def as_shown(self) -> dict[str, Any]:
        """What the task shows of it and may be kept."""
        return {**json.loads(self.columns["payload"]), **json.loads(self.otherwise)}


def _otherwise(as_shown: dict[str, Any], payload: str, *, plain: bool) -> str:
    """The fields of a run inside a task that its payload as a new run does not show as they came, as JSON."""
    if REDACTED in payload:
        return content.canonical(runs.kept_of(as_shown), plain=plain).decode()
    if nested.has_borrowed(as_shown.get("output")):
        return content.canonical({"output": as_shown["output"]}, plain=plain).decode()
    return "{}"


def complete(the_pass: Pass, connection: Any, batch: WriteBatch, doubtful: list[Latest]) -> None:
    """Enter latest runs that may differ from what their tasks show; what they hide or borrow is as it is stored."""
    found = state.records(
        connection,
        "tasks/run_payloads",
        project_id=the_pass.context.project_id,
        run_ids=[latest.columns["run_id"] for latest in doubtful],
    )
    payloads = {row["run_id"]: row["payload"] for row in found}
    for latest in doubtful:
        columns, run_id = latest.columns, latest.columns["run_id"]
        if (payload := payloads.get(run_id)) is None:
            batch.add(RUN_VERSIONS, the_pass.stamp(columns, latest.page, "task", at=latest.at))
            continue
        as_shown = latest.as_shown()
        with the_pass.quarantining(batch, "runs", content.canonical(as_shown), key=run_id):
            shown = nested.own(Row(as_shown, b""), payload, hidden=latest.hidden)
            columns = runs.read(shown) | {"payload_sha256": columns["payload_sha256"]}
            batch.add(RUN_VERSIONS, the_pass.stamp(columns, latest.page, "task", at=latest.at))


LATEST_RUNS = Comparison(complete, Latest)
KEPT: Kinds = {"latest": LATEST_RUNS, "facts": run_facts.OF_TASKS, "activity": activity.TASKS}
"""What a commit of pages compares with the warehouse."""


def present(the_pass: Pass) -> list[list_diff.Key]:
    """The positions of all stored and present tasks, in the order of the list.

    They are read again only if the pass has added rows since the last time: at 100,000 tasks this takes 0.2 s.
    """

    def positions() -> list[list_diff.Key]:
        tasks = the_pass.context.read(state.records, "tasks/present", project_id=the_pass.context.project_id)
        return [(datetime.fromtimestamp(row["created_s"], UTC), row["task_id"]) for row in tasks]

    return the_pass.until_added("tasks/present", positions)


def ids(page: Page) -> list[str]:
    """The ids of a page's rows, as they are stored; "" for a row without a valid id."""
    return [_stored(row.data.get("id")) for row in page.rows]


def _stored(name: object) -> str:
    try:
        return canonical_uuid(name) if isinstance(name, str) else ""
    except ValueError:
        return ""


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
        return list_diff.key(created_at, canonical_uuid(name)) if created_at and isinstance(name, str) else None
    except ValueError:
        return None


def newest(page: Page, now: datetime) -> datetime | None:
    """The latest activity on a page; a time in the future would keep discovery from reading what changes now."""
    moments = (zoned_moment(row, "last_activity_at") for row in page.rows)
    return max((min(moment, now) for moment in moments if moment is not None), default=None)
