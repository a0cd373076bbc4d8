"""The site as an asset and a command."""

from pathlib import Path

import dagster as dg
import pytest
from filelock import FileLock
from typer.testing import CliRunner

from taskhouse.pipelines.cli.app import app
from taskhouse.pipelines.definitions import build
from taskhouse.settings import Settings
from taskhouse.site.manifest import LOCK
from tests.pipelines.rows import QUIET, Still
from tests.report.world import World
from tests.run_page.story import BEGIN, other


class Once(Still):
    """An engine that lets Dagster retry once."""

    tries_again = 1


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    world = World()
    other(world)
    world.run(5, BEGIN, "completed", 60)
    world.add(
        "raw.repository_sightings", project_id=1, repository="acme/checkout", first_seen_at=BEGIN, last_seen_at=BEGIN
    )
    world.passed("runs", finished_at=BEGIN)
    return world.publish(tmp_path_factory.mktemp("home"))


def test_the_asset_writes_the_site_for_all_projects(home: Path, tmp_path: Path) -> None:
    settings = Settings(_env_file=None, home=home, project_ids=(1, 2), site=tmp_path / "site")
    definitions = build(settings, Still(settings))
    with dg.DagsterInstance.ephemeral() as instance:
        done = definitions.resolve_job_def("sync_site").execute_in_process(instance=instance, run_config=QUIET)
    (made,) = [event.step_materialization_data.materialization for event in done.get_asset_materialization_events()]
    assert made.metadata["path"].value == str(tmp_path / "site" / "index.html")
    assert made.metadata["new or changed"].value == made.metadata["pages"].value == 5
    assert "Its readiness was not read" in (tmp_path / "site/repositories/acme--checkout.html").read_text("utf-8")
    assert "site_schedule" in {each.name for each in definitions.get_repository_def().schedule_defs}


def test_a_folder_that_another_process_writes_is_tried_again_and_then_left_to_the_next_hour(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("taskhouse.assets.retries.AGAIN_S", 0)
    settings = Settings(_env_file=None, home=home, project_ids=(1,), site=tmp_path / "site")
    job = build(settings, Once(settings)).resolve_job_def("sync_site")
    (tmp_path / "site").mkdir()
    with dg.DagsterInstance.ephemeral() as instance, FileLock(tmp_path / "site" / LOCK):
        done = job.execute_in_process(instance=instance, run_config=QUIET)
        kinds = [event.event_type_value for event in done.all_events]
    assert done.success
    assert kinds.count("STEP_UP_FOR_RETRY") == 1
    assert "ASSET_MATERIALIZATION" not in kinds
    assert not (tmp_path / "site/index.html").exists()


def test_without_a_folder_there_is_no_asset() -> None:
    graph = build(Settings(_env_file=None, project_ids=(1,))).get_repository_def().asset_graph
    assert dg.AssetKey("site") not in graph.get_all_asset_keys()


def test_the_commands_write_pages_and_say_where(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TASKHOUSE_HOME", str(home))
    run = CliRunner().invoke
    said = run(app, ["site", str(tmp_path / "site"), "--weeks", "2"])
    assert said.exit_code == 0
    assert f"Written: {tmp_path}/site/index.html (5 pages, 5 of them new or changed)" in said.output
    assert run(app, ["site", str(tmp_path / "none" / "site")]).exit_code == 2
    said = run(app, ["run", "run-5", "--compare", "7d1f0c52", "-o", str(tmp_path / "both.html")])
    assert said.exit_code == 0
    assert "side by side" in (tmp_path / "both.html").read_text("utf-8")
    assert run(app, ["run", "run-5", "--format", "md"]).exit_code == 0
    assert (home / "runs" / "run-5.md").read_text("utf-8").startswith("## \u2068Task 5\u2069")
