"""The life of each task against plain Python over drawn rows; what it rests on has tests of its own."""

import json
import random
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.marts.lives import BEGIN, TABLES, lives

Row = dict[str, Any]

COUNTS = ("attempts", "runs", "failures", "reopened", "run_again_after_failure", "reopened_after_merge", "bounces")


def drawn(seed: int) -> dict[str, list[Row]]:
    """A week of few runs for many tasks, a fortnight before the newest pass; some have pull requests, some edits."""
    dice = random.Random(seed)
    rows = lives(dice, tasks=20, runs=30)
    for version in rows["raw.task_versions"]:
        version["created_at"] = dice.choice([None, BEGIN - timedelta(days=3), BEGIN - timedelta(days=3)])
    for version in rows["raw.run_versions"]:
        if version.get("pr_url"):
            number = dice.choice([version["task_id"][1:], "99"])
            version["pr_url"] = f"https://github.com/acme/a/pull/{number}"
            version["pr_state"] = dice.choice(["open", "open", "merged"])
    for version in rows["raw.run_versions"][::5]:
        event = {name: version[name] for name in ("project_id", "task_id", "run_id")}
        payload = json.dumps({"notification": {"params": {"update": {"kind": "edit", "status": "completed"}}}})
        event |= {"occurred_at": version["valid_from"], "tool_call_id": "c", "payload": payload}
        rows["raw.run_events"].append(event)
    rows["ledger.passes"] = [{"pass_id": "p", "project_id": 1, "resource": "runs", "started_at": BEGIN + timedelta(12)}]
    return rows


def later(history: list[Row]) -> list[datetime]:
    """When changes were seen: versions after the first."""
    return sorted(row["valid_from"] for row in history)[1:]


def first(moments: Any) -> datetime | None:
    """The earliest of those that are known."""
    return min((moment for moment in moments if moment), default=None)


def life(task: Row, rows: dict[str, list[Row]], attempts: list[Row], merges: list[Row], work: list[Row]) -> Row:
    """The steps of one task."""
    attempts = sorted(attempts, key=lambda row: (row["began_at"] or row["ended_at"], row["run_id"], row["attempt"]))
    before = [None, *(row["status"] for row in attempts)]
    merge = min(merges, key=lambda row: (row["merged_before"], row["merged_after"]), default={})
    merged = merge.get("merged_before")
    bounces = [
        (row["attempt"] > 1, earlier == "failed", bool(merged and row["began_at"] and row["began_at"] > merged))
        for row, earlier in zip(attempts, before, strict=False)
    ]
    versions = [row for row in rows["raw.run_versions"] if all(row[name] == task[name] for name in task)]
    of_task = [row for row in rows["raw.task_versions"] if all(row[name] == task[name] for name in task)]
    created = max(of_task, key=lambda row: row["valid_from"])["created_at"]
    moved = [created, *later(of_task), *(row["last_event_at"] for row in work)]
    moved += [row[name] for row in attempts for name in ("began_at", "started_at", "ended_at")]
    moved += [row.get(name) for row in [*versions, *of_task] for name in ("created_at", "updated_at", "completed_at")]
    for run in {row["run_id"] for row in versions}:
        moved += later([row for row in versions if row["run_id"] == run])
    sightings = [row for row in rows["raw.task_sightings"] if all(row[name] == task[name] for name in task)]
    gone = max(sightings, key=lambda row: row["first_seen_at"])["absent_since"]
    last = max((moment for moment in moved if moment), default=None)
    status = attempts[-1]["status"] if attempts else None
    abandoned: bool | None = gone is None and status != "completed"
    if abandoned:
        seen = task["project_id"] == 1 and last
        abandoned = BEGIN + timedelta(12) - last >= timedelta(7) if seen and last else None
    completed = first(row["ended_at"] for row in attempts if row["status"] == "completed")
    return {
        "status": status,
        "created_at": created,
        "first_began_at": first(row["began_at"] for row in attempts),
        "first_edit_at": first(row["first_edit_at"] for row in work),
        "first_ended_at": first(row["ended_at"] for row in attempts),
        "completed_at": completed,
        "merged_before": merged,
        "attempts": len(attempts),
        "runs": len({row["run_id"] for row in attempts}),
        "failures": sum(row["status"] == "failed" for row in attempts),
        **{name: sum(row[place] for row in bounces) for place, name in enumerate(COUNTS[3:6])},
        "bounces": sum(map(any, bounces)),
        "last_activity_at": last,
        "is_abandoned": abandoned,
        "completed_s": pytest.approx((completed - created).total_seconds(), abs=0.002)
        if completed and created
        else None,
        "merged_max_s": pytest.approx((merged - created).total_seconds(), abs=0.002) if merged and created else None,
    }


def test_the_life_of_a_task_is_that_of_its_rows(scratch: Any) -> None:
    rows = drawn(4)
    for table, of_it in rows.items():
        scratch.fill(table, of_it)
    attempts = scratch.rows("SELECT * FROM main.run_attempts")
    work = scratch.rows("SELECT * FROM main.run_activity")
    merges = scratch.rows("SELECT * FROM main.pr_history WHERE state = 'merged'")
    named = {(row["project_id"], row["task_id"], row.get("pr_url")) for row in rows["raw.run_versions"]}
    got = scratch.rows("SELECT * FROM main.task_lifecycle")
    assert len(got) == 40
    for row in got:
        task = {name: row[name] for name in ("project_id", "task_id")}
        own = [[one for one in many if all(one[name] == task[name] for name in task)] for many in (attempts, work)]
        own_merges = [
            one
            for one in merges
            if (row["project_id"], row["task_id"], one["pr_url"]) in named and one["project_id"] == row["project_id"]
        ]
        wanted = life(task, rows, own[0], own_merges, own[1])
        assert {name: row[name] for name in wanted} == wanted, task
    assert all(any(row[name] for row in got) for name in (*COUNTS, "first_edit_at", "merged_max_s", "completed_s"))
    assert {row["is_abandoned"] for row in got} == {True, False, None}
    for table in (*TABLES, "ledger.passes"):
        scratch.fill(table, [])
