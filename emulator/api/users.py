"""``GET /api/users/@me/``: the emulator's own minimal form, so that a client can learn whose view it has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from taskhouse.emulator.api.auth import current_project
from taskhouse.emulator.api.endpoint import json_response
from taskhouse.emulator.rendering import compact
from taskhouse.emulator.world.model import uuid_of

if TYPE_CHECKING:
    from starlette.responses import Response

    from taskhouse.emulator.api.endpoint import Call


def me(call: Call) -> Response:
    """id, uuid, distinct_id, names, email, team, organization."""
    user, service = call.caller.user, call.service
    project = service.world.projects[current_project(call.caller, service.settings)]
    body = {
        "id": user.id,
        "uuid": user.uuid,
        "distinct_id": user.distinct_id,
        "first_name": user.first_name,
        "last_name": user.last_name,
        "email": user.email,
        "team": {"id": project.id, "uuid": project.uuid, "name": project.name},
        "organization": {"id": uuid_of(service.settings.seed), "name": "Emulated", "slug": "emulated"},
    }
    return json_response(compact(body))
