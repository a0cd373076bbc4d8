"""What grows with the history, and what does not."""

from contextlib import AbstractContextManager

from benchmarks.cases.pages import COLUMNS
from benchmarks.harness import emulator
from benchmarks.harness.case import Case, Contender, Size
from taskhouse.emulator.settings import EmulatorSettings


def served(_: Size) -> AbstractContextManager[str]:
    """A quiet and small project, which is the same beside any history."""
    return emulator.serving(EmulatorSettings(tasks=100, repositories=3, live_runs=0, speed=0, throttle=False))


GROWTH = Case(
    "growth",
    "Passes, commands and a tail that find nothing new, and a load of a batch, beside a history of a year.",
    (Contender("taskhouse", "growth", "Nothing is left out: every pass is recorded and proved.", slow=True),),
    quick=tuple({"runs": runs, "events of a run": 500} for runs in (20, 200)),
    full=tuple({"runs": runs, "events of a run": 500} for runs in (40, 400, 4000)),
    columns={**COLUMNS, "disk_mb": "on disk, MB", "rows": "live events", "requests": "requests"},
    serve=served,
    requests=emulator.answered,
    prepared=True,
)
