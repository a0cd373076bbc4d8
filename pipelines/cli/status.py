"""``taskhouse status``: what is held, how old it is, and what is not proved."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import typer

from pipelines.cli.exits import Exit, guarded, say
from pipelines.cli.sync import RESOURCES

if TYPE_CHECKING:
    from taskhouse.settings import Settings

Record = dict[str, Any]
Held = dict[str, list[Record] | None]
"""Rows by question; None where a copy cannot answer it."""

OPEN = "unknown"

BUSY_S = 3.0
QUESTIONS = ("passes", "rows", "gaps", "quarantine")


@guarded
def status() -> None:
    """Show what is held: by resource and project the last pass, its verdict, rows and ages.

    Last complete is when a pass last proved that nothing is missing. Oldest page is the age of the oldest page that
    this proof rests on.

    Also the holes in run events, the records that could not be read, and how much of the request budget of the last
    minute and hour is used. Asks the warehouse; the published copy where the warehouse is busy, with what that cannot
    tell left open where another version made it. Exit code 3 where the last pass over something was not complete, and 1
    if the warehouse is gone, damaged or older than it was.
    """
    from taskhouse.settings import load

    settings = load()
    held = look(settings)
    if held is None:
        say(f"Nothing is held in {settings.home} yet. Run `taskhouse sync` (or `taskhouse demo`) first.")
        raise typer.Exit(Exit.COMPLETE)
    show(held)
    budget(settings)
    unproven = [row for row in held["passes"] or [] if row["verdict"] == "incomplete"]
    for row in unproven:
        say(f"{row['resource']} of project {row['project_id']} is not proved complete: {row['reason']}")
    raise typer.Exit(Exit.UNPROVEN if unproven else Exit.COMPLETE)


def look(settings: "Settings") -> Held | None:
    """The answers to every question, from the warehouse or else from its published copy; None where neither is."""
    from taskhouse.errors import Locked
    from taskhouse.sync.resources import open_warehouse
    from taskhouse.warehouse import publish

    copy = publish.current(settings.published)
    if not open_warehouse(settings).exists():
        return None
    try:
        return _live(settings, _host(copy.path, settings) if copy else settings.host)
    except Locked as problem:
        if copy is None:
            raise Locked(
                problem.message, hint="Ask again when it is free; no copy is published yet that could be read instead."
            ) from None
        age_s = (datetime.now(UTC) - copy.made_at).total_seconds()
        from pipelines.cli import screen

        say(f"{problem.message} This is the published copy of {screen.age(age_s)} ago.")
        return _copied(copy.path)


def _live(settings: "Settings", host: str) -> Held:
    from taskhouse.sync.resources import open_warehouse

    warehouse = open_warehouse(settings.model_copy(update={"host": host, "lock_wait_s": BUSY_S}))
    with warehouse.reading("taskhouse status") as connection:

        def ask(question: str) -> list[Record]:
            result = connection.execute(_text(question))
            names = [column[0] for column in result.description or []]
            return [dict(zip(names, row, strict=True)) for row in result.fetchall()]

        return {question: ask(question) for question in QUESTIONS}


def _copied(path: Any) -> Held:
    """The same from a copy; one that another version made may not know every answer."""
    from taskhouse.errors import ConfigurationError
    from taskhouse.warehouse.reading import query

    def ask(question: str) -> list[Record] | None:
        try:
            names, rows = query(path, _text(question))
        except ConfigurationError:
            if question == "passes":
                raise
            return None
        return [dict(zip(names, row, strict=True)) for row in rows]

    held = {question: ask(question) for question in QUESTIONS}
    if None in held.values():
        say("Another version of taskhouse made this copy, and it does not tell everything; the next sync mends that.")
    return held


def _host(path: Any, settings: "Settings") -> str:
    """The host of a copy; that of the settings where the copy cannot be read."""
    from taskhouse.errors import TaskhouseError
    from taskhouse.warehouse.reading import query

    try:
        return str(query(path, _text("host"))[1][0][0])
    except TaskhouseError:
        return settings.host


def _text(question: str) -> str:
    from taskhouse.warehouse import sql

    return sql.statement("pipelines.cli", f"sql/{question}")


def show(held: Held) -> None:
    """Print the tables."""
    from pipelines.cli import screen

    order = {name: place for place, name in enumerate(RESOURCES)}
    passes = sorted(held["passes"] or [], key=lambda row: (row["project_id"], order.get(row["resource"], len(order))))
    rows = [
        (
            row["project_id"],
            row["resource"],
            _rows(held["rows"], row["project_id"], row["resource"]),
            screen.verdict(row["verdict"]),
            f"{screen.age(row['age_s'])} ago",
            "never" if row["complete_age_s"] is None else f"{screen.age(row['complete_age_s'])} ago",
            _oldest(row),
            row["rows_added"],
        )
        for row in passes
    ]
    columns = ("project", "resource", "rows", "last pass", "ended", "last complete", "oldest page", "added")
    out = screen.results()
    out.print(screen.table(columns, rows))
    holes = ", ".join(
        f"{row['gaps']} in project {row['project_id']} ({row['unfilled']} not filled)" for row in held["gaps"] or []
    )
    out.print(f"\nGaps in run events: {OPEN if held['gaps'] is None else holes or 'none'}")
    if held["quarantine"]:
        found = [(row["project_id"], row["resource"], row["records"], row["reason"]) for row in held["quarantine"]]
        out.print("Quarantine:")
        out.print(screen.table(("project", "resource", "records", "reason"), found))
    else:
        out.print(f"Quarantine: {OPEN if held['quarantine'] is None else 'empty'}")


def _oldest(row: Record) -> str:
    """The age of the oldest page that the last complete pass rests on."""
    from pipelines.cli import screen

    if row["proven_age_s"] is not None:
        return f"{screen.age(row['proven_age_s'])} ago"
    return "not wholly listed" if row["proof"] == "counted" else OPEN


def _rows(counts: list[Record] | None, project_id: int, resource: str) -> int | str:
    """Rows of history that a resource brought; those of logs count for run_events."""
    if counts is None:
        return OPEN
    mine = {resource, "run_log"} if resource == "run_events" else {resource}
    return sum(int(row["row_count"]) for row in counts if row["project_id"] == project_id and row["resource"] in mine)


def budget(settings: "Settings") -> None:
    """Print how much of the key's request budget is used."""
    import asyncio

    from pipelines.cli import screen
    from taskhouse.posthog.budget import Budget, Window

    if settings.api_key is None or not settings.budget.exists():
        return

    async def peek() -> tuple[Window, ...]:
        used = Budget(
            settings.budget,
            settings.key(),
            per_minute=settings.requests_per_minute,
            per_hour=settings.requests_per_hour,
        )
        try:
            return await used.peek()
        finally:
            await used.close()

    windows = asyncio.run(peek())
    shown = ", ".join(
        f"{window.used:,} of {window.limit:,} in the last {screen.age(window.seconds)}" for window in windows
    )
    screen.results().print(f"Requests of this key: {shown or 'no limit is set'}")
