"""The task list, one task, summaries, repositories and what is pinned."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from taskhouse.emulator.api import errors, fields, paging
from taskhouse.emulator.api.endpoint import json_response
from taskhouse.emulator.api.filters import basic, task_filter
from taskhouse.emulator.api.rows import Presigner, summary_row
from taskhouse.emulator.rendering import compact
from taskhouse.emulator.world import metering
from taskhouse.emulator.world.model import is_pinned, visible

if TYPE_CHECKING:
    from starlette.responses import Response

    from taskhouse.emulator.api.endpoint import Call
    from taskhouse.emulator.world.model import Task

SUMMARIES_MAX_IDS: Final = 5000


def presigner(call: Call) -> Presigner:
    """Signs with the moment and the host of the request."""
    service = call.service
    now = service.clock.now().strftime("%Y%m%dT%H%M%SZ")
    return Presigner(str(call.request.base_url), now, service.serial(), call.caller.user.id)


def list_tasks(call: Call) -> Response:
    """``GET /tasks/``: full rows, or light ones if ``basic``, newest first unless ordered otherwise."""
    page = paging.window(call.request, call.service.settings.page_most)
    world, project = call.service.world, call.in_project
    chosen = task_filter(call)
    view = world.view(project.id, (call.caller.user.id, chosen.name), chosen.keep, chosen.key)
    count = view.count()
    sign = presigner(call)
    row = sign.light if basic(call) else sign.task
    rows = [row(task, project, world) for task in view.page(page.offset, page.limit)]
    return json_response(paging.envelope(call.request, page, count, rows))


def visible_task(call: Call, name: str) -> Task | None:
    """The task of that id if it is in the project, not deleted and visible to the caller."""
    task = call.service.world.tasks.get(name)
    if task is None or task.project_id != call.in_project.id or task.deleted:
        return None
    return task if visible(task, call.caller.user.id) else None


def retrieve_task(call: Call) -> Response:
    """``GET /tasks/:id/``. An id that is no UUID fits no route; older servers fail on it."""
    found = fields.canonical_uuid(call.path["task_id"])
    if found is None:
        raise errors.not_found("Endpoint not found.") if call.service.settings.uuid_routes else errors.server_error()
    task = visible_task(call, found)
    if task is None:
        raise errors.not_found()
    return json_response(presigner(call).task(task, call.in_project, call.service.world))


def summaries(call: Call) -> Response:
    """``POST /tasks/summaries/``: light rows of the ids that the caller sees, newest first; the rest is dropped."""
    ids = fields.uuid_list(call.body(), "ids", longest=SUMMARIES_MAX_IDS)
    page = paging.window(call.request, call.service.settings.page_most)
    found = [task for name in set(ids) if (task := visible_task(call, name)) is not None]
    found.sort(key=lambda task: task.id)
    found.sort(key=lambda task: task.created_at, reverse=True)
    settings, viewer = call.service.settings, call.caller.user.id
    rows = [summary_row(task, settings, viewer) for task in found[page.offset : page.offset + page.limit]]
    return json_response(paging.envelope(call.request, page, len(found), rows))


def repositories(call: Call) -> Response:
    """``GET /tasks/repositories/``: distinct, ascending, archived tasks' included, not paged."""
    names = call.service.world.repositories(call.in_project.id, call.caller.user.id)
    return json_response(compact({"repositories": names}))


def pinned(call: Call) -> Response:
    """``GET /tasks/pinned/``: the ids of the caller's pinned tasks."""
    user = call.caller.user.id
    ids = [
        task.id
        for task in call.service.world.of_project[call.in_project.id]
        if is_pinned(task, user) and not task.deleted and visible(task, user)
    ]
    return json_response(compact({"task_ids": ids}))


def usage(call: Call) -> Response:
    """``GET /tasks/:id/usage/``: what the task cost in US dollars; 502 when metering is down."""
    task = visible_task(call, fields.canonical_uuid(call.path["task_id"]) or "")
    if task is None:
        raise errors.not_found()
    if call.service.metering_down:
        raise errors.PlainError(HTTPStatus.BAD_GATEWAY, {"error": "task_usage_upstream_unavailable"})
    return json_response(compact(metering.usage(task, call.service.clock.now())))
