"""The plan of each run: what it emits, derived from the run's seed whenever it is asked for."""

from __future__ import annotations

import random
import re
from itertools import takewhile
from typing import TYPE_CHECKING, Any, Final

from taskhouse.emulator.script import RunSpec, improvise, play

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from taskhouse.emulator.script import Step
    from taskhouse.emulator.settings import EmulatorSettings
    from taskhouse.emulator.world.model import Run

_LIVE_S: Final = (90.0, 600.0)
"""Shortest and longest natural duration of a live run."""
_ADAPTERS: Final = ("claude", "codex")
"""Whose manner is known; a run of any other adapter is played in the first one's."""
_OUTCOMES: Final = ("completed", "failed", "cancelled")
_OUTCOME_WEIGHTS: Final = (80, 14, 6)
_LONG_ONE_IN: Final = 25
_LONG_SIZE: Final = 4.0
_CUT: Final = 0.7
"""How far a run came that nobody finished."""
_UNNUMBERED_ONE_IN: Final = 3
"""One improvised run in this many has an agent that gives no event ids."""
_BOOTS: Final = 10
"""Boots of an agent that each incarnation of a run may have."""
_NUMBER: Final = re.compile(r"""(?:, ?"(?:first_)?event_id": ?"[^"]+-[0-9]+")+\}$""")


def steps_of(run: Run, settings: EmulatorSettings, *, pace: float | None = None) -> Iterator[Step]:
    """The steps of the run's present incarnation.

    With a ``pace`` the run is going on and has a length of its own (half of it at pace 2); without, it is history and
    fills the time between its start and its end.
    """
    rng = random.Random(f"{run.seed}-{run.incarnation}")
    outcome: Any = rng.choices(_OUTCOMES, _OUTCOME_WEIGHTS)[0]
    duration = rng.uniform(*_LIVE_S) / (pace or 1.0)
    if pace is None:
        until = run.completed_at or run.log_written_at or run.created_at
        duration = max(1.0, (until - _started(run)).total_seconds())
        outcome = run.status if run.is_terminal() else "completed"
    size = _LONG_SIZE if run.seed % _LONG_ONE_IN == 0 else rng.uniform(0.15, 1.1)
    fate = run.fate if pace is not None else None
    if fate is not None:
        outcome, duration, size = fate.outcome, fate.duration_s / (pace or 1.0), fate.size
    known = run.runtime_adapter if run.runtime_adapter in _ADAPTERS else _ADAPTERS[0]
    adapter: Any = "pi" if run.task.runtime == "pi" else known
    spec = RunSpec(
        run_id=run.id,
        task_id=run.task.id,
        repository=run.task.repository or "acme/scratch",
        branch=run.branch or f"posthog-code/{run.id[:8]}",
        adapter=adapter,
        outcome=outcome,
        started_at=_started(run),
        duration_s=duration,
        size=size * settings.events,
        prompt=run.task.title,
        resumes=run.resume_from is not None or run.incarnation > 0,
        october=settings.october_agents,
        first_boot=1 + _BOOTS * run.incarnation,
        model=run.model if fate is not None else None,
        error=fate.error if fate is not None else "",
        pull_request=None if fate is None else fate.pull_request,
    )
    improvised = settings.surprise is not None and "agents" in settings.surprise.aspects
    steps = (improvise if improvised else play)(spec, rng)
    if fate is not None and fate.stops_after < 1:
        steps = takewhile(lambda step: step.at_s < duration * fate.stops_after, steps)
    numbered = settings.event_ids and not (improvised and run.seed % _UNNUMBERED_ONE_IN == 0)
    return steps if numbered else map(_unnumbered, steps)


def _unnumbered(step: Step) -> Step:
    """The step as an older agent does it, without event ids."""
    return step._replace(
        live=step.live and _NUMBER.sub("}", step.live),
        log=step.log and _NUMBER.sub("}", step.log),
    )


def _started(run: Run) -> datetime:
    return run.started_at or run.created_at


def log_of(run: Run, settings: EmulatorSettings) -> list[str]:
    """The whole log of a run of the past."""
    lines = [step.log for step in steps_of(run, settings) if step.log is not None]
    return lines if run.is_terminal() else lines[: int(len(lines) * _CUT)]
