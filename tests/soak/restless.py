"""A world that does not rest: random changes and faults, with a note of what was visible when."""

import random
import threading
import time
from collections import Counter
from datetime import UTC, datetime
from typing import Any, Final

from taskhouse.emulator.serve import Emulator

FAULTS: Final[tuple[dict[str, Any], ...]] = (
    {"kind": "500", "times": 3},
    {"kind": "502", "times": 12},
    {"kind": "429", "times": 2, "retry_after": 1},
    {"kind": "reset", "times": 2},
    {"kind": "truncated", "times": 2},
    {"kind": "not_json", "times": 2},
    {"kind": "count_lies", "by": 3, "times": 1},
    {"kind": "count_lies", "by": -2, "times": 1},
    {"kind": "missing_row", "times": 1},
    {"kind": "duplicate_row", "times": 2},
    {"kind": "page_clamped", "limit": 30, "times": 4},
    {"kind": "next_cycles", "times": 2},
    {"kind": "mistyped_field", "field": "results.2.title", "value": 7, "times": 1},
    {"kind": "unknown_field", "times": 2},
    {"kind": "delay", "seconds": 0.5, "times": 2},
)
ACTIONS: Final = (
    *["rename"] * 3,
    *["new_task"] * 3,
    *["new_run"] * 3,
    *["hide"] * 3,
    *["show"] * 3,
    *["finish"] * 2,
    *["move"] * 2,
    "reopen",
    "delete",
    "archive",
    "fault",
    "fault",
)


class Restless:
    """Changes the emulator from a thread until told to stop.

    Attributes:
        seen: By task, the moments between which its visibility became what it then was.
    """

    def __init__(self, emulator: Emulator, seed: int) -> None:
        self.emulator = emulator
        self.rng = random.Random(seed)
        self.started = datetime.now(UTC)
        self.visible: set[str] = {task["id"] for task in emulator.truth(runs=False)["tasks"]}
        self.hidden: list[str] = []
        self.seen: dict[str, list[tuple[datetime, datetime, bool]]] = {
            task_id: [(self.started, self.started, True)] for task_id in self.visible
        }
        self.runs: list[str] = []
        self.done: Counter[str] = Counter()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._go, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, with no fault left and the emulator's clock at rest."""
        self._stop.set()
        self._thread.join(60)
        self.emulator.faults()
        self.emulator.clock(speed=0)

    def _go(self) -> None:
        while not self._stop.is_set():
            action = self.rng.choice(ACTIONS)
            if getattr(self, f"_{action}")():
                self.done[action] += 1
            time.sleep(self.rng.uniform(0, 0.15))

    def _any(self) -> str:
        return self.rng.choice(sorted(self.visible))

    def _change(self, task_id: str | None, action: str, *, visible: bool, **given: Any) -> dict[str, Any]:
        """A mutation after which the task is visible or not; None stands for a new one."""
        before = datetime.now(UTC)
        named = {} if task_id is None else {"task_id": task_id}
        result = self.emulator.mutate(action, **named, **given)
        self.seen.setdefault(result["task_id"], []).append((before, datetime.now(UTC), visible))
        (self.visible.add if visible else self.visible.discard)(result["task_id"])
        return result

    def _new_task(self) -> bool:
        run = self.rng.random() < 0.5
        result = self._change(None, "new_task", visible=True, title=f"task {self.done['new_task']}", run=run)
        self.runs += [result["run_id"]] if run else []
        return True

    def _delete(self) -> bool:
        self._change(self._any(), "delete", visible=False)
        return True

    def _hide(self) -> bool:
        task_id = self._any()
        if len(self.hidden) > 30:
            return False
        self._change(task_id, "hide", visible=False)
        self.hidden.append(task_id)
        return True

    def _show(self) -> bool:
        if not self.hidden:
            return False
        self._change(self.hidden.pop(self.rng.randrange(len(self.hidden))), "show", visible=True)
        return True

    def _rename(self) -> bool:
        self.emulator.mutate("rename", task_id=self._any(), title=f"name {self.rng.random()}")
        return True

    def _archive(self) -> bool:
        self.emulator.mutate("archive", task_id=self._any(), archived=self.rng.random() < 0.7)
        return True

    def _move(self) -> bool:
        self.emulator.mutate("move", task_id=self._any(), repository=f"acme/moved-{self.rng.randrange(4)}")
        return True

    def _new_run(self) -> bool:
        self.runs.append(self.emulator.mutate("new_run", task_id=self._any())["run_id"])
        return True

    def _finish(self) -> bool:
        return self._try("finish", status=self.rng.choice(["completed", "failed", "cancelled"]))

    def _reopen(self) -> bool:
        return self._try("reopen")

    def _try(self, action: str, **given: Any) -> bool:
        """What works only for a run in the right state."""
        try:
            self.emulator.mutate(action, run_id=self.rng.choice(self.runs), **given)
        except (IndexError, OSError):
            return False
        return True

    def _fault(self) -> bool:
        endpoint = self.rng.choice(["tasks.list", "tasks.list", "tasks.summaries", "runs.list"])
        self.emulator.faults()
        self.emulator.faults({**self.rng.choice(FAULTS), "endpoint": endpoint, "after": self.rng.randrange(3)})
        return True
