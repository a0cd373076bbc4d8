"""Make a world from a seed: people, channels, tasks and their runs up to the moment of the start.

The mixture is chosen so that every rule of the API has something to bite on: tasks without repository, creator, number
or run; internal, archived and deleted ones; other people's channels; resume chains; local runs that sit in `queued`;
orphans that stay `in_progress`; and runs whose logs have expired.
"""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Final

from taskhouse.emulator.world import words
from taskhouse.emulator.world.model import TERMINAL, Channel, Project, Run, Task, User, uuid_of
from taskhouse.emulator.world.modes import pin

if TYPE_CHECKING:
    from taskhouse.emulator.settings import EmulatorSettings

USERS: Final = 8
_HISTORY_DAYS: Final = 400
_AGE_BEND: Final = 1.6
_RECENT_EDGE_S: Final = 3 * 3600
"""Ordinary history ends three hours before the start, so that only chosen runs still have a stream."""
_RECENT: Final = 40
_PRIVATE_SHARE: Final = 0.03
_TRIAL_SHARE: Final = 0.3
_PENDING_ONE_IN: Final = 9
"""One run in this many was made with a prompt that waits for its agent."""
_LIVE_SINCE_S: Final = 90.0
_RUN_COUNTS: Final = (0,) * 6 + (1,) * 68 + (2,) * 16 + (3,) * 7 + (4, 4, 6)
_SHARES: Final = {
    "no creator": 0.04,
    "creator is user 1": 0.35,
    "in a channel": 0.72,
    "in a personal channel": 0.1,
    "has a repository": 0.88,
    "no number": 0.01,
    "internal": 0.06,
    "archived": 0.1,
    "deleted": 0.03,
    "title set by hand": 0.1,
    "pi runtime": 0.03,
    "several repositories": 0.04,
    "local run was driven": 0.3,
    "has a stage": 0.6,
    "made a pull request": 0.6,
    "left an artifact": 0.2,
    "recent run succeeded": 0.8,
    "background mode": 0.8,
    "resumes the run before": 0.45,
}
_FATES: Final = {
    "local": 0.09,
    "not_started": 0.01,
    "orphan": 0.015,
    "completed": 0.7,
    "failed": 0.12,
    "cancelled": 0.065,
}
"""How a run of the past ended: a local one sits in `queued`, an orphan in `in_progress`."""
_FATE_NAMES: Final = tuple(_FATES)
_FATE_WEIGHTS: Final = tuple(accumulate(_FATES.values()))


def make_users(seed: int) -> dict[int, User]:
    """The members of the organization; user 1 owns the default key."""
    rng = random.Random(f"users-{seed}")
    names = zip(words.FIRST_NAMES, words.LAST_NAMES, words.ROLES, strict=True)
    return {
        number: User(number, uuid_of(rng.getrandbits(128)), first, last, role)
        for number, (first, last, role) in enumerate(names, 1)
    }


def repository_names(seed: int, count: int) -> list[str]:
    """``count`` distinct lower-case ``organization/repository`` names."""
    rng = random.Random(f"repositories-{seed}")
    names: list[str] = []
    bases = len(words.REPOSITORIES)
    for index in range(count):
        base = words.REPOSITORIES[index % bases]
        suffix = f"-{index // bases + 1}" if index >= bases else ""
        names.append(f"{rng.choice(words.ORGANIZATIONS)}/{base}{suffix}")
    return names


class Generator:
    """Makes one project's tasks and runs; the same seed and ``now`` make the same ones."""

    def __init__(self, settings: EmulatorSettings, project_id: int, now: datetime) -> None:
        self._settings = settings
        self._now = now
        self._id = project_id
        self.rng = random.Random(f"project-{project_id}-{settings.seed}")
        self.repositories = repository_names(settings.seed, settings.repositories)
        self._origins = tuple(name for name, _ in settings.origins)
        self._origin_weights = tuple(accumulate(weight for _, weight in settings.origins))
        self.project = self._project()
        self.public_channels = [channel for channel in self.project.channels if channel.public]

    def _project(self) -> Project:
        rng, settings = self.rng, self._settings
        channels = [Channel(self.uuid(), name, True, None) for name in ("growth", "platform", "support", "web")]  # noqa: FBT003
        channels += [Channel(self.uuid(), "me", False, user) for user in range(1, USERS + 1)]  # noqa: FBT003
        issues, at = [], self._now - timedelta(days=60)
        while at < self._now + timedelta(days=max(60, settings.busy_days + 30)):
            at += timedelta(hours=rng.expovariate(1 / 18))
            issues.append(at)
        return Project(
            id=self._id,
            uuid=self.uuid(),
            name="Shop" if self._id == 1 else f"Project {self._id}",
            channels=channels,
            github_integration=self._id if settings.github_integration else None,
            github_token=settings.github_token,
            error_issues=issues,
        )

    def _chance(self, what: str) -> bool:
        return self.rng.random() < _SHARES[what]

    def uuid(self) -> str:
        """The next id."""
        return uuid_of(self.rng.getrandbits(128))

    def tasks(self) -> list[Task]:
        """The project's tasks with their runs, oldest first."""
        span = _HISTORY_DAYS * 86400 - _RECENT_EDGE_S
        draw = self.rng.random
        ages = sorted((_RECENT_EDGE_S + span * draw() ** _AGE_BEND for _ in range(self._settings.tasks)), reverse=True)
        tasks = []
        for number, age in enumerate(ages, 1):
            task = self.task(number, self._now - timedelta(seconds=age))
            self._history(task)
            tasks.append(task)
        if self._settings.private_channels:
            self._hide_some(tasks)
        return tasks

    def _hide_some(self, tasks: list[Task]) -> None:
        """File some tasks in private channels and make some scouts' tasks trials; their chance is their own."""
        rng = random.Random(f"private-{self._id}-{self._settings.seed}")
        everybody = range(1, USERS + 1)
        private = [
            Channel(uuid_of(rng.getrandbits(128)), name, False, None, frozenset(rng.sample(everybody, 3)))  # noqa: FBT003
            for name in ("leadership", "security")
        ]
        self.project.channels += private
        for task in tasks:
            chance = rng.random()
            if task.channel is not None and task.channel.public and chance < _PRIVATE_SHARE:
                task.channel = private[task.seed % len(private)]
            task.trial = task.origin_product == "signals_scout" and chance < _TRIAL_SHARE

    def task(self, number: int, created_at: datetime, **given: Any) -> Task:
        """One task without runs; ``given`` replaces what would be drawn."""
        rng, chance = self.rng, self._chance
        origin = rng.choices(self._origins, cum_weights=self._origin_weights)[0]
        creator: int | None = 1 if chance("creator is user 1") else 1 + int(rng.random() * USERS)
        if chance("no creator"):
            creator = None
        channel = None
        if chance("in a channel"):
            personal = creator is not None and chance("in a personal channel")
            channel = self.personal_channel(creator or 1) if personal else rng.choice(self.public_channels)
        repository = rng.choice(self.repositories) if self.repositories and chance("has a repository") else None
        touched = created_at + (self._now - created_at) * (rng.random() ** 6)
        values: dict[str, Any] = {
            "id": self.uuid(),
            "project_id": self._id,
            "number": None if chance("no number") else number,
            "title": self._title(),
            "seed": rng.getrandbits(32),
            "origin_product": origin,
            "created_at": created_at,
            "updated_at": touched,
            "last_activity_at": created_at,
            "repository": repository,
            "created_by": creator,
            "channel": channel,
            "internal": chance("internal"),
            "archived_at": touched if chance("archived") else None,
            "deleted": chance("deleted"),
            "title_manually_set": chance("title set by hand"),
            "runtime": "pi" if chance("pi runtime") else "acp",
        }
        if repository and chance("several repositories"):
            values["more_repositories"] = tuple(sorted(set(rng.sample(self.repositories, 1)) - {repository}))
        return Task(**{**values, **given})

    def personal_channel(self, user_id: int) -> Channel:
        """The channel that only this user sees."""
        return next(channel for channel in self.project.channels if channel.owner_id == user_id)

    def _title(self) -> str:
        choose = self.rng.random
        verbs, things, areas = words.VERBS, words.THINGS, words.AREAS
        return (
            f"{verbs[int(choose() * len(verbs))]} {things[int(choose() * len(things))]} "
            f"in {areas[int(choose() * len(areas))]}"
        )

    def _history(self, task: Task) -> None:
        draw = self.rng.random
        at = task.created_at + timedelta(seconds=1 + draw() * 600)
        last = self._now - timedelta(seconds=_RECENT_EDGE_S - 600)
        for _ in range(self.rng.choice(_RUN_COUNTS)):
            if at > last:
                break
            seconds = min(5400.0, 40 * 2 ** (7 * draw()))
            self._past_run(task, at, seconds)
            at += timedelta(seconds=seconds + 60 + 86400 * 10 * draw() ** 4)
        activity = [task.created_at, *(run.completed_at or run.created_at for run in task.runs)]
        task.last_activity_at = max(activity)

    def _past_run(self, task: Task, at: datetime, seconds: float) -> Run:
        run = self.run(task, at)
        done = at + timedelta(seconds=seconds)
        fate = self.rng.choices(_FATE_NAMES, cum_weights=_FATE_WEIGHTS)[0]
        if self._settings.busy_days and fate not in TERMINAL:
            fate = "completed"  # people who work with a project leave no run behind
        if fate == "local":
            run.environment, run.status = "local", "queued"
            run.log_written_at = done if self._chance("local run was driven") else None
        elif fate == "not_started":
            run.status = "not_started"
        elif fate == "orphan":
            run.status, run.updated_at, run.log_written_at = "in_progress", done, done
        else:
            self.end(run, fate, done)
        return run

    def end(self, run: Run, status: str, at: datetime) -> None:
        """Give a past run its end. Its last update came a little earlier: completion does not bump it."""
        run.status, run.completed_at, run.log_written_at = status, at, at
        run.updated_at = max(run.created_at, at - timedelta(seconds=2))
        rng = self.rng
        run.stage = "build" if self._chance("has a stage") else None
        if status == "failed":
            run.error_message = rng.choice(words.ERRORS)
        if run.environment == "cloud":
            run.branch = f"posthog-code/{run.id[:8]}"
        if status == "completed" and run.task.repository and self._chance("made a pull request"):
            run.output = self._output(run)
        run.state["token_usage"] = self._usage()
        if self._chance("left an artifact"):
            run.artifacts = [self._artifact(run, at)]

    def _artifact(self, run: Run, at: datetime) -> dict[str, Any]:
        kind, name = self.rng.choice(words.ARTIFACTS)
        number = self.uuid()
        return {
            "id": number,
            "name": name,
            "type": kind,
            "source": "agent_output",
            "size": self.rng.randrange(80, 90_000),
            "content_type": "text/markdown",
            "metadata": {},
            "storage_path": f"tasks/artifacts/team_{self._id}/run_{run.id}/{number}/{name}",
            "uploaded_at": at.isoformat(),
            "uploaded_by": "agent",
            "uploaded_by_user_id": None,
            "dismissed_at": None,
        }

    def _output(self, run: Run) -> dict[str, Any]:
        rng = self.rng
        state = rng.choice(("open", "draft", "merged", "merged", "closed"))
        url = f"https://github.com/{run.task.repository}/pull/{rng.randrange(1, 9000)}"
        return {
            "pr_url": url,
            "pr_urls": [url],
            "head_branch": run.branch,
            "pr_state": state,
            "pr_merged": state == "merged",
            "ci_status": rng.choice(("passing", "passing", "failing", "none")),
        }

    def _usage(self) -> dict[str, int]:
        rng = self.rng
        usage = {
            "input_tokens": rng.randrange(100, 9000),
            "output_tokens": rng.randrange(500, 60000),
            "cache_read_tokens": rng.randrange(10_000, 4_000_000),
            "cache_write_tokens": rng.randrange(0, 200_000),
            "thought_tokens": rng.randrange(0, 9000),
        }
        return {**usage, "total_tokens": sum(usage.values()), "turns": rng.randrange(1, 12)}

    def run(self, task: Task, at: datetime) -> Run:
        """A new run of the task, queued in the cloud; sometimes it continues the one before."""
        rng = self.rng
        adapter, provider, model = words.MODELS[int(rng.random() ** 2 * len(words.MODELS))]
        run = Run(
            id=self.uuid(),
            task=task,
            seed=rng.getrandbits(32),
            status="queued",
            environment="cloud",
            created_at=at,
            updated_at=at,
            runtime_adapter=adapter,
            provider=provider,
            model=model,
            reasoning_effort=rng.choice(words.EFFORTS),
            state={"mode": "background" if self._chance("background mode") else "interactive", "run_source": "manual"},
        )
        before = task.runs[-1] if task.runs else None
        if before is not None and before.status in TERMINAL and self._chance("resumes the run before"):
            run.state["resume_from_run_id"] = before.id
        if task.runtime == "pi":
            run.runtime_adapter = None
        run.state["sandbox_url"] = f"https://sandbox-{run.id[:8]}.example.com"
        run.state["sandbox_connect_token"] = f"sct_{run.seed:08x}"
        if run.seed % _PENDING_ONE_IN == 0:
            run.state["pending_user_message"] = f"Please {task.title.lower()}"
        pin(run, self._settings)
        task.runs.append(run)
        return run

    def recent(self, tasks: list[Task]) -> list[Run]:
        """Runs that finished within the last quarter of an hour: their streams exist for as long again."""
        rng = self.rng
        open_tasks = [task for task in tasks if not task.deleted]
        runs = []
        for task in rng.sample(open_tasks, min(len(open_tasks), _RECENT, max(2, len(open_tasks) // 25))):
            done = self._now - timedelta(seconds=60 + rng.random() * 840)
            run = self.run(task, done - timedelta(seconds=120 + rng.random() * 1800))
            self.end(run, "completed" if self._chance("recent run succeeded") else "failed", done)
            task.last_activity_at = done
            runs.append(run)
        return runs

    def live(self, tasks: list[Task], count: int) -> list[Run]:
        """Runs that are going on at the start, on tasks that every member sees."""
        rng = self.rng
        shown = [task for task in tasks if not task.deleted and task.channel is not None and task.channel.public]
        runs = []
        for index in range(count if shown else 0):
            if index % len(shown) == 0:
                rng.shuffle(shown)
            task = shown[index % len(shown)]
            at = self._now - timedelta(seconds=rng.random() * _LIVE_SINCE_S / self._settings.pace)
            if task.runs:
                at = max(at, task.runs[-1].created_at)
            run = self.run(task, at)
            task.last_activity_at = max(task.last_activity_at, at)
            runs.append(run)
        return runs
