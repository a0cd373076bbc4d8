"""A verdict says what it rests on, and how old that is."""

from datetime import timedelta
from typing import Any

import duckdb
import pytest

from taskhouse.warehouse import migrate

pytestmark = pytest.mark.usefixtures("attached")

OLD_PASS = """
    INSERT INTO ledger.passes BY NAME
    SELECT
        'old' AS pass_id, 1 AS project_id, 'tasks' AS resource, now() - INTERVAL 1 HOUR AS started_at,
        false AS interrupted, 0 AS resumes, 0 AS requests, 0 AS retries, 0 AS bytes, 0 AS throttled_s, 0 AS pages,
        0 AS rows_seen, 0 AS rows_distinct, 0 AS duplicates, 0 AS rows_added, 0 AS rows_absent, 0 AS ids_requested,
        0 AS ids_returned, 0 AS ids_absent, 0 AS quarantined, 'complete' AS verdict
"""


def last(house: Any, resource: str) -> Any:
    """Verdict, proof, moment of the oldest page and beginning of the newest pass."""
    [row] = house.rows(
        "SELECT verdict, proof, proven_at, started_at FROM ledger.passes WHERE resource = ?"
        " ORDER BY started_at DESC LIMIT 1",
        resource,
    )
    return row


def test_every_complete_pass_says_what_it_rests_on_and_no_other_does(make_house: Any) -> None:
    house = make_house(emulator_tasks=40, emulator_repositories=2)
    for report in house.sync_all():
        verdict, proof, proven_at, started_at = last(house, report.resource)
        assert (verdict, proof, proven_at) == ("complete", "listed", started_at), report
    house.emulator.faults({"kind": "missing_field", "endpoint": "tasks.list"})
    assert house.sync("tasks").proof is None
    assert last(house, "tasks")[:3] == ("incomplete", None, None)


def test_readiness_rests_on_its_oldest_answer_of_today(make_house: Any) -> None:
    house = make_house(emulator_tasks=40, emulator_repositories=2)
    for resource in ("tasks", "repositories", "readiness"):
        house.sync(resource)
    house.later = timedelta(seconds=90)
    house.sync("readiness")
    _, _, proven_at, started_at = last(house, "readiness")
    assert started_at - proven_at >= timedelta(seconds=85)


def test_a_warehouse_of_the_version_before_opens_and_goes_on(make_house: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    house = make_house(emulator_tasks=40, emulator_repositories=2)
    house.settings.warehouse.unlink()
    with monkeypatch.context() as before, duckdb.connect(str(house.settings.warehouse)) as connection:
        before.setattr(migrate, "MIGRATIONS", migrate.MIGRATIONS[:2])
        migrate.upgrade(connection)
        connection.execute(OLD_PASS)
    assert house.sync("tasks").verdict == "complete"
    assert house.rows("SELECT pass_id = 'old', proof FROM ledger.passes ORDER BY started_at") == [
        (True, None),
        (False, "listed"),
    ]


def name(house: Any, place: int) -> str:
    """The task at a place of the list."""
    return str(house.rows("SELECT task_id FROM main.tasks ORDER BY created_at DESC, task_id DESC")[place][0])


def ticks(house: Any, hours: float, *, every: float = 1.0) -> list[Any]:
    """Ticks over a number of hours."""
    reports = []
    for _ in range(round(hours / every)):
        house.later += timedelta(hours=every)
        reports.append(house.sync("tasks"))
    return reports


def drawn_in_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw the oldest task always: a row that no exchange before it shows."""
    monkeypatch.setattr("random.randrange", lambda size: size - 1)


SERVERS = [
    pytest.param(frozenset[str](), id="light rows"),
    pytest.param(frozenset({"basic"}), id="full rows", marks=pytest.mark.worlds),
]


@pytest.mark.worlds
@pytest.mark.parametrize("ignored", SERVERS)
def test_one_hidden_while_another_is_shown_again_is_put_right_within_a_round(
    make_house: Any, monkeypatch: pytest.MonkeyPatch, ignored: frozenset[str]
) -> None:
    drawn_in_place(monkeypatch)
    house = make_house(emulator_tasks=520, emulator_ignored_parameters=ignored, sweep_hours=1000)
    house.sync("tasks")
    swept = last(house, "tasks")[3]
    x, y = name(house, 150), name(house, 320)
    house.emulator.mutate("hide", task_id=x)
    house.later = timedelta(minutes=5)
    assert house.sync("tasks").absent == 1
    house.emulator.mutate("show", task_id=x)
    house.emulator.mutate("hide", task_id=y)
    exchanged = house.now()
    house.later += timedelta(minutes=5)
    verdict, proof, proven_at, _ = (house.sync("tasks"), *last(house, "tasks"))[1:]
    assert (verdict, proof, proven_at) == ("complete", "listed", swept)
    assert house.present() != house.truth_tasks()  # the verdict does not claim it: its oldest page is older
    reports = ticks(house, 30, every=6)
    assert {report.verdict for report in reports} == {"complete"}
    assert house.present() == house.truth_tasks()
    assert last(house, "tasks")[2] > exchanged
    assert "every page was read at" in reports[-1].reason
    assert house.rows("SELECT kind FROM ledger.passes WHERE kind <> 'tick'") == [("list",)]


@pytest.mark.worlds
def test_no_verdict_claims_more_than_its_moment_says(make_house: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn_in_place(monkeypatch)
    house = make_house(emulator_tasks=520, sweep_hours=1000)
    house.sync("tasks")
    exchanges = []
    for hour, (shown, hidden) in enumerate([(40, 300), (330, 90), (200, 10)]):
        x, y = name(house, shown), name(house, hidden)
        house.emulator.mutate("hide", task_id=x)
        house.later += timedelta(minutes=5)
        assert house.sync("tasks").verdict == "complete"
        house.emulator.mutate("show", task_id=x)
        house.emulator.mutate("hide", task_id=y)
        exchanges.append((house.now(), x, y))
        for report in ticks(house, 6 + 3 * hour, every=3):
            assert report.proof.kind == "listed"
            held = {row[0] for row in house.present()}
            for moment, came, went in exchanges:
                if moment < report.proof.at:
                    assert came in held
                    assert went not in held
    ticks(house, 30, every=6)
    assert house.present() == house.truth_tasks()


def test_a_light_row_never_makes_a_version_and_is_no_sight_of_what_it_does_not_show(
    make_house: Any,
) -> None:
    house = make_house(emulator_tasks=520, emulator_activity_moves=False, sweep_hours=1000)
    house.sync("tasks")
    versions = house.counts()["task_versions"]
    house.emulator.mutate("rename", task_id=name(house, 200), title="another")
    ticks(house, 24, every=6)
    assert house.counts()["task_versions"] == versions
    assert house.rows("SELECT count(*) > 4 FROM ledger.pages WHERE request = 'list, in rotation'") == [(True,)]
    assert house.rows("SELECT count(*) FROM raw.task_versions WHERE payload LIKE '%description_preview%'") == [(0,)]


def test_until_the_list_was_wholly_read_a_tick_says_that_it_only_counted(make_house: Any) -> None:
    house = make_house(emulator_tasks=520)
    house.sync("tasks")
    house.rows("DELETE FROM ledger.cursors WHERE key = 'rotation'")  # as a version before left it
    report = ticks(house, 1)[0]
    assert (report.verdict, report.proof.kind, report.proof.at) == ("complete", "counted", None)
    assert "not read completely" in report.reason
    began = house.now()
    report = ticks(house, 30, every=6)[-1]
    assert report.proof.kind == "listed"
    assert report.proof.at >= began - timedelta(hours=1, minutes=1)


def test_what_was_proved_in_another_view_proves_nothing_in_this_one(make_house: Any) -> None:
    house = make_house(emulator_tasks=520)
    house.sync("tasks")
    house.rows(
        "UPDATE ledger.cursors SET position = replace(position, 'user ', 'user of before ') WHERE key = 'rotation'"
    )
    assert ticks(house, 1)[0].proof.kind == "counted"


@pytest.mark.worlds
def test_an_absence_that_was_not_marked_is_found_again(make_house: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn_in_place(monkeypatch)
    house = make_house(emulator_tasks=520, sweep_hours=1000)
    house.sync("tasks")
    x, y = name(house, 300), name(house, 20)
    house.emulator.mutate("hide", task_id=x)
    house.later = timedelta(minutes=5)
    house.sync("tasks")
    house.emulator.mutate("show", task_id=x)
    house.emulator.mutate("hide", task_id=y)
    with monkeypatch.context() as broken:
        broken.setattr("taskhouse.passes.absences.plausible", lambda *_: False)
        assert {report.verdict for report in ticks(house, 30, every=6)} == {"incomplete"}
    assert y in {row[0] for row in house.present()}
    ticks(house, 30, every=6)
    assert house.present() == house.truth_tasks()
