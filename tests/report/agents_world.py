"""A drawn history of agents: runs in repositories of which some become ready, and everything about them as plain rows.

The rows are what the warehouse is filled with, and what the tests count again without it.
"""

import json
import random
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from tests.report.world import LAST, World

WINDOW = 30
DAYS = 112
FIRST = LAST.date() - timedelta(days=DAYS - 1)
MODELS = (("opus", "claude"), ("sonnet", "claude"), ("codex", "codex"), (None, None))
MESSAGES = ("Sandbox exited with code 137", "Sandbox exited with code 9", "Timed out after 30 s", None)


@dataclass(frozen=True)
class Run:
    """One run that ended at its first attempt."""

    number: int
    repository: str
    began: datetime
    ended: datetime
    status: str
    model: str | None
    adapter: str | None
    message: str | None
    cost: float | None
    opened: datetime | None
    merged: datetime | None
    usd: float | None
    tools: tuple[tuple[str, bool], ...]
    project: int = 1

    @property
    def day(self) -> date:
        return self.ended.date()

    @property
    def hours(self) -> float:
        return (self.ended - self.began).total_seconds() / 3600


def states(seed: int = 5) -> dict[str, dict[date, tuple[str, str]]]:
    """State and class of each repository by day: some get ready for good, some for days, some are ready all along.

    Days without information are left out.
    """
    dice = random.Random(seed)
    made: dict[str, dict[date, tuple[str, str]]] = {}
    for number in range(14):
        ready_from = dice.randrange(20, DAYS - 15)
        fate = number % 7
        days: dict[date, tuple[str, str]] = {}
        for at in range(DAYS):
            state = "ready" if at >= ready_from else "partial"
            if fate == 3:
                state = "needs_setup"
            if fate == 4:
                state = "ready"
            if fate == 5:  # four days without autocapture
                state = "partial" if 40 <= at < 44 else "ready"
            kind = "backend_service" if fate == 6 and at >= ready_from else "frontend_js"
            if dice.random() > 0.06 and not (fate == 2 and ready_from - 4 <= at < ready_from):
                days[FIRST + timedelta(days=at)] = (state, kind)
        made[f"acme/repo-{number}"] = days
    return made


def runs(known: dict[str, dict[date, tuple[str, str]]], seed: int = 6, each: int = 70) -> list[Run]:
    """Runs that succeed a little more often where it is ready, and by model."""
    dice = random.Random(seed)
    made: list[Run] = []
    for repository, days in known.items():
        for _ in range(each):
            began = LAST - timedelta(minutes=dice.randrange(DAYS * 1440))
            ended = began + timedelta(seconds=dice.randrange(60, 7200))
            model, adapter = dice.choices(MODELS, [4, 3, 2, 1])[0]
            ready = days.get(began.date(), ("", ""))[0] == "ready"
            odds = 0.5 + 0.25 * ready + 0.1 * (model == "opus") - 0.1 * (ended.date() > date(2026, 11, 15))
            status = "completed" if dice.random() < odds else dice.choice(["failed", "failed", "cancelled"])
            message = dice.choices(MESSAGES, [5, 2, 2, 1])[0] if status == "failed" else None
            cost = round(dice.uniform(0.1, 3), 2) if dice.random() < 0.1 and adapter == "claude" else None
            opened = ended + timedelta(hours=dice.uniform(0.1, 60)) if status == "completed" else None
            merged = opened + timedelta(hours=dice.uniform(1, 480)) if opened and dice.random() < 0.5 else None
            usd = round(dice.uniform(1, 9), 2) if merged and dice.random() < 0.7 else None
            calls = [(dice.choice(["Bash", "Edit"]), dice.random() < 0.3) for _ in range(2 * (dice.random() < 0.1))]
            outcome = (status, model, adapter, message, cost, opened, merged, usd, tuple(calls))
            made.append(Run(len(made), repository, began, ended, *outcome))
    return made


KNOWN = states()
RUNS = runs(KNOWN)
STUCK = {
    90001: (datetime(2026, 11, 10, 8, tzinfo=LAST.tzinfo), "acme/repo-1"),
    90002: (datetime(2026, 11, 17, 8, tzinfo=LAST.tzinfo), "acme/repo-2"),
    90003: (datetime(2026, 11, 21, 8, tzinfo=LAST.tzinfo), "acme/repo-1"),
    90004: (datetime(2026, 11, 23, 8, tzinfo=LAST.tzinfo), "acme/repo-1"),
}
"""Runs that never ended, by number: since when, and where."""


def filled(known: dict[str, dict[date, tuple[str, str]]], every: list[Run]) -> World:
    """The world that holds them."""
    world = World()
    for repository, days in known.items():
        for day, (state, kind) in days.items():
            when = datetime(day.year, day.month, day.day, 5, tzinfo=LAST.tzinfo)
            world.snapshot(repository, WINDOW, when, state, classification=kind)
    for run in every:
        add(world, run)
    for number, (since, repository) in STUCK.items():
        world.run(number, None, "in_progress", (LAST - since).total_seconds(), repository=repository)
    for resource in ("tasks", "repositories", "readiness", "runs"):
        world.passed(resource, started_at=LAST + timedelta(hours=20), finished_at=LAST + timedelta(hours=21))
    world.passed("runs", pass_id="earlier", started_at=LAST - timedelta(days=1, hours=2), finished_at=LAST)
    return world


def add(world: World, run: Run) -> None:
    """The rows of one run."""
    names = {"project_id": run.project, "task_id": f"task-{run.number}"}
    world.run(run.number, run.ended, run.status, (run.ended - run.began).total_seconds(), repository=run.repository)
    world.tables["raw.run_versions"][-1] |= {
        "model": run.model,
        "runtime_adapter": run.adapter,
        "error_message": run.message,
    }
    version = world.tables["raw.run_versions"][-1]
    url = f"https://github.com/{run.repository}/pull/{run.number}"
    for at, state in ((run.opened, "open"), (run.merged, "merged")):
        if at is not None:
            world.add("raw.run_versions", **version | {"valid_from": at, "pr_url": url, "pr_state": state})
    if run.usd is not None:
        world.add("raw.task_usage", **names, valid_from=run.ended, total_cost_usd=run.usd)
    if run.cost is not None:
        params = {"sessionId": "s", "used": {"inputTokens": 1000, "outputTokens": 500}, "cost": run.cost}
        _event(world, run, 0, "_posthog/usage_update", params)
    for number, (tool, fails) in enumerate(run.tools, start=1):
        call = {"sessionUpdate": "tool_call", "toolCallId": f"c{number}", "_meta": {"claudeCode": {"toolName": tool}}}
        ended = {"sessionUpdate": "tool_call_update", "toolCallId": f"c{number}"}
        _event(world, run, 10 * number, "session/update", {"update": call | {"kind": "edit", "status": "pending"}})
        status = "failed" if fails else "completed"
        _event(world, run, 10 * number + 5, "session/update", {"update": ended | {"status": status}})


def _event(world: World, run: Run, second: int, method: str, params: dict[str, Any]) -> None:
    at = run.began + timedelta(seconds=second)
    update = params.get("update", {})
    world.add(
        "raw.run_events",
        project_id=run.project,
        task_id=f"task-{run.number}",
        run_id=f"run-{run.number}",
        kind="notification",
        method=method,
        session_update=update.get("sessionUpdate"),
        tool_call_id=update.get("toolCallId"),
        stream_id=f"{int(at.timestamp() * 1000)}-0",
        stream_ms=int(at.timestamp() * 1000),
        occurred_at=at,
        payload=json.dumps({"type": "notification", "notification": {"method": method, "params": params}}),
    )
