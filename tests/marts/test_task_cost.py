"""``task_cost`` and ``task_cost_history`` against the emulator's truth, and against pandas."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pytest

from taskhouse.emulator.serve import Emulator
from taskhouse.emulator.settings import EmulatorSettings
from taskhouse.settings import Settings
from taskhouse.warehouse.opening import open_warehouse
from tests.asked import looking

AMOUNTS = ["token_cost_usd", "compute_cost_usd", "total_cost_usd"]
ENDED = {"completed", "failed", "cancelled"}
START = datetime(2026, 9, 14, 10, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory, make_story: Any) -> Any:
    """Three hours of a few tasks, one of which runs, one is run again and one is made after the last question."""
    with Emulator(EmulatorSettings(seed=3, tasks=30, live_runs=0, speed=0, throttle=False)) as emulator:
        story = make_story(tmp_path_factory.mktemp("asked"), emulator, task_usage=True)
        going = emulator.mutate("new_task", run=True)["task_id"]
        for _ in range(3):
            story.sync("tasks", "runs", "task_usage")
            story.pass_time(minutes=1)
        story.pass_time(hours=3)
        story.sync("tasks", "runs", "task_usage")
        never = emulator.mutate("new_task", run=True)["task_id"]
        story.sync("tasks", "runs")
        truth = {task["id"]: task for task in emulator.truth(runs=False)["tasks"]}
    return story, truth, going, never


def frames(settings: Settings) -> dict[str, pd.DataFrame]:
    with looking(open_warehouse(settings)) as connection:
        return {
            name: connection.execute(f"SELECT * FROM {name}").df()
            for name in ("main.task_cost", "main.task_cost_history", "raw.task_usage", "raw.run_versions")
        }


def test_the_cost_of_every_task_is_what_the_server_says(asked: Any) -> None:
    story, truth, _, never = asked
    cost = frames(story.settings)["main.task_cost"].set_index("task_id")
    assert set(cost.index) == set(truth)
    for task_id, task in truth.items():
        row = cost.loc[task_id]
        assert row["runs"] == task["runs"]
        if task["runs"] and task_id != never:
            assert list(row[AMOUNTS]) == [task["usage"][name] for name in AMOUNTS]
        else:
            assert row[[*AMOUNTS, "as_of", "unchanged_since", "may_grow"]].isna().all()
    assert cost["total_cost_usd"].count() > 20


def test_every_change_is_a_row_that_ends_where_the_next_begins(asked: Any) -> None:
    story, _, going, _ = asked
    found = frames(story.settings)
    raw = found["raw.task_usage"].sort_values(["task_id", "valid_from"])
    expected = raw[["task_id", *AMOUNTS, "valid_from"]].assign(
        valid_to=raw.groupby("task_id")["valid_from"].shift(-1),
        is_current=~raw.duplicated("task_id", keep="last"),
    )
    got = found["main.task_cost_history"].sort_values(["task_id", "valid_from"])
    pd.testing.assert_frame_equal(
        got[expected.columns].reset_index(drop=True), expected.reset_index(drop=True), check_dtype=False
    )
    rows = got[got["task_id"] == going]
    assert len(rows) == 4
    assert rows["total_cost_usd"].is_monotonic_increasing


def test_what_ended_an_hour_before_it_was_asked_for_grows_no_more(asked: Any) -> None:
    story, _, going, never = asked
    found = frames(story.settings)
    runs = found["raw.run_versions"].sort_values("valid_from").groupby("run_id").tail(1)
    runs = runs.assign(
        moved_at=runs[["created_at", "updated_at", "completed_at"]].max(axis=1), moves=~runs["status"].isin(ENDED)
    )
    of_task = runs.groupby("task_id").agg(moved_at=("moved_at", "max"), moves=("moves", "any"))
    cost = found["main.task_cost"].set_index("task_id")
    known = cost[cost["as_of"].notna()].join(of_task)
    expected = known["moves"] | (known["as_of"] < known["moved_at"] + pd.Timedelta(hours=1))
    assert known["may_grow"].astype(bool).equals(expected)
    assert not expected[going]
    assert never not in known.index


@pytest.mark.parametrize(
    ("status", "asked_after", "expected"),
    [
        ("completed", timedelta(minutes=59), True),
        ("completed", timedelta(minutes=61), False),
        ("in_progress", timedelta(days=9), True),
        ("completed", None, None),
    ],
)
def test_when_an_amount_may_be_out_of_date(
    empty: Any, *, status: str, asked_after: timedelta | None, expected: bool | None
) -> None:
    common = {"project_id": 1, "task_id": "t", "valid_from": START}
    empty.fill("raw.task_versions", [common])
    empty.fill("raw.task_sightings", [{"project_id": 1, "task_id": "t", "first_seen_at": START}])
    empty.fill("raw.run_versions", [{**common, "run_id": "r", "status": status, "created_at": START}])
    if asked_after is not None:
        empty.fill("raw.task_usage", [{**common, "total_cost_usd": 0.5}])
        cursor = {"project_id": 1, "resource": "task_usage", "key": "t", "updated_at": START + asked_after}
        empty.fill("ledger.cursors", [cursor])
    [row] = empty.rows("SELECT total_cost_usd, may_grow FROM main.task_cost")
    assert row == {"total_cost_usd": None if asked_after is None else 0.5, "may_grow": expected}
