"""The runs of a task, their logs, and the token of their stream."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from starlette.responses import Response

from taskhouse.emulator.api import errors, fields, paging
from taskhouse.emulator.api.endpoint import json_response
from taskhouse.emulator.api.tasks import presigner
from taskhouse.emulator.world.model import visible

if TYPE_CHECKING:
    from collections.abc import Iterable

    from taskhouse.emulator.api.endpoint import Call
    from taskhouse.emulator.world.model import Run, Task

SESSION_LOGS_MOST: Final = 5000
SESSION_LOGS_DEFAULT: Final = 1000


def reachable_task(call: Call) -> Task:
    """The task of the run routes: visible, or from Slack; deleted ones still answer.

    Raises:
        ApiError: 404 "Task not found", for an id that is no UUID as well.
    """
    task = call.service.world.tasks.get(fields.canonical_uuid(call.path["task_id"]) or "")
    if task is None or task.project_id != call.in_project.id:
        raise errors.not_found("Task not found")
    if task.origin_product != "slack" and not visible(task, call.caller.user.id):
        raise errors.not_found("Task not found")
    return task


def reachable_run(call: Call) -> Run:
    """The run of the path; it must belong to the task.

    Raises:
        ApiError: 404 for an unknown run, 403 for one whose content the key may not read.
    """
    task = reachable_task(call)
    found = fields.canonical_uuid(call.path["run_id"])
    if found is None:
        raise errors.not_found("Task run not found")
    run = call.service.world.runs.get(found)
    if run is None or run.task is not task:
        raise errors.not_found()
    _readable([run])
    return run


def _readable(runs: Iterable[Run]) -> None:
    """Refuse where one of the runs holds what the key may not read; one such run makes its task's whole list 403."""
    if any(run.protected for run in runs):
        raise errors.denied("You do not have permission to perform this action.")


def list_runs(call: Call) -> Response:
    """``GET /runs/``: newest first, paged."""
    task = reachable_task(call)
    _readable(task.runs)
    page = paging.window(call.request, call.service.settings.page_most)
    runs = sorted(task.runs, key=lambda run: run.created_at, reverse=True)
    sign = presigner(call)
    rows = [sign.run(run, call.service.settings) for run in runs[page.offset : page.offset + page.limit]]
    return json_response(paging.envelope(call.request, page, len(runs), rows))


def retrieve_run(call: Call) -> Response:
    """``GET /runs/:id/``."""
    run = reachable_run(call)
    return json_response(presigner(call).run(run, call.service.settings))


def logs(call: Call) -> Response:
    """``GET /runs/:id/logs/``: the chain's log as JSON lines; an expired or missing log is empty."""
    lines = call.service.logs.chain(reachable_run(call))
    content = "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogatepass")
    return Response(content, media_type="application/jsonl", headers=_uncached(len(content)))


def _uncached(size: int) -> dict[str, str]:
    return {"Cache-Control": "no-cache", "Server-Timing": f"s3_read;dur={1 + size / 5_000_000:.1f}"}


@dataclass(frozen=True, slots=True)
class EntryFilter:
    """Which log entries a page is taken from."""

    after: datetime | None
    wanted: frozenset[str]
    unwanted: frozenset[str]

    def is_open(self) -> bool:
        """Whether everything passes."""
        return self.after is None and not self.wanted and not self.unwanted

    def passes(self, text: str) -> bool:
        """Whether an entry passes. ``after`` is strict and drops entries without a readable time."""
        entry = json.loads(text)
        kind = entry_type(entry)
        if self.wanted and kind not in self.wanted:
            return False
        if kind in self.unwanted:
            return False
        if self.after is None:
            return True
        try:
            return fields.in_utc(datetime.fromisoformat(entry["timestamp"])) > self.after
        except (KeyError, TypeError, ValueError):
            return False


def entry_type(entry: dict[str, Any]) -> str:
    """``sessionUpdate`` of a session/update, else the method, else nothing."""
    notification = entry.get("notification")
    if not isinstance(notification, dict):
        return ""
    method = notification.get("method")
    if method == "session/update":
        update = (notification.get("params") or {}).get("update") or {}
        return str(update.get("sessionUpdate") or "")
    return method if isinstance(method, str) else ""


def _names(text: str) -> frozenset[str]:
    return frozenset(name.strip() for name in text.split(",") if name.strip())


def session_logs(call: Call) -> Response:
    """``GET /runs/:id/session_logs/``: a page of the chain's entries as a JSON array of the stored texts.

    A page ends at ``limit`` or at the byte budget, whichever comes first, and holds at least one entry.
    """
    query = call.request.query_params
    run = reachable_run(call)
    chosen = EntryFilter(
        fields.moment(query, "after"),
        _names(query.get("event_types", "")),
        _names(query.get("exclude_types", "")),
    )
    limit = fields.integer(query, "limit", default=SESSION_LOGS_DEFAULT, low=1, high=SESSION_LOGS_MOST)
    offset = fields.integer(query, "offset", default=0, low=0)
    entries = call.service.logs.entry_chain(run)
    matching = entries if chosen.is_open() else [entry for entry in entries if chosen.passes(entry)]
    page = _within(matching[offset : offset + limit], call.service.settings.session_logs_bytes)
    content = b"[" + b",".join(page) + b"]"
    headers = {
        **_uncached(sum(map(len, entries))),
        "X-Total-Count": str(len(entries)),
        "X-Filtered-Count": str(len(matching)),
        "X-Matching-Count": str(len(matching)),
        "X-Has-More": "true" if offset + len(page) < len(matching) else "false",
    }
    return json_response(content, headers=headers)


def _within(entries: list[str], budget: int) -> list[bytes]:
    page: list[bytes] = []
    size = 0
    for entry in entries:
        text = entry.encode("utf-8", "surrogatepass")
        size += len(text)
        if page and budget and size > budget:
            break
        page.append(text)
    return page
