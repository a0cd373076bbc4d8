"""Runs that are reopened, as a server would live them and taskhouse would see them: rows of ``raw``, by dice."""

import json
import random
from datetime import UTC, datetime, timedelta
from typing import Any

Row = dict[str, Any]

BEGIN = datetime(2026, 3, 26, 12, 0, tzinfo=UTC)
"""Three days before clocks go forward in Europe."""

DAYS = 7
TABLES = ("raw.task_versions", "raw.task_sightings", "raw.run_versions", "raw.run_events", "raw.run_log_entries")


def _seconds(dice: random.Random, most: float) -> timedelta:
    return timedelta(milliseconds=dice.randrange(1, round(most * 1000)))


def lives(dice: random.Random, *, projects: int = 2, tasks: int = 5, runs: int = 25) -> dict[str, list[Row]]:
    """What taskhouse has stored of a week: each row as it would have stood there at its time of arrival."""
    tables: dict[str, list[Row]] = {name: [] for name in TABLES}
    for project in range(1, projects + 1):
        for number in range(tasks):
            _task(dice, tables, {"project_id": project, "task_id": f"t{number}"})
        for number in range(runs):
            # one task more than there are: its runs have no task
            identity = {"project_id": project, "task_id": f"t{dice.randrange(tasks + 1)}", "run_id": f"r{number}"}
            _run(dice, tables, identity)
        for number in range(tasks):
            _last_look(dice, tables, project, f"t{number}")
    return tables


def _last_look(dice: random.Random, tables: dict[str, list[Row]], project: int, task: str) -> None:
    """What a task showed of its latest run when it was last seen: what is stored of the run, or something else."""
    of_task = {
        name: [row for row in tables[f"raw.{name}"] if (row["project_id"], row["task_id"]) == (project, task)]
        for name in ("task_versions", "task_sightings", "run_versions")
    }
    versions, sightings, runs = of_task.values()
    sightings[-1]["last_seen_at"] = BEGIN + _seconds(dice, DAYS * 86_400)
    for version in versions if runs else ():
        run = dice.choice(runs)["run_id"]
        status = [row for row in runs if row["run_id"] == run][-1]["status"]
        version |= {"latest_run_id": run, "latest_run_status": dice.choice([status, status, "queued"])}


def _task(dice: random.Random, tables: dict[str, list[Row]], task: Row) -> None:
    seen = moment = BEGIN - _seconds(dice, 86_400)  # a run is found by its task
    for _ in range(dice.randint(1, 5)):
        tables["raw.task_versions"].append(
            {
                **task,
                "valid_from": moment,
                "repository": dice.choice([None, "acme/a", "acme/b", "acme/renamed"]),
                "internal": dice.random() < 0.2,
                "archived": dice.random() < 0.3,
                "origin_product": dice.choice(["slack", "user_created"]),
                "created_by": dice.choice([None, "u1"]),
            }
        )
        moment += _seconds(dice, 2 * 86_400)
    for _ in range(dice.randint(1, 3)):
        gone = seen + _seconds(dice, 2 * 86_400)
        tables["raw.task_sightings"].append({**task, "first_seen_at": seen, "absent_since": gone})
        seen = gone + _seconds(dice, 86_400)
    if dice.random() < 0.7:
        tables["raw.task_sightings"][-1]["absent_since"] = None


def _ends(dice: random.Random, moment: datetime) -> list[datetime | None]:
    """When the server says that a run ended: it may say nothing, or another time a little later."""
    if dice.random() < 0.04:
        return [None]
    stamped = moment + timedelta(microseconds=dice.randrange(1000))
    return [stamped, stamped + _seconds(dice, 50)] if dice.random() < 0.1 else [stamped]


def _starts(dice: random.Random, tables: dict[str, list[Row]], run: Row, moment: datetime) -> None:
    """The agent's report that it runs, in one layer, both or none; its clock may be off, by half a minute at most."""
    moment += timedelta(milliseconds=dice.randrange(400))
    off = dice.choice([0, 0, 0, 0, -3, 5, 30])
    skewed = moment + timedelta(seconds=off, milliseconds=dice.randrange(-400, 400))
    for table in ("raw.run_events", "raw.run_log_entries"):
        if dice.random() < 0.6:
            method = dice.choice([("_posthog/run_started", "notification"), (None, "pi_run_started")])
            event = {**run, "method": method[0], "kind": method[1], "payload": "{}"}
            came = skewed + _seconds(dice, 40_000)
            late = timedelta(milliseconds=dice.randrange(300)) if table == "raw.run_log_entries" else timedelta()
            streamed = moment + _seconds(dice, 2)
            place = (
                {"position": len(tables[table])}
                if table == "raw.run_log_entries"
                else {"stream_ms": int(streamed.timestamp() * 1000), "stream_seq": 50}
            )
            tables[table].append({**event, **place, "occurred_at": skewed + late, "received_at": came})


def _run(dice: random.Random, tables: dict[str, list[Row]], run: Row) -> None:
    """One run: its states on the server in their order, then what was seen of them."""
    moment = created = BEGIN + _seconds(dice, 4 * 86_400)
    scheduled = created + _seconds(dice, 86_400) if dice.random() < 0.15 else None
    facts: Row = {"created_at": created, "updated_at": created, "completed_at": None, "scheduled_at": scheduled}
    course: list[tuple[datetime, Row]] = []

    def change(status: str, **more: Any) -> None:
        facts.update(more, status=status)
        course.append((moment, dict(facts)))

    change("not_started" if scheduled else "queued", environment=dice.choice(["local", "cloud"]), model=None)
    attempts = dice.choice([1, 1, 1, 2, 2, 3])
    if scheduled is not None:  # it begins at its time, or somebody begins or cancels it before or after
        moment = dice.choice([scheduled, scheduled, created + _seconds(dice, 86_400)])
        attempts = dice.choice([0, attempts, attempts])
        name = "updated_at" if attempts else "completed_at"
        change("queued" if attempts else "cancelled", **{name: moment})
    for _ in range(attempts):
        moment += _seconds(dice, dice.choice([20, 4_000]))
        change("in_progress", updated_at=moment, model=dice.choice(["opus", "gpt"]), runtime_adapter="claude")
        if dice.random() < 0.85:
            _starts(dice, tables, run, moment)
        moment += _seconds(dice, dice.choice([600, 70_000]))
        if dice.random() < 0.1:
            break
        ended = dice.choice(["completed", "completed", "failed", "cancelled"])
        pull_request = dice.choice([None, "https://github.com/acme/a/pull/1"])
        error = "broken" if ended == "failed" else None
        for stamped in _ends(dice, moment):
            change(ended, completed_at=stamped, pr_url=pull_request, error_message=error)
            moment = stamped or moment
        if dice.random() < 0.3:
            moment += _seconds(dice, 4_000)
            change(ended, updated_at=moment, pr_url="https://github.com/acme/a/pull/2")
        if dice.random() < 0.4:
            break
        moment += _seconds(dice, dice.choice([60, 90_000]))
        moved = dice.random() < 0.8
        change("queued", completed_at=None, error_message=None, **({"updated_at": moment} if moved else {}))
    _seen(dice, tables, run, course)


def _seen(dice: random.Random, tables: dict[str, list[Row]], run: Row, course: list[tuple[datetime, Row]]) -> None:
    published = BEGIN
    for number, (moment, facts) in enumerate(course):
        published = max(published, moment + _seconds(dice, dice.choice([1, 9])))
        published_now = []
        if dice.random() < 0.4:
            published_now.append((published, number, facts))
        if facts["completed_at"] and dice.random() < 0.15:  # a state from before the end comes after it
            stale = next(before for _, before in reversed(course[:number]) if not before["completed_at"])
            published_now.append((published + _seconds(dice, 20), 100 + number, stale))
        for at, place, shown in published_now:
            about = {"output": {"pr_url": shown.get("pr_url")}, "error_message": shown.get("error_message")}
            state = {"type": "task_run_state", "status": shown["status"], **about}
            for name in ("updated_at", "completed_at"):
                state[name] = shown[name] and shown[name].isoformat(timespec=dice.choice(["auto", "milliseconds"]))
            tables["raw.run_events"].append(
                {
                    **run,
                    "kind": "task_run_state",
                    "stream_ms": int(at.timestamp() * 1000),
                    "stream_seq": place,
                    "received_at": at + _seconds(dice, dice.choice([1, 20_000])),
                    "payload": json.dumps(state),
                }
            )
    look = course[0][0] + _seconds(dice, 20_000)
    before: Row | None = None
    while look < BEGIN + timedelta(days=DAYS) or before is None:
        facts = [facts for moment, facts in course if moment <= look][-1]
        if facts != before:
            tables["raw.run_versions"].append({**run, **facts, "valid_from": look})
            before = facts
        look += _seconds(dice, dice.choice([300, 4_000, 100_000]))
