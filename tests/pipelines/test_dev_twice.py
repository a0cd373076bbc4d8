"""One Dagster for a home: a second one is refused, and told where the first one is."""

import subprocess
import sys
from pathlib import Path
from typing import Any

from taskhouse.pipelines.cli.dev import hold
from taskhouse.settings import Settings

HOLDS = """
import sys
from pathlib import Path
from types import SimpleNamespace
from taskhouse.pipelines.cli.dev import hold
hold(SimpleNamespace(home=Path(sys.argv[1])), "http://127.0.0.1:4711")
print("held", flush=True)
sys.stdin.read()
"""


def test_a_second_one_is_refused_while_the_first_lives(inside: Any, tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLDS, str(tmp_path / "home")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "held\n"
        second = inside.run("dev", TASKHOUSE_HOME=str(tmp_path / "home"))
        assert second.code == 1, second
        assert f"already: http://127.0.0.1:4711 (process {first.pid}, since 2" in second.err
        assert "stop it first" in second.err
        first.communicate()
    hold(Settings(_env_file=None, home=tmp_path / "home"), "http://127.0.0.1:3000")


def test_another_home_is_none_of_its_business(tmp_path: Path) -> None:
    hold(Settings(_env_file=None, home=tmp_path / "one"), "")
    hold(Settings(_env_file=None, home=tmp_path / "two"), "")
