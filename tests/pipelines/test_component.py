"""taskhouse as a component of somebody's Dagster project: in its YAML, beside another one, and for their assets."""

import re
import sys
import traceback
from pathlib import Path
from typing import Any

import click
import dagster as dg
import duckdb
import pytest

import taskhouse
from taskhouse.errors import ConfigurationError
from taskhouse.pipelines.component import TaskhouseProject
from taskhouse.pipelines.scaffold import ProjectParameters, ProjectScaffolder
from taskhouse.settings import Settings
from taskhouse.warehouse.connection import Warehouse
from taskhouse.warehouse.publish import publish
from tests.blank import blank
from tests.pipelines.conftest import SECRET, Scene
from tests.pipelines.rows import QUIET

PROJECT = '[tool.dg]\ndirectory_type = "project"\n[tool.dg.project]\nroot_module = "acme"\n'
EU = """
type: taskhouse.TaskhouseProject
attributes:
  host: https://eu.posthog.com
  api_key: "{{ env.EU_KEY }}"
  projects: [1, 2]
  home: data/eu
  prefix: eu
  crons: {tasks: "0 6 * * *"}
  optional_resources: [task_usage]
  group: agents
  owners: [team:agents]
  tags: {domain: agents}
"""
US = EU.replace("eu.", "us.").replace("/eu", "/us").replace("prefix: eu", "prefix: us")


WORDS = "test_what_makes_no_sense_is_refused_in_words_and_never_shows_the_key"
REFUSED = {
    "The TaskhouseProject in … has the same home as …: ….": WORDS,
    "The TaskhouseProject in … has the same prefix as …: ….": WORDS,
    "The home of the TaskhouseProject in … is …, and that of … is …: one contains the other.": WORDS,
    "The TaskhouseProject in … has the prefix …, and … has …: some of their names would be the same.": WORDS,
    "… is not set.": "test_a_pass_of_one_instance_feeds_the_assets_of_a_stranger",
}
"""The test that brings an error about, by its row in the table of errors."""


class Stranger:
    """A Dagster project that has components."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.defs = folder / "acme" / "defs"
        self.defs.mkdir(parents=True)
        (folder / "acme" / "__init__.py").touch()
        (folder / "pyproject.toml").write_text(PROJECT, "utf-8")

    def write(self, name: str, text: str) -> None:
        (self.defs / name).mkdir()
        (self.defs / name / "defs.yaml").write_text(text, "utf-8")

    def load(self) -> Any:
        return dg.load_from_defs_folder(path_within_project=self.folder / "acme").get_repository_def()

    def refused(self) -> str:
        """All that Dagster prints."""
        with pytest.raises(Exception, match="Error while") as caught:
            self.load()
        return "".join(traceback.format_exception(caught.value))


@pytest.fixture
def stranger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stranger:
    monkeypatch.syspath_prepend(str(tmp_path / "project"))
    for module in ("acme", "acme.defs"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    return Stranger(tmp_path / "project")


def test_an_instance_has_everything_under_its_names_and_as_it_is_presented(stranger: Stranger) -> None:
    stranger.write("eu", EU)
    repository = stranger.load()
    graph = repository.asset_graph

    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        assert key.path[0] == "eu"
        assert (node.group_name, node.owners, node.tags["domain"]) == ("agents", ["team:agents"], "agents")
    assert graph.get(dg.AssetKey(["eu", "tasks"])).partitions_def.get_partition_keys() == ["1", "2"]
    assert graph.has(dg.AssetKey(["eu", "task_usage"]))
    assert not graph.has(dg.AssetKey(["eu", "pinned"]))
    assert repository.get_schedule_def("eu_tasks_schedule").cron_schedule == "0 6 * * *"
    assert not (stranger.folder / "data").exists()


def test_the_file_with_owners_is_the_one_that_is_named_or_that_of_the_root(stranger: Stranger) -> None:
    stranger.write("eu", EU)

    def used() -> Path:
        settings: Settings = stranger.load().get_top_level_resources()["eu_engine"].configurable_resource_cls().base()
        return settings.directory

    assert used() == Settings.model_fields["directory"].default
    (stranger.folder / "taskhouse.toml").touch()
    assert used() == stranger.folder / "taskhouse.toml"
    (stranger.defs / "eu" / "defs.yaml").write_text(f"{EU}  directory: team/agents.toml\n", "utf-8")
    assert used() == stranger.folder / "team" / "agents.toml"


def test_the_instance_in_the_documentation_loads(stranger: Stranger) -> None:
    text = (Path(__file__).parents[2] / "docs" / "dagster.md").read_text("utf-8")
    shown = next(found for found in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL) if "TaskhouseProject" in found)
    stranger.write("posthog", shown)
    repository = stranger.load()
    assert repository.asset_graph.has(dg.AssetKey(["posthog", "task_usage"]))
    statuses = {each.default_status for each in repository.schedule_defs}
    assert statuses == {dg.DefaultScheduleStatus.RUNNING}


def test_several_instances_share_a_location_and_no_name(stranger: Stranger) -> None:
    stranger.write("eu", EU)
    one = stranger.load()
    stranger.write("us", US)
    two = stranger.load()

    def names(repository: Any) -> list[str]:
        jobs = [job.name for job in repository.get_all_jobs() if job.name != "__ASSET_JOB"]
        own = [each.name for each in (*repository.schedule_defs, *repository.sensor_defs)]
        return [*jobs, *own, *(key.to_user_string() for key in repository.asset_graph.get_all_asset_keys())]

    both = names(two)
    assert len(both) == len(set(both)) == 2 * len(names(one))
    assert all(name.startswith(("eu", "us")) for name in both)
    assert {"eu_tables", "us_tables", "eu_engine", "us_engine"} <= set(two.get_top_level_resources())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("home: data/us", "home: data/eu"), "has the same home as acme/defs/"),
        (("prefix: us", "prefix: eu"), "Give each its own `prefix`"),
        (("home: data/us", "home: data/eu/us"), ": one contains the other."),
        (("home: data/us", "home: data"), ": one contains the other."),
        (("home: data/us", "home: acme/defs/us"), "which is in the folder whose definitions Dagster loads. Give it"),
        (("home: data/us", "home: acme"), "which contains the definitions that Dagster loads."),
        (("home: data/us", "home: .git/us"), "which belongs to git. Give it a folder of its own"),
        (("prefix: us", "prefix: eu_sync"), ": some of their names would be the same. Give one of them another"),
        (("tasks: ", "task: "), "acme/defs/us: crons names `task`, which is not a schedule; the schedules are tasks,"),
        (('tasks: "0 6', 'tasks: "0 66'), "acme/defs/us: crons has a wrong time for tasks: it must be"),
        (("https://us", "http://us"), "acme/defs/us: host must use https"),
        (("prefix: us", "prefix: U-S"), "acme/defs/us: prefix must be lower-case letters"),
        (
            ('"{{ env.EU_KEY }}"', f"{SECRET}\n  hosts: x"),
            "acme/defs/us: api_key is not a reference to an environment variable. `hosts` is not an",
        ),
        (
            ('"{{ env.EU_KEY }}"\n  projects: [1, 2]', SECRET),
            "acme/defs/us: api_key is not a reference to an environment variable. projects is missing.",
        ),
    ],
)
def test_what_makes_no_sense_is_refused_in_words_and_never_shows_the_key(
    stranger: Stranger, change: tuple[str, str], said: str
) -> None:
    stranger.write("eu", EU)
    stranger.write("us", US.replace(*change))
    assert US.replace(*change) != US
    message = stranger.refused()
    assert said in message
    assert SECRET not in message


def test_two_documents_of_a_file_with_one_home_are_called_that(stranger: Stranger) -> None:
    stranger.write("eu", f"{EU}---{EU}")
    assert "in acme/defs/eu has the same home as another one in the same file: /" in stranger.refused()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("TASKHOUSE_MAX_WAIT_S", "waits up to 90 seconds"),
        ("TASKHOUSE_SWEEP_HOUR", "Did you mean TASKHOUSE_SWEEP_HOURS?"),
    ],
)
def test_a_variable_that_is_no_setting_is_refused_as_on_the_command_line(
    stranger: Stranger, monkeypatch: pytest.MonkeyPatch, name: str, said: str
) -> None:
    stranger.write("eu", EU)
    monkeypatch.setenv(name, "3")
    message = stranger.refused()
    assert name in message
    assert said in message


def test_what_belongs_to_other_programs_is_no_matter_of_an_instance(
    stranger: Stranger, monkeypatch: pytest.MonkeyPatch
) -> None:
    stranger.write("eu", EU)
    for name in ("POSTHOG_PERSONAL_API_KEY", "POSTHOG_API_URL", "POSTHOG_PROJECT_ID"):
        monkeypatch.setenv(name, "x")
    stranger.load()


def test_variables_that_an_attribute_overrules_are_named_once(
    stranger: Stranger, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    stranger.write("eu", EU)
    monkeypatch.setenv("TASKHOUSE_HOME", str(stranger.folder / "data" / "eu"))  # what the attribute says, too
    monkeypatch.setenv("TASKHOUSE_CRONS", "tasks=0 7 * * *")
    monkeypatch.setenv("TASKHOUSE_PINNED", "true")
    stranger.load()
    stranger.load()
    [message] = [record.getMessage() for record in caplog.records if record.name == "taskhouse"]
    assert message.startswith("acme/defs/eu: its attributes decide")
    assert message.endswith(": TASKHOUSE_CRONS, TASKHOUSE_PINNED.")


def test_a_home_that_is_a_file_is_refused_by_the_name_of_the_attribute(stranger: Stranger) -> None:
    stranger.write("eu", EU)
    (stranger.folder / "data").mkdir()
    (stranger.folder / "data" / "eu").touch()
    message = stranger.refused()
    assert "`home` of acme/defs/eu is /" in message
    assert "and it is a file. Set `home` of acme/defs/eu to a folder" in message
    assert "TASKHOUSE_HOME" not in message


def test_a_home_that_is_a_loop_of_links_is_refused_by_the_name_of_the_attribute(stranger: Stranger) -> None:
    stranger.write("eu", EU)
    (stranger.folder / "data").mkdir()
    (stranger.folder / "data" / "eu").symlink_to(stranger.folder / "data" / "eu")
    assert "`home` of acme/defs/eu is /" in stranger.refused()


def test_errors_of_a_pass_name_attributes_and_the_variables_that_a_command_needs(stranger: Stranger) -> None:
    stranger.write("eu", EU)
    engine = stranger.load().get_top_level_resources()["eu_engine"].configurable_resource_cls()
    assert engine.reworded("Check 9 in POSTHOG_PROJECT_IDS.") == "Check 9 in `projects` of acme/defs/eu."
    shown = engine.reworded("Run `taskhouse check`.")
    assert shown == (
        f"Run `taskhouse check`. Before that, `export TASKHOUSE_HOME={stranger.folder}/data/eu"
        " POSTHOG_HOST=https://eu.posthog.com POSTHOG_PROJECT_IDS=1,2 TASKHOUSE_TASK_USAGE=true"
        """ TASKHOUSE_CRONS='tasks=0 6 * * *' POSTHOG_PERSONAL_API_KEY="$EU_KEY"`."""
    )


def test_tables_without_a_copy_name_the_asset_that_makes_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="Materialize the asset `published` first"):
        taskhouse.TaskhouseTables(home=str(tmp_path)).frame("tasks")


def test_tables_of_another_version_name_the_asset_and_what_a_command_needs(tmp_path: Path) -> None:
    blank(tmp_path / "home" / "warehouse.duckdb")
    warehouse = Warehouse(tmp_path / "home" / "warehouse.duckdb", host="https://us.posthog.com")
    tables = taskhouse.TaskhouseTables(home=str(tmp_path / "home"), published="eu/published")
    made = publish(warehouse, tmp_path / "home" / "published")
    assert made is not None
    made.path.chmod(0o600)
    with duckdb.connect(str(made.path)) as connection:
        connection.execute("DELETE FROM ledger.views WHERE name = 'tasks'")
    message = "materializing the asset `eu/published` publishes a new one"
    with pytest.raises(ConfigurationError, match=message):
        tables.frame("tasks", columns=["newer"])
    with pytest.raises(ConfigurationError, match=message), tables.snapshot() as snapshot:
        snapshot.sql("SELECT newer FROM tasks")


def test_a_mistake_in_sql_names_the_home_that_a_command_needs(tmp_path: Path) -> None:
    blank(tmp_path / "warehouse.duckdb")
    assert publish(Warehouse(tmp_path / "warehouse.duckdb", host="https://us.posthog.com"), tmp_path / "published")
    with pytest.raises(ConfigurationError, match=f"Before that, `export TASKHOUSE_HOME={tmp_path}`"):
        taskhouse.TaskhouseTables(home=str(tmp_path)).sql("SELECT newer FROM tasks")


def test_an_instance_in_python_names_the_variable_too() -> None:
    given: dict[str, Any] = {"host": "https://eu.posthog.com", "projects": [1], "home": "data"}
    assert TaskhouseProject(api_key=dg.EnvVar("EU_KEY"), **given).api_key == "EU_KEY"
    with pytest.raises(ConfigurationError, match="not a reference"):
        TaskhouseProject(api_key=SECRET, **given)


def test_dagster_finds_the_component_and_a_scaffolded_instance_loads(stranger: Stranger) -> None:
    assert {"TaskhouseProject", "TaskhouseTables"} <= set(dir(taskhouse))
    for name in ("PostHog EU", "2-us"):
        scaffolded(stranger, stranger.defs / name)
    roots = {key.path[0] for key in stranger.load().asset_graph.get_all_asset_keys()}
    assert roots == {"posthog_eu", "posthog_2_us"}


def test_no_two_scaffolded_instances_have_one_prefix(stranger: Stranger) -> None:
    prefixes = {
        "us": "us",
        "us2": "us2",
        "us_1": "us_1",
        "2us": "posthog_2us",
        "team/us": "team_us",
        "no": "posthog_no",
    }
    for name, prefix in prefixes.items():
        assert f"  prefix: {prefix}  #" in scaffolded(stranger, stranger.defs / name)
    assert "  prefix: us_2  #" in scaffolded(stranger, stranger.defs / "us" / "defs.yaml", append=True)


def scaffolded(stranger: Stranger, path: Path, *, append: bool = False) -> str:
    (path.parent if append else path).mkdir(parents=True, exist_ok=True)
    request = dg.ScaffoldRequest(
        type_name="taskhouse.TaskhouseProject",
        target_path=path,
        scaffold_format="yaml",
        project_root=stranger.folder,
        params=ProjectParameters(projects="1,2"),
        append=append,
    )
    ProjectScaffolder().scaffold(request)
    return (path if append else path / "defs.yaml").read_text("utf-8")


@pytest.mark.parametrize(
    ("option", "text", "said"),
    [
        ("host", "ftp://x", "--host must be an origin such as https://eu.posthog.com."),
        ("host", "http://eu.posthog.com", "--host must use https"),
        ("host", "https://eu.posthog.com/api", "--host must not have a path"),
        ("projects", "abc", "--projects must be comma-separated ids, such as 1,2."),
        ("projects", [1, 2], "--projects must be comma-separated ids"),
        ("projects", "0", "--projects must be comma-separated ids"),
    ],
)
def test_the_scaffolder_refuses_what_an_instance_would_refuse_in_its_words(option: str, text: Any, said: str) -> None:
    with pytest.raises(click.ClickException, match=re.escape(said)):
        ProjectParameters.model_validate({option: text})
    assert ProjectParameters(projects="2, 1,2").projects == "2, 1"


def test_a_pass_of_one_instance_feeds_the_assets_of_a_stranger(
    stranger: Stranger, quiet: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    local = EU.replace("https://eu.posthog.com", quiet.emulator.url)
    stranger.write("eu", local)
    stranger.write("us", US)
    (stranger.defs / "theirs.py").write_text(THEIRS, "utf-8")
    home = stranger.folder / "data" / "eu"
    blank(home / "warehouse.duckdb")
    job = stranger.load().get_job("eu_sync")
    selection: Any = [dg.AssetKey(["eu", name]) for name in ("tasks", "published")]

    with dg.DagsterInstance.ephemeral() as instance:

        def run(job: Any, selection: Any, **more: Any) -> Any:
            return job.execute_in_process(
                instance=instance, asset_selection=selection, run_config=QUIET, raise_on_error=False, **more
            )

        unset = run(job, selection, partition_key="1")
        assert "EU_KEY is not set." in str(
            [event.step_failure_data for event in unset.all_events if event.is_step_failure]
        )
        monkeypatch.setenv("EU_KEY", SECRET)
        assert run(job, selection, partition_key="1").success
        monkeypatch.delenv("EU_KEY")
        made = run(stranger.load().get_job("theirs"), [dg.AssetKey("open_tasks")])
        assert made.success
        shown = made.asset_materializations_for_node("open_tasks")[0].metadata
        events = [str(event) for event in made.all_events]
    assert shown["tasks"].value == shown["counted"].value > 0
    assert not any(SECRET in event for event in events)
    assert {path.stat().st_mode & 0o077 for path in home.iterdir()} == {0}


THEIRS = """
import dagster as dg
from taskhouse import TaskhouseTables


@dg.asset(deps=[["eu", "published"]])
def open_tasks(eu_tables: TaskhouseTables) -> dg.MaterializeResult:
    tasks = eu_tables.frame("tasks", since="2020-01-01")
    counted = eu_tables.sql("SELECT count(*) AS n FROM tasks WHERE project_id = $project", project=1)
    return dg.MaterializeResult(metadata={"tasks": len(tasks), "counted": int(counted["n"][0])})


theirs = dg.define_asset_job("theirs", selection=[open_tasks])
"""
