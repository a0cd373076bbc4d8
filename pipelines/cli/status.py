"""``taskhouse status``: what is held, how old it is, and what is not proved."""

from typing import TYPE_CHECKING, Annotated

import typer

from taskhouse.pipelines.cli import health, status_copy, status_requests
from taskhouse.pipelines.cli.exits import Exit, code_of, emit, errors_as_json, guarded, say
from taskhouse.pipelines.cli.status_answers import Held, Record, look
from taskhouse.pipelines.cli.sync import chosen
from taskhouse.pipelines.startup import uncollected
from taskhouse.plural import counted
from taskhouse.resources.registry import RESOURCES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from taskhouse.settings import Settings

OPEN = "unknown"


@guarded
@uncollected()
def status(
    *,
    select: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help=f"Only this resource (repeatable): {', '.join(RESOURCES)}."),
    ] = None,
    max_age: Annotated[
        str | None,
        typer.Option(
            metavar="AGE",
            help="Exit with code 4 if the last complete pass is older than this, for example 15m, 6h or 2d.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the status as JSON, for monitoring.")] = False,
) -> None:
    """Show what is stored: the last pass, its verdict, row counts and ages, for each resource and project.

    "last complete" is when a pass last proved that nothing is missing. "oldest page" is the age of the oldest page that
    this proof rests on.

    It also shows how old the published copy is, how many commits it is behind, and how long it took to clone or copy
    it; when every block of the warehouse or of a copy was last read, which happens with every copy, every few minutes
    where clones are published, and in the daily maintenance; the gaps in run events; the records that could not be
    read; and how much of the request budget was used in the last minute and hour, or that a budget which is shared with
    other machines does not answer. It reads the warehouse, or the published copy if the warehouse is busy. Values that
    a copy made by another version does not have are shown as unknown. Every resource of the projects in
    POSTHOG_PROJECT_IDS has a row, even if it was never synced. If that setting is not set, the rows are those of the
    stored data.

    Exit code 0: everything is proved complete. 3: a last pass was not complete, was killed, or has a time in the future
    because a clock was ahead. 4: a last complete pass is older than --max-age, or the published copy is late: it lacks
    a sync that ended an hour ago (or three intervals of its schedule, if those are longer). 5: there is no
    data, a resource was never synced, or nothing was published for that long after a sync. 1: the warehouse is missing,
    damaged or older than it was, or the request budget cannot be read, which stops every sync.
    """
    from taskhouse.home import usable
    from taskhouse.settings import load

    with errors_as_json(as_json):
        settings = load()
        limit_s = _limit(max_age)
        wanted = [name for text in select or () for name in text.split(",")]
        resources = chosen(wanted or list(filter(settings.wants, RESOURCES)), tuple(RESOURCES), "--select", "resources")
        if not settings.home.is_dir():
            usable(settings.home)
        held = look(settings, resources)
        found = judge(settings, held, resources, limit_s)
        copy = status_copy.copy(settings, held)
        code = health.worst([*found, copy]) if held else Exit.MISSING
        used = status_requests.used(settings)
        code = code_of(used.problem) if used.problem else code
    if as_json:
        emit(_portable(settings, held, found, copy, used) | {"exit_code": code})
    elif held is None:
        say(f"There is no history in {settings.home.absolute()} yet. Run `taskhouse sync` (or `taskhouse demo`) first.")
        say("If your history is elsewhere, go to its folder or set TASKHOUSE_HOME.")
    else:
        show(held, found)
        _show_copy(copy, status_copy.read_age_s(settings))
        status_requests.show(used)
        for state in found:
            _explain(state, limit_s)
        _explain_copy(copy)
    raise typer.Exit(code)


def judge(
    settings: "Settings", held: Held | None, resources: "Sequence[str]", max_age_s: float | None
) -> list[health.State]:
    """The state of every resource that is wanted, by project; of those that are held where no project is set."""
    from taskhouse.passes import resource_lock

    passes = held["passes"] or [] if held else []
    wanted = [(project_id, name) for project_id in settings.project_ids for name in resources]
    ran = {(row["project_id"], row["resource"]) for row in passes} - set(wanted)
    order = {name: place for place, name in enumerate(RESOURCES)}
    if not wanted:
        wanted = sorted(ran, key=lambda each: (each[0], order.get(each[1], len(order))))
    live = bool(held and held["source"])
    return health.states(
        passes,
        wanted,
        alive=lambda project_id, name: not live or resource_lock.is_held(settings, project_id, name),
        max_age_s=max_age_s,
    )


def _limit(text: str | None) -> float | None:
    from taskhouse.errors import ConfigurationError

    try:
        return None if text is None else health.seconds(text)
    except ValueError:
        raise ConfigurationError("--max-age is not a valid age.", hint="Write it as 90s, 15m, 6h or 2d.") from None


def _explain(state: health.State, max_age_s: float | None) -> None:
    """A line on what is wrong with a resource; none if nothing is."""
    from taskhouse.pipelines.cli import screen

    what = f"{state.resource} of project {state.project_id}"
    if state.code is Exit.MISSING:
        say(f"{what} is missing: {state.reason}")
    elif state.code is Exit.UNPROVEN:
        say(f"{what} is not proved complete: {state.reason or 'its first pass is still running'}")
    elif state.code is Exit.STALE:
        say(
            f"{what} is stale: it was last complete {_ago(state.last['complete_age_s'])},"
            f" and --max-age is {screen.age(max_age_s or 0)}."
        )


def _explain_copy(copy: health.Copy) -> None:
    if copy.late and copy.age_s is None:
        say(f"There is no published copy, though a sync ended {_ago(copy.waits_s)}: readers see nothing.")
    elif copy.late:
        say(f"The published copy is of {_ago(copy.age_s)} and lacks what a sync brought {_ago(copy.waits_s)}.")
    if copy.late:
        say("Hint:  `taskhouse sync` publishes one, or says why it cannot.")


def _show_copy(copy: health.Copy, read_age_s: float | None) -> None:
    from taskhouse.pipelines.cli import screen

    behind = {None: ", how far behind is unknown", 0: ", up to date"}.get(
        copy.behind, f", {counted(copy.behind or 0, 'commit')} behind"
    )
    out = screen.results()
    out.print(f"Published copy: {'none' if copy.age_s is None else _ago(copy.age_s) + behind + _made(copy)}")
    out.print(f"All blocks last read: {_ago(read_age_s)}")


def _made(copy: health.Copy) -> str:
    """How a copy was made, and how long that took."""
    if not copy.seconds:
        return ""
    took = f"{copy.seconds:,.1f} s" if copy.seconds >= 1 else f"{copy.seconds * 1000:.0f} ms"
    return f", {'cloned' if copy.method == 'clone' else 'copied'} in {took}"


def _portable(
    settings: "Settings",
    held: Held | None,
    found: "Sequence[health.State]",
    copy: health.Copy,
    used: status_requests.Used,
) -> Record:
    """All of it for programs; ages are in seconds."""
    counts = held["rows"] if held else []
    return {
        "home": str(settings.home.absolute()),
        "read_from": "warehouse" if held and held["source"] else "published copy" if held else None,
        "resources": [
            {
                "project_id": state.project_id,
                "resource": state.resource,
                "state": state.state,
                "stale": state.stale,
                "reason": state.reason,
                "reason_code": state.last.get("reason_code"),
                "rows": None if counts is None else _rows(counts, state.project_id, state.resource),
                "rows_added": state.last.get("rows_added"),
                "age_s": state.last.get("age_s"),
                "complete_age_s": state.last.get("complete_age_s"),
                "oldest_page_age_s": state.last.get("proven_age_s"),
                "proof": state.last.get("proof"),
                "viewer": state.last.get("viewer"),
            }
            for state in found
        ],
        "copy": {
            "age_s": copy.age_s,
            "commits_behind": copy.behind,
            "method": copy.method,
            "seconds": copy.seconds,
            "waits_s": copy.waits_s,
            "late": copy.late,
        },
        "blocks_read_age_s": status_copy.read_age_s(settings),
        "gaps": held["gaps"] if held else None,
        "quarantine": held["quarantine"] if held else None,
        "requests": [{"seconds": each.seconds, "used": each.used, "limit": each.limit} for each in used.windows],
        "shared_budget": {"place": used.place, "outage": used.outage} if used.place else None,
        **({"error": used.problem.message, "hint": used.problem.hint} if used.problem else {}),
    }


def show(held: Held, found: "Sequence[health.State]") -> None:
    """Print the tables."""
    from taskhouse.pipelines.cli import screen

    rows = [
        (
            state.project_id,
            state.resource,
            _rows(held["rows"], state.project_id, state.resource),
            screen.verdict(state.state),
            *((_ago(row["age_s"]), _ago(row["complete_age_s"]), _oldest(row)) if (row := state.last) else ("", "", "")),
            state.last.get("rows_added", 0),
        )
        for state in found
    ]
    columns = ("project", "resource", "rows", "last pass", "ended", "last complete", "oldest page", "added")
    out = screen.results()
    out.print(screen.table(columns, rows))
    holes = "; ".join(
        f"{row['gaps']} in project {row['project_id']} ({row['unfilled']} not filled{_kinds(row['kinds'])})"
        for row in held["gaps"] or []
    )
    out.print(f"\nGaps in run events: {OPEN if held['gaps'] is None else holes or 'none'}")
    if held["quarantine"]:
        unread = [
            (row["project_id"], row["resource"], row["records"], row["kind"], row["reason"])
            for row in held["quarantine"]
        ]
        out.print("Quarantine:")
        out.print(screen.table(("project", "resource", "records", "kind", "reason"), unread))
    else:
        out.print(f"Quarantine: {OPEN if held['quarantine'] is None else 'empty'}")


def _kinds(counts: dict[str, int]) -> str:
    """The kinds of open gaps, the most frequent one first."""
    ordered = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    return f": {', '.join(f'{kind} {count}' for kind, count in ordered)}" if ordered else ""


def _ago(seconds: float | None) -> str:
    from taskhouse.pipelines.cli import screen

    if seconds is None:
        return "never"
    return f"in {screen.age(-seconds)}" if seconds < -health.TOLERANCE_S else f"{screen.age(max(0.0, seconds))} ago"


def _oldest(row: health.Record) -> str:
    """The age of the oldest page that the last complete pass rests on."""
    if row["proven_age_s"] is not None:
        return _ago(row["proven_age_s"])
    return "not fully listed" if row["proof"] == "counted" else OPEN


def _rows(counts: list[Record] | None, project_id: int, resource: str) -> int | str:
    """Rows of history that a resource brought; those of logs count for run_events."""
    if counts is None:
        return OPEN
    mine = {resource, "run_log"} if resource == "run_events" else {resource}
    return sum(int(row["row_count"]) for row in counts if row["project_id"] == project_id and row["resource"] in mine)
