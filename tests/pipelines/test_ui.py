"""Dagster's UI in a real browser: what a person sees who materializes everything from the graph."""

import contextlib
import time
from pathlib import Path

import pytest

from taskhouse.pipelines.cli.truth import compare
from tests.pipelines.conftest import Scene
from tests.pipelines.deployment import Deployment, until
from tests.report.browser import Browser

pytestmark = [pytest.mark.browser, pytest.mark.slow]
ASSETS = ("tasks", "repositories", "readiness", "runs", "run_events", "published")
GRAPH = "locations/__repository__@taskhouse.pipelines.definitions/asset-groups/posthog_tasks"
PAGES = {
    GRAPH: ("100% filled", " Passed", "1 / 1 Passed", "DuckDB"),
    "assets/tasks": ("Row count", "Passing", "latest_run_status", "Every 5 minutes"),
    "assets/tasks?view=checks": ("complete_1", "no_overlaps", "unique_keys", "as the server counts"),
    "assets/readiness?view=events": ("repositories were ready on", "bytes received", "window_days"),
    "assets/published": ("The read-only copy", "sync_published"),
    "assets/views/runs?view=lineage": ("run_history", "run_attempts"),
    "automation": ("runs_moved", "tasks_schedule", "Every 5 minutes"),
}
"""Pages that a person looks at, and what each must tell."""

LOADS = 9
"""How often a page is loaded at most."""

FIGURES = 10
"""Numbers of a pass that are plotted, at least."""

BUTTON = """
const found = [...document.querySelectorAll('button, a')].filter(one => one.innerText.trim().startsWith(arguments[0])
  && !one.disabled);
if (found.length) found[found.length - 1].click();
return found.length;
"""


def _missing(chromium: Browser, words: tuple[str, ...]) -> list[str]:
    text = chromium.run("return document.body.innerText")
    return [word for word in words if word not in text]


def _shows(chromium: Browser, *words: str) -> None:
    try:
        until(lambda: not _missing(chromium, words))
    except AssertionError:
        pytest.fail(f"not shown: {_missing(chromium, words)}")


def _visit(chromium: Browser, url: str, words: tuple[str, ...]) -> None:
    """Load a page until it tells all that it must: an open one does not tell what Dagster's daemon finds out later."""
    for _ in range(LOADS):
        chromium.visit(url, width=2300)
        with contextlib.suppress(AssertionError):
            until(lambda: not _missing(chromium, words), 20)
            return
    pytest.fail(f"not shown: {_missing(chromium, words)}")


def _press(chromium: Browser, label: str) -> None:
    until(lambda: chromium.run(BUTTON, label))


@pytest.mark.worlds
def test_everything_is_materialized_from_the_graph_and_told_of(
    chromium: Browser, scene: Scene, dev: Deployment, tmp_path: Path
) -> None:
    chromium.visit(f"{dev.url}/{GRAPH}", width=1500)
    _shows(chromium, *ASSETS)
    before, began = {run.run_id for run in dev.runs()}, time.time()
    _press(chromium, "Materialize all")
    _press(chromium, "All")
    _press(chromium, "Launch")
    until(lambda: all(dev.made(name, began) for name in ASSETS), 240)
    assert {dev.ended(run.run_id) for run in dev.runs() if run.run_id not in before} == {"SUCCESS"}
    assert [line for line in compare(scene.settings, scene.emulator.truth(1)) if not line.equal] == []

    for page, words in PAGES.items():
        _visit(chromium, f"{dev.url}/{page}", words)
        chromium.picture(tmp_path / f"{len(list(tmp_path.iterdir()))}.png")

    chromium.visit(f"{dev.url}/assets/tasks", width=2300, height=3000)
    _press(chromium, "Plots")
    _shows(chromium, "rows added", "records received", "seconds throttled", "bytes received")
    until(lambda: chromium.run("return document.querySelectorAll('canvas').length") > FIGURES)
    chromium.picture(tmp_path / "plots.png")
