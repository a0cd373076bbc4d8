"""The coverage ledger: every figure of a pass, held against what the emulator served."""

import asyncio
import errno
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from taskhouse.emulator.settings import Key
from taskhouse.errors import ConfigurationError, Locked, TaskhouseError
from taskhouse.passes.lifecycle import begin, new, running
from taskhouse.posthog import retry
from taskhouse.warehouse.clock import set_back
from taskhouse.warehouse.commit import WriteBatch

pytestmark = pytest.mark.usefixtures("attached")

HISTORY = "SELECT task_id, title, valid_from FROM raw.task_versions ORDER BY valid_from, task_id"
SIZE = {"emulator_tasks": 520}
INTERRUPTED = "it was interrupted; run `taskhouse sync` again"


def last(house: Any, resource: str = "tasks") -> dict[str, Any]:
    with house.warehouse().transaction("reading") as connection:
        result = connection.execute(
            "SELECT * FROM ledger.passes WHERE resource = ? ORDER BY started_at DESC LIMIT 1", [resource]
        )
        return dict(zip([column[0] for column in result.description], result.fetchone(), strict=True))


def test_a_sweep_records_what_it_cost_and_what_it_proved(make_house: Any) -> None:
    house = make_house(**SIZE)
    house.emulator.faults({"kind": "500", "endpoint": "tasks.list", "times": 2})
    with retry.instant():
        report = house.sync("tasks")
    row, total = last(house), len(house.truth_tasks())
    served = house.emulator.requests()
    assert row["requests"] == served["total"] == report.requests
    assert row["retries"] == served["by_status"]["500"] == 2
    assert row["pages"] == house.rows("SELECT count(*) FROM ledger.pages")[0][0] == -(-(total - 2) // 98)
    assert (row["server_count"], row["server_count_end"]) == (total, total)
    assert (row["rows_distinct"], row["rows_seen"]) == (total, total)
    assert house.rows("SELECT sum(row_count) FROM ledger.pages") == [(total + 2 * (row["pages"] - 1),)]
    assert (row["duplicates"], row["rows_absent"], row["quarantined"], row["resumes"]) == (0, 0, 0, 0)
    assert row["bytes"] > 1_000_000
    assert row["throttled_s"] == 0
    assert row["viewer"].startswith("user ")
    assert (row["kind"], row["verdict"]) == ("list", "complete")
    assert row["reason"] == (
        f"as many tasks are present as the server counts ({total}), and one drawn at random is in its place;"
        f" every page was read at {row['started_at']:%Y-%m-%d %H:%M} UTC or later"
    )
    assert (row["proof"], row["proven_at"]) == ("listed", row["started_at"])
    newest_first = house.rows("SELECT task_id FROM raw.task_versions ORDER BY created_at DESC, task_id DESC")
    assert (row["first_key"], row["last_key"]) == (newest_first[0][0], newest_first[-1][0])
    assert row["finished_at"] > row["started_at"]


@pytest.mark.worlds
def test_rows_seen_are_the_distinct_ones_and_those_that_came_again_unasked(make_house: Any) -> None:
    whole = {"emulator_ignored_parameters": frozenset({"basic"})}  # light rows are no sightings
    house = make_house(**SIZE, **whole, capture_seconds=0.2, first_load_tasks=20, log_final_s=0)
    house.emulator.faults({"kind": "duplicate_row", "endpoint": "tasks.list", "times": 3})
    house.sync("tasks")
    row, total = last(house), len(house.truth_tasks())
    assert (row["rows_seen"], row["rows_distinct"], row["duplicates"]) == (total + 3, total, 3)
    house.emulator.mutate("new_task", run=True)
    house.sync("tasks")
    row = last(house)
    (named,) = house.rows(
        "SELECT count(DISTINCT task_id) FROM raw.task_sightings WHERE last_pass_id = ?", row["pass_id"]
    )
    assert (row["kind"], row["rows_seen"], row["rows_distinct"], row["duplicates"]) == ("tick", *named * 2, 0)
    house.sync("run_events")
    row = last(house, "run_events")
    (lines,) = house.rows("SELECT sum(inserted + quarantined), sum(duplicates) FROM ledger.segments")
    refetched = house.rows("SELECT count(*) FROM ledger.pages WHERE pass_id = ?", row["pass_id"])[0][0]
    assert (row["rows_distinct"], row["duplicates"]) == (lines[0] + refetched, lines[1])
    assert row["rows_seen"] == row["rows_distinct"] + row["duplicates"]


def test_ids_asked_for_end_as_returned_or_absent(make_house: Any) -> None:
    house = make_house(**SIZE)
    house.sync("tasks")
    ids = [row[0] for row in house.present()]
    for task_id in ids[:3]:
        house.emulator.mutate("delete", task_id=task_id)
    house.later = timedelta(days=1, hours=1)
    house.sync("tasks")
    row = last(house)
    assert row["kind"] == "summaries"
    assert row["ids_requested"] == row["ids_returned"] + row["ids_absent"]
    assert (row["ids_absent"], row["rows_absent"]) == (3, 3)
    assert row["ids_requested"] >= len(ids) - 200


def test_a_page_is_known_by_its_pass_its_number_and_its_hash(make_house: Any) -> None:
    house = make_house(**SIZE)
    house.sync("tasks")
    house.sync("repositories")
    house.sync("runs")
    assert house.rows("SELECT count(*) FROM ledger.pages GROUP BY pass_id, page HAVING count(*) > 1") == []
    assert house.rows("SELECT count(*) FROM ledger.pages WHERE length(sha256) <> 64") == [(0,)]
    for table in ("task_versions", "run_versions", "task_sightings", "repository_sightings"):
        assert house.rows(
            f"SELECT count(*) FROM raw.{table} ANTI JOIN ledger.pages USING (project_id, pass_id, page)"
        ) == [(0,)]


def test_seconds_throttled_are_those_that_the_server_asked_for(make_house: Any) -> None:
    house = make_house()
    house.emulator.faults({"kind": "429", "endpoint": "tasks.list", "times": 1, "retry_after": 3})
    with retry.instant():
        house.sync("tasks")
    assert last(house)["throttled_s"] == 3


def test_an_incomplete_pass_moves_no_watermark_and_marks_nothing_absent(make_house: Any) -> None:
    house = make_house(**SIZE)
    house.sync("tasks")
    before = house.rows("SELECT key, position FROM ledger.cursors WHERE key = 'activity'")
    ids = [row[0] for row in house.present()]
    house.emulator.mutate("delete", task_id=ids[0])
    house.emulator.mutate("new_task", run=True)
    house.emulator.faults({"kind": "count_lies", "by": 500, "endpoint": "tasks.list"})
    assert house.sync("tasks").verdict == "incomplete"
    assert house.rows("SELECT key, position FROM ledger.cursors WHERE key = 'activity'") == before
    assert house.rows("SELECT count(*) FROM raw.task_sightings WHERE absent_since IS NOT NULL") == [(0,)]
    house.emulator.faults()
    assert (house.sync("tasks").verdict, house.present()) == ("complete", house.truth_tasks())


def test_a_killed_pass_is_true_up_to_its_last_commit(make_house: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    house = make_house(**SIZE)
    monkeypatch.setattr("taskhouse.resources.tasks.rows.COMMIT_PAGES", 1)
    house.emulator.faults({"kind": "500", "endpoint": "tasks.list", "after": 3})
    with retry.instant(), suppress(TaskhouseError):
        house.sync("tasks")
    row = last(house)
    assert (row["verdict"], row["interrupted"], row["pages"]) == ("incomplete", True, 3)
    assert "500" in row["reason"]
    assert row["rows_added"] == sum(
        house.rows(f"SELECT count(*) FROM raw.{table}")[0][0]
        for table in ("task_versions", "run_versions", "task_sightings")
    )


@pytest.mark.parametrize(
    ("problem", "reason"),
    [
        (asyncio.CancelledError(), INTERRUPTED),
        (SystemExit(1), INTERRUPTED),
        (RuntimeError("cannot schedule new futures after shutdown"), INTERRUPTED),
        (ExceptionGroup("several", [RuntimeError("Event loop is closed")]), INTERRUPTED),
        (KeyError("id"), "an unexpected error (KeyError) stopped it; `taskhouse --debug sync` shows the error"),
    ],
)
def test_a_pass_that_an_error_ended_says_so_in_plain_words(
    make_house: Any, problem: BaseException, reason: str
) -> None:
    house = make_house(emulator_tasks=1)

    async def ended(context: Any) -> None:
        async with running(context, "repositories"):
            raise problem

    with house.context() as context, pytest.raises(type(problem)):
        house.run(ended(context))
    row = last(house, "repositories")
    assert (row["verdict"], row["interrupted"], row["reason"]) == ("incomplete", True, reason)
    assert row["reason_code"] == ("interrupted" if reason == INTERRUPTED else "failed")


def test_another_view_is_incomplete_for_tasks_and_for_repositories(make_house: Any) -> None:
    house = make_house(emulator_keys=(Key(), Key("phx_other", user_id=2)))
    house.sync("tasks")
    house.sync("repositories")
    secret = type(house.settings.api_key)
    house.settings = house.settings.model_copy(update={"api_key": secret("phx_other")})
    for resource in ("tasks", "repositories"):
        report = house.sync(resource)
        assert (report.verdict, report.absent) == ("incomplete", 0)
        assert "TASKHOUSE_ACCEPT=viewer" in report.reason
    house.settings = house.settings.model_copy(update={"accept": ("viewer",)})
    assert house.sync("repositories").verdict == "complete"


def test_a_late_pass_is_refused(make_house: Any) -> None:
    house = make_house()
    house.sync("tasks")
    house.later = timedelta(hours=-1)
    with pytest.raises(Locked, match="history would run backwards"):
        house.sync("tasks")


def test_a_clock_that_was_ahead_locks_the_home_only_until_its_moments_are_set_back(make_house: Any) -> None:
    house = make_house(emulator_tasks=4, emulator_repositories=1)
    house.sync("tasks")
    house.later = timedelta(days=40)
    house.emulator.mutate("new_task", run=True)
    assert house.sync("tasks").verdict == "complete"
    before = house.rows(HISTORY)
    house.later = timedelta(minutes=1)
    with pytest.raises(Locked) as refused:
        house.sync("tasks")
    assert "`taskhouse restore --clock`" in refused.value.hint
    with house.warehouse().transaction("setting back") as connection:
        back = set_back(connection, house.now())
    assert timedelta(days=39) < back < timedelta(days=41)
    assert house.sync("tasks").verdict == "complete"
    assert [row[:2] for row in house.rows(HISTORY)] == [row[:2] for row in before]
    assert max(row[2] for row in house.rows(HISTORY)) <= house.now()
    nothing = pytest.raises(ConfigurationError, match="nothing was recorded after that")
    with nothing, house.warehouse().transaction("again") as connection:
        set_back(connection, house.now())


def test_a_pass_whose_place_was_taken_can_write_nothing_more(make_house: Any) -> None:
    house = make_house()
    with house.context() as context:
        older, newer = new(context, "tasks"), new(context, "tasks")
        begin(older)
        begin(newer)
        with pytest.raises(Locked, match="is refused"):
            house.run(older.commit(WriteBatch()))
        house.run(newer.commit(WriteBatch()))


def test_one_pass_of_a_resource_at_a_time(make_house: Any) -> None:
    house = make_house(lock_wait_s=0.1)
    with house.context() as context:

        async def two() -> None:
            async with running(context, "tasks") as one:
                one.complete("done")
                with pytest.raises(Locked, match="Only one runs at a time"):
                    async with running(context, "tasks"):
                        pass

        house.run(two())


def test_what_the_machine_refuses_is_the_reason_in_words(make_house: Any) -> None:
    house = make_house()

    async def full() -> None:
        with house.context() as context:
            async with running(context, "tasks"):
                raise OSError(errno.ENOSPC, "No space left on device", "/disk/spool/1.jsonl")

    with pytest.raises(OSError, match="No space"):
        house.run(full())
    assert last(house)["reason"] == "/disk/spool/1.jsonl could not be written: the disk is full."


def test_without_words_no_prompt_is_kept(make_house: Any) -> None:
    house = make_house(capture_text="none")
    house.sync("tasks")
    house.sync("runs")
    assert house.rows("SELECT count(*) FROM raw.task_versions WHERE NOT contains(payload, '[text ')") == [(0,)]
    assert house.sync("tasks").rows_added == 0
