"""What there is to do: tasks with titles, people and repositories, and what is known of each repository."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING, Any, Final

from taskhouse.emulator.state.classify import classify

if TYPE_CHECKING:
    from datetime import datetime
    from random import Random

    from taskhouse.emulator.service import Service
    from taskhouse.emulator.world.model import Task

_PEOPLE: Final = (9, 6, 5, 4, 4, 3, 2, 1)
"""How many tasks each user asks for, in proportion, by user."""
_ASKED: Final = (("user_created", 60), ("slack", 20), ("posthog_ai", 5), ("review_hog", 3), ("support_queue", 8))
_AUTOMATIC: Final = (("error_tracking", 5), ("signal_report", 4), ("support_queue", 2), ("signals_scout", 2))
_STEEP: Final = 0.6
"""How much more is done in the first repositories than in the last."""
_REMOVED: Final = "bare"
"""The course of the repository that is removed: nobody misses it."""
_FEW: Final = 3
"""With this many repositories or fewer, none is removed."""
_RENAMED: Final = ("ready", "partial")


class Backlog:
    """Makes the tasks of one project, and remembers its repositories under their present names."""

    def __init__(self, service: Service, project_id: int, rng: Random) -> None:
        self._service = service
        self._rng = rng
        self._project_id = project_id
        self._generator = service.world.generators[project_id]
        self.repositories = [*self._generator.repositories]
        self.kinds: dict[str, str] = {}
        self.names: dict[str, str] = {}
        self._requests: dict[str, int] = {}

    def task(
        self, *, automatic: bool, repository: str | None = None, title: str | None = None, origin: str | None = None
    ) -> Task:
        """A new task that everybody sees."""
        world, rng, now = self._service.world, self._rng, self._service.clock.now()
        origins = _AUTOMATIC if automatic else _ASKED
        repository = repository or self._some_repository()
        given: dict[str, Any] = {
            "updated_at": now,
            "channel": rng.choice(self._generator.public_channels),
            "internal": False,
            "archived_at": None,
            "deleted": False,
            "runtime": "acp",
            "repository": repository,
            "more_repositories": (),
            "created_by": None if automatic else rng.choices(range(1, len(_PEOPLE) + 1), _PEOPLE)[0],
            "origin_product": origin or rng.choices([name for name, _ in origins], [each for _, each in origins])[0],
        }
        if title is not None:
            given["title"] = title.format(name=repository.partition("/")[2])
        task = self._generator.task(len(world.of_project[self._project_id]) + 1, now, **given)
        world.add_task(task)
        return task

    def summary(self, repository: str) -> None:
        """A task that summarizes replays; no agent works on it."""
        title = f"Replays of {{name}}: {self._rng.randint(3, 40)} sessions with errors"
        self.task(automatic=True, repository=repository, title=title, origin="session_summaries")

    def pull_request(self, task: Task) -> int:
        """The number of the next pull request of the task's repository; people open some in between."""
        name = task.repository or ""
        self._requests[name] = self._requests.get(name, self._rng.randint(40, 2400)) + self._rng.randint(1, 6)
        return self._requests[name]

    def is_set_up(self, repository: str | None, now: datetime) -> bool:
        """Whether PostHog is initialized and captures events there."""
        facts = self._service.readiness.facts.get(repository or "")
        since = (facts.init_at, facts.capture_at) if facts is not None else (None,)
        return all(at is not None and at <= now for at in since)

    def records(self, repository: str, now: datetime) -> bool:
        """Whether there are replays of the repository to summarize."""
        facts = self._service.readiness.facts.get(repository)
        if facts is None or repository not in self.repositories or facts.init_at is None or facts.init_at > now:
            return False
        return classify(repository, facts) == "frontend_js"

    def rename(self) -> tuple[str, str, list[Task]]:
        """Give a repository another name; returns both names and its tasks."""
        old = next((name for name in self.repositories if self.kinds[name] in _RENAMED), self.repositories[0])
        new = f"{old}-next"
        self.repositories[self.repositories.index(old)] = new
        self.kinds[new], self.names[old] = self.kinds[old], new
        return old, new, self._of(old)

    def remove(self) -> list[Task]:
        """Forget a repository; returns its tasks."""
        if len(self.repositories) <= _FEW:
            return []
        name = next((name for name in self.repositories if self.kinds[name] == _REMOVED), self.repositories[-1])
        self.repositories.remove(name)
        return self._of(name)

    def _of(self, repository: str) -> list[Task]:
        tasks = self._service.world.of_project[self._project_id]
        return [task for task in tasks if task.repository == repository and not task.deleted]

    def _some_repository(self) -> str:
        weights = [1 / (1 + place) ** _STEEP for place in range(len(self.repositories))]
        return self._rng.choices(self.repositories, cum_weights=[*accumulate(weights)])[0]
