"""``taskhouse plan``: estimate how many requests a sync, a day and a first load take."""

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from taskhouse.pipelines.cli.exits import Exit, emit, errors_as_json, guarded, say
from taskhouse.plural import counted

if TYPE_CHECKING:
    from taskhouse.resources.estimate import Cost, Estimate, Facts
    from taskhouse.settings import Settings


@guarded
def plan(*, as_json: Annotated[bool, typer.Option("--json", help="Print the estimate as JSON.")] = False) -> None:
    """Estimate how many requests a sync, a day and the first load take, before you run them.

    It stores nothing except the count of its own requests, and does not create a home.

    If a history exists, it asks PostHog for one row, to learn how many tasks there are. Before the first load it asks
    for a sample of tasks and runs, with at most 16 requests, and prints ranges. The numbers are requests; how long they
    take depends on TASKHOUSE_REQUESTS_PER_HOUR. Requests of the class `live` (streams) may use all of it. The others
    leave room for the classes before them: `log`, `changes` (what moved since the last sync), `readiness`, `sweep`
    (reading a whole list again) and `first` (the first load).
    """
    with errors_as_json(as_json):
        found = _planned()
    if as_json:
        emit({"projects": [_portable(*each) for each in found.items()], "exit_code": Exit.COMPLETE})
        return
    for project_id, (facts, estimate) in found.items():
        _show(project_id, facts, estimate)


def _planned() -> "dict[int, tuple[Facts, Estimate]]":
    import asyncio

    from taskhouse import operations
    from taskhouse.home import asking

    with asking(_settings()) as settings:
        return {
            project_id: asyncio.run(operations.estimate_project(settings, project_id))
            for project_id in settings.projects()
        }


def _portable(project_id: int, found: "tuple[Facts, Estimate]") -> dict[str, object]:
    """The same for programs; durations are in seconds."""
    facts, estimate = found

    def cost(of: "Cost") -> dict[str, object]:
        items = [
            {
                "what": item.what,
                "class": item.priority.name.lower(),
                "requests": item.requests,
                "at_most": max(item.requests, item.most),
            }
            for item in of.items
        ]
        return {"requests": of.requests, "at_most": of.most, "at_least_s": of.seconds, "items": items}

    return {
        "project_id": project_id,
        "tasks": facts.tasks,
        "kept": facts.known,
        "live_runs": facts.streams,
        "next_sync": cost(estimate.sync),
        "day": cost(estimate.day),
        "first_load": cost(estimate.first_load),
        "of_hourly": estimate.of_hourly,
    }


def _show(project_id: int, facts: "Facts", estimate: "Estimate") -> None:
    from taskhouse.pipelines.cli import screen

    tasks = counted(facts.tasks, "task")
    say(f"Project {project_id}: {tasks}, {facts.known:,} of them stored; {_live(facts)} live.")
    rows: list[list[object]] = []
    for title, cost in (("next sync", estimate.sync), ("a day", estimate.day), ("first load", estimate.first_load)):
        rows += [
            ["", item.what, item.priority.name.lower(), _range(item.requests, item.most), ""] for item in cost.items
        ]
        rows.append([title, "total", "", _range(cost.requests, cost.most), _time(cost)])
    screen.results().print(screen.table(["", "what", "class", "requests", "at least"], rows))
    say(f"On such a day, an average hour takes {estimate.of_hourly:.0%} of the hourly budget.")


def _live(facts: "Facts") -> str:
    if facts.most is None:
        return counted(facts.streams, "run is", "runs are")
    return f"up to {counted(facts.most[2], 'run is', 'runs are')}"


def _range(least: int, most: int) -> int | str:
    return least if most <= least else f"{least:,} to {most:,}"


def _time(cost: "Cost") -> str:
    return str(timedelta(seconds=round(cost.seconds)))


def _settings() -> "Settings":
    from taskhouse.settings import load

    settings = load()
    settings.key()  # what is missing first is said first, as by every other command
    settings.projects()
    return settings
