"""``python -m taskhouse.emulator``: its options, and the environment that it prints."""

import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from taskhouse.emulator.__main__ import parser, settings_of
from taskhouse.emulator.app import build_app
from taskhouse.emulator.settings import EmulatorSettings
from tests.tied import tied


def test_the_options_become_settings() -> None:
    arguments = parser().parse_args(
        "--seed 3 --tasks 7 --repositories 2 --live-runs 1 --speed 60 --pace 10 --events 0.5 --no-throttle"
        " --frozen-activity --project 1 --project 4 --key phx_b:2:4:task:read,user:read --member 2:4"
        " --start 2026-09-14T10:00:00+00:00 --max-streams 9".split()
    )
    settings = settings_of(arguments)
    assert (settings.seed, settings.tasks, settings.repositories, settings.live_runs) == (3, 7, 2, 1)
    assert (settings.speed, settings.pace, settings.events, settings.max_streams) == (60.0, 10.0, 0.5, 9)
    assert (settings.throttle, settings.activity_moves) == (False, False)
    assert (settings.projects, settings.members) == ((1, 4), {2: (4,)})
    assert [(key.value, key.user_id, key.projects) for key in settings.keys] == [
        ("phx_b", 2, (4,)),
        ("phx_emulator", 1, (1, 4)),
    ]
    assert sorted(build_app(settings).service.world.projects) == [1, 4]


def test_no_option_is_the_default() -> None:
    assert settings_of(parser().parse_args([])) == EmulatorSettings()


def test_a_key_of_another_form_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parser().parse_args(["--key", "phx_b"])
    assert "--key" in capsys.readouterr().err


@pytest.mark.parametrize("more", ["", "--project 2", "--project 2 --key phx_b:2:2:task:read,user:read"])
def test_it_prints_an_environment_and_answers_there(more: str) -> None:
    command = [
        sys.executable,
        "-m",
        "taskhouse.emulator",
        "--port",
        "0",
        "--tasks",
        "3",
        "--live-runs",
        "0",
        *more.split(),
    ]
    root = Path(__file__).parents[2]
    with subprocess.Popen(tied(command), stdout=subprocess.PIPE, text=True, cwd=root) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline().strip().removeprefix("export ") for _ in range(3)]
        variables = dict(line.split("=", 1) for line in lines)
        headers = {"Authorization": f"Bearer {variables['POSTHOG_PERSONAL_API_KEY']}"}
        path = f"/api/projects/{variables['POSTHOG_PROJECT_IDS']}/tasks/"
        answer = httpx.get(variables["POSTHOG_HOST"] + path, headers=headers, timeout=30)
        process.terminate()
    assert answer.status_code == 200
    assert variables["POSTHOG_PERSONAL_API_KEY"] == ("phx_b" if "phx_b" in more else "phx_emulator")


def test_a_count_below_zero_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parser().parse_args(["--tasks", "-5"])
    assert "0 or more" in capsys.readouterr().err
