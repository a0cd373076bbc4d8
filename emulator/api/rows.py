"""Tasks and summaries as rows of JSON, and the URLs that are signed at every call."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any, Final

from taskhouse.emulator.api.run_rows import latest_run_dict, run_dict, shaped
from taskhouse.emulator.rendering import compact, stamp
from taskhouse.emulator.world.outcome import task_summary
from taskhouse.emulator.world.texts import description_of

if TYPE_CHECKING:
    from taskhouse.emulator.settings import EmulatorSettings
    from taskhouse.emulator.world.model import Project, Run, Task, User
    from taskhouse.emulator.world.world import World

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


def task_dict(task: Task, project: Project, world: World, viewer: int) -> dict[str, Any]:
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
        "latest_run": None if run is None else latest_run_dict(run, world.settings, viewer),
        "created_at": stamp(task.created_at),
        "updated_at": stamp(task.updated_at),
        "last_activity_at": stamp(task.last_activity_at),
        "created_by": user_basic(world.users.get(task.created_by or 0)),
        "ci_prompt": None,
        "channel": task.channel.id if task.channel else None,
        "slack_thread_references": _slack_threads(task),
        "origin_key": _origin_key(task),
    }
    return shaped(row, world.settings, "task")


def _signal_report(task: Task) -> str | None:
    return task.id[:-4] + "5eed" if task.origin_product == "signal_report" else None


def _slack_threads(task: Task) -> list[dict[str, Any]]:
    if task.origin_product != "slack":
        return []
    url = f"https://example.slack.com/archives/C{task.seed % 10**8:08d}/p{int(task.created_at.timestamp())}"
    return [{"url": url, "channel": f"C{task.seed % 10**8:08d}", "created_at": stamp(task.created_at)}]


def _origin_key(task: Task) -> str | None:
    """What the task stands for where it came from; people's own tasks have none."""
    return None if task.origin_product == "user_created" else f"{task.origin_product}:{task.seed:08x}"


def _is_private(task: Task) -> bool:
    """Whether its rows differ by user, so that none may be kept."""
    return task.origin_product == "workflow"


class Presigner:
    """Makes the rows of one caller, with URLs that differ at every call, as presigned ones do."""

    def __init__(self, base_url: str, now: str, serial: int, viewer: int) -> None:
        self._viewer = viewer
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
        parts = task.row_parts
        if parts is None:
            parts = _parts(task_dict(task, project, world, self._viewer))
            task.row_parts = None if _is_private(task) else parts
        return self._joined(parts)

    def light(self, task: Task, project: Project, world: World) -> bytes:
        """The task's light row: the beginning of its description in the description's place."""
        row = task_dict(task, project, world, self._viewer)
        return self._joined(_parts({_LIGHT.get(name, name): value for name, value in row.items()} | _preview(row)))

    def run(self, run: Run, settings: EmulatorSettings) -> bytes:
        """The run's row."""
        return self._joined(_parts(run_dict(run, settings, self._viewer)))

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


def summary_row(task: Task, settings: EmulatorSettings, viewer: int) -> bytes:
    """The light row of the summaries endpoint, kept until the task changes."""
    kept = task.summary
    if kept is None:
        row = {
            "id": task.id,
            "title": task.title,
            "repository": task.repository,
            "created_at": stamp(task.created_at),
            "updated_at": stamp(task.updated_at),
            "origin_product": task.origin_product,
            "created_by_id": task.created_by,
            "latest_run": _latest(task, settings, viewer),
        }
        kept = compact(shaped(row, settings, "summary"))
        task.summary = None if _is_private(task) else kept
    return kept


def _latest(task: Task, settings: EmulatorSettings, viewer: int) -> dict[str, Any] | None:
    run = task.latest_run
    if run is None:
        return None
    output = {} if run.protected else run.output or {}
    hidden = run.protected or (_is_private(task) and task.created_by != viewer)
    row = {
        "id": run.id,
        "status": run.status,
        "environment": run.environment,
        "mode": run.state.get("mode"),
        "pr_url": output.get("pr_url"),
        "pr_state": output.get("pr_state"),
        "task_summary": None if hidden else task_summary(run),
    }
    return shaped(row, settings, "latest_run")
