"""Readiness: one snapshot a day for each repository and window, regardless of single answers."""

import time
from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from taskhouse.passes.lifecycle import Context, PassReport
from taskhouse.posthog import retry
from taskhouse.posthog.client import PostHog
from taskhouse.posthog.fields import BadRecord
from taskhouse.resources.readiness import record
from taskhouse.resources.readiness import sync as readiness
from taskhouse.resources.readiness.sync import due
from taskhouse.settings import Settings

pytestmark = pytest.mark.usefixtures("attached")

TEN = {"emulator_tasks": 80, "emulator_repositories": 5}


def ready(make_house: Any, **keywords: Any) -> Any:
    house = make_house(**{**TEN, **keywords})
    house.sync("repositories")
    house.emulator.requests(reset=True)
    return house


def asked(house: Any) -> int:
    return int(house.emulator.requests(reset=True)["by_endpoint"].get("tasks.readiness", 0))


def names(house: Any) -> list[str]:
    return [row[0] for row in house.rows("SELECT repository FROM raw.repository_sightings ORDER BY repository")]


def test_each_repository_and_window_once_a_day(make_house: Any) -> None:
    house = ready(make_house)
    pairs = 3 * len(names(house))
    assert (house.sync("readiness").verdict, asked(house)) == ("complete", pairs)
    assert (house.sync("readiness").verdict, asked(house)) == ("complete", 0)
    house.later = timedelta(days=1)
    house.emulator.clock(advance_s=86_400)
    assert (house.sync("readiness").rows_added, asked(house)) == (pairs, pairs)


def test_a_day_begins_where_the_settings_say(make_house: Any) -> None:
    house = ready(make_house, timezone="Pacific/Kiritimati")
    house.sync("readiness")
    zone = house.settings.zone
    house.later = timedelta(hours=24 - house.now().astimezone(zone).hour)
    house.emulator.clock(advance_s=house.later.total_seconds())
    asked(house)
    house.sync("readiness")
    assert asked(house) == 3 * len(names(house))


def test_a_cached_answer_is_no_second_snapshot(make_house: Any) -> None:
    house = ready(make_house)
    house.sync("readiness")
    house.rows("UPDATE raw.readiness_snapshots SET observed_at = observed_at - INTERVAL 1 DAY")
    asked(house)
    report = house.sync("readiness")
    assert (report.rows_added, asked(house)) == (0, 3 * len(names(house)))


def test_some_repositories_have_windows_of_their_own(make_house: Any) -> None:
    house = ready(make_house)
    one, two, *rest = names(house)
    house.settings = house.settings.model_copy(update={"readiness_overrides": {one: (1, 30), two: ()}})
    assert house.sync("readiness").verdict == "complete"
    held = house.rows("SELECT repository, list_sort(list(window_days)) FROM raw.readiness_snapshots GROUP BY ALL")
    assert dict(held) == {one: [1, 30], **{name: [7, 14, 30] for name in rest}}


def test_overrides_are_read_from_one_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TASKHOUSE_READINESS_OVERRIDES", "Acme/Web=30,7; acme/docs=")
    assert Settings().readiness_overrides == {"acme/web": (7, 30), "acme/docs": ()}
    monkeypatch.setenv("TASKHOUSE_READINESS_OVERRIDES", "acme/web=31")
    with pytest.raises(ValidationError, match="1 to 30 days"):
        Settings()


def test_refresh_is_asked_for_only_where_the_settings_want_it(make_house: Any) -> None:
    house = ready(make_house)
    house.sync("readiness")
    [(first,)] = house.rows("SELECT max(generated_at) FROM raw.readiness_snapshots")
    house.emulator.clock(advance_s=60)
    house.rows("UPDATE raw.readiness_snapshots SET observed_at = observed_at - INTERVAL 1 DAY")
    assert house.sync("readiness").rows_added == 0
    house.settings = house.settings.model_copy(update={"readiness_refresh": "daily"})
    assert house.sync("readiness").rows_added == 3 * len(names(house))
    assert house.rows("SELECT max(generated_at) FROM raw.readiness_snapshots")[0][0] > first


def test_one_slow_repository_delays_nobody(make_house: Any) -> None:
    house = ready(make_house)
    pairs = 3 * len(names(house))
    house.emulator.faults({"kind": "delay", "endpoint": "tasks.readiness", "seconds": 2, "times": 1})
    began = time.monotonic()

    async def impatient() -> PassReport:
        async with PostHog(house.settings) as client:
            return await readiness.sync(Context(house.settings, 1, client, house.warehouse()), limit_s=0.5)

    with retry.instant():
        report = house.run(impatient())
    assert time.monotonic() - began < 10
    assert report.verdict == "incomplete"
    assert house.counts()["readiness_snapshots"] == pairs - 1
    assert house.sync("readiness").verdict == "complete"
    assert house.counts()["readiness_snapshots"] == pairs


def test_one_that_fails_leaves_the_pass_incomplete_and_is_asked_again(make_house: Any) -> None:
    house = ready(make_house)
    house.emulator.faults({"kind": "not_json", "endpoint": "tasks.readiness", "after": 12})
    with retry.instant():
        report = house.sync("readiness")
    assert (report.verdict, "no readiness of" in report.reason) == ("incomplete", True)
    house.emulator.faults()
    assert house.sync("readiness").verdict == "complete"


def test_a_good_answer_closes_bad_ones_of_its_day_and_those_that_no_replay_can_use(
    make_house: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = ready(make_house, emulator_repositories=2, readiness_windows=(7,))

    def bad(_: Any) -> dict[str, Any]:
        raise BadRecord("/seven", "seven")

    def of_another(row: Any) -> dict[str, Any]:
        return record_of(row) | {"repository": "acme/another"}

    record_of = record.read
    outcomes: list[Any] = []
    for day, read in enumerate((bad, bad, of_another)):
        house.later = timedelta(days=day)
        house.emulator.clock(advance_s=86_400 * bool(day))
        with monkeypatch.context() as older:
            older.setattr(record, "read", read)
            assert house.sync("readiness").verdict == "incomplete"
        if day != 1:
            assert house.sync("readiness").verdict == "complete"
        outcomes = house.rows("SELECT kind, outcome FROM ledger.quarantine GROUP BY ALL ORDER BY max(first_seen_at)")
    assert outcomes == [("unreadable", "superseded"), ("unreadable", None), ("wrong_subject", "superseded")]


@pytest.mark.parametrize(
    ("world", "evidence"),
    [
        ({}, "scan"),
        ({"emulator_github_integration": False}, "no_integration"),
        ({"emulator_github_token": False}, "no_token"),
    ],
)
def test_what_an_answer_rests_on(make_house: Any, world: dict[str, Any], evidence: str) -> None:
    house = ready(make_house, **world)
    house.sync("readiness")
    assert (evidence,) in house.rows("SELECT DISTINCT evidence FROM raw.readiness_snapshots")


def test_an_unreachable_repository_is_no_information(make_house: Any) -> None:
    house = ready(make_house)
    one = names(house)[0]
    house.emulator.mutate("repository", repository=one, reachable=False)
    house.sync("readiness")
    held = house.rows("SELECT DISTINCT evidence FROM raw.readiness_snapshots WHERE repository = ?", one)
    assert held == [("empty_scan",)]


def test_a_repository_that_disappears_keeps_its_past(make_house: Any) -> None:
    house = ready(make_house)
    house.sync("readiness")
    one = names(house)[0]
    for task in house.emulator.truth(runs=False)["tasks"]:
        if task["repository"] == one:
            house.emulator.mutate("move", task_id=task["id"], repository=None)
    house.later = timedelta(days=1)
    house.emulator.clock(advance_s=86_400)
    assert house.sync("repositories").absent == 1
    assert house.sync("readiness").verdict == "complete"
    assert house.rows("SELECT count(*) FROM main.readiness WHERE repository = ?", one) == [(3,)]
    assert house.rows("SELECT absent_since IS NOT NULL FROM main.repositories WHERE repository = ?", one) == [(True,)]


def test_what_is_due_is_what_is_not_done() -> None:
    overrides = {"acme/b": (30,)}
    assert due(["acme/a", "Acme/B"], (7, 14), overrides, {("acme/a", 7)}) == [("acme/a", 14), ("Acme/B", 30)]
