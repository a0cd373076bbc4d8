"""The readiness of all repositories, over three windows."""

from contextlib import AbstractContextManager

from benchmarks.cases.events import COLUMNS
from benchmarks.harness import emulator
from benchmarks.harness.case import Case, Contender, Size
from taskhouse.emulator.settings import EmulatorSettings


def served(size: Size) -> AbstractContextManager[str]:
    """A project with the size's number of repositories."""
    repositories = size["repositories"]
    return emulator.serving(
        EmulatorSettings(tasks=repositories * 2, repositories=repositories, live_runs=0, speed=0, throttle=False)
    )


READINESS = Case(
    "readiness",
    "One pass over the readiness of all repositories.",
    (
        Contender(
            "taskhouse",
            "readiness_taskhouse",
            "The answer as it came, what its evidence rests on, and the proof that every repository was asked. It"
            " continues after a kill, and an answer that fails stops no other.",
        ),
        Contender(
            "by hand",
            "readiness_by_hand",
            "One request after the other; one that fails ends it, and everything read is lost.",
            environment="by_hand",
        ),
    ),
    quick=({"repositories": 50},),
    full=({"repositories": 100}, {"repositories": 1000}),
    columns=COLUMNS,
    per=("rows", "µs an answer"),
    serve=served,
    requests=emulator.answered,
)
