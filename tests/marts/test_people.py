"""People and projects against pandas over the rows of a captured history."""

import json
from typing import Any

import pandas as pd

from taskhouse.posthog.privacy import task_without_text


def last(tables: Any, table: str, key: str) -> pd.DataFrame:
    """The newest version of each."""
    found: pd.DataFrame = tables.frame(f"SELECT * FROM {table}")
    return found.sort_values("valid_from").groupby(key).tail(1)


def test_people_have_the_tasks_that_they_created(kept: Any) -> None:
    tasks = last(kept, "raw.task_versions", "task_id").set_index("task_id")
    tasks = tasks[tasks["created_by"].notna()]
    tasks["email"] = [json.loads(payload)["created_by"]["email"] for payload in tasks["payload"]]
    attempts = kept.frame("SELECT * FROM main.run_attempts")
    attempts["place"] = attempts["began_at"].fillna(attempts["ended_at"])
    newest = attempts.sort_values(["place", "run_id", "attempt"]).groupby("task_id").tail(1).set_index("task_id")
    tasks["status"] = newest["status"].reindex(tasks.index)
    lives = kept.frame("SELECT task_id, bounces, is_abandoned FROM main.task_lifecycle").set_index("task_id")
    mine = attempts.merge(tasks[["created_by"]], left_on="task_id", right_index=True, suffixes=("_then", ""))
    expected = tasks.groupby("created_by").agg(
        email=("email", "first"),
        tasks=("email", "size"),
        first_task_at=("created_at", "min"),
        last_task_at=("created_at", "max"),
        completed=("status", lambda status: (status == "completed").sum()),
        failed=("status", lambda status: (status == "failed").sum()),
        never_run=("status", lambda status: status.isna().sum()),
    )
    expected["bounced"] = (lives["bounces"] > 0).reindex(tasks.index).groupby(tasks["created_by"]).sum()
    expected["abandoned"] = lives["is_abandoned"].reindex(tasks.index).groupby(tasks["created_by"]).sum()
    expected["runs"] = mine.groupby("created_by")["run_id"].nunique()
    expected["failures"] = (mine["status"] == "failed").groupby(mine["created_by"]).sum()
    expected = expected.fillna(0)
    got = kept.frame("SELECT * FROM main.people").set_index("created_by").sort_index()
    pd.testing.assert_frame_equal(got[list(expected.columns)], expected.sort_index(), check_dtype=False)
    assert (got["never_run"] + got[["completed", "failed", "cancelled", "going_on"]].sum(axis=1) == got["tasks"]).all()
    assert len(got) > 2
    assert got["email"].str.contains("@").all()


def test_a_project_counts_what_is_known_of_it(kept: Any) -> None:
    tasks = last(kept, "raw.task_versions", "task_id")
    gone = kept.frame("SELECT * FROM raw.task_sightings").sort_values("first_seen_at").groupby("task_id").tail(1)
    passes = kept.frame("SELECT * FROM ledger.passes")
    repositories = kept.frame("SELECT * FROM raw.repository_sightings")
    attempts = kept.frame("SELECT * FROM main.run_attempts")
    requests = kept.frame("SELECT * FROM main.pull_requests")
    [row] = kept.rows("SELECT * FROM main.projects")
    assert row == {
        "project_id": 1,
        "first_seen_at": passes["started_at"].min(),
        "last_seen_at": passes[passes["verdict"] == "complete"]["started_at"].max(),
        "tasks": len(tasks),
        "tasks_present": gone["absent_since"].isna().sum(),
        "tasks_without_creator": tasks["created_by"].isna().sum(),
        "people": tasks["created_by"].nunique(),
        "repositories": repositories[repositories["absent_since"].isna()]["repository"].nunique(),
        "runs": attempts["run_id"].nunique(),
        "attempts": len(attempts),
        **{status: (attempts["status"] == status).sum() for status in ("completed", "failed", "cancelled")},
        "going_on": attempts["ended_at"].isna().sum(),
        "events_known": kept.rows("SELECT count(*) AS n FROM main.run_activity WHERE has_events")[0]["n"],
        "pull_requests": len(requests),
        "merged": (requests["state"] == "merged").sum(),
    }


def test_an_address_stays_where_texts_are_hidden() -> None:
    person = {"id": 7, "uuid": "u", "email": "ada@example.com"}
    assert task_without_text({"created_by": person, "description": "Fix it"})["created_by"] == person
