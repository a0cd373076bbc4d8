"""Bad records: set aside with reason, place and text, read again by a newer version, settled by a later good one."""

import json
import uuid
from datetime import timedelta
from typing import Any

import pytest

from taskhouse.operations import replay_quarantine
from taskhouse.posthog import content, fields
from taskhouse.resources.tasks import record, rounds

pytestmark = pytest.mark.usefixtures("attached")


def quarantine(house: Any) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = house.rows("SELECT resource, pointer, outcome FROM ledger.quarantine ORDER BY 1, 2")
    return found


def strict(parse: Any) -> Any:
    """A version that understands less: no task may be called seven."""

    def read(row: Any) -> dict[str, Any]:
        if row.data["title"] == "seven":
            raise fields.BadRecord("/title", "seven is no title")
        columns: dict[str, Any] = parse(row)
        return columns

    return read


def test_a_newer_version_reads_what_an_older_one_could_not(make_house: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    house = make_house()
    task_id = house.emulator.truth(runs=False)["tasks"][0]["id"]
    house.emulator.mutate("rename", task_id=task_id, title="seven")
    with monkeypatch.context() as older:
        older.setattr(record, "read", strict(record.read))
        report = house.sync("tasks")
        assert (report.verdict, report.quarantined) == ("incomplete", 1)
        assert quarantine(house) == [("tasks", "/title", None)]
        assert house.run(replay_quarantine(house.settings, 1)).still == {"tasks": 1}
    done = house.run(replay_quarantine(house.settings, 1))
    assert (done.replayed, done.still, done.report.verdict) == ({"tasks": 1}, {}, "complete")
    assert quarantine(house) == [("tasks", "/title", "replayed")]
    assert house.present() == house.truth_tasks()
    assert house.rows("SELECT count(*) FROM raw.task_versions ANTI JOIN ledger.pages USING (pass_id, page)") == [(0,)]
    assert house.run(replay_quarantine(house.settings, 1)).replayed == {}
    assert house.sync("tasks").verdict == "complete"


def test_a_record_that_stays_bad_costs_no_sweep_every_time(make_house: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    house = make_house(emulator_tasks=520)
    task_id = house.emulator.truth(runs=False)["tasks"][0]["id"]
    house.emulator.mutate("rename", task_id=task_id, title="seven")
    monkeypatch.setattr(record, "read", strict(record.read))
    house.sync("tasks")
    report = house.sync("tasks")
    assert report.verdict == "incomplete"
    assert report.requests <= 6
    assert "in quarantine" in report.reason


def test_a_later_good_record_settles_the_quarantine(make_house: Any) -> None:
    house = make_house()
    house.emulator.faults({"kind": "mistyped_field", "endpoint": "tasks.list", "field": "results.0.title", "times": 1})
    house.sync("tasks")
    house.sync("tasks")
    assert quarantine(house) == [("tasks", "/title", "superseded")]


def test_a_list_with_a_run_that_cannot_be_read_is_not_complete_until_it_can(make_house: Any) -> None:
    house = make_house(emulator_tasks=8)
    house.sync("tasks")
    wrong = {"kind": "mistyped_field", "endpoint": "runs.list"}
    house.emulator.faults({**wrong, "field": "results.*.id"})
    assert [house.sync("runs").verdict for _ in range(2)] == ["incomplete"] * 2
    house.emulator.faults()
    assert house.sync("runs").verdict == "complete"
    assert {outcome for _, _, outcome in quarantine(house)} == {"superseded"}
    assert house.rows("SELECT DISTINCT state FROM ledger.cursors WHERE resource = 'runs'") == [("listed",)]


def test_no_record_stays_in_quarantine_once_later_passes_read_it_well(
    make_house: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rounds, "SMALL", 0)  # ticks, which ask for summaries
    house = make_house(emulator_tasks=12)
    bad = {"kind": "mistyped_field", "times": 1}
    places = [("tasks.list", "title"), ("tasks.list", "id"), ("runs.list", "id"), ("tasks.summaries", "title")]
    house.emulator.faults(
        *[{**bad, "endpoint": name, "field": f"results.{n}.{field}"} for n, (name, field) in enumerate(places)],
        {**bad, "endpoint": "tasks.summaries", "field": "results.0.id", "value": "no id"},
        {**bad, "endpoint": "runs.list", "field": "results.0.id", "value": "no id"},
        {**bad, "endpoint": "tasks.repositories", "field": "repositories.0"},
    )
    for resources in (lists := ("tasks", "runs", "repositories"), lists, ("tasks",)):
        house.later += timedelta(hours=20)
        for resource in resources:
            house.sync(resource)
    found = house.rows("SELECT resource, outcome, count(*) FROM ledger.quarantine GROUP BY ALL ORDER BY 1, 2")
    assert {(resource, outcome) for resource, outcome, _ in found} == {
        (resource, "superseded") for resource in ("tasks", "runs", "summaries", "repositories")
    }, found


def test_a_replayed_record_does_not_undo_what_came_later(make_house: Any) -> None:
    house = make_house()
    house.emulator.faults({"kind": "mistyped_field", "endpoint": "runs.list", "field": "results.0.status", "times": 1})
    house.sync("tasks")
    house.sync("runs")
    [(payload,)] = house.rows("SELECT payload FROM ledger.quarantine")
    house.sync("runs")
    house.rows(
        "UPDATE ledger.quarantine SET replayed_at = NULL, outcome = NULL, payload = replace(?, ':7', ':\"queued\"')",
        payload,
    )
    before = house.rows("SELECT run_id, status FROM main.runs ORDER BY 1")
    house.run(replay_quarantine(house.settings, 1))
    assert house.rows("SELECT run_id, status FROM main.runs ORDER BY 1") == before


@pytest.mark.parametrize("field", ["latest_run.task", "latest_run.updated_at"])
def test_a_run_that_names_another_task_than_the_one_that_shows_it_is_not_kept_nor_replayed(
    make_house: Any, field: str
) -> None:
    house = make_house(emulator_tasks=6)
    elsewhere = str(uuid.uuid4())
    wrong = {"kind": "mistyped_field", "endpoint": "tasks.list", "times": 1}
    house.emulator.faults(
        {**wrong, "field": "results.*.latest_run.task", "value": elsewhere},
        {**wrong, "field": f"results.*.{field}", "value": elsewhere if field.endswith("task") else 7},
    )
    runs = house.sync("tasks").quarantined
    assert runs > 0
    assert quarantine(house) == [("runs", "/task", None)] * runs
    assert house.run(replay_quarantine(house.settings, 1)).still == {"runs": runs}
    assert house.rows("SELECT count(*) FROM raw.run_versions WHERE task_id = ?", elsewhere) == [(0,)]
    house.sync("tasks")
    assert quarantine(house) == [("runs", "/task", "superseded")] * runs


def test_what_is_secret_is_not_kept_in_quarantine_either(make_house: Any) -> None:
    house = make_house(emulator_tasks=40)
    house.emulator.faults({"kind": "mistyped_field", "endpoint": "*.list", "field": "results.*.created_at", "value": 7})
    house.sync("tasks")
    assert house.rows("SELECT count(*) > 20 FROM ledger.quarantine") == [(True,)]
    assert house.rows(
        "SELECT count(*) FROM ledger.quarantine WHERE contains(payload, 'X-Amz-Signature')"
        " OR contains(payload, 'sandbox_url')"
    ) == [(0,)]


def test_a_record_that_is_nested_too_deeply_is_known_by_its_id(make_house: Any) -> None:
    house = make_house(emulator_tasks=3)
    house.emulator.faults({"kind": "deep", "endpoint": "tasks.list", "field": "results.0.title"})
    assert house.sync("tasks").quarantined
    [(key, reason, payload)] = house.rows("SELECT DISTINCT record_key, reason, payload FROM ledger.quarantine")
    assert key in {task[0] for task in house.truth_tasks()}
    assert reason == "nested too deeply"
    assert f'"id":"{key}"' in payload.replace(" ", "")


@pytest.mark.parametrize("wrong", ["a secret", ["a secret"], 7])
def test_what_was_wrong_with_a_state_is_wrong_in_quarantine_too(wrong: object) -> None:
    kept = content.safe(json.dumps({"id": "r", "state": wrong}).encode())
    assert "secret" not in kept
    with pytest.raises(fields.BadRecord):
        fields.mapping(json.loads(kept), "state", optional=True)


@pytest.mark.parametrize(
    ("endpoint", "resource", "field", "path"),
    [
        ("tasks.list", "runs", "results.*.latest_run.status", "/status"),
        ("tasks.list", "tasks", "results.*.origin_product", "/origin_product"),
        ("tasks.readiness", "readiness", "overall", "/overall"),
        ("tasks.readiness", "readiness", "coreSuggestions.state", "/coreSuggestions/state"),
        ("runs.list", "runs", "results.*.environment", "/environment"),
    ],
)
def test_a_new_value_is_kept_and_recorded_once(
    make_house: Any, endpoint: str, resource: str, field: str, path: str
) -> None:
    house = make_house(emulator_tasks=30, emulator_repositories=3)
    house.emulator.faults({"kind": "unknown_enum", "endpoint": endpoint, "field": field, "value": "brand_new"})
    for name in ("tasks", "repositories", "readiness", "runs"):
        assert house.sync(name).verdict == "complete"
    assert house.rows("SELECT resource, path, example_type, example FROM ledger.drift") == [
        (resource, path, "str", "brand_new")
    ]


def test_a_bad_record_that_is_deleted_on_the_server_leaves_the_proof(
    make_house: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = make_house()
    task_id = house.emulator.truth(runs=False)["tasks"][0]["id"]
    house.emulator.mutate("rename", task_id=task_id, title="seven")
    with monkeypatch.context() as older:
        older.setattr(record, "read", strict(record.read))
        assert house.sync("tasks").verdict == "incomplete"
    house.emulator.mutate("delete", task_id=task_id)
    report = house.sync("tasks")
    assert report.verdict == "complete"
    assert report.reason.startswith(f"as many tasks are present as the server counts ({len(house.present())})")
    assert house.present() == house.truth_tasks()
