"""The README as a newcomer follows it: an empty HOME, somebody else's HOST and API_KEY, and a misspelt setting."""

import re
import shlex
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from taskhouse.emulator.serve import Emulator
from taskhouse.emulator.settings import EmulatorSettings
from tests.pipelines.conftest import QUIET, Scene

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")


def steps() -> tuple[list[str], list[list[str]]]:
    """The variables of the three steps, and the commands of them, ``make dev`` aside."""
    (section,) = re.findall(r"^## Three steps.*?(?=^## )", README, re.DOTALL | re.MULTILINE)
    variables: list[str] = []
    commands: list[list[str]] = []
    for block in re.findall(r"^ +```sh\n(.*?)^ +```", section, re.DOTALL | re.MULTILINE):
        for line in re.split(r"\n|&&", block):
            words = shlex.split(line, comments=True)
            if words[:1] == ["export"]:
                variables += [word.partition("=")[0] for word in words[1:]]
            elif words[:1] == ["make"] and words[1] not in {"setup", "dev"}:
                (recipe,) = re.findall(rf"^{words[1]}:.*\n\t\$\(BIN\)/taskhouse (.*)$", MAKEFILE, re.MULTILINE)
                commands.append(shlex.split(recipe))
            elif words and words[0].endswith("/taskhouse"):
                commands.append(words[1:])
    return variables, commands


def queries() -> list[str]:
    return re.findall(r'^\$ taskhouse query "(.*?)"$', README, re.DOTALL | re.MULTILINE)


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Scene]:
    with Emulator(EmulatorSettings(**{**QUIET, "tasks": 3, "repositories": 1, "projects": (1,)})) as running:
        yield Scene(running, tmp_path / ".taskhouse")


@pytest.fixture
def elsewhere() -> Iterator[socket.socket]:
    """A server that nothing of ours may ask."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)  # noqa: FBT003 - it takes no name
        yield listener


def test_the_readme_leads_to_a_history(
    inside: Any, small: Any, elsewhere: socket.socket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = tmp_path / "nobody"
    empty.mkdir()
    for name in ("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "DAGSTER_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(empty))
    monkeypatch.setenv("HOST", f"http://127.0.0.1:{elsewhere.getsockname()[1]}")
    monkeypatch.setenv("API_KEY", "sk_somebody_elses")
    monkeypatch.setenv("PROJECT_IDS", "77")
    names, commands = steps()
    ours = {name: small.environment[name] for name in names}
    key = ours["POSTHOG_PERSONAL_API_KEY"]

    wrong = inside.run(*commands[0], **ours, TASKHOUSE_REPORT_DAY="3")
    assert (wrong.code, "TASKHOUSE_REPORT_DAY is set, but is not a setting" in wrong.err) == (2, True), wrong
    for command in commands:
        ended = inside.run(*command, **ours)
        assert ended.code == 0, ended
        assert key not in ended.said
    assert [command[0] for command in commands] == ["check", "sync", "schedule"]

    assert len(queries()) == 3
    for query in queries():
        ended = inside.run("query", query)
        assert ended.code == 0, ended
        assert len(ended.out.splitlines()) > 1, ended
    assert list(empty.iterdir()) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == [".taskhouse", "nobody"]
    with pytest.raises(BlockingIOError):
        elsewhere.accept()
