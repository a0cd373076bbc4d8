"""How a world begins and what happens in it: each step is one thing that people, agents or operators do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.worlds import agent
from tests.worlds.state import Agent, Nature, Run, Spans, Task, World
from tests.worlds.stream import THIN
from tests.worlds.texts import any_uuid, boot, phrase, repository, title

if TYPE_CHECKING:
    from random import Random

ORIGINS = ("user_created", "slack", "signal_report", "cloud_agents", "an_origin_of_tomorrow")
WINDOWS = (5000, 5000, 2000, THIN)
HOUR = 3600.0


def nature(rng: Random) -> Nature:
    """Draw what the API leaves open."""
    return Nature(
        page=rng.choice((100, 100, 100, 50, 17)),
        order_known=rng.random() < 0.8,
        activity_moves=rng.random() < 0.7,
        basic_known=rng.random() < 0.8,
        log_chain=rng.random() < 0.7,
        log_page=rng.choice((5000, 5000, 1000, 13)),
        log_bytes=rng.choice((16 << 20, 2 << 20, 3000)),
        me_refused=rng.random() < 0.1,
        deleted_runs_answer=rng.random() < 0.5,
        unknown_fields=rng.random() < 0.3,
        notation=rng.choice(("django", "django", "offset", "millis", "seconds", "mixed")),
        log_lag=rng.choice((0.2, 1.0, 5.0)),
        older_runs_move=rng.random() < 0.7,
    )


class Life:
    """A world and the chance that moves it."""

    def __init__(self, world: World, rng: Random) -> None:
        self.world, self.rng = world, rng

    def tell(self, at: float, what: str) -> None:
        """Keep what happened, for whoever has to find out why."""
        self.world.story.append((at, what))

    def new_task(self, at: float, created: float | None = None) -> Task:
        """Somebody makes a task."""
        rng, created = self.rng, at if created is None else created
        twin = [task for task in self.world.tasks.values() if task.created < at] if rng.random() < 0.05 else []
        created = rng.choice(twin).created if twin and at - created > HOUR else created
        row: dict[str, Any] = {
            "title": title(rng),
            "description": phrase(rng, wild=True).replace("\x00", "").replace("\ud800", ""),
            "origin_product": rng.choice(ORIGINS),
            "repository": rng.choice((None, "", repository(rng), repository(rng), repository(rng))),
            "internal": rng.random() < 0.1,
            "archived": rng.random() < 0.1,
            "number": rng.choice((None, len(self.world.tasks) + 1)),
            "nobody": rng.random() < 0.2,
            "updated": created,
        }
        task = Task(any_uuid(rng), row, created, at, created)
        task.amend(at)
        task.seen.begin(at)
        self.world.tasks[task.id] = task
        self.world.note_repositories(at)
        self.tell(at, f"task {task.id} made")
        return task

    def new_run(self, task: Task, at: float, *, parent: Run | None = None) -> Run:
        """A run of a task is made, and queued."""
        rng = self.rng
        row: dict[str, Any] = {
            "status": "queued",
            "environment": "cloud" if parent else rng.choice(("cloud", "cloud", "local")),
            "stage": rng.choice((None, "build", "any words")),
            "branch": None,
            "output": None,
            "error_message": None,
            "updated_at": at,
            "completed_at": None,
            "adapter": rng.choice((None, "claude", "codex", "adapter_x")),
            "model": rng.choice((None, "m-1")),
            "scheduled_at": None,
        }
        brain = Agent(rng.random() < 0.7, rng.random() < 0.9, boot(rng))
        name, window = any_uuid(rng), rng.choice(WINDOWS)
        if window == THIN and not brain.numbered:
            window = max(WINDOWS)  # only numbered streams are that short (API facts 5.4)
        run = Run(name, task, brain, row, at, at, window, parent)
        run.tells_of_itself = rng.random() < 0.8
        run.amend(at)
        task.runs.append(run)
        self.touch(run, at)
        agent.append(run, agent.state_frame(run, rng), at)
        self.tell(at, f"run {run.id} of {task.id} made" + (f", resumes {parent.id}" if parent else ""))
        return run

    def touch(self, run: Run, at: float) -> None:
        """Let the activity of a run's task move, on servers where runs, or only the latest ones, do that."""
        nature, task = self.world.nature, run.task
        if nature.activity_moves and (nature.older_runs_move or run is task.latest):
            task.active = max(task.active, at)

    def begin(self, run: Run, at: float) -> None:
        """The agent starts."""
        self.change(run, at, status="in_progress", branch=self.rng.choice((None, "fix/x")))
        agent.prelude(run, at, self.rng, self.world.nature.log_lag)

    def change(self, run: Run, at: float, **fields: Any) -> None:
        """The run's row changes, and its stream tells so."""
        run.amend(at, **{"updated_at": at, **fields})
        agent.append(run, agent.state_frame(run, self.rng), at)
        self.touch(run, at)

    def work(self, run: Run, at: float, count: int | None = None) -> None:
        """The agent does something; now and then very much."""
        rng = self.rng
        if count is None:
            count = rng.choice((1, 3, 10, 40)) if rng.random() < 0.993 else run.window + rng.randint(20, 300)
        agent.work(run, count, at, rng, self.world.nature.log_lag)
        self.touch(run, at)
        if count > 100:
            self.tell(at, f"{count} events of {run.id}, window {run.window}, numbered {run.agent.numbered}")

    def finish(self, run: Run, at: float) -> None:
        """The run ends: its row first, then the sentinel in its stream."""
        rng = self.rng
        agent.close_message(run, at, self.world.nature.log_lag)
        status = rng.choice(("completed", "completed", "failed", "cancelled"))
        output = rng.choice((None, {"pr_url": "https://github.com/acme/web/pull/7"}, {"free": ["form", 1.5, None]}))
        late = rng.random() < 0.3
        fields = {"status": status, "completed_at": at, "output": output, "updated_at": run.row["updated_at"]}
        if late:
            run.amend(at, **fields)
        else:
            self.change(run, at, **fields)
        if run.stream is not None and run.sentinel is None:
            failed = rng.random() < 0.1
            run.sentinel = ("error", "Connection lost to task run stream") if failed else ("complete", "")
        if late:
            agent.append(run, agent.state_frame(run, rng), at)
        self.touch(run, at)
        self.tell(at, f"run {run.id} {status}, sentinel {run.sentinel}")

    def reopen(self, run: Run, at: float) -> None:
        """A finished cloud run goes on: its stream begins anew."""
        agent.drop_stream(run, at)
        run.agent = Agent(run.agent.numbered, run.agent.stamped, boot(self.rng) + str(len(run.versions)))
        self.change(run, at, status="queued", completed_at=None, error_message=None)
        self.tell(at, f"run {run.id} reopened")

    def hide(self, task: Task, at: float) -> None:
        """The task is moved where this key cannot see it."""
        task.seen.end(at)
        self.world.note_repositories(at)
        self.tell(at, f"task {task.id} hidden")

    def show(self, task: Task, at: float) -> None:
        """The task comes back."""
        task.seen.begin(at)
        self.world.note_repositories(at)
        self.tell(at, f"task {task.id} shown")

    def delete(self, task: Task, at: float) -> None:
        """The task is deleted."""
        task.seen.end(at)
        task.deleted = True
        self.world.note_repositories(at)
        self.tell(at, f"task {task.id} deleted")

    def edit(self, task: Task, at: float) -> None:
        """Somebody changes the task."""
        rng = self.rng
        change: dict[str, Any] = rng.choice(
            (
                {"title": title(rng)},
                {"repository": repository(rng)},
                {"repository": None},
                {"archived": not task.row["archived"]},
                {"internal": not task.row["internal"]},
            )
        )
        task.amend(at, **change, updated=at)
        self.world.note_repositories(at)
        self.tell(at, f"task {task.id} edited: {sorted(change)}")

    def refuse(self, run: Run, at: float) -> None:
        """The run's content makes the server refuse it, or no longer."""
        if run.refused.now():
            run.refused.end(at)
        else:
            run.refused.begin(at)
        self.tell(at, f"run {run.id} refused: {run.refused.now()}")

    def past(self, at: float) -> None:
        """A task from before, whose run ended hours or weeks ago."""
        rng = self.rng
        long_ago = at - rng.choice((2, 5, 30, 24 * 6, 24 * 20)) * HOUR * (1 + rng.random())
        task = self.new_task(at, long_ago)
        parent = None
        for _ in range(rng.choice((0, 1, 1, 2, 3))):
            run = self.new_run(task, long_ago, parent=parent)
            self.begin(run, long_ago + 2)
            self.work(run, long_ago + 5, rng.choice((0, 5, 30)))
            agent.flush(run, long_ago + 60)
            self.finish(run, long_ago + 90)
            agent.flush(run, long_ago + 400)
            agent.drop_stream(run, long_ago + 4000)
            parent = run if rng.random() < 0.6 else None
            long_ago += 1200


def make(world: World, rng: Random, at: float, *, tasks: int, bulk: int) -> Life:
    """Fill a new world: some tasks with a past, some runs that go on, and many tasks without runs."""
    life = Life(world, rng)
    for _ in range(bulk):
        life.new_task(at, at - rng.random() * 400 * 24 * HOUR)
    for _ in range(tasks):
        life.past(at)
    for _ in range(rng.randint(1, 3)):
        begun = at - rng.random() * 1000
        run = life.new_run(life.new_task(at, begun), begun)
        life.begin(run, begun + 2)
        life.work(run, begun + 4)
    for run in world.runs():
        agent.flush(run, at)
    world.note_repositories(at)
    del world.story[:]
    return life


__all__ = ["Life", "Spans", "make", "nature"]
