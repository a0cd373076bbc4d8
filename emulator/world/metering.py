"""What a task has cost, as the server meters it: tokens and sandboxes, both by how long its runs went on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import datetime

    from taskhouse.emulator.world.model import Run, Task

_USD_AN_HOUR: Final = 0.12
"""Of a sandbox; local runs have none."""

_LONGEST_S: Final = 6 * 3600.0
"""After which nobody pays for a run that nobody ended."""

_WAITING: Final = frozenset({"not_started", "queued"})
_DIGITS: Final = 6


def usage(task: Task, now: datetime) -> dict[str, float]:
    """The body of ``GET /tasks/:id/usage/``, in US dollars; a run that goes on costs more every second."""
    tokens = sum(_seconds(run, now) * (1 + run.seed % 40) / 20_000 for run in task.runs)
    compute = sum(_seconds(run, now) * _USD_AN_HOUR / 3600 for run in task.runs if run.environment == "cloud")
    return {
        "token_cost_usd": round(tokens, _DIGITS),
        "compute_cost_usd": round(compute, _DIGITS),
        "total_cost_usd": round(tokens + compute, _DIGITS),
    }


def _seconds(run: Run, now: datetime) -> float:
    if run.status in _WAITING:
        return 0.0
    end = (run.completed_at or run.updated_at) if run.is_terminal() else now
    return min(_LONGEST_S, max(0.0, (end - run.created_at).total_seconds()))
