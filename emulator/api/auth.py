"""Who is asking, and what the credential may do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from taskhouse.emulator.api.errors import denied, not_found

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

    from taskhouse.emulator.settings import EmulatorSettings, Key
    from taskhouse.emulator.world.model import Project, User
    from taskhouse.emulator.world.world import World

VIEWER: Final = "emulator.viewer"
"""The key in the scope under which a fault stores whose view the key has for this request."""


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated request: the user whose view of the world it gets, and the key that it came with."""

    user: User
    key: Key
    personal: bool


def authenticate(request: Request, body: Mapping[str, object] | None, world: World) -> Caller:
    """The caller, by ``Authorization: Bearer`` or ``personal_api_key`` in the body or the query.

    Raises:
        ApiError: 403 ``not_authenticated`` without a credential, 403 ``authentication_failed`` with a wrong one.
    """
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    where, token = "request Authorization header", token.strip() if scheme.lower() == "bearer" else ""
    if not token:
        given = body.get("personal_api_key") if body else None
        where, token = "request body", given if isinstance(given, str) else ""
    if not token:
        where, token = "request query string", request.query_params.get("personal_api_key", "")
    if not token:
        raise denied("Authentication credentials were not provided.", "not_authenticated")
    personal = not token.startswith("pha_")
    for key in world.settings.keys:
        if key.value == token:
            return Caller(world.users[request.scope.get(VIEWER, key.user_id)], key, personal)
    if personal:
        raise denied(f"Personal API key found in {where} is invalid.", "authentication_failed")
    raise denied("Access token invalid.", "authentication_failed")


def require_scope(caller: Caller, scope: str) -> None:
    """``x:write`` satisfies ``x:read``, and ``*`` satisfies everything; else 403."""
    held = caller.key.scopes
    if "*" in held or scope in held or scope.replace(":read", ":write") in held:
        return
    raise denied(f"API key missing required scope '{scope}'")


def project_of(caller: Caller, name: str, world: World) -> Project:
    """The project in the path, by number or as ``@current``.

    Raises:
        ApiError: 404 for a project that does not exist, 403 for one that the key or its user may not enter.
    """
    if name == "@current":
        project = world.projects.get(current_project(caller, world.settings))
    else:
        project = world.projects.get(int(name)) if name.isascii() and name.isdigit() else None
    if project is None:
        raise not_found("Project not found.")
    if caller.key.projects and project.id not in caller.key.projects:
        raise denied(f"API key does not have access to the requested project: ID {project.id}.")
    if project.id not in memberships(caller, world.settings):
        raise denied("You don't have access to the project.")
    return project


def memberships(caller: Caller, settings: EmulatorSettings) -> tuple[int, ...]:
    """The projects of the caller's user."""
    return settings.members.get(caller.user.id, settings.projects)


def current_project(caller: Caller, settings: EmulatorSettings) -> int:
    """What ``@current`` means: the first of the user's projects that the key may enter."""
    mine = memberships(caller, settings)
    inside = [project for project in mine if not caller.key.projects or project in caller.key.projects]
    return (inside or list(mine) or [0])[0]
