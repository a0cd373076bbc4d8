"""Emulators, homes of their own, and the command line as a person starts it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest
from dagster._core.storage.defs_state.base import set_defs_state_storage
from typer.testing import CliRunner

from taskhouse import settings as settings_module
from taskhouse.emulator.serve import Emulator
from taskhouse.emulator.settings import EmulatorSettings, Key
from taskhouse.pipelines.cli.app import app
from taskhouse.settings import Settings
from tests.blank import started
from tests.pipelines.deployment import Deployment
from tests.report.browser import chromium
from tests.tied import tied

__all__ = ["chromium"]

SECRET = "phx_never_to_be_shown_4711"
OURS = ("POSTHOG_", "TASKHOUSE_", "DAGSTER_", "FORCE_COLOR", "COLUMNS")
QUIET: dict[str, Any] = {
    "tasks": 16,
    "repositories": 3,
    "live_runs": 0,
    "events": 0.3,
    "throttle": False,
    "projects": (1, 2),
    "keys": (Key(SECRET, 1, (), ("task:read", "user:read")),),
}
LIVE: dict[str, Any] = {**QUIET, "tasks": 40, "live_runs": 3, "pace": 4.0}


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        return self.out + self.err


class Commands:
    """Runs ``taskhouse``, or another module, in processes of their own, with none of this machine's settings."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.started: list[subprocess.Popen[str]] = []

    def start(
        self, *arguments: str, module: str = "taskhouse.pipelines.cli", **variables: str
    ) -> "subprocess.Popen[str]":
        """Start one and go on."""
        process = subprocess.Popen(
            tied([sys.executable, "-m", module, *arguments]),
            cwd=self.folder,
            env={**{name: value for name, value in os.environ.items() if not name.startswith(OURS)}, **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            umask=0o022,  # of most machines
        )
        self.started.append(process)
        return process

    def end(self, process: "subprocess.Popen[str]", within_s: float = 120.0) -> Ended:
        """Wait for one."""
        out, err = process.communicate(timeout=within_s)
        return Ended(process.returncode, out, err)

    def run(self, *arguments: str, module: str = "taskhouse.pipelines.cli", **variables: str) -> Ended:
        """Run one to its end."""
        return self.end(self.start(*arguments, module=module, **variables))

    def close(self) -> None:
        """End every process that still runs."""
        for process in self.started:
            if process.poll() is None:
                process.kill()
                process.communicate()


@dataclass(frozen=True)
class Scene:
    """An emulator, and a home that is synced from it."""

    emulator: Emulator
    home: Path

    @property
    def environment(self) -> dict[str, str]:
        """Variables that point a command here, for project 1."""
        return {
            **self.emulator.environment(),
            "POSTHOG_PROJECT_IDS": "1",
            "TASKHOUSE_HOME": str(self.home),
            "TASKHOUSE_REQUESTS_PER_HOUR": "0",
            "TASKHOUSE_LOG_FINAL_S": "1",
        }

    def hurry(self, process: "subprocess.Popen[str]") -> str:
        """Let the clock run thirty times as fast once the runs are about to be captured; what was said until then."""
        assert process.stderr is not None
        said = ""
        for line in process.stderr:
            said += line
            if "runs:" in line:
                self.emulator.clock(speed=30)
                break
        return said

    def capture(self, process: "subprocess.Popen[str]", commands: Commands) -> Ended:
        """A sync to its end, with the clock running while it captures."""
        said = self.hurry(process)
        ended = commands.end(process)
        return Ended(ended.code, ended.out, said + ended.err)

    @property
    def settings(self) -> Settings:
        """The same for this process."""
        where: dict[str, Any] = {"host": self.emulator.url, "api_key": SECRET, "project_ids": (1,), "home": self.home}
        return Settings(_env_file=None, **where)


@pytest.fixture(autouse=True)
def _no_instance_left() -> Iterator[None]:
    """A schedule's context can leave its instance behind as the place where definitions look for state."""
    with set_defs_state_storage(None):
        yield


@pytest.fixture(autouse=True)
def _nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No settings of this machine, a folder without a ``.env``, and the umask of most machines."""
    umask = os.umask(0o022)
    for name in list(os.environ):
        if name.startswith(OURS):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    settings_module.load.cache_clear()
    yield
    settings_module.load.cache_clear()
    os.umask(umask)


class Inside:
    """Runs ``taskhouse`` in this process: no start-up time, and the same behaviour but for signals and terminals."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self._patch = patch

    def run(self, *arguments: str, **variables: str) -> Ended:
        """Run one command to its end, with these settings alone."""
        with self._patch.context() as patch:
            for name, value in variables.items():
                patch.setenv(name, value)
            settings_module.load.cache_clear()
            ended = CliRunner().invoke(app, arguments)
        settings_module.load.cache_clear()
        return Ended(ended.exit_code, ended.stdout, ended.stderr)


@pytest.fixture
def inside(monkeypatch: pytest.MonkeyPatch) -> Inside:
    """Runs commands in this process."""
    return Inside(monkeypatch)


@pytest.fixture
def taskhouse(tmp_path: Path) -> Iterator[Commands]:
    """Runs commands; what still runs is ended with the test."""
    commands = Commands(tmp_path)
    yield commands
    commands.close()


@pytest.fixture
def quiet(tmp_path: Path) -> Iterator[Scene]:
    """Two projects in which nothing moves, and an empty home."""
    with Emulator(EmulatorSettings(**QUIET)) as running:
        yield Scene(running, started(tmp_path / "home"))


@pytest.fixture
def lively(tmp_path: Path) -> Iterator[Scene]:
    """Forty tasks, three of them with a run that is going on, on a clock that stands nearly still; an empty home."""
    with Emulator(EmulatorSettings(**LIVE)) as running:
        yield Scene(running, started(tmp_path / "home"))


@dataclass(frozen=True)
class Synced(Scene):
    """A scene after its first sync, and how that ended."""

    first: Ended


@pytest.fixture(scope="session")
def synced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Synced]:
    """A lively scene after its first sync; for tests that add nothing to it."""
    folder = tmp_path_factory.mktemp("synced")
    commands = Commands(folder)
    with Emulator(EmulatorSettings(**LIVE)) as running:
        scene = Scene(running, started(folder / "home"))
        first = scene.capture(commands.start("sync", **scene.environment), commands)
        assert first.code == 0, first
        yield Synced(running, scene.home, first)
    commands.close()


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """One project in which nothing moves, and a home for ``dev``."""
    with Emulator(EmulatorSettings(**{**QUIET, "projects": (1,)})) as running:
        yield Scene(running, tmp_path_factory.mktemp("dev") / "home")


@pytest.fixture(scope="module")
def dev(scene: Scene, request: pytest.FixtureRequest) -> Iterator[Deployment]:
    """One ``taskhouse dev`` for all tests of a module: five processes, which take their time to start.

    It ends with the module, since it costs processor time for as long as it lives. The module may name its CRONS.
    """
    crons = getattr(request.module, "CRONS", "")
    deployment = Deployment(scene.settings, {**os.environ, **scene.environment, "TASKHOUSE_CRONS": crons})
    yield deployment
    deployment.close()


@pytest.fixture(scope="module")
def home_of_texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose published copy has one empty table."""
    folder = tmp_path_factory.mktemp("home") / "published"
    folder.mkdir()
    with duckdb.connect(str(folder / "20260101T000000000000Z.duckdb")) as connection:
        connection.execute("CREATE TABLE texts (number INT, text VARCHAR)")
    (folder / "current.duckdb").symlink_to("20260101T000000000000Z.duckdb")
    return folder.parent
