"""``taskhouse status``: what is held, how old it is, and what is not proved."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import typer

from pipelines.cli.exits import Exit, guarded, say
from pipelines.cli.sync import RESOURCES

if TYPE_CHECKING:
    from taskhouse.settings import Settings

Record = dict[str, Any]
Ask = Callable[[str], list[Record]]

BUSY_S = 3.0
QUESTIONS = ("passes", "rows", "gaps", "quarantine")


@guarded
def status() -> None:
    """Show what is held: by resource and project the last pass, its verdict, rows and age.

    Also the holes in run events, the records that could not be read, and how much of the request budget of the last
    minute and hour is used. Asks the warehouse; the published copy where the warehouse is busy. Exit code 3 where the
    last pass over something was not complete.
    """
    from taskhouse.settings import load

    settings = load()
    held = look(settings)
    if held is None:
        say(f"Nothing is held in {settings.home} yet. Run `taskhouse sync` (or `taskhouse demo`) first.")
        raise typer.Exit(Exit.COMPLETE)
    show(held)
    budget(settings)
    unproven = [row for row in held["passes"] if row["verdict"] == "incomplete"]
    for row in unproven:
        say(f"{row['resource']} of project {row['project_id']} is not proved complete: {row['reason']}")
    raise typer.Exit(Exit.UNPROVEN if unproven else Exit.COMPLETE)


def look(settings: "Settings") -> dict[str, list[Record]] | None:
    """The answers to every question, from the warehouse or else from its published copy; None where neither is."""
    from taskhouse.errors import TaskhouseError
    from taskhouse.warehouse import publish

    copy = publish.current(settings.published)
    if not settings.warehouse.exists():
        return None if copy is None else _copied(copy.path)
    try:
        return _live(settings, _host(copy.path) if copy else settings.host)
    except TaskhouseError as problem:
        if copy is None:
            raise
        age_s = (datetime.now(UTC) - copy.made_at).total_seconds()
        from pipelines.cli import screen

        say(f"{problem.message} This is the published copy of {screen.age(age_s)} ago.")
        return _copied(copy.path)


def _live(settings: "Settings", host: str) -> dict[str, list[Record]]:
    from taskhouse.warehouse.connection import Warehouse

    warehouse = Warehouse(settings.warehouse, host=host, lock_wait_s=BUSY_S)
    with warehouse.transaction("taskhouse status") as connection:

        def ask(question: str) -> list[Record]:
            result = connection.execute(_text(question))
            names = [column[0] for column in result.description or []]
            return [dict(zip(names, row, strict=True)) for row in result.fetchall()]

        return {question: ask(question) for question in QUESTIONS}


def _copied(path: Any) -> dict[str, list[Record]]:
    from taskhouse.warehouse.connection import query

    def ask(question: str) -> list[Record]:
        names, rows = query(path, _text(question))
        return [dict(zip(names, row, strict=True)) for row in rows]

    return {question: ask(question) for question in QUESTIONS}


def _host(path: Any) -> str:
    from taskhouse.warehouse.connection import query

    return str(query(path, _text("host"))[1][0][0])


def _text(question: str) -> str:
    from taskhouse.warehouse import sql

    return sql.statement("pipelines.cli", f"sql/{question}")


def show(held: dict[str, list[Record]]) -> None:
    """Print the tables."""
    from pipelines.cli import screen

    counts = {(row["project_id"], row["resource"]): row["row_count"] for row in held["rows"]}
    order = {name: place for place, name in enumerate(RESOURCES)}
    passes = sorted(held["passes"], key=lambda row: (row["project_id"], order.get(row["resource"], len(order))))
    rows = [
        (
            row["project_id"],
            row["resource"],
            counts.get((row["project_id"], row["resource"]), 0)
            + (counts.get((row["project_id"], "run_log"), 0) if row["resource"] == "run_events" else 0),
            screen.verdict(row["verdict"]),
            f"{screen.age(row['age_s'])} ago",
            "never" if row["complete_age_s"] is None else f"{screen.age(row['complete_age_s'])} ago",
            row["rows_added"],
        )
        for row in passes
    ]
    columns = ("project", "resource", "rows", "last pass", "ended", "last complete", "added")
    out = screen.results()
    out.print(screen.table(columns, rows))
    holes = ", ".join(
        f"{row['gaps']} in project {row['project_id']} ({row['unfilled']} not filled)" for row in held["gaps"]
    )
    out.print(f"\nGaps in run events: {holes or 'none'}")
    if held["quarantine"]:
        found = [(row["project_id"], row["resource"], row["records"], row["reason"]) for row in held["quarantine"]]
        out.print("Quarantine:")
        out.print(screen.table(("project", "resource", "records", "reason"), found))
    else:
        out.print("Quarantine: empty")


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
