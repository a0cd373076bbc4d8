"""Syncs against worlds that nobody designed: no verdict claims more than it proved.

The long form lives through a hundred syncs in twenty worlds: `python -m pytest tests/worlds -m worlds`. WORLD_SEED
names the first of them and WORLDS how many. One world, which is then spoilt, runs with everything else.
"""

from __future__ import annotations

import dataclasses
import math
import os
import time
from typing import TYPE_CHECKING

import duckdb
import pytest

from tests.worlds import agent, held
from tests.worlds.faults import Trouble
from tests.worlds.oracle import Judge, Sync
from tests.worlds.saga import Plan, Teller, draw
from tests.worlds.state import Nature, Spans, World

if TYPE_CHECKING:
    from pathlib import Path

WORLDS = int(os.environ.get("WORLDS", "20"))  # some five syncs each
FIRST = int(os.environ.get("WORLD_SEED", "1000"))
SHORT = [
    Plan(1, syncs=2, tasks=4, troubles=0, kills=0.0, evening=999.0, capture=2, heal=False, gaps=(2400.0,)),
]


@pytest.mark.worlds
@pytest.mark.parametrize("plan", SHORT, ids=lambda plan: f"seed-{plan.seed}")
def test_a_short_life_holds_no_false_claim(plan: Plan, tmp_path: Path) -> None:
    saga = Teller(plan, tmp_path).tell()
    assert len(saga.syncs) == plan.syncs
    assert not saga.violations, saga.report()


TAMPERED = {
    "events-missing": "DELETE FROM raw.run_events WHERE kind = 'task_run_state'",
    "log-settled-short": "DELETE FROM raw.run_log_entries WHERE run_id = (SELECT max(run_id) FROM raw.run_log_entries)",
    "task-missing": "DELETE FROM raw.task_sightings WHERE task_id = (SELECT max(task_id) FROM raw.task_sightings)",
    "run-missing": "DELETE FROM raw.run_versions WHERE run_id = (SELECT max(run_id) FROM raw.run_versions)",
    "repository-missing": "UPDATE raw.repository_sightings SET absent_since = now()",
    "readiness-missing": "DELETE FROM raw.readiness_snapshots",
    "changed": "UPDATE raw.run_events SET payload = payload || ' '",
    "doubled": "INSERT INTO raw.run_log_entries FROM raw.run_log_entries LIMIT 1",
    "never-was": "UPDATE raw.run_events SET stream_id = '7-7'",
    "green-without-proof": "UPDATE ledger.passes SET verdict = 'incomplete' WHERE resource = 'runs'",
    "published-behind": "DELETE FROM raw.run_log_entries",
    "red-without-reason": "SELECT 1",
    "task-ghost": "SELECT 1",
}


@pytest.mark.worlds
def test_the_judge_sees_what_is_wrong(tmp_path: Path) -> None:
    """A home that was right is spoilt in one way after the other, and each is found."""
    teller = Teller(
        Plan(7, syncs=1, tasks=6, pace=0.0, troubles=0, kills=0.0, evening=1.0, heal=False, capture=2), tmp_path
    )
    saga = teller.tell()
    assert not saga.violations, saga.report()
    right = (teller.home / "warehouse.duckdb").read_bytes()
    for kind, sql in TAMPERED.items():
        (teller.home / "warehouse.duckdb").write_bytes(right)
        with duckdb.connect(str(teller.home / "warehouse.duckdb")) as base:
            base.execute(sql)
        home = held.read(teller.home)
        assert home is not None
        if kind == "task-ghost":
            next(iter(teller.server.world.tasks.values())).seen = Spans([(0.0, 1.0)])
        sync = dataclasses.replace(saga.syncs[-1], code=3 if kind == "red-without-reason" else 0)
        found = Judge(teller.server.world, home, sync).judge()
        assert kind in {one.kind for one in found}, f"{kind} is not seen: {found}"


@pytest.mark.parametrize(("verdict", "looked"), [("complete", 10.0), ("incomplete", -math.inf)])
def test_an_incomplete_pass_over_runs_claims_no_look_at_them(verdict: str, looked: float) -> None:
    passes = [held.Pass(name, 10.0, 11.0, "complete", "", "listed", 12.0, "") for name in ("tasks", "run_events")]
    passes.append(held.Pass("runs", 10.0, 11.0, verdict, "", None, 10.0, ""))
    judge = Judge(World(1, "", Nature()), held.Held(passes=passes), Sync(0, 20.0, 30.0, 3, ""))
    judge.passes = {one.resource: one for one in passes}
    assert judge._looked(passes[1]) == looked


@pytest.mark.worlds
@pytest.mark.parametrize("seed", range(FIRST, FIRST + WORLDS))
def test_a_world_holds_no_false_claim(seed: int, tmp_path: Path) -> None:
    """A share of a hundred syncs: mutation, tasks hidden and shown, faults, kills, and healing at the end."""
    saga = Teller(draw(seed), tmp_path).tell()
    print(saga.report(), flush=True)  # noqa: T201
    assert not saga.violations, saga.report()


@pytest.mark.worlds
def test_a_refusal_in_the_midst_of_a_log_doubles_nothing(tmp_path: Path) -> None:
    """A log of four pages whose third is not found for once: the next syncs hold each entry once."""
    teller = Teller(Plan(5, syncs=1, tasks=0, pace=0.0, troubles=0, kills=0.0, heal=False, capture=1), tmp_path)
    world, story, now = teller.server.world, teller.server.life, time.time()
    world.nature = Nature(log_page=13)
    for task in world.tasks.values():
        task.runs.clear()
    run = story.new_run(next(iter(world.tasks.values())), now - 9000)
    story.begin(run, now - 8990)
    story.work(run, now - 8980, 80)
    story.finish(run, now - 8970)
    agent.flush(run, now - 8000)
    agent.drop_stream(run, now - 7000)
    assert len(run.entries) > 39
    teller.server.weather.troubles.append(Trouble("gone", "session_logs", 1, math.inf, spared=2))
    assert [sync.code for sync in teller.syncs((0, 2 * 3600))] == [3, 0]
    assert not teller.saga.violations, teller.saga.report()
    home = held.read(teller.home)
    assert home is not None
    assert len(home.entries[run.id]) == len(run.entries)
