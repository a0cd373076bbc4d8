"""``taskhouse report``: readiness and runs of a week or other days, for people."""

import sys
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from taskhouse.cells import harmless
from taskhouse.pages.formatting import END, ISOLATE
from taskhouse.pipelines.cli.arguments import InLake
from taskhouse.pipelines.cli.exits import guarded, say

if TYPE_CHECKING:
    from taskhouse.reading import Snapshot
    from taskhouse.settings import Settings


def for_terminal(text: str) -> str:
    """The text without marks of direction, and with what would command a terminal written out."""
    return harmless(text.replace(ISOLATE, "").replace(END, ""))


def warn(text: str) -> None:
    """Something that a reader of a report should know, on standard error."""
    say(for_terminal(text), style="yellow")


def warn_of_zone(snapshot: "Snapshot", settings: "Settings", *, lake: bool) -> None:
    """Say so if the days of the published copy begin in another time zone than the setting has by now."""
    if not lake and snapshot.zone != settings.timezone:
        warn(
            f"The days of the published copy begin at midnight in {snapshot.zone}, not in {settings.timezone}"
            " (TASKHOUSE_TIMEZONE). Run `taskhouse sync` to publish a copy with the days of the setting."
        )


class Format(StrEnum):
    """The formats of a report."""

    HTML = "html"
    MD = "md"
    CSV = "csv"


@guarded
def report(
    *,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="File to write; - prints the report.")
    ] = None,
    week: Annotated[
        str | None,
        typer.Option(
            metavar="WEEK", help="Week such as 2026-W45, a day in it, or last; by default the last that is over."
        ),
    ] = None,
    month: Annotated[
        str | None, typer.Option(metavar="MONTH", help="Month such as 2026-10, or last, instead of a week.")
    ] = None,
    since: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], metavar="DAY", help="First day of other days; by default there are seven."),
    ] = None,
    until: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], metavar="DAY", help="Last day of other days; by default the last known."),
    ] = None,
    repository: Annotated[
        str | None, typer.Option(metavar="GLOB", help="Only repositories that match, for example acme/*.")
    ] = None,
    owner: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only repositories of this owner in taskhouse.toml.")
    ] = None,
    project: Annotated[
        list[int] | None, typer.Option(metavar="ID", max=2**63 - 1, help="Only this project (repeatable).")
    ] = None,
    compare: Annotated[
        str,
        typer.Option(
            metavar="PERIOD",
            help="What to compare with: median (of the four periods before), previous, none, or days such as"
            " 2026-09-01..2026-09-30.",
        ),
    ] = "median",
    window: Annotated[
        int | None,
        typer.Option(metavar="DAYS", help="Readiness window that decides what is ready; by default the shortest."),
    ] = None,
    form: Annotated[Format, typer.Option("--format", "-f", help="Output format.")] = Format.HTML,
    lake: InLake = False,
) -> None:
    """Write the readiness report of a week: one file that needs no network and runs no script.

    It begins with at most five sentences to forward. It shows which repositories became ready, which slipped and why,
    the next step of each, how the agents' runs are doing, and what the data does not tell. It reads the published copy.
    Without --output the report goes to the folder `reports` in TASKHOUSE_HOME. Only you can read the file; use `chmod`
    to share it.
    """
    import taskhouse
    from taskhouse.home import require_folder, writing
    from taskhouse.report import Options, directory, render, write
    from taskhouse.settings import load

    options = Options(
        week=week,
        month=month,
        since=since.date() if since else None,
        until=until.date() if until else None,
        repository=repository,
        owner=owner,
        projects=tuple(project or ()),
        compare=compare,
        window=window,
        format=form.value,
    )
    if output is not None:
        require_folder(output)
    settings = load()
    known = directory.of(settings)
    with taskhouse.open(settings, lake=lake) as snapshot:
        warn_of_zone(snapshot, settings, lake=lake)
        if str(output) == "-":
            text = render(snapshot, options, known, strict=True, warn=warn)
            typer.echo(for_terminal(text) if sys.stdout.isatty() else text, nl=False)
            return
        target = output or settings.home / "reports" / f"readiness.{form.value}"
        with writing(target):
            write(snapshot, target, options, known, strict=True, warn=warn)
    say(f"Written: {target} ({target.stat().st_size / 1000:,.0f} KB)")
