"""``taskhouse status`` looks at the newest passes, and reads no row to count them, however long the history is."""

import random
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from taskhouse.clock import StoppedClock
from taskhouse.pipelines.cli import status_answers
from taskhouse.settings import Settings
from taskhouse.warehouse import sql
from taskhouse.warehouse.engine import ROW_GROUP
from tests.blank import lived, opened

NOW = datetime(2026, 9, 1, 12, tzinfo=UTC)
RESOURCES = ("tasks", "runs", "readiness")
COUNTS = (
    *("interrupted", "resumes", "requests", "retries", "bytes", "throttled_s", "pages", "rows_seen", "rows_distinct"),
    *("duplicates", "rows_added", "rows_absent", "ids_requested", "ids_returned", "ids_absent", "quarantined"),
)
MANY = f"""
INSERT INTO ledger.passes BY NAME
SELECT
    'p' || number AS pass_id, 1 AS project_id, unnest($resources) AS resource, 'complete' AS verdict,
    $now - to_minutes(5 * ($passes - number)) AS started_at, started_at AS finished_at,
    {", ".join(f"0 AS {name}" for name in COUNTS)}
FROM range($passes) AS passes (number)
"""
SEEN = """
INSERT INTO raw.repository_sightings BY NAME
SELECT
    1 AS project_id, 'acme/' || number AS repository, $now AS first_seen_at, $now AS last_seen_at, 'p' AS pass_id,
    1 AS page, 'p' AS last_pass_id
FROM range($rows) AS rows (number)
"""


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    with opened(tmp_path_factory.mktemp("passes") / "warehouse.duckdb") as connection:
        yield connection


def asked(connection: duckdb.DuckDBPyConnection, *projects: int) -> status_answers.Held:
    def ask(question: str, **given: object) -> list[dict[str, Any]]:
        return sql.rows(connection.execute(status_answers._text(question), given))

    settings = Settings(host="http://localhost:1", project_ids=projects).with_clock(StoppedClock(NOW))
    return status_answers.answers(ask, settings, RESOURCES)


def drawn(seed: int) -> list[dict[str, Any]]:
    """Passes of two projects, of which the last complete one may be long ago, and a clock may have been ahead."""
    chance = random.Random(seed)
    passes = []
    for project_id in (1, 2):
        for resource in (*RESOURCES, "pinned"):
            verdicts = chance.choice([["complete"], ["complete", "incomplete"], ["incomplete"]])
            for number in range(chance.choice([0, 1, 3, 8])):
                began = NOW - timedelta(hours=chance.choice([-30, 1, 12, 47, 49, 100, 2000]), seconds=number)
                facts: dict[str, Any] = {
                    "started_at": began,
                    "finished_at": began + timedelta(minutes=chance.randrange(9)),
                }
                facts |= {"verdict": chance.choice(verdicts), "proven_at": began, "proof": "listed"}
                if number == 0 and chance.random() < 0.2:
                    facts |= {"finished_at": None, "verdict": "running"}
                name = {"pass_id": f"{resource} {number}", "project_id": project_id, "resource": resource}
                passes.append(name | facts | dict.fromkeys(COUNTS, 0))
    chance.shuffle(passes)
    return passes


@hypothesis_settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0), projects=st.sampled_from([(), (1,), (1, 2)]))
def test_what_recent_passes_show_is_what_all_passes_show(
    warehouse: duckdb.DuckDBPyConnection, seed: int, projects: tuple[int, ...]
) -> None:
    with lived(warehouse, {"ledger.passes": drawn(seed)}):
        text = status_answers._text("passes")
        every = sql.rows(warehouse.execute(text, {"now": NOW, "since": None}))
        found = asked(warehouse, *projects)["passes"]
    assert found is not None
    wanted = {
        (row["project_id"], row["resource"])
        for row in every
        if not projects or (row["project_id"] in projects and row["resource"] in RESOURCES)
    }
    by_thing = [{(row["project_id"], row["resource"]): row for row in rows} for rows in (found, every)]
    assert {thing: by_thing[0].get(thing) for thing in wanted} == {thing: by_thing[1][thing] for thing in wanted}


def scanned(connection: duckdb.DuckDBPyConnection, question: str, **given: object) -> int:
    """How many rows of tables a question reads."""
    text = f"EXPLAIN (ANALYZE, FORMAT json) {status_answers._text(question)}"
    ((_, profile),) = connection.execute(text, given).fetchall()
    return sum(map(int, re.findall(r'"(?:operator_)?rows_scanned": (\d+)', profile)))


@pytest.mark.parametrize("passes", [20_000, 60_000])
def test_what_is_read_does_not_grow_with_the_passes_and_the_rows(tmp_path: Path, passes: int) -> None:
    with opened(tmp_path / "warehouse.duckdb") as warehouse:
        warehouse.execute(MANY, {"passes": passes, "resources": [*RESOURCES], "now": NOW})
        warehouse.execute(SEEN, {"rows": passes, "now": NOW})
        assert scanned(warehouse, "rows", project_id=1) == 0
        assert scanned(warehouse, "passes", now=NOW, since=NOW - status_answers.RECENT) <= 2 * ROW_GROUP
        assert scanned(warehouse, "passes", now=NOW, since=None) >= 3 * passes
        shown = asked(warehouse, 1)
    assert {row["row_count"] for row in shown["rows"] or () if row["resource"] == "repositories"} == {passes}
    assert {row["complete_age_s"] for row in shown["passes"] or ()} == {300.0}


def test_rows_are_counted_for_each_project(warehouse: duckdb.DuckDBPyConnection) -> None:
    with lived(warehouse, {}):
        warehouse.execute(SEEN, {"rows": 7, "now": NOW})
        warehouse.execute(SEEN.replace("1 AS project_id", "2 AS project_id"), {"rows": 5, "now": NOW})
        shown = asked(warehouse, 1, 2, 3)["rows"]
    assert [row["row_count"] for row in shown or () if row["resource"] == "repositories"] == [7, 5, 0]
