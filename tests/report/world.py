"""A warehouse with a history made for reports: walks of readiness, days without information, runs, and odd names."""

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import taskhouse
from taskhouse.reading import Snapshot
from taskhouse.warehouse import sql, staging
from taskhouse.warehouse.connection import Warehouse
from taskhouse.warehouse.publish import publish
from tests.blank import blank

LAST = datetime(2026, 11, 24, tzinfo=UTC)
STATES = ("needs_setup", "detected", "partial", "ready")
HOSTILE = "</script><script>alert(1)</script>/<img src=x onerror=alert(1)>"
RIGHT_TO_LEFT = "acme/\u202e\u05e9\u05dc\u05d5\u05dd-\u05de\u05d0\u05d2\u05e8"
NAMES = "checkout billing search ledger web mobile api docs identity mailer feed maps chat admin jobs edge".split()
REASONS = {
    "ready": "Captured events were seen in this project within the window.",
    "waiting_for_data": "PostHog is set up, but no captured event was seen within the window.",
    "detected": "PostHog was found, but the feature is switched off for this project.",
    "needs_setup": "No PostHog initialisation was found in the files that were scanned.",
    "unknown": "Unable to access GitHub integration token.",
    "not_applicable": "Not applicable to this kind of repository.",
}
OF_STATE = {
    "ready": ("ready", "ready", "ready"),
    "partial": ("ready", "waiting_for_data", "needs_setup"),
    "detected": ("detected", "needs_setup", "needs_setup"),
    "needs_setup": ("needs_setup", "needs_setup", "needs_setup"),
    "unknown": ("unknown", "unknown", "unknown"),
}
BLANK = {
    "VARCHAR": "x",
    "BIGINT": 0,
    "INTEGER": 0,
    "DOUBLE": 0.0,
    "BOOLEAN": False,
    "TIMESTAMP WITH TIME ZONE": str(LAST),
}
"""What a column that must hold something holds where the world does not care."""

REQUIRED = """
SELECT column_name FROM duckdb_columns()
WHERE NOT is_nullable AND schema_name || '.' || table_name = ? ORDER BY column_index
"""
COLUMNS = ("core_suggestions_state", "replay_insights_state", "error_insights_state")
CAPABILITIES = ("coreSuggestions", "replayInsights", "errorInsights")


@dataclass
class World:
    """Rows for the tables of ``raw`` and ``ledger``."""

    tables: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def add(self, table: str, **row: Any) -> None:
        self.tables.setdefault(table, []).append(
            {key: value.isoformat() if isinstance(value, datetime) else value for key, value in row.items()}
        )

    def snapshot(
        self,
        repository: str,
        window: int,
        when: datetime,
        state: str,
        *,
        project: int = 1,
        classification: str = "frontend_js",
        evidence: str = "scan",
        reason: str | None = None,
    ) -> None:
        states = OF_STATE[state]
        said = {
            name: {
                "state": one,
                "estimated": True,
                "reason": reason or REASONS[one],
                "evidence": {"matchedEventCount": 12 if one == "ready" else 0},
            }
            for name, one in zip(CAPABILITIES, states, strict=True)
        }
        self.add(
            "raw.readiness_snapshots",
            project_id=project,
            repository=repository,
            window_days=window,
            generated_at=when,
            observed_at=when,
            overall=state,
            classification=classification,
            excluded=False,
            **dict(zip(COLUMNS, states, strict=True)),
            evidence_task_count=3,
            evidence=evidence,
            files_scanned=20 if evidence == "scan" else 0,
            payload=json.dumps({"repository": repository, "overall": state, **said}),
        )
        self.tables.setdefault("raw.repository_sightings", [])
        if not any(
            row["repository"] == repository and row["project_id"] == project
            for row in self.tables["raw.repository_sightings"][-1:]
        ):
            self.add(
                "raw.repository_sightings",
                project_id=project,
                repository=repository,
                first_seen_at=when,
                last_seen_at=LAST,
                absent_since=None,
            )

    def run(self, number: int, ended: datetime | None, status: str, seconds: float, **more: Any) -> None:
        began = (ended or LAST) - timedelta(seconds=seconds)
        row = {
            "project_id": 1,
            "task_id": f"task-{number}",
            "title": f"Task {number}",
            "repository": "acme/checkout",
        } | more
        times = {"created_at": began, "updated_at": ended or began}
        self.add(
            "raw.run_versions",
            project_id=row["project_id"],
            task_id=row["task_id"],
            run_id=f"run-{number}",
            valid_from=began,
            status=status,
            environment="cloud",
            **times,
            completed_at=ended,
        )
        self.add(
            "raw.task_versions",
            **row,
            **times,
            valid_from=began,
            origin_product="user_created",
            internal=False,
            archived=False,
            latest_run_id=f"run-{number}",
            latest_run_status=status,
        )
        self.add(
            "raw.task_sightings",
            project_id=row["project_id"],
            task_id=row["task_id"],
            first_seen_at=began,
            last_seen_at=LAST,
            absent_since=None,
        )

    def passed(self, resource: str, verdict: str = "complete", reason: str = "all came", **more: Any) -> None:
        row = {
            "pass_id": f"{resource}-{verdict}",
            "project_id": 1,
            "resource": resource,
            "viewer": "user 0190f5c2-7a1e-7b55-9c39-4f6f3c1d2e10",
            "started_at": LAST + timedelta(hours=6),
            "finished_at": LAST + timedelta(hours=6, minutes=4),
            "verdict": verdict,
            "reason": reason,
        }
        self.add("ledger.passes", **(row | more))

    def publish(self, home: Path) -> Path:
        """Fill a warehouse below ``home`` and publish it; returns ``home``."""
        warehouse = Warehouse(blank(home / "warehouse.duckdb"), host="http://localhost:1", lock_wait_s=5)
        with warehouse.transaction("making a world") as connection:
            for table, rows in self.tables.items():
                if rows:
                    known = staging.of_table(connection, table)
                    required = connection.execute(REQUIRED, [table]).fetchall()
                    fill = {name: BLANK[known[name]] for (name,) in required}
                    staging.stage(connection, "incoming", [fill | row for row in rows], known)
                    connection.execute(f"INSERT INTO {table} BY NAME SELECT * FROM incoming")
            connection.execute(sql.engine("warehouse/schema/mart_runs_known"))
        publish(warehouse, home / "published", force=True)
        return home

    def open(self, home: Path) -> Snapshot:
        """Publish and open."""
        return taskhouse.open(self.publish(home))


def names(count: int) -> Iterator[str]:
    for number in range(count):
        suffix = f"-{number // len(NAMES)}" if number >= len(NAMES) else ""
        yield f"acme/{NAMES[number % len(NAMES)]}{suffix}"


def walk(
    repositories: Sequence[str],
    *,
    days: int = 60,
    windows: tuple[int, ...] = (7, 14, 30),
    churn: float = 0.03,
    seed: int = 7,
    project: int = 1,
) -> World:
    """Every repository walks up and down; some days bring no information, and the classifier changes now and then."""
    dice, world = random.Random(seed), World()
    for repository in repositories:
        kind = dice.choice(["frontend_js", "backend_service", "unknown"])
        moved_on = dice.randrange(days) if dice.random() < 0.15 else -1
        lively = churn if dice.random() < 0.4 else churn / 10
        for window in windows:
            level = dice.choice([0, 0, 1, 2, 2, 3, 3])
            for number in range(days):
                when = LAST - timedelta(days=days - 1 - number) + timedelta(hours=5, minutes=window)
                if dice.random() < lively:
                    level = max(0, min(3, level + dice.choice([-2, -1, 1, 1, 2])))
                fate = dice.random()
                if fate < 0.03:
                    continue
                now = "backend_service" if 0 <= moved_on <= number else kind
                evidence = "no_token" if fate < 0.04 else "empty_scan" if fate < 0.05 else "scan"
                state = "unknown" if evidence == "no_token" else STATES[level]
                world.snapshot(repository, window, when, state, project=project, classification=now, evidence=evidence)
    for resource in ("tasks", "repositories", "readiness", "runs"):
        world.passed(resource, project_id=project)
    return world


def with_runs(world: World, *, days: int = 60, seed: int = 7) -> World:
    """Some runs a day, most of which complete."""
    dice, number = random.Random(seed), 0
    for back in range(days):
        for _ in range(dice.randrange(4, 14)):
            number += 1
            ended = LAST - timedelta(days=back) + timedelta(minutes=dice.randrange(1400))
            status = dice.choices(["completed", "failed", "cancelled"], [84, 12, 4])[0]
            world.run(number, ended, status, dice.lognormvariate(5.8, 0.8))
    return world


def with_work(world: World) -> World:
    """What a few runs did: tool calls, a question, messages, a merged pull request, a reopening; one never ended."""
    payload = json.dumps({"created_by": {"id": 7, "email": "ada@example.com"}})
    world.run(9001, None, "in_progress", 3 * 86_400, created_by="u1", payload=payload)
    run = {"project_id": 1, "task_id": "task-9001", "run_id": "run-9001"}
    url = "https://github.com/acme/checkout/pull/1"
    again = {"valid_from": LAST, "status": "in_progress", "pr_url": url, "pr_state": "merged", "created_at": LAST}
    world.add("raw.run_versions", **run, **again)
    reopened = again | {"pr_url": None, "valid_from": LAST + timedelta(days=2)}
    world.add("raw.run_versions", project_id=1, task_id="task-1", run_id="run-1", **reopened)
    at = LAST - timedelta(days=2)
    said: list[tuple[str | None, str, dict[str, Any]]] = [
        (None, "user_message", {"content": {"text": "Fix it"}}),
        (None, "agent_message", {"content": {"text": "Done"}}),
    ]
    for number in range(20):
        said.append((f"c{number}", "tool_call", {"kind": "edit", "status": "pending"}))
        said.append((f"c{number}", "tool_call_update", {"status": "completed"}))
    for number, (call, update, fields) in enumerate(said):
        params = {"update": {"sessionUpdate": update, "toolCallId": call, **fields}}
        event = {"type": "notification", "notification": {"method": "session/update", "params": params}}
        world.add(
            "raw.run_events",
            **run,
            kind="notification",
            method="session/update",
            session_update=update,
            tool_call_id=call,
            stream_id=f"{number}-0",
            stream_ms=number,
            occurred_at=at + timedelta(seconds=number),
            payload=json.dumps(event),
        )
    return world
