"""A task as columns, from a full task and from a summary: what is known of it, and what is kept."""

import json
from collections.abc import Mapping
from typing import Any

from taskhouse.posthog import content, fields, privacy
from taskhouse.posthog.known_fields import ENVIRONMENT, ORIGIN, STATUS, Shape, words
from taskhouse.posthog.pages import Row, digest

SHAPE = Shape(
    words(
        "id task_number slug title title_manually_set description origin_product runtime repository repositories "
        "github_integration github_user_integration signal_report json_schema internal archived archived_at latest_run "
        "created_at updated_at last_activity_at created_by ci_prompt channel slack_thread_references origin_key"
    ),
    {"origin_product": ORIGIN, "runtime": words("acp pi")},
    later=(words("origin_key"),),
    without_text=privacy.task_without_text,
)
SUMMARY = Shape(
    words("id title repository created_at updated_at origin_product latest_run created_by created_by_id"),
    {
        "origin_product": ORIGIN,
        "latest_run.status": STATUS,
        "latest_run.environment": ENVIRONMENT,
        "latest_run.pr_state": words("open draft merged closed unknown"),
    },
)
UNVERSIONED = frozenset({"slug", "last_activity_at"})
"""Fields whose change makes no version."""
VERSIONED = SHAPE.fields - UNVERSIONED

_PERSON = ("id", "uuid", "email")


def read(row: Row) -> dict[str, Any]:
    """Columns of ``raw.task_versions`` from a full task.

    Raises:
        BadRecord: The id, the title or a time is not what the contract says.
    """
    data = row.data
    latest = fields.mapping(data, "latest_run", optional=True) or {}
    person = fields.mapping(data, "created_by", optional=True)
    kept = dict(data)
    kept.pop("latest_run", None)
    kept["created_by"] = {name: person.get(name) for name in _PERSON} if person else None
    return {
        "task_id": fields.identifier(data, "id"),
        "title": fields.text(data, "title"),
        "repository": fields.text(data, "repository", optional=True),
        "origin_product": fields.text(data, "origin_product", optional=True),
        "internal": fields.flag(data, "internal"),
        "archived": fields.flag(data, "archived"),
        "created_by": person.get("uuid") if person else None,
        "created_at": fields.moment(data, "created_at"),
        "updated_at": (updated_at := fields.moment(data, "updated_at")),
        "latest_run_id": fields.identifier(latest, "id", "/latest_run") if latest else None,
        "latest_run_status": fields.text(latest, "status", "/latest_run") if latest else None,
        "latest_run_environment": fields.text(latest, "environment", "/latest_run", optional=True),
        **content.of(kept, versioned=VERSIONED, updated_at=updated_at, plain=row.plain),
        "payload_sha256": digest(row.text),
    }


def summary(row: Row) -> dict[str, Any]:
    """What a summary says of a task: the columns that it has in common with a full task.

    Raises:
        BadRecord: As for :func:`read`.
    """
    data = row.data
    latest = fields.mapping(data, "latest_run", optional=True) or {}
    columns = {
        "task_id": fields.identifier(data, "id"),
        "title": fields.text(data, "title"),
        "repository": fields.text(data, "repository", optional=True),
        "updated_at": fields.moment(data, "updated_at"),
        "latest_run_status": fields.text(latest, "status", "/latest_run", optional=True),
        "latest_run_environment": fields.text(latest, "environment", "/latest_run", optional=True),
    }
    if "origin_product" in data:  # absent before mid-2026
        columns["origin_product"] = fields.text(data, "origin_product", optional=True)
    if isinstance(latest.get("id"), str):  # newest servers only
        columns["latest_run_id"] = fields.identifier(latest, "id", "/latest_run")
    if not latest:
        columns["latest_run_id"] = None
    return columns


def merge(payload: str, columns: Mapping[str, Any]) -> dict[str, Any]:
    """A full task's kept JSON with what a newer summary says of it: ``payload`` and ``content_hash``."""
    kept = json.loads(payload)
    for name in ("title", "repository", "origin_product"):
        if name in columns:
            kept[name] = columns[name]
    return content.of(kept, versioned=VERSIONED, updated_at=fields.moment(kept, "updated_at"))


def content_hashes(payload: str) -> set[str]:
    """Every ``content_hash`` that a kept version may have."""
    return content.hashes(payload, SHAPE, never=UNVERSIONED)
