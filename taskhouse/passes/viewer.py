"""Whose view of the project a key gives: the keys of two users can see different tasks (API facts 7.3)."""

from collections.abc import Mapping
from typing import Any

from taskhouse.errors import AccessDenied, NotFound
from taskhouse.passes.context import Context
from taskhouse.passes.verdict import Doubt
from taskhouse.posthog.api import TasksApi
from taskhouse.posthog.budget import fingerprint
from taskhouse.posthog.http_errors import clean
from taskhouse.warehouse import state


async def owner(api: TasksApi) -> dict[str, Any]:
    """The key's owner, as PostHog describes them; empty where the key's scope forbids to ask.

    Raises:
        AccessDenied: The key is not valid.
    """
    try:
        return (await api.me()).data
    except AccessDenied as denied:
        if denied.about_key:
            raise
    except NotFound:
        pass
    return {}


async def whoami(api: TasksApi, key: str) -> str:
    """Whose view this key gives, as :func:`view` says it.

    Raises:
        AccessDenied: The key is not valid.
    """
    return view(await owner(api), key)


def view(person: Mapping[str, Any], key: str) -> str:
    """Whose view a key gives: its owner's uuid, or a fingerprint of the key if its owner is not known."""
    name = person.get("uuid") or person.get("distinct_id")
    return f"user {clean(name)}" if isinstance(name, str) else f"key {fingerprint(key)}"


def previous_viewer(context: Context, resource: str) -> str | None:
    """Whose view the last complete pass had; None before the first."""
    found = context.read(state.records, "state/last_complete", project_id=context.project_id, resource=resource)
    return found[0]["viewer"] if found else None


def changed(context: Context, resource: str, viewer: str | None) -> Doubt | None:
    """Why this view cannot be compared with the history so far; None if it can."""
    before = previous_viewer(context, resource)
    if before in {None, viewer} or "viewer" in context.settings.accept:
        return None
    return Doubt(
        "viewer_changed",
        f"this key sees the project as {viewer}, but the history so far was read as {before};"
        " to continue with the new view, set TASKHOUSE_ACCEPT=viewer for one sync",
    )
