"""Every fault of the emulator, against what docs/extraction.md says of it: no loss is green, none a traceback."""

import re
import resource
import time
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from taskhouse.emulator.faults.active import KINDS
from taskhouse.errors import TaskhouseError
from taskhouse.posthog import retry

pytestmark = pytest.mark.usefixtures("attached")

DOC = Path(__file__).parents[2] / "docs" / "extraction.md"
PLACES = {
    "the list": ("tasks", "tasks.list"),
    "the log": ("run_events", "runs.session_logs"),
    "the stream": ("run_events", "runs.stream"),
}
"""By where a fault strikes: the pass that meets it, and the endpoint."""

GIVEN: dict[str, dict[str, Any]] = {
    "429": {"retry_after": 120},
    "stall": {"seconds": 0.02},
    "delay": {"seconds": 0.02},
    "deep": {"field": "results.0.title"},
    "viewer": {"after": 2, "endpoint": "*"},
    "mutate": {"action": "new_task", "after": 1, "times": 3},
}
"""What a kind is given where its own defaults would show nothing, or take their time."""


def table() -> dict[str, tuple[str, str]]:
    """By kind of fault: where it strikes, and how a pass ends while it lasts."""
    rows = re.findall(r"^\| (`.+`) \| (the .+) \| .+ \| (complete|incomplete) \|$", DOC.read_text(), re.MULTILINE)
    return {kind: (where, ending) for kinds, where, ending in rows for kind in re.findall(r"`(\w+)`", kinds)}


def test_the_table_names_every_kind() -> None:
    assert set(table()) == set(KINDS)


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=[pytest.mark.worlds] * (place % 3 > 0)) for place, kind in enumerate(KINDS)]
)
def test_a_pass_ends_as_the_table_says(make_house: Any, kind: str) -> None:
    where, ending = table()[kind]
    asked, endpoint = PLACES[where]
    house = make_house(emulator_tasks=140 if asked == "tasks" else 24, log_final_s=0)
    if asked != "tasks":
        house.sync("tasks")
    house.emulator.faults({"kind": kind, "endpoint": endpoint, **GIVEN.get(kind, {})})
    began, memory = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with retry.instant(), suppress(TaskhouseError):
        house.sync(asked)
    assert time.monotonic() - began < 30
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory < 250_000
    verdict, reason = house.rows(
        "SELECT verdict, reason FROM ledger.passes WHERE resource = ? ORDER BY started_at DESC LIMIT 1", asked
    )[0]
    assert (verdict, bool(reason)) == (ending, True), reason
    if asked == "tasks" and verdict == "complete":
        assert {row[0] for row in house.present()} == {row[0] for row in house.truth_tasks()}
    house.emulator.faults()
    house.later = timedelta(minutes=5)  # what failed repeatedly is tried anew a while later
    assert house.sync(asked).verdict == "complete"
    if asked == "tasks":
        assert house.present() == house.truth_tasks()
    else:
        held, truth = house.hashes(), house.truth_hashes()
        assert sum(live[0] for live, _ in held.values()) > 100
        for run_id, (live, log) in held.items():
            assert (live[0], log) == (truth[run_id][0][0], truth[run_id][1])


def test_of_a_log_page_that_is_too_large_fewer_entries_are_asked_for(make_house: Any) -> None:
    house = make_house(emulator_tasks=8, log_final_s=0)
    house.sync("tasks")
    house.emulator.faults({"kind": "large", "endpoint": "runs.session_logs", "bytes": 70_000_000, "times": 2})
    assert house.sync("run_events").verdict == "complete"
    truth = house.truth_hashes()
    assert {run_id: log for run_id, (_, log) in house.hashes().items()} == {
        run_id: truth[run_id][1] for run_id in house.hashes()
    }


def test_an_unreadable_answer_about_one_run_spares_the_others(make_house: Any) -> None:
    house = make_house(emulator_tasks=30, log_final_s=0)
    house.sync("tasks")
    task_id, run_id = house.rows("SELECT task_id, run_id FROM raw.run_versions ORDER BY run_id LIMIT 1")[0]
    for endpoint, asked, path, reason in (
        ("runs.list", "runs", task_id, "is not the JSON expected"),
        ("runs.session_logs", "run_events", run_id, "counts 0 entries, but returned 1"),
    ):
        house.emulator.requests(reset=True)
        house.emulator.faults({"kind": "deep", "endpoint": endpoint, "path": path})
        with retry.instant():
            report = house.sync(asked)
        assert (report.verdict, reason in report.reason) == ("incomplete", True)
        assert house.emulator.requests()["by_endpoint"][endpoint] > 20
        house.emulator.faults()
        assert house.sync(asked).verdict == "complete"
