"""Commands: how long until each has ended, with the start of its process."""

from contextlib import AbstractContextManager

from benchmarks.harness import emulator
from benchmarks.harness.case import Case, Contender, Size
from taskhouse.emulator.settings import EmulatorSettings


def served(size: Size) -> AbstractContextManager[str]:
    """A quiet project."""
    return emulator.serving(EmulatorSettings(tasks=size["tasks"], repositories=3, live_runs=0, speed=0, throttle=False))


def command(name: str, goal: str, *arguments: str) -> Contender:
    """A command in a home that was synced."""
    return Contender(name, "command", goal, arguments)


STARTUP = Case(
    "start-up",
    "Commands from the start of their process to its end, in a home that was synced and where nothing changed since.",
    (
        command("taskhouse status", "Goal: 0.3 s.", "taskhouse", "status"),
        command("taskhouse --help", "Goal: 0.2 s.", "taskhouse", "--help"),
        command(
            "taskhouse sync", "Every resource; a note for Dagster. Goal: 2 s of processor time.", "taskhouse", "sync"
        ),
        command(
            "taskhouse query", "One row of the published copy.", "taskhouse", "query", "SELECT count(*) FROM tasks"
        ),
        command(
            "definitions",
            "Dagster's definitions, loaded. Goal: 1 s.",
            "python",
            "-c",
            "import taskhouse.pipelines.definitions",
        ),
    ),
    quick=({"tasks": 300},),
    full=({"tasks": 300}, {"tasks": 3000}),
    columns={"seconds": "seconds", "cpu_s": "processor time, s", "peak_mb": "peak, MB", "requests": "requests"},
    serve=served,
    requests=emulator.answered,
    prepared=True,
)
