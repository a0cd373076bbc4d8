"""``GET /tasks/repository_readiness/``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from taskhouse.emulator.api import fields
from taskhouse.emulator.api.endpoint import json_response
from taskhouse.emulator.api.errors import invalid
from taskhouse.emulator.rendering import compact

if TYPE_CHECKING:
    from starlette.responses import Response

    from taskhouse.emulator.api.endpoint import Call

_PARTS: Final = 2


def repository_readiness(call: Call) -> Response:
    """Read ``repository`` (normalised), ``window_days`` 1 to 30 and ``refresh``; what is out of range is 400."""
    query = call.request.query_params
    repository = fields.required_text(query, "repository").lower()
    parts = repository.split("/")
    if len(parts) != _PARTS or not all(parts):
        raise invalid("repository", "Repository must be in the format organization/repository")
    window_days = fields.integer(query, "window_days", default=7, low=1, high=30)
    refresh = bool(fields.boolean(query, "refresh", default=False))
    answer = call.service.readiness.answer(call.in_project, repository, window_days, refresh=refresh)
    call.service.truth.answered(call.in_project.id, answer)
    return json_response(compact(answer))
