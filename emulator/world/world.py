"""The world as one object: lookups, views and the news of a change."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from taskhouse.emulator.world.generate import Generator, make_users
from taskhouse.emulator.world.model import visible
from taskhouse.emulator.world.surprise import Surprising
from taskhouse.emulator.world.views import View

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable
    from datetime import datetime

    from taskhouse.emulator.settings import EmulatorSettings
    from taskhouse.emulator.world.model import Project, Run, Task, User
    from taskhouse.emulator.world.views import SortKey

_VIEWS: Final = 48
_MAX_CHAIN: Final = 10


class World:
    """Everything that exists, indexed by id. Code that changes a task calls :meth:`touch`."""

    def __init__(self, settings: EmulatorSettings, now: datetime) -> None:
        self.settings = settings
        self.users: dict[int, User] = make_users(settings.seed)
        self.projects: dict[int, Project] = {}
        self.tasks: dict[str, Task] = {}
        self.runs: dict[str, Run] = {}
        self.of_project: dict[int, list[Task]] = {}
        self.generators: dict[int, Generator] = {}
        self.recent: list[Run] = []
        self.live: list[Run] = []
        self._views: OrderedDict[Hashable, tuple[int, View]] = OrderedDict()
        self._repositories: dict[tuple[int, int], tuple[int, list[str]]] = {}
        self._evidence: dict[int, tuple[int, dict[str, list[datetime]]]] = {}
        self.version = 0
        self.witness: Callable[[Task], None] = lambda _: None
        for index, project_id in enumerate(settings.projects):
            self._make(project_id, now, settings.live_runs if index == 0 else 0)

    def _make(self, project_id: int, now: datetime, live_runs: int) -> None:
        generator = self.generators[project_id] = self._generator(project_id, now)
        self.projects[project_id] = generator.project
        tasks = generator.tasks()
        self.recent += generator.recent(tasks)
        self.live += generator.live(tasks, live_runs)
        self.of_project[project_id] = tasks
        for task in tasks:
            self.tasks[task.id] = task
            for run in task.runs:
                self.runs[run.id] = run

    def _generator(self, project_id: int, now: datetime) -> Generator:
        made = Generator if self.settings.surprise is None else Surprising
        return made(self.settings, project_id, now)

    def touch(self, task: Task, *, membership: bool = False) -> None:
        """Tell the views that the task or its runs changed; ``membership``: who sees it, or its repository, too."""
        self.witness(task)
        task.row_parts = task.summary = None
        if membership:
            self.version += 1
        for project_id, view in self._views.values():
            if project_id == task.project_id:
                view.dirty.add(task)

    def add_task(self, task: Task) -> None:
        """Take in a new task."""
        self.tasks[task.id] = task
        self.of_project[task.project_id].append(task)
        self.touch(task, membership=True)

    def add_run(self, run: Run) -> None:
        """Take in a new run of a known task."""
        self.runs[run.id] = run
        self.touch(run.task)

    def view(
        self, project_id: int, name: Hashable, keep: Callable[[Task], bool], key: Callable[[Task], SortKey]
    ) -> View:
        """The view of that name, made at the first call; ``name`` must say all that ``keep`` and ``key`` depend on."""
        found = self._views.get((project_id, name))
        if found is None:
            if len(self._views) >= _VIEWS:
                self._views.popitem(last=False)
            found = (project_id, View(self.of_project[project_id], keep, key))
            self._views[(project_id, name)] = found
        else:
            self._views.move_to_end((project_id, name))
        return found[1]

    def repositories(self, project_id: int, user_id: int) -> list[str]:
        """Distinct repositories of the non-deleted, non-internal tasks that the user sees, ascending."""
        version, names = self._repositories.get((project_id, user_id), (-1, []))
        if version != self.version:
            names = sorted(
                {
                    task.repository
                    for task in self.of_project[project_id]
                    if task.repository and not task.deleted and not task.internal and visible(task, user_id)
                }
            )
            self._repositories[(project_id, user_id)] = (self.version, names)
        return names

    def evidence_tasks(self, project_id: int, repository: str, since: datetime, until: datetime) -> int:
        """Non-deleted tasks of origin session_summaries on the repository, created within the span."""
        version, index = self._evidence.get(project_id, (-1, {}))
        if version != self.version:
            index = {}
            for task in self.of_project[project_id]:
                if task.origin_product == "session_summaries" and task.repository and not task.deleted:
                    index.setdefault(task.repository, []).append(task.created_at)
            self._evidence[project_id] = (self.version, index)
        return sum(since <= at <= until for at in index.get(repository, ()))

    def chain(self, run: Run) -> list[Run]:
        """The run's ancestors by ``state.resume_from_run_id``, oldest first, then the run itself."""
        chain = [run]
        while len(chain) <= _MAX_CHAIN:
            before = self.runs.get(chain[0].resume_from or "")
            if before is None or before.task is not run.task or before in chain:
                break
            chain.insert(0, before)
        return chain
