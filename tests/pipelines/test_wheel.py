"""The wheel, made from the sdist and installed where somebody's Dagster project has folders with the names of ours."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from taskhouse.pipelines.upgrade import LOCATION as MODULE
from tests.pipelines.conftest import OURS
from tests.pipelines.deployment import commandline, family, until
from tests.tied import tied

ROOT = Path(__file__).parents[2]
FOLDERS = ("assets", "pipelines", "emulator")
THEIRS = {
    "assets": "import dagster as dg\n\n@dg.asset\ndef theirs() -> None: ...\n",
    "pipelines": "import assets\nimport dagster as dg\n\ndefs = dg.Definitions([assets.theirs])\n",
}


class Project:
    """A project with an `assets` and a `pipelines` of its own, and an environment that has our wheel."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "project"
        for name, text in THEIRS.items():
            (self.folder / name).mkdir(parents=True)
            (self.folder / name / "__init__.py").write_text(text, "utf-8")
        _ours("-m", "hatchling", "build", "-t", "sdist", "-d", str(folder), cwd=ROOT)
        (sdist,) = folder.glob("*.tar.gz")
        shutil.unpack_archive(sdist, folder, filter="data")
        _ours("-m", "hatchling", "build", "-t", "wheel", "-d", str(folder), cwd=folder / sdist.name[: -len(".tar.gz")])
        (self.wheel,) = folder.glob("*.whl")
        _ours("-m", "venv", "--without-pip", str(folder / "venv"), cwd=folder)
        self.bin = folder / "venv" / "bin"
        install = ("install", "--quiet", "--no-deps", "--no-index", "--no-compile", str(self.wheel))
        _ours("-m", "pip", "--python", str(self.bin / "python"), *install, cwd=folder)
        self.packages = Path(sysconfig.get_path("purelib", vars={"base": str(folder / "venv")}))
        # What it depends on is found in this environment; a `.pth` there, such as our own, is not read.
        (self.packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"), "utf-8")
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith((*OURS, "PYTHON"))}

    def start(self, command: str, *words: str, **variables: str) -> "subprocess.Popen[str]":
        """Start a command of the environment, in the project."""
        return subprocess.Popen(
            tied([str(self.bin / command), *words]),
            cwd=self.folder,
            env=self.environment | variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, command: str, *words: str, **variables: str) -> str:
        """What it says, if it ends well."""
        process = self.start(command, *words, **variables)
        said, _ = process.communicate(timeout=180)
        assert process.returncode == 0, said
        return said


def _ours(*words: str, cwd: Path) -> None:
    subprocess.run([sys.executable, *words], cwd=cwd, check=True, capture_output=True)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return Project(tmp_path_factory.mktemp("wheel"))


@pytest.fixture
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        found: int = free.getsockname()[1]
        return found


@pytest.mark.parametrize("name", FOLDERS)
def test_a_folder_of_the_checkout_has_one_name(name: str) -> None:
    shown = subprocess.run(
        [sys.executable, "-S", "-c", f"import {name}"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert f"ImportError: import taskhouse.{name}, not {name}" in shown.stderr


@pytest.mark.slow
def test_a_wheel_brings_one_name_and_every_file(project: Project) -> None:
    files = {name for name in zipfile.ZipFile(project.wheel).namelist() if ".dist-info/" not in name}
    assert files == {
        (Path("taskhouse") / path.relative_to(ROOT / "taskhouse" if folder == "taskhouse" else ROOT)).as_posix()
        for folder in ("taskhouse", *FOLDERS)
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }

    code = (
        "import importlib.util, json, assets, pipelines, taskhouse.assets, taskhouse.pipelines, taskhouse.emulator\n"
        "modules = assets, pipelines, taskhouse.assets, taskhouse.pipelines, taskhouse.emulator\n"
        "print(json.dumps([importlib.util.find_spec('emulator') is None, *(module.__file__ for module in modules)]))"
    )
    theirs = [project.folder / name for name in THEIRS]
    ours = [project.packages / "taskhouse" / name for name in FOLDERS]
    places = json.loads(project.run("python", "-c", code))
    assert places == [True, *(str(package / "__init__.py") for package in (*theirs, *ours))]


@pytest.mark.slow
def test_the_demo_ends_with_everything_equal_and_nothing_added(project: Project) -> None:
    few = ("--days", "1", "--tasks", "4", "--live-runs", "1", "--repositories", "2", "--seed", "5")
    said = project.run("taskhouse", "demo", *few)

    assert "Everything matches the truth." in said
    assert "No row was added to any raw table." in said
    assert "How do the models do?" in said
    assert (project.folder / ".taskhouse" / "demo" / "reports" / "readiness.html").exists()
    assert len(list((project.folder / ".taskhouse" / "demo" / "runs").glob("*.html"))) == 1
    assert (project.folder / ".taskhouse" / "demo" / "warehouse.duckdb").exists()
    assert "phx_emulator" not in said


@pytest.mark.slow
def test_a_sync_and_our_definitions_beside_theirs(project: Project, quiet: Any) -> None:
    said = project.run("taskhouse", "sync", "--select", "tasks", **quiet.environment)
    assert "tasks: complete" in said

    text = (ROOT / "docs" / "dagster.md").read_text("utf-8")
    workspace = next(found for found in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL) if MODULE in found)
    file = quiet.home / "workspace.yaml"
    file.write_text(workspace.replace("my_project.definitions", "pipelines"), "utf-8")
    environment = {**quiet.environment, "DAGSTER_HOME": str(quiet.home / "dagster")}
    said = project.run("python", "-m", "dagster", "definitions", "validate", "-w", str(file), **environment)
    assert all(f"code location {name}" in said for name in ("pipelines", "taskhouse")), said
    assert "All code locations passed validation" in said


EXAMPLE = """
import json
from io import BytesIO
from unittest.mock import patch

import dagster as dg
from dagster.components.core.package_entry import discover_entry_point_package_objects

from acme_agents.definitions import defs

found = [key.to_typename() for key in discover_entry_point_package_objects()]
repository, alerts = defs().get_repository_def(), []
sensor = repository.get_sensor_def("taskhouse_failures")


def posted(request, timeout):
    alerts.append(json.loads(request.data)["text"])
    return BytesIO()


def tick(instance, cursor):
    context = dg.build_sensor_context(instance, cursor, repository_def=repository)
    with patch("urllib.request.urlopen", posted):
        return sensor.evaluate_tick(context).cursor


def run(job, *names, **more):
    selection = [dg.AssetKey(name.split("/")) for name in names]
    ended = job.execute_in_process(instance=instance, asset_selection=selection, raise_on_error=False, **more)
    return ended.success


with dg.DagsterInstance.ephemeral() as instance:
    cursor = tick(instance, None)
    job = repository.get_job("posthog_sync")
    passes = [run(job, "posthog/tasks", "posthog/runs", "posthog/published", partition_key="1")]
    passes.append(run(job, "posthog/tasks", partition_key="99"))
    theirs = run(repository.get_implicit_global_asset_job_def(), "run_durations", "failing_tools", "digest")
    tick(instance, tick(instance, cursor))
print(json.dumps([found, passes, theirs, alerts]))
"""


@pytest.mark.slow
def test_the_example_runs_in_an_environment_that_has_the_wheel(project: Project, quiet: Any, tmp_path: Path) -> None:
    example = shutil.copytree(ROOT / "examples" / "acme", tmp_path / "acme")
    file = example / "acme_agents" / "defs" / "posthog" / "defs.yaml"
    file.write_text(file.read_text("utf-8").replace("projects: [1]", "projects: [1, 99]"), "utf-8")
    environment = {**quiet.environment, "PYTHONPATH": str(example), "ALERTS_WEBHOOK": "http://localhost:1"}
    said = project.run("python", "-c", EXAMPLE, **environment)
    found, passes, theirs, alerts = json.loads(said.splitlines()[-1])

    assert "taskhouse.TaskhouseProject" in found
    assert (passes, theirs) == ([True, False], True)
    assert [text.partition(": ")[0] for text in alerts] == ["posthog/tasks of project 99 failed"]
    assert "acme/" in (example / "digest.txt").read_text("utf-8")
    assert quiet.environment["POSTHOG_PERSONAL_API_KEY"] not in said


@pytest.fixture
def dev(project: Project, port: int, tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    process = project.start("taskhouse", "dev", "--port", str(port), TASKHOUSE_HOME=str(tmp_path / "home"))
    yield process
    for end in (signal.SIGINT, signal.SIGKILL):
        if process.poll() is None:
            os.killpg(process.pid, end)
            try:
                process.communicate(timeout=30)
            except subprocess.TimeoutExpired:
                continue


@pytest.mark.slow
def test_dev_serves_the_definitions(dev: "subprocess.Popen[str]", port: int) -> None:
    query = "{ repositoriesOrError { ... on RepositoryConnection { nodes { location { name } assetNodes { id } } } } }"

    def served() -> Any:
        assert dev.poll() is None, dev.communicate()[0]
        try:
            answer = httpx.post(f"http://127.0.0.1:{port}/graphql", json={"query": query}, timeout=60).json()
        except httpx.TransportError:
            return None
        return answer["data"]["repositoriesOrError"].get("nodes")

    (location,) = until(served)
    assert location["location"] == {"name": MODULE}
    assert len(location["assetNodes"]) > 20
    waiting = [pid for pid in (dev.pid, *family(dev.pid)) if "/taskhouse\0dev\0" in commandline(pid)]
    assert len(waiting) == 2
    for pid in waiting:
        assert "sqlalchemy" not in Path(f"/proc/{pid}/maps").read_text("utf-8")  # which Dagster imports
