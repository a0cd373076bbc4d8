"""Views and the report as assets: made from the copy, for each project by itself, when the ledger says complete."""

import re
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest

import taskhouse.report as engine
from taskhouse.assets import published, report, views
from taskhouse.assets.catalog import RESOURCE_ASSETS
from taskhouse.pipelines.definitions import build
from taskhouse.reading import open_snapshot
from taskhouse.settings import Settings
from taskhouse.warehouse.opening import open_warehouse
from taskhouse.warehouse.publish import publish
from tests.pipelines.rows import QUIET, Still, dagster

OFF = tuple(asset for asset in RESOURCE_ASSETS.values() if asset.resource.optional)

COPY = dg.AssetKey(published.NAME)
VIEWS = [views.key(name) for name in views.known() if not views.rests_on(name, OFF)]
"""All but those of what is off."""


@pytest.fixture
def home(synced: Any, tmp_path: Path) -> Settings:
    """A warehouse that was synced for project 1, to change at will."""
    return _copy(synced, tmp_path)


@pytest.fixture(scope="module")
def whole(synced: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, dg.ExecuteInProcessResult]:
    """Such a home as it is, and how a run of all views and of the report ended in it."""
    settings = _copy(synced, tmp_path_factory.mktemp("whole"))
    return settings, _materialize(settings, [*VIEWS, dg.AssetKey(report.NAME)])


def _copy(synced: Any, place: Path) -> Settings:
    folder = place / "home"
    folder.mkdir()
    shutil.copy(synced.home / "warehouse.duckdb", folder)
    settings = synced.settings.model_copy(update={"home": folder, "project_ids": (1, 2)})
    assert isinstance(settings, Settings)
    publish(open_warehouse(settings), settings.published, force=True)
    return settings


def _unprove(settings: Settings, resource: str) -> None:
    with open_warehouse(settings).transaction("a test") as connection:
        connection.execute(
            "INSERT INTO ledger.passes BY NAME SELECT * REPLACE (started_at + INTERVAL 1 DAY AS started_at,"
            " 'incomplete' AS verdict, 'for a test' AS reason) FROM ledger.passes WHERE resource = ?",
            [resource],
        )
    publish(open_warehouse(settings), settings.published, force=True)


def _materialize(settings: Settings, keys: list[dg.AssetKey], project: str = "1") -> dg.ExecuteInProcessResult:
    definitions = build(settings, Still(settings))
    with dg.DagsterInstance.ephemeral() as instance:
        return definitions.resolve_implicit_global_asset_job_def().execute_in_process(
            partition_key=project, asset_selection=keys, instance=instance, raise_on_error=False, run_config=QUIET
        )


def _made(result: dg.ExecuteInProcessResult) -> dict[str, dg.AssetMaterialization]:
    found = (event.step_materialization_data.materialization for event in result.get_asset_materialization_events())
    return {made.asset_key.to_user_string(): made for made in found}


def test_the_report_waits_for_every_view_that_it_reads() -> None:
    folder = Path(engine.__file__).parent / "queries"
    said = " ".join(path.read_text(encoding="utf-8") for path in folder.glob("*.sql"))
    assert {name for name in views.known() if re.search(rf"\bmain\.{name}\b", said)} <= set(report.READS)


def test_every_view_and_the_report_are_made_from_the_copy(whole: tuple[Settings, dg.ExecuteInProcessResult]) -> None:
    home, result = whole
    made = _made(result)

    assert result.success
    assert set(made) == {key.to_user_string() for key in VIEWS} | {"report"}
    assert all(check.passed for check in result.get_asset_check_evaluations())
    with open_snapshot(home) as house:
        rows = house.records("SELECT count(*) AS n FROM tasks WHERE project_id = 1")[0]["n"]
    assert made["views/tasks"].metadata["dagster/row_count"].value == rows > 20
    assert str(made["views/tasks"].metadata["newest rows"].value).count("\n") == 6
    assert made["views/messages"].metadata["rows of the newest run"].value
    assert "dagster/row_count" not in made["views/messages"].metadata
    page = Path(str(made["report"].metadata["path"].value))
    assert page == (home.home / "reports" / "readiness-1.html").resolve()
    assert page.stat().st_size == made["report"].metadata["bytes"].value
    assert "# " in str(made["report"].metadata["report"].value)
    assert made["report"].metadata["repositories"].value


def test_column_lineage_leads_to_columns_that_the_assets_above_have(
    whole: tuple[Settings, dg.ExecuteInProcessResult],
) -> None:
    home, result = whole
    definitions = build(home, Still(home))
    graph = definitions.get_repository_def().asset_graph
    made = {name: event for name, event in _made(result).items() if name != report.NAME}

    def columns(key: dg.AssetKey) -> set[str]:
        return {column.name for column in graph.get(key).metadata["dagster/column_schema"].columns}

    leaps = 0
    for name, event in made.items():
        lineage: Any = event.metadata["dagster/column_lineage"].value
        assert set(lineage.deps_by_column) == columns(dg.AssetKey(name.split("/")))
        for parts in lineage.deps_by_column.values():
            for part in parts:
                assert part.column_name in columns(part.asset_key)
                parents = graph.get(dg.AssetKey(name.split("/"))).parent_keys
                resources = graph.get(COPY).parent_keys if COPY in parents else set()
                assert part.asset_key in parents | resources
                leaps += 1
    assert leaps > 400


def test_what_is_not_proven_waits_and_the_rest_does_not(home: Settings) -> None:
    _unprove(home, "readiness")
    some = [key for key in VIEWS if key.path[-1].startswith(("readiness", "repositories", "runs"))]
    result = _materialize(home, [*some, dg.AssetKey(report.NAME)])

    assert result.success
    left = {key.to_user_string() for key in some} | {"report"}
    left -= set(_made(result))
    more = ("trend", "daily", "weekly", "capabilities", "changes")
    assert left == {"views/readiness", *(f"views/readiness_{name}" for name in more), "report"}


@pytest.mark.worlds
def test_one_project_does_not_wait_for_another(home: Settings) -> None:
    """Project 2 was never read: only what tells so is there."""
    assert set(_made(_materialize(home, VIEWS, "2"))) == {"views/data_health"}
    assert len(_made(_materialize(home, VIEWS, "1"))) == len(VIEWS)


def _answer(settings: Settings, name: str) -> tuple[str, str | None]:
    """What Dagster shows of a check of the tasks."""
    key = dg.AssetCheckKey(dg.AssetKey("tasks"), name)
    with dagster(settings) as instance:
        found: Any = instance.event_log_storage.get_asset_check_summary_records([key])[key]
    record = found.last_check_execution_record
    return record.status.value, record.event.dagster_event.asset_check_evaluation_data.description


@pytest.mark.worlds
def test_trouble_of_one_project_is_shown_by_its_own_run_and_stops_nothing_elsewhere(inside: Any, quiet: Any) -> None:
    both = {**quiet.environment, "POSTHOG_PROJECT_IDS": "1,2"}
    settings = quiet.settings.model_copy(update={"project_ids": (1, 2)})
    ends = [inside.run("sync", "--select", "tasks", **both)]
    assert _answer(settings, "unique_keys_1") == ("SUCCEEDED", None)  # and nothing is left to report
    with open_warehouse(settings).transaction("a test") as connection:
        connection.execute("INSERT INTO raw.task_versions FROM raw.task_versions WHERE project_id = 1 LIMIT 3")
    shown = []
    for project in ("2", "1"):
        ends.append(inside.run("sync", "--select", "tasks", "--project", project, **both))
        shown.append([_answer(settings, f"unique_keys_{each}") for each in (1, 2)])

    assert [ended.code for ended in ends] == [0, 0, 0], ends
    fine = ("SUCCEEDED", None)
    assert shown == [[fine, fine], [("FAILED", "3 doubled"), fine]]


def test_a_copy_with_another_view_fails_the_check_of_that_view_alone(home: Settings) -> None:
    made = publish(open_warehouse(home), home.published, force=True)
    assert made is not None
    made.path.chmod(0o600)
    with duckdb.connect(str(made.path)) as connection:
        connection.execute("CREATE OR REPLACE VIEW main.repositories AS SELECT 1 AS project_id")
    some = [views.key(name) for name in ("repositories", "tasks", "runs")]
    result = _materialize(home, some)

    assert [check.asset_key for check in result.get_asset_check_evaluations() if not check.passed] == [
        views.key("repositories")
    ]
    assert set(_made(result)) == {"views/tasks", "views/runs"}


def _moment(at: float) -> Any:
    return dg.MetadataValue.timestamp(at)


@pytest.mark.parametrize(
    ("copied", "shown", "due"),
    [(None, None, []), (100.0, None, ["1", "2"]), (100.0, 200.0, ["2"]), (300.0, 200.0, ["1", "2"])],
)
def test_a_tick_makes_the_views_of_a_copy_that_is_younger_than_they_are(
    copied: float | None, shown: float | None, due: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The views of project 1 were made at a moment, those of project 2 never."""
    repository = build(Settings(_env_file=None, project_ids=(1, 2))).get_repository_def()
    with dg.instance_for_test() as instance:
        for key, at, partition in ((dg.AssetKey("published"), copied, None), (views.key("data_health"), shown, "1")):
            if at is not None:
                monkeypatch.setattr("time.time", lambda at=at: at)
                made = dg.AssetMaterialization(key, partition=partition, metadata={"made at": _moment(at)})
                instance.report_runless_asset_event(made)
        monkeypatch.undo()
        context = dg.build_schedule_context(instance, datetime.now(UTC), repository_def=repository)
        asked = repository.get_schedule_def("views_schedule").evaluate_tick(context)

    assert [request.partition_key for request in asked.run_requests or ()] == due


@pytest.mark.worlds
def test_the_job_of_the_views_makes_all_of_them_and_the_report_in_one_process(home: Settings) -> None:
    job = build(home, Still(home)).resolve_job_def("sync_views")
    with dg.DagsterInstance.ephemeral() as instance:
        result = job.execute_in_process(partition_key="1", instance=instance, run_config=QUIET)

    assert set(_made(result)) == {key.to_user_string() for key in VIEWS} | {"report"}
    assert job.executor_def is dg.in_process_executor
