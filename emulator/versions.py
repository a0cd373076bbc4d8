"""Servers of the past as settings: what PostHog's source and published interfaces of that time had, and had not.

``2026-10``: the newest. ``2026-09`` (its first half): no resync of the agent proxy. ``2026-07``: besides, no drained
branch, streams of 20,000 entries (5,000 from 15 July) that stay six hours after their end, agents without event
ids, few filters. ``2026-05``: no rotation, no end marker (a finished stream just ends), streams of 2,000 entries that
live an hour from their first write, no stream tokens, a resumed run's log alone, slim rows. Its feature gate is the
setting ``flag_gate``.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from taskhouse.emulator.origins import OLD_ORIGINS, SPRING_ORIGINS
from taskhouse.emulator.settings import EmulatorSettings
from taskhouse.emulator.streams import StreamSettings

NEWEST: Final = "2026-10"

_SEPTEMBER: Final[dict[str, Any]] = {
    "resync": False,
    "uuid_routes": False,
    "borrowed_output": False,
    "private_channels": False,
    "october_agents": False,
    "origins": OLD_ORIGINS,
    "ignored_parameters": frozenset({"basic", "client_provenance", "exclude_origin_product"}),
    "omitted": {
        "task": ("origin_key",),
        "run": ("task_summary", "task_tags", "scheduled_at", "preview_available"),
        "summary": ("created_by_id",),
        "latest_run": ("mode", "task_summary"),
    },
}
_JULY_STREAMS: Final = StreamSettings(max_entries=20_000, completed_ttl_s=6 * 3600, drained=False)
_JULY: Final[dict[str, Any]] = {
    **_SEPTEMBER,
    "streams": _JULY_STREAMS,
    "session_logs_bytes": 2 * 1024 * 1024,
    "ignored_parameters": _SEPTEMBER["ignored_parameters"] | {"ordering", "archived", "pr_state", "ci_status"},
    "omitted": {
        **_SEPTEMBER["omitted"],
        "task": ("origin_key", "last_activity_at"),
        "latest_run": ("id", "mode", "pr_url", "pr_state", "task_summary"),
    },
    "public_state": False,
    "event_ids": False,
}
_SPRING_TASK: Final = (
    *_JULY["omitted"]["task"],
    "runtime",
    "repositories",
    "archived",
    "archived_at",
    "channel",
    "slack_thread_references",
)
VERSIONS: Final[dict[str, dict[str, Any]]] = {
    NEWEST: {},
    "2026-09": _SEPTEMBER,
    "2026-07": _JULY,
    "2026-05": {
        **_JULY,
        "streams": replace(
            _JULY_STREAMS,
            max_entries=2000,
            ttl_s=3600.0,
            completed_ttl_s=3600.0,
            ttl_refreshed=False,
            completed_marker_s=0.0,
            block_s=0.1,
            rotation=False,
            end_marker=False,
        ),
        "session_logs_bytes": 0,
        "ignored_parameters": _JULY["ignored_parameters"] | {"internal"},
        "omitted": {**_JULY["omitted"], "task": _SPRING_TASK, "summary": ("created_by_id", "origin_product")},
        "origins": SPRING_ORIGINS,
        "log_chains": False,
        "stream_tokens": False,
    },
}
"""By name, what differs from the newest."""


def at_version(version: str, **changed: Any) -> EmulatorSettings:
    """Settings of a server of that time; ``changed`` has the last word.

    Raises:
        ValueError: No such version.
    """
    if version not in VERSIONS:
        raise ValueError(f"a version is one of: {', '.join(VERSIONS)}")
    return EmulatorSettings(**{**VERSIONS[version], **changed})
