"""Worlds that their author did not design: drawn from a seed, legal, and told as a list of facts."""

import json
from collections import Counter
from datetime import UTC, datetime
from uuid import UUID

import pytest

from taskhouse.emulator.__main__ import parser, settings_of
from taskhouse.emulator.api.run_rows import latest_run_dict, run_dict
from taskhouse.emulator.chronicle import Event
from taskhouse.emulator.mutations import mutate
from taskhouse.emulator.service import Service
from taskhouse.emulator.world.surprise import ASPECTS, surprising

START = datetime(2026, 11, 20, 12, tzinfo=UTC)
SEEDS = range(40)


@pytest.fixture(scope="module")
def worlds() -> list[Service]:
    return [Service(surprising(seed, start=START)) for seed in SEEDS]


def texts(service: Service) -> list[str]:
    assert service.chronicle is not None
    values = [fact.value for fact in service.chronicle.all]
    return [value.text if isinstance(value, Event) else value for value in values if isinstance(value, Event | str)]


def test_a_seed_draws_the_same_world_again(worlds: list[Service]) -> None:
    again = Service(surprising(7, start=START))
    assert again.settings == worlds[7].settings
    assert texts(again) == texts(worlds[7])
    assert list(again.world.runs) == list(worlds[7].world.runs)


def test_the_seeds_differ_in_all_that_is_left_open(worlds: list[Service]) -> None:
    settings = [service.settings for service in worlds]
    for name in ("page_most", "session_logs_bytes", "log_chains", "activity_moves", "thin_tail", "proxy", "event_ids"):
        assert len({getattr(one, name) for one in settings}) > 1, name
    assert len({one.streams.max_entries for one in settings}) > 1
    said = [json.loads(text) for service in worlds for text in texts(service)]
    assert len({str(event.get("type")) for event in said}) >= 6
    assert 0 < sum("event_id" in event for event in said) < len(said)
    assert 0 < sum("timestamp" in event for event in said) < len(said)
    runs = [run for service in worlds for run in service.world.runs.values()]
    assert {None, "claude", "codex", "an_adapter_of_tomorrow"} <= {run.runtime_adapter for run in runs}
    assert Counter(run.created_at for run in runs).most_common(1)[0][1] > 1, "two at the same moment"
    assert {"queued", "in_progress", "completed"} <= {run.status for run in runs}


def test_whatever_is_drawn_is_legal(worlds: list[Service]) -> None:
    for service in worlds:
        for task in service.world.tasks.values():
            assert UUID(task.id).version == 4
            assert len(task.title) <= 255
            assert "\x00" not in task.title
            assert task.repository is None or task.repository.count("/") == 1
        for run in service.world.runs.values():
            row = json.dumps(run_dict(run, service.settings, 1))
            row.encode()
            at = json.loads(row)["created_at"]
            assert datetime.fromisoformat(at) == run.created_at
        for text in texts(service):
            text.encode()
            assert "\n" not in text
            assert isinstance(json.loads(text), dict)


def test_a_run_inside_its_task_may_write_its_times_otherwise(worlds: list[Service]) -> None:
    written = [
        (run_dict(run, service.settings, 1)["created_at"], latest_run_dict(run, service.settings, 1)["created_at"])
        for service in worlds
        for run in service.world.runs.values()
    ]
    assert {one == other for one, other in written} == {True, False}
    assert all(datetime.fromisoformat(one) == datetime.fromisoformat(other) for one, other in written)


def test_without_an_aspect_it_is_as_usual() -> None:
    settings = surprising(3, frozenset(ASPECTS) - {"pages", "agents"}, start=START)
    assert (settings.page_most, settings.surprise is not None) == (100, True)
    with pytest.raises(ValueError, match="an aspect is one of"):
        surprising(3, frozenset({"page"}))


def test_facts_are_noted_as_they_become_true() -> None:
    service = Service(surprising(3, frozenset(), start=START, tasks=2))
    assert service.chronicle is not None
    before = len(service.chronicle.all)
    made = mutate(service, {"action": "new_task", "run": True, "title": "new", "created_by": 1})
    mutate(service, {"action": "hide", "task_id": made["task_id"], "user_id": 2})
    mutate(service, {"action": "finish", "run_id": made["run_id"]})
    chronicle = [(fact.what, fact.of, fact.value) for fact in service.chronicle.all[before:]]
    seen = [value.viewers for what, of, value in chronicle if (what, of) == ("task", made["task_id"])]
    assert [len(viewers) for viewers in seen] == [8, 8, 1]
    assert [value.status for what, of, value in chronicle if (what, of) == ("run", made["run_id"])] == [
        "queued",
        "completed",
    ]
    assert [value.reachable for what, of, value in chronicle if (what, of) == ("event", made["run_id"])] == [True]


def test_the_command_line_asks_for_one() -> None:
    settings = settings_of(parser().parse_args("--surprise 5 --speed 60 --no-throttle".split()))
    assert settings == surprising(5, speed=60.0, throttle=False, keys=settings.keys)
