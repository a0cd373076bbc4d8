"""Sorted lists of tasks that stay sorted: one for each combination of caller, filters and order that was asked for."""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from taskhouse.emulator.world.model import Task

_REBUILD_AT: Final = 100

SortKey = tuple[Any, str]


class View:
    """The tasks that ``keep`` accepts, by ``key`` descending. Changes are noted and applied when the view is read."""

    def __init__(self, tasks: Iterable[Task], keep: Callable[[Task], bool], key: Callable[[Task], SortKey]) -> None:
        self._keep = keep
        self._key = key
        self._tasks = {task.id: task for task in tasks if keep(task)}
        self._held = {task_id: key(task) for task_id, task in self._tasks.items()}
        self._order = sorted(self._held.values())
        self.dirty: set[Task] = set()

    def _settle(self) -> None:
        if not self.dirty:
            return
        changed, self.dirty = self.dirty, set()
        few = len(changed) < _REBUILD_AT
        for task in changed:
            held = self._held.pop(task.id, None)
            self._tasks.pop(task.id, None)
            if held is not None and few:
                del self._order[bisect_left(self._order, held)]
            if self._keep(task):
                self._tasks[task.id] = task
                self._held[task.id] = self._key(task)
                if few:
                    insort(self._order, self._held[task.id])
        if not few:
            self._order = sorted(self._held.values())

    def count(self) -> int:
        """How many tasks there are."""
        self._settle()
        return len(self._order)

    def page(self, offset: int, limit: int) -> list[Task]:
        """Rows ``offset`` to ``offset + limit``, greatest key first."""
        self._settle()
        end = len(self._order) - offset
        if end <= 0:
            return []
        return [self._tasks[task_id] for _, task_id in reversed(self._order[max(0, end - limit) : end])]

    def all(self) -> list[Task]:
        """Every row, greatest key first."""
        return self.page(0, self.count())
