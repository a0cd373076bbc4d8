"""The dice of a world: which of the things that can happen happens next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.worlds import agent

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.worlds.life import Life
    from tests.worlds.state import Run

HOUR = 3600.0
MONTH = 30 * 24 * HOUR


def step(life: Life, at: float) -> None:
    """Let one thing happen."""
    weights = dict(_KINDS)
    kind = life.rng.choices(list(weights), list(weights.values()))[0]
    _ACTS[kind](life, at)


def quiet(life: Life, at: float) -> None:
    """What goes by itself with time: logs are flushed, streams and logs expire."""
    for run in life.world.runs():
        agent.flush(run, at)
        last = run.last_stream_ms[0] / 1000
        if run.stream is not None and at - last > (HOUR / 2 if run.sentinel else 6 * HOUR):
            agent.drop_stream(run, at)
            life.tell(at, f"stream of {run.id} expired")
        if run.entries and run.entries[-1].until > at and at - run.entries[-1].since > MONTH:
            life.tell(at, f"log of {run.id} expired")
            for piece in run.entries:
                piece.until = min(piece.until, at)


def _some(life: Life, test: Callable[[Run], bool]) -> Run | None:
    runs = [run for run in life.world.runs() if test(run) and not run.task.deleted]
    return life.rng.choice(runs) if runs else None


def _new_run(life: Life, at: float) -> None:
    visible = life.world.visible()
    if not visible:
        return
    task = life.rng.choice(visible[:30])
    parent = task.latest if life.rng.random() < 0.5 else None
    parent = parent if parent is not None and parent.terminal else None
    life.new_run(task, at, parent=parent)


def _begin(life: Life, at: float) -> None:
    run = _some(life, lambda run: run.row["status"] == "queued")
    if run:
        life.begin(run, at)


def _work(life: Life, at: float) -> None:
    run = _some(life, lambda run: run.row["status"] == "in_progress" and run.sentinel is None)
    if run:
        life.work(run, at)


def _finish(life: Life, at: float) -> None:
    run = _some(life, lambda run: run.row["status"] in ("queued", "in_progress"))
    if run:
        life.finish(run, at)


def _reopen(life: Life, at: float) -> None:
    run = _some(life, lambda run: run.terminal and run.row["environment"] == "cloud")
    if run:
        life.reopen(run, at)


def _hide(life: Life, at: float) -> None:
    visible = life.world.visible()
    if len(visible) > 3:
        life.hide(life.rng.choice(visible), at)


def _show(life: Life, at: float) -> None:
    hidden = [task for task in life.world.tasks.values() if not task.seen.now() and not task.deleted]
    if hidden:
        life.show(life.rng.choice(hidden), at)


def _swap(life: Life, at: float) -> None:
    hidden = [task for task in life.world.tasks.values() if not task.seen.now() and not task.deleted]
    _hide(life, at)
    if hidden:
        life.show(life.rng.choice(hidden), at)


def _delete(life: Life, at: float) -> None:
    visible = life.world.visible()
    if len(visible) > 5:
        life.delete(life.rng.choice(visible), at)


def _edit(life: Life, at: float) -> None:
    visible = life.world.visible()
    if visible:
        life.edit(life.rng.choice(visible), at)


def _refuse(life: Life, at: float) -> None:
    run = _some(life, lambda _: True)
    if run:
        life.refuse(run, at)


def _accept(life: Life, at: float) -> None:
    run = _some(life, lambda run: run.refused.now())
    if run:
        life.refuse(run, at)


def _sentinel(life: Life, at: float) -> None:
    run = _some(life, lambda run: run.row["status"] == "in_progress" and run.stream is not None)
    if run and run.sentinel is None:
        run.sentinel = ("error", "Connection lost to task run stream")
        life.tell(at, f"run {run.id} has an error sentinel")


def _lost_stream(life: Life, at: float) -> None:
    run = _some(life, lambda run: run.stream is not None)
    if run:
        agent.drop_stream(run, at)
        life.tell(at, f"stream of {run.id} lost")


def _restart(life: Life, at: float) -> None:
    run = _some(life, lambda run: run.row["status"] == "in_progress" and run.agent.numbered)
    if run:
        agent.close_message(run, at, life.world.nature.log_lag)
        run.agent.boot, run.agent.number = f"again{len(run.frames)}", 0


_KINDS = {
    "new_task": 5, "new_run": 6, "begin": 10, "work": 30, "finish": 8, "reopen": 3, "hide": 3, "show": 4, "swap": 4,
    "delete": 1, "edit": 5, "refuse": 1, "accept": 2, "sentinel": 1, "lost_stream": 1, "restart": 2,
}  # fmt: skip
_ACTS: dict[str, Callable[[Life, float], None]] = {
    "new_task": lambda life, at: (life.new_task(at), None)[1],
    "new_run": _new_run, "begin": _begin, "work": _work, "finish": _finish, "reopen": _reopen, "hide": _hide,
    "show": _show, "swap": _swap, "delete": _delete, "edit": _edit, "refuse": _refuse, "accept": _accept,
    "sentinel": _sentinel, "lost_stream": _lost_stream, "restart": _restart,
}  # fmt: skip
