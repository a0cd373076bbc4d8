"""A world and its home as a state machine: each rule is one thing that people, agents, operators or a crash do."""

import sys
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from taskhouse.emulator.script.hostile import HOSTILE
from taskhouse.emulator.world.model import TERMINAL, Run, Task
from taskhouse.emulator.world.surprise import ASPECTS, surprising
from tests.surprise import held
from tests.surprise.house import KEYS, MOMENT_S, START, House
from tests.surprise.judge import Judge

ORDER = ("tasks", "repositories", "readiness", "runs", "run_events")
NUMBERS = st.integers(0, 99)
MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
PAUSES = (1.0, 40.0, 5 * MINUTE, 40 * MINUTE, 2 * HOUR, 7 * HOUR, 30 * HOUR, 8 * DAY, 31 * DAY)
HEALING = (0.0, 40 * MINUTE, 3 * HOUR, 26 * HOUR, 26 * HOUR, 3 * DAY, 31 * DAY)
PATHS = ("users.me", "tasks.list", "tasks.summaries", "tasks.detail", "tasks.repositories", "tasks.readiness")
RUN_PATHS = ("runs.list", "runs.detail", "runs.session_logs", "runs.stream", "runs.stream_token", "proxy.stream")
FAULTS: tuple[dict[str, Any], ...] = (
    *({"kind": kind} for kind in ("500", "502", "503", "reset", "truncated", "not_json", "duplicate_row")),
    *({"kind": kind} for kind in ("cut_frame", "dribble", "eof", "error_frame", "unknown_field", "cut_character")),
    {"kind": "429", "retry_after": 2},
    {"kind": "status", "status": 404},
    {"kind": "status", "status": 403},
    {"kind": "missing_row", "at": 0},
    {"kind": "count_lies", "by": 2},
    {"kind": "page_clamped", "limit": 1},
    *({"kind": "mutate", "action": "redis", "state": state} for state in ("down", "silent", "up")),
)


class SurprisedHouse(RuleBasedStateMachine):
    """One world that nobody designed, and a home whose every verdict is held against it."""

    house: House
    owned: bool
    """Whether the home knows whose view it keeps."""

    @initialize(
        seed=st.integers(0, 2**32 - 1),
        without=st.sets(st.sampled_from(ASPECTS), max_size=4),
        ahead_s=st.sampled_from((0.0, 0.0, 0.0, 20.0, -20.0)),
        capture_s=st.sampled_from((1.0, 6.0, 30.0)),
    )
    def begin(self, seed: int, without: set[str], ahead_s: float, capture_s: float) -> None:
        settings = surprising(seed, frozenset(ASPECTS) - without, start=START, keys=KEYS, throttle=False)
        self.house = House(settings, ahead_s=ahead_s, capture_s=capture_s)
        self.owned = False
        self.red: list[str] = []

    def _task(self, number: int) -> Task | None:
        tasks = [task for task in self.house.service.world.of_project[1] if not task.deleted]
        return tasks[number % len(tasks)] if tasks else None

    def _run(self, number: int, *, ended: bool) -> Run | None:
        runs = [run for run in self.house.service.world.runs.values() if run.is_terminal() == ended]
        runs = [run for run in runs if not run.task.deleted and not run.waits()]
        return runs[-1 - number % len(runs)] if runs else None

    @rule(repository=NUMBERS, run=st.booleans(), mine=st.booleans())
    def somebody_makes_a_task(self, *, repository: int, run: bool, mine: bool) -> None:
        names = [*self.house.service.world.generators[1].repositories, None]
        made = {"repository": names[repository % len(names)], "run": run, "created_by": 1 if mine else 2}
        self.house.change("new_task", **made)

    @rule(task=NUMBERS, resume=st.booleans(), waits=st.sampled_from((0, 0, 0, 2 * HOUR, 9 * DAY)))
    def a_run_starts(self, *, task: int, resume: bool, waits: float = 0) -> None:
        found = self._task(task)
        if found is not None and waits:
            self.house.change("schedule", task_id=found.id, delay_s=waits)
        elif found is not None:
            latest = found.latest_run
            resumes = resume and latest is not None and latest.is_terminal()
            self.house.change("new_run", task_id=found.id, **({"resume_from": True} if resumes else {}))

    @rule(run=NUMBERS, status=st.sampled_from(sorted(TERMINAL)))
    def a_run_ends(self, run: int, status: str) -> None:
        found = self._run(run, ended=False)
        if found is not None:
            self.house.change("finish", run_id=found.id, status=status)

    @rule(run=NUMBERS, reset=st.sampled_from((True, True, False)))
    def a_run_is_reopened(self, run: int, *, reset: bool = True) -> None:
        found = self._run(run, ended=True)
        if found is not None and found.environment == "cloud":
            self.house.change("reopen", run_id=found.id, reset=reset)

    @rule(task=NUMBERS, how=st.sampled_from(("hide", "show", "private", "delete", "rename", "archive")))
    def a_task_changes(self, task: int, how: str) -> None:
        found = self._task(task)
        if found is not None:
            self.house.change(how, task_id=found.id, **({"archived": not found.archived} if how == "archive" else {}))

    @rule(task=NUMBERS, repository=st.sampled_from((None, "acme/moved", "x/web")), all_of_it=st.booleans())
    def a_repository_is_renamed_or_removed(self, *, task: int, repository: str | None, all_of_it: bool) -> None:
        found = self._task(task)
        for other in self.house.service.world.of_project[1] if found is not None else ():
            if other is found or (all_of_it and found is not None and other.repository == found.repository):
                self.house.change("move", task_id=other.id, repository=repository)

    @rule(run=NUMBERS, ended=st.booleans())
    def a_run_is_refused_or_no_longer(self, *, run: int, ended: bool) -> None:
        found = self._run(run, ended=ended)
        if found is not None:
            self.house.change("protected", run_id=found.id, protected=not found.protected)

    @rule(run=NUMBERS, how=st.sampled_from(("stream_error", "inject")), what=NUMBERS)
    def something_odd_happens_to_a_stream(self, run: int, how: str, what: int) -> None:
        found = self._run(run, ended=False)
        if found is not None:
            names = sorted(HOSTILE)
            self.house.change(
                how, run_id=found.id, **({"hostile": names[what % len(names)]} if how == "inject" else {})
            )

    @rule(state=st.sampled_from(("down", "silent", "up")))
    def redis_is_in_trouble(self, state: str) -> None:
        self.house.change("redis", state=state)

    @rule(run=NUMBERS, ended=st.booleans(), events=st.integers(1, 12), again=st.booleans())
    def redis_fails_over(self, *, run: int, ended: bool, events: int, again: bool) -> None:
        found = self._run(run, ended=ended)
        if found is not None:
            self.house.change("roll_back", run_id=found.id, events=events, again=again)

    @rule(run=NUMBERS)
    def redis_is_set_back(self, run: int) -> None:
        found = self._run(run, ended=False)
        if found is not None:
            self.house.change("restart_stream", run_id=found.id)

    @rule(run=NUMBERS, ended=st.booleans())
    def a_line_of_a_log_is_unreadable(self, *, run: int, ended: bool) -> None:
        found = self._run(run, ended=ended)
        if found is not None:
            self.house.change("inject", run_id=found.id, log=HOSTILE["half"])

    @rule(
        fault=st.sampled_from(FAULTS), path=st.sampled_from(PATHS + RUN_PATHS), after=st.integers(0, 4), times=NUMBERS
    )
    def something_goes_wrong(self, fault: dict[str, Any], path: str, after: int, times: int) -> None:
        given = {**fault, "endpoint": path, "after": after, "times": 1 + times % 12}
        if path in PATHS and fault["kind"] in {"cut_frame", "dribble", "eof", "error_frame", "cut_character"}:
            given["endpoint"] = "runs.stream"
        if path == "runs.session_logs" and fault["kind"] == "unknown_field":
            given["endpoint"] = "runs.detail"  # an entry with another field would be another entry
        self.house.faults.set(given)

    @rule(seconds=st.sampled_from(PAUSES))
    def time_goes_by(self, seconds: float) -> None:
        self.house.passes(seconds)

    @rule()
    def sync(self) -> None:
        self._sync()

    @rule(seconds=st.sampled_from(PAUSES))
    def sync_later(self, seconds: float) -> None:
        self.house.passes(seconds)
        self._sync()

    @rule(steps=st.integers(0, 70))
    def sync_until_death(self, steps: int) -> None:
        self._sync(steps)

    @rule(seconds=st.sampled_from((3.0, 40.0)), steps=st.one_of(st.none(), st.integers(0, 30)))
    def tail(self, seconds: float, steps: int | None) -> None:
        began = self.house.service.clock.now()
        self.house.tail(seconds, steps=steps)
        self._judge(began, claims=False)

    @precondition(lambda self: self.owned)
    @rule()
    def another_member_syncs(self) -> None:
        self.house.sync_as_another()

    def _sync(self, steps: int | None = None) -> bool:
        self.house.passes(MOMENT_S)
        began, ends = self.house.service.clock.now(), []
        for resource in ORDER:
            ends.append(self.house.sync(resource, steps=steps))
            if ends[-1] == "killed":
                break
            steps = self.house.left
        return self._judge(began, ends=ends)

    def _judge(self, began: Any, *, claims: bool = True, ends: Any = ()) -> bool:
        with self.house.reading() as base:
            found = held.read(base)
        wrong = Judge(self.house.service, found, began, self.house.ahead).judge(claims=claims)
        assert not wrong, "\n".join(map(str, wrong))
        since = began + self.house.ahead
        verdicts = [one for one in found.claims.values() if one.resource in ORDER and one.finished_at >= since]
        self.owned = self.owned or any(one.complete for one in verdicts if one.resource == "tasks")
        self.red = [f"{one.resource}: {one.reason}" for one in verdicts if not one.complete]
        self.red += [end for end in ends if end != "done"]
        return not self.red and len(verdicts) == len(ORDER)

    def teardown(self) -> None:
        if not hasattr(self, "house"):
            return
        try:
            if sys.exc_info()[0] is None:
                self._heal()
        finally:
            self.house.close()

    def _heal(self) -> None:
        """Everything calms down, and then every verdict must become complete."""
        house = self.house
        house.faults.clear()
        house.change("redis", state="up")
        for run in list(house.service.world.runs.values()):
            if not run.is_terminal():
                house.change("finish", run_id=run.id)
            if run.protected:
                house.change("protected", run_id=run.id, protected=False)
        for pause in HEALING:
            house.passes(pause)
            if self._sync():
                return
        raise AssertionError(f"never heals: {self.red}")
