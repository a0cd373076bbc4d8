"""What administrators change: a project, what a scan of a repository finds, the service."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from taskhouse.emulator.mutations.asked import project_asked

if TYPE_CHECKING:
    from taskhouse.emulator.service import Service

_PROJECT_FLAGS: Final = (
    "github_token",
    "proactive_tasks",
    "session_recording",
    "exception_autocapture",
)


def project(service: Service, asked: dict[str, Any]) -> dict[str, Any]:
    """Change ``project_id``: its ``name``, its GitHub integration (``github_integration``), its switches."""
    found = project_asked(service, asked)
    if "name" in asked:
        found.name = str(asked["name"])
    if "github_integration" in asked:
        found.github_integration = found.id if asked["github_integration"] else None
    for flag in _PROJECT_FLAGS:
        if flag in asked:
            setattr(found, flag, bool(asked[flag]))
    for task in service.world.of_project[found.id]:
        task.row_parts = None
    return {"project_id": found.id}


def repository(service: Service, asked: dict[str, Any]) -> dict[str, Any]:
    """Change what a scan of ``repository`` finds: ``reachable``, file counts, ``init``, ``capture``, ``errors``."""
    found = project_asked(service, asked)
    name = str(asked.get("repository", "")).lower()
    facts = service.readiness.facts_of(found.id, name)
    for field in ("reachable", "frontend_markers", "backend_markers", "frontend_files", "backend_files"):
        if field in asked:
            setattr(facts, field, type(getattr(facts, field))(asked[field]))
    since = service.clock.now() - timedelta(days=1)
    for field in ("init", "capture", "errors"):
        if field in asked:
            setattr(facts, f"{field}_at", since if asked[field] else None)
    return {"repository": name}


def settings(service: Service, asked: dict[str, Any]) -> dict[str, Any]:
    """Change the service: ``metering_down`` (usage answers 502), ``max_streams``, ``proxy_streams``, ``token_s``."""
    if "metering_down" in asked:
        service.metering_down = bool(asked["metering_down"])
    if "max_streams" in asked:
        service.admission.most = int(asked["max_streams"])
    if "proxy_streams" in asked:
        service.proxy_streams = int(asked["proxy_streams"])
    if "token_s" in asked:
        service.token_s = float(asked["token_s"])
    return {}
