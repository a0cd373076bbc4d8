"""What happens to the streams: lost, set back, odd things in them, and the Redis behind them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from taskhouse.emulator.mutations.asked import MutationError, run_asked
from taskhouse.emulator.script.hostile import HOSTILE, large

if TYPE_CHECKING:
    from taskhouse.emulator.service import Service


def stream_error(service: Service, asked: dict[str, Any]) -> dict[str, Any]:
    """Close the stream of ``run_id`` with an error sentinel that says ``message``."""
    run = run_asked(service, asked)
    service.driver.fail_stream(run, str(asked.get("message", "Connection lost to task run stream")))
    return {"task_id": run.task.id, "run_id": run.id}


def restart_stream(service: Service, asked: dict[str, Any]) -> dict[str, Any]:
    """Lose the stream of ``run_id`` as a Redis does that is set back: the next events get the first ones' ids again."""
    run = run_asked(service, asked)
    service.driver.restart_stream(run)
    return {"task_id": run.task.id, "run_id": run.id}


def roll_back(service: Service, asked: dict[str, Any]) -> dict[str, Any]:
    """A failover of Redis: the newest ``events`` (5) of ``run_id`` are lost, and the agent sends them once more.

    With ``again`` false it does not; then the end marker of a closed stream is lost with them.
    """
    run, again = run_asked(service, asked), bool(asked.get("again", True))
    if again and service.store.stream(run.id).closed(service.clock.now_ms()):
        raise MutationError("only an open stream can be rolled back and written again")
    ids = service.driver.roll_back(run, int(asked.get("events", 5)), again=again)
    return {"task_id": run.task.id, "run_id": run.id, "stream_ids": ids}


def redis(service: Service, asked: dict[str, Any]) -> dict[str, Any]:
    """Let the Redis behind all streams be ``state``: up, down, or silent."""
    state = asked.get("state", "up")
    if state not in {"up", "down", "silent"}:
        raise MutationError("state is up, down or silent")
    service.store.set_redis(state)
    return {"state": state}


def inject(service: Service, asked: dict[str, Any]) -> dict[str, Any]:
    """Write odd things of ``run_id`` now: raw text to its stream (``live``) and its log (``log``), or named ones.

    ``hostile`` is a name of :data:`taskhouse.emulator.script.hostile.HOSTILE` or true for all of them, in both layers;
    ``bytes`` makes one legal event of about that size, filled with ``character``, in the stream. Answers with the
    stream ids, null where nobody was watching a presence-gated run.
    """
    run = run_asked(service, asked)
    pairs: list[tuple[str | None, str | None]] = []
    if "live" in asked or "log" in asked:
        pairs.append((asked.get("live"), asked.get("log")))
    if "hostile" in asked:
        names = list(HOSTILE) if asked["hostile"] is True else [asked["hostile"]]
        if not HOSTILE.keys() >= set(names):
            raise MutationError(f"hostile is true or one of: {', '.join(HOSTILE)}")
        pairs += [(HOSTILE[name], HOSTILE[name] if "\n" not in HOSTILE[name] else None) for name in names]
    if "bytes" in asked:
        pairs.append((large(int(asked["bytes"]), str(asked.get("character", "x"))), None))
    for live, log in pairs:
        if not all(text is None or (isinstance(text, str) and "\r" not in text) for text in (live, log)):
            raise MutationError("live and log are texts without carriage returns")
        if log is not None and "\n" in log:
            raise MutationError("a log entry is one line")
    ids = [service.driver.inject(run, live=live, log=log) for live, log in pairs]
    return {"task_id": run.task.id, "run_id": run.id, "stream_ids": ids}
