"""Attempts of one run whose evidence is odd: states that are none, ends without a time, or told otherwise later."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

Row = dict[str, Any]

SEEN = datetime(2026, 3, 1, 10, 5, tzinfo=UTC)
VERSION: Row = {
    "project_id": 1,
    "task_id": "t",
    "run_id": "r",
    "status": "completed",
    "created_at": datetime(2026, 3, 1, 9, tzinfo=UTC),
    "completed_at": datetime(2026, 3, 1, 10, tzinfo=UTC),
    "valid_from": SEEN,
}


def attempts(tables: Any, versions: list[Row], states: list[Row]) -> list[tuple[Any, ...]]:
    """Status, end, and when it was learned, of each attempt of one run."""
    tables.fill("raw.run_versions", versions)
    tables.fill("raw.run_events", [])
    begin = round(SEEN.timestamp() * 1000)
    lines = [
        (f"{begin + place}-0", json.dumps({"type": "task_run_state"} | state)) for place, state in enumerate(states)
    ]
    tables.load("live", lines)
    rows = tables.rows("SELECT status, ended_at, known_at FROM main.run_attempts ORDER BY attempt")
    tables.fill("raw.run_versions", [])
    tables.fill("raw.run_events", [])
    return [tuple(row.values()) for row in rows]


@pytest.mark.parametrize(
    "state",
    [
        {"status": 7, "updated_at": "infinity"},
        {"status": "in_progress", "updated_at": None, "completed_at": "infinity"} | {"status": ["in_progress"]},
        {"status": None, "completed_at": "20000-01-01T00:00:00Z"},
    ],
)
def test_a_state_that_is_none_makes_no_attempt(scratch: Any, state: Row) -> None:
    assert attempts(scratch, [VERSION], [state]) == [("completed", VERSION["completed_at"], SEEN)]


@pytest.mark.parametrize("moment", ["-infinity", "infinity", "0001-01-01T00:00:00Z", "20000-01-01T00:00:00Z"])
def test_an_end_at_no_possible_time_counts_as_one_without_a_time(scratch: Any, moment: str) -> None:
    goes_on = VERSION | {"status": "in_progress", "completed_at": None}
    [(status, ended_at, _)] = attempts(scratch, [goes_on], [{"status": "failed", "completed_at": moment}])
    assert (status, ended_at) == ("failed", SEEN)


ELEVEN = SEEN + timedelta(minutes=11)
UNDATED: Row = {"status": "completed", "completed_at": None}


@pytest.mark.parametrize(
    ("versions", "states", "ends"),
    [
        ([UNDATED | {"valid_from": ELEVEN}], [UNDATED], [SEEN]),
        ([UNDATED | {"valid_from": ELEVEN}], [UNDATED | {"completed_at": "2026-03-01T10:00:00Z"}], [10]),
        ([UNDATED | {"valid_from": ELEVEN}, {"valid_from": ELEVEN + timedelta(days=1)}], [UNDATED], [10]),
        (
            [UNDATED | {"valid_from": ELEVEN}, {"completed_at": ELEVEN + timedelta(days=1)}],
            [UNDATED],
            [SEEN, ELEVEN + timedelta(days=1)],
        ),
        (
            [
                UNDATED | {"status": "queued", "valid_from": ELEVEN},
                UNDATED | {"valid_from": ELEVEN + timedelta(days=1)},
            ],
            [UNDATED],
            [SEEN, ELEVEN + timedelta(days=1)],
        ),
    ],
)
def test_an_end_without_a_time_is_the_one_before_it_unless_the_run_lived_since(
    scratch: Any, versions: list[Row], states: list[Row], ends: list[Any]
) -> None:
    shown = [{"valid_from": row.get("completed_at")} | row for row in versions]
    rows = attempts(scratch, [VERSION | row for row in shown], states)
    assert [VERSION["completed_at"] if end == 10 else end for end in ends] == [ended_at for _, ended_at, _ in rows]


def test_a_sign_of_life_that_an_end_follows_in_the_stream_is_no_attempt(scratch: Any) -> None:
    late = {"status": "queued", "updated_at": "2026-03-01T10:00:00.300Z"}
    over = {"status": "completed", "completed_at": "2026-03-01T10:00:00Z"}
    assert [row[0] for row in attempts(scratch, [VERSION], [over, late, over])] == ["completed"]
    assert [
        row[0] for row in attempts(scratch, [VERSION | {"valid_from": SEEN - timedelta(days=999)}], [over, late])
    ] == [
        "completed",
        "queued",
    ]
    shown_again = VERSION | {"valid_from": datetime(2026, 10, 1, tzinfo=UTC), "stage": "another"}
    assert [row[0] for row in attempts(scratch, [VERSION, shown_again], [over, late])] == ["completed"]


def test_an_end_whose_time_comes_later_is_one_end(scratch: Any) -> None:
    without = VERSION | {"completed_at": None, "valid_from": SEEN - timedelta(minutes=1)}
    assert attempts(scratch, [without, VERSION], []) == [("completed", VERSION["completed_at"], SEEN)]


def test_an_end_that_is_told_otherwise_later_is_known_since_then(scratch: Any) -> None:
    failed = VERSION | {"status": "failed", "valid_from": SEEN - timedelta(days=5)}
    assert attempts(scratch, [failed, VERSION], []) == [("completed", VERSION["completed_at"], SEEN)]


@pytest.mark.parametrize(("seconds", "expected"), [(-2, 1), (2, 1), (60, 1), (61, 2)])
def test_an_end_that_is_corrected_within_a_minute_is_one(scratch: Any, seconds: int, expected: int) -> None:
    corrected = VERSION["completed_at"] + timedelta(seconds=seconds)
    later = VERSION | {"completed_at": corrected, "valid_from": SEEN + timedelta(minutes=1)}
    rows = attempts(scratch, [VERSION, later], [])
    assert rows[-1] == ("completed", corrected, later["valid_from"])
    assert len(rows) == expected


FAILED: Row = {"status": "failed", "completed_at": "2026-03-01T10:00:00Z", "error_message": "broken"}
AGAIN: Row = {"status": "failed", "completed_at": "2026-03-01T10:00:02Z", "error_message": "broken"}
STALE: Row = {"status": "in_progress", "updated_at": "2026-03-01T09:30:00Z"}
QUEUED: Row = {"status": "queued", "updated_at": "2026-03-01T10:00:01Z"}


@pytest.mark.parametrize(
    ("states", "ends"),
    [
        ([FAILED, AGAIN], [2]),
        ([FAILED, FAILED | {"completed_at": None}], [0]),
        ([FAILED, STALE], [0]),
        ([FAILED, STALE | {"updated_at": "2026-03-01T10:00:00.2Z"}, AGAIN], [2]),
        ([FAILED, QUEUED, AGAIN], [0, 2]),
        ([FAILED, STALE, QUEUED], [0, None]),
        ([FAILED, {"status": "in_progress", "updated_at": "2026-03-01T10:09:00Z"}], [0]),
    ],
)
def test_an_end_told_twice_and_a_state_told_too_late_begin_nothing(
    scratch: Any, states: list[Row], ends: list[int | None]
) -> None:
    rows = attempts(scratch, [VERSION | FAILED | {"valid_from": SEEN - timedelta(days=99)}], states)
    begin = datetime(2026, 3, 1, 10, tzinfo=UTC)
    assert [end and (end - begin) / timedelta(seconds=1) for _, end, _ in rows] == ends


SECOND = timedelta(seconds=1)
NINE, TEN = VERSION["created_at"], VERSION["completed_at"]
TOMORROW = TEN + timedelta(days=1)
WAITS = VERSION | {"status": "not_started", "completed_at": None, "scheduled_at": TOMORROW, "valid_from": TOMORROW}
NEVER = (None, None, None, None)


@pytest.mark.parametrize(
    ("change", "started", "expected"),
    [
        ({"valid_from": SEEN}, None, NEVER),
        ({"status": "queued", "valid_from": SEEN}, SEEN + 9 * SECOND, (SEEN, "version", None, 9)),
        ({"status": "in_progress"}, None, (TOMORROW, "scheduled", None, None)),
        ({"status": "in_progress"}, TOMORROW - SECOND, (TOMORROW - SECOND, "agent", None, 0)),
        ({"status": "cancelled", "completed_at": TEN}, None, NEVER),
        ({"status": "completed", "completed_at": TOMORROW}, None, (TOMORROW, "scheduled", 0, None)),
        ({"status": "completed", "completed_at": TEN}, NINE - SECOND, (NINE, "agent", 3600, 0)),
        (
            {"status": "failed", "scheduled_at": None, "completed_at": NINE - SECOND},
            None,
            (NINE - SECOND, "created", 0, None),
        ),
    ],
)
def test_work_and_an_end_come_before_what_is_only_planned(
    scratch: Any, change: Row, started: datetime | None, expected: tuple[Any, ...]
) -> None:
    """When a run began, by what, and the seconds from then to its end and to its agent."""
    run = {"project_id": 1, "task_id": "t", "run_id": "r"}
    start = {**run, "kind": "pi_run_started", "occurred_at": started, "received_at": TOMORROW, "payload": "{}"}
    scratch.fill("raw.run_versions", [WAITS | change])
    scratch.fill("raw.run_events", [start] if started else [])
    rows = scratch.rows("SELECT began_at, began_by, duration_s, queue_s FROM main.run_attempts")
    scratch.fill("raw.run_versions", [])
    scratch.fill("raw.run_events", [])
    assert [tuple(row.values()) for row in rows] == [expected]
