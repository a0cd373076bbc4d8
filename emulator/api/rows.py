"""Tasks, runs and summaries as rows of JSON."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any, Final

from emulator.api.rendering import compact, stamp
from emulator.world.texts import description_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from emulator.world.model import Project, Run, Task, User
    from emulator.world.world import World

HIDDEN: Final[dict[str, Any]] = {"log_url": None, "output": None, "error_message": None, "artifacts": []}
"""What a protected run shows outside its own routes."""

PREVIEW: Final = 1000
_LIGHT: Final = {"description": "description_preview"}
_MARK: Final = re.compile(rb'"@signed:([^"@]+)@"')


def user_basic(user: User | None) -> dict[str, Any] | None:
    """The short form of a user inside other rows."""
    if user is None:
        return None
    return {
        "id": user.id,
        "uuid": user.uuid,
        "distinct_id": user.distinct_id,
        "first_name": user.first_name,
        "last_name": user.last_name,
        "email": user.email,
        "is_email_verified": user.id % 3 != 0,
        "hedgehog_config": None,
        "role_at_organization": user.role,
    }


def run_dict(run: Run) -> dict[str, Any]:
    """A run with marks in place of its signed URLs, which differ at every call."""
    return {
        "id": run.id,
        "task": run.task.id,
        "stage": run.stage,
        "branch": run.branch,
        "status": run.status,
        "environment": run.environment,
        "runtime_adapter": run.runtime_adapter,
        "provider": run.provider,
        "model": run.model,
        "reasoning_effort": run.reasoning_effort,
        "log_url": None if run.log_written_at is None else _signed(object_path(run)),
        "error_message": run.error_message,
        "output": run.output,
        "state": run.state,
        "artifacts": [{**one, "url": _signed(one["storage_path"])} for one in run.artifacts],
        "created_at": stamp(run.created_at),
        "updated_at": stamp(run.updated_at),
        "completed_at": stamp(run.completed_at),
    }


def latest_run_dict(run: Run) -> dict[str, Any]:
    """A run inside its task: what a protected one holds is hidden there, and nothing says so."""
    row = run_dict(run)
    return row | HIDDEN if run.protected else row


def _signed(path: str) -> str:
    return f"@signed:{path}@"


def task_dict(task: Task, project: Project, world: World) -> dict[str, Any]:
    """A full task with its latest run, in the order of the serializer."""
    run = task.latest_run
    row = {
        "id": task.id,
        "task_number": task.number,
        "slug": "" if task.number is None else f"{project.slug_prefix}-{task.number}",
        "title": task.title,
        "title_manually_set": task.title_manually_set,
        "description": description_of(task),
        "origin_product": task.origin_product,
        "runtime": task.runtime,
        "repository": task.repository,
        "repositories": [task.repository, *task.more_repositories] if task.repository else [],
        "github_integration": project.github_integration if task.repository else None,
        "github_user_integration": None,
        "signal_report": _signal_report(task),
        "json_schema": None,
        "internal": task.internal,
        "archived": task.archived,
        "archived_at": stamp(task.archived_at),
        "latest_run": None if run is None else latest_run_dict(run),
        "created_at": stamp(task.created_at),
        "updated_at": stamp(task.updated_at),
        "last_activity_at": stamp(task.last_activity_at),
        "created_by": user_basic(world.users.get(task.created_by or 0)),
        "ci_prompt": None,
        "channel": task.channel.id if task.channel else None,
        "slack_thread_references": _slack_threads(task),
    }
    return _without(row, world.settings.omitted.get("task", ()))


def _without(row: dict[str, Any], omitted: tuple[str, ...]) -> dict[str, Any]:
    """The row as an older server has it."""
    return {name: value for name, value in row.items() if name not in omitted}


def _signal_report(task: Task) -> str | None:
    return task.id[:-4] + "5eed" if task.origin_product == "signal_report" else None


def _slack_threads(task: Task) -> list[dict[str, Any]]:
    if task.origin_product != "slack":
        return []
    url = f"https://example.slack.com/archives/C{task.seed % 10**8:08d}/p{int(task.created_at.timestamp())}"
    return [{"url": url, "channel": f"C{task.seed % 10**8:08d}", "created_at": stamp(task.created_at)}]


class Presigner:
    """Makes URLs that differ at every call, as presigned ones do; they are valid for an hour."""

    def __init__(self, base_url: str, now: str, serial: int) -> None:
        self._base = base_url.rstrip("/")
        self._date = now
        self._serial = serial

    def url(self, path: str) -> str:
        """The signed address of a stored object."""
        self._serial += 1
        signature = hashlib.sha256(f"{path}-{self._serial}".encode()).hexdigest()
        return (
            f"{self._base}/_emulator/objects/{path}?X-Amz-Algorithm=AWS4-HMAC-SHA256"
            f"&X-Amz-Credential=EMULATOR%2F{self._date[:8]}%2Fus-east-1%2Fs3%2Faws4_request"
            f"&X-Amz-Date={self._date}&X-Amz-Expires=3600&X-Amz-SignedHeaders=host&X-Amz-Signature={signature}"
        )

    def task(self, task: Task, project: Project, world: World) -> bytes:
        """The task's row; all but the URLs is kept until the task changes."""
        if task.row_parts is None:
            task.row_parts = _parts(task_dict(task, project, world))
        return self._joined(task.row_parts)

    def light(self, task: Task, project: Project, world: World) -> bytes:
        """The task's light row: the beginning of its description in the description's place."""
        row = task_dict(task, project, world)
        return self._joined(_parts({_LIGHT.get(name, name): value for name, value in row.items()} | _preview(row)))

    def run(self, run: Run) -> bytes:
        """The run's row."""
        return self._joined(_parts(run_dict(run)))

    def _joined(self, parts: list[bytes]) -> bytes:
        if len(parts) == 1:
            return parts[0]
        signed = (compact(self.url(part.decode())) if index % 2 else part for index, part in enumerate(parts))
        return b"".join(signed)


def _preview(row: dict[str, Any]) -> dict[str, Any]:
    return {"description_preview": row["description"][:PREVIEW]}


def _parts(row: dict[str, Any]) -> list[bytes]:
    """The row's JSON, cut at its marks: text and the path of a signed URL in turns."""
    return _MARK.split(compact(row))


def object_path(run: Run) -> str:
    """Where the run's log is stored."""
    return f"tasks/logs/team_{run.task.project_id}/task_{run.task.id}/run_{run.id}.jsonl"


def summary_row(task: Task, omitted: Mapping[str, tuple[str, ...]]) -> bytes:
    """The light row of the summaries endpoint, kept until the task changes."""
    if task.summary is None:
        row = {
            "id": task.id,
            "title": task.title,
            "repository": task.repository,
            "created_at": stamp(task.created_at),
            "updated_at": stamp(task.updated_at),
            "origin_product": task.origin_product,
            "created_by": task.created_by,
            "latest_run": _latest(task.latest_run, omitted.get("latest_run", ())),
        }
        task.summary = compact(_without(row, omitted.get("summary", ())))
    return task.summary


def _latest(run: Run | None, omitted: tuple[str, ...]) -> dict[str, Any] | None:
    if run is None:
        return None
    output = {} if run.protected else run.output or {}
    row = {
        "id": run.id,
        "status": run.status,
        "environment": run.environment,
        "pr_url": output.get("pr_url"),
        "pr_state": output.get("pr_state"),
    }
    return _without(row, omitted)
