"""Tasks, runs, summaries and readiness as the API writes them."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from tests.worlds.texts import moment

if TYPE_CHECKING:
    from random import Random

    from tests.worlds.state import Run, Task, World

USER = {
    "id": 41,
    "uuid": "0190a1b2-0000-7000-8000-00000000002a",
    "distinct_id": "ax7",
    "first_name": "Zoë",
    "last_name": "",
    "email": "zoe@example.com",
    "is_email_verified": None,
    "hedgehog_config": None,
    "role_at_organization": None,
}


def me(world: World) -> dict[str, Any]:
    """Who the key belongs to."""
    team = {"id": world.project, "uuid": str(uuid.UUID(int=world.project)), "name": "A project"}
    organization = {"id": str(uuid.UUID(int=9)), "name": "An organization", "slug": "an-organization"}
    return {**USER, "is_staff": False, "team": team, "organization": organization}


def task_row(world: World, task: Task, rng: Random, *, basic: bool = False) -> dict[str, Any]:
    """A task of the list or by id."""
    row, when = task.row, world.nature.notation
    latest = task.latest
    described = {"description_preview": row["description"][:1000]} if basic else {"description": row["description"]}
    found: dict[str, Any] = {
        "id": task.id,
        "task_number": row["number"],
        "slug": f"PRO-{row['number']}" if row["number"] else "",
        "title": row["title"],
        "title_manually_set": False,
        **described,
        "origin_product": row["origin_product"],
        "runtime": "acp",
        "repository": row["repository"],
        "repositories": [row["repository"]] if row["repository"] else [],
        "github_integration": None,
        "github_user_integration": None,
        "signal_report": None,
        "json_schema": None,
        "internal": row["internal"],
        "archived": row["archived"],
        "archived_at": None,
        "latest_run": None if latest is None else run_row(world, latest, rng, nested=True),
        "created_at": moment(task.created, when, rng),
        "updated_at": moment(row["updated"], when, rng),
        "last_activity_at": moment(task.active, when, rng),
        "created_by": None if row["nobody"] else USER,
        "ci_prompt": None,
        "channel": None,
        "slack_thread_references": [],
        "origin_key": None,
    }
    return found | _tomorrow(world)


def run_row(world: World, run: Run, rng: Random, *, nested: bool = False) -> dict[str, Any]:
    """A run of its list, by id, or as the latest of its task."""
    row, when = run.row, world.nature.notation
    closed = nested and run.refused.now()
    state: dict[str, Any] = {"mode": "background"}
    if run.parent is not None:
        state["resume_from_run_id"] = run.parent.id
    found: dict[str, Any] = {
        "id": run.id,
        "task": run.task.id,
        "stage": row["stage"],
        "branch": row["branch"],
        "status": row["status"],
        "environment": row["environment"],
        "runtime_adapter": row["adapter"],
        "provider": None,
        "model": row["model"],
        "reasoning_effort": None,
        "log_url": None if closed else f"https://objects.example.com/{run.id}?X-Amz-Signature={rng.getrandbits(64):x}",
        "error_message": None if closed else row["error_message"],
        "output": None if closed else row["output"],
        "state": state,
        "artifacts": [],
    }
    found["created_at"] = moment(run.created, when, rng)
    for key in ("updated_at", "completed_at", "scheduled_at"):
        found[key] = None if row[key] is None else moment(row[key], when, rng)
    return found | {"task_summary": None, "task_tags": None, "preview_available": False} | _tomorrow(world)


def summary_row(world: World, task: Task, rng: Random) -> dict[str, Any]:
    """A task in the answer to a question for summaries."""
    row, when, latest = task.row, world.nature.notation, task.latest
    brief: dict[str, Any] | None = None
    if latest is not None:
        brief = {"id": latest.id, "status": latest.row["status"], "environment": latest.row["environment"]}
        brief |= {"mode": "background", "pr_url": None, "pr_state": None, "task_summary": None}
    return {
        "id": task.id,
        "title": row["title"],
        "repository": row["repository"],
        "created_at": moment(task.created, when, rng),
        "updated_at": moment(row["updated"], when, rng),
        "origin_product": row["origin_product"],
        "created_by_id": None if row["nobody"] else USER["id"],
        "latest_run": brief,
    } | _tomorrow(world)


def readiness_row(world: World, repository: str, window: int, at: float, rng: Random) -> dict[str, Any]:
    """What is known of a repository, made anew when the cache is ten minutes old."""
    kept = world.readiness.get((repository, window))
    if kept is None or at - kept["at"] >= 600:
        kept = {"at": at, "state": rng.choice(("ready", "needs_setup", "detected", "waiting_for_data", "brand_new"))}
        world.readiness[repository, window] = kept
    capability = {"state": kept["state"], "estimated": True, "reason": "As it is.", "evidence": {}}
    return {
        "repository": repository,
        "classification": "backend_service",
        "excluded": False,
        "coreSuggestions": capability,
        "replayInsights": {"state": "not_applicable", "estimated": True, "reason": "No.", "evidence": {}},
        "errorInsights": capability,
        "overall": {"waiting_for_data": "partial"}.get(kept["state"], kept["state"]),
        "evidenceTaskCount": 0,
        "windowDays": window,
        "generatedAt": moment(kept["at"], "offset", rng),
        "cacheAgeSeconds": int(at - kept["at"]),
        "scan": {
            "filesScanned": 5,
            "detectedFilesCount": 7,
            "eventNameCount": 1,
            "foundPosthogInit": True,
            "foundPosthogCapture": True,
            "foundErrorSignal": False,
        },
    }


def _tomorrow(world: World) -> dict[str, Any]:
    return {"a_field_of_tomorrow": {"nested": [1, None]}} if world.nature.unknown_fields else {}
