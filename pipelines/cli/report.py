"""``taskhouse report``: readiness and runs of a period, for people."""

from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from taskhouse.pipelines.cli.exits import guarded, say


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
    since: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], metavar="DAY", help="First day. By default the report covers 30 days."),
    ] = None,
    until: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], metavar="DAY", help="Last day; by default the last day with data."),
    ] = None,
    repository: Annotated[
        str | None, typer.Option(metavar="GLOB", help="Only repositories that match, for example acme/*.")
    ] = None,
    project: Annotated[
        list[int] | None, typer.Option(metavar="ID", max=2**63 - 1, help="Only this project (repeatable).")
    ] = None,
    compare: Annotated[
        str,
        typer.Option(
            metavar="PERIOD", help="Period to compare with: previous, none, or days such as 2026-09-01..2026-09-30."
        ),
    ] = "previous",
    window: Annotated[
        int | None,
        typer.Option(metavar="DAYS", help="Readiness window that decides the order; by default the shortest."),
    ] = None,
    form: Annotated[Format, typer.Option("--format", "-f", help="Output format.")] = Format.HTML,
) -> None:
    """Write the readiness trend report: one file that needs no network and runs no script.

    It shows which repositories became ready and which slipped, how the agents' runs are doing, and what the data does
    not tell. It reads the published copy. Without --output the report goes to the folder `reports` in TASKHOUSE_HOME.
    Only you can read the file; use `chmod` to share it.
    """
    import taskhouse
    from taskhouse.home import require_folder, writing
    from taskhouse.report import Options, render, write
    from taskhouse.settings import load

    options = Options(
        since=since.date() if since else None,
        until=until.date() if until else None,
        repository=repository,
        projects=tuple(project or ()),
        compare=compare,
        window=window,
        format=form.value,
    )
    if output is not None:
        require_folder(output)
    with taskhouse.open(load()) as snapshot:
        if str(output) == "-":
            typer.echo(render(snapshot, options, strict=True), nl=False)
            return
        target = output or load().home / "reports" / f"readiness.{form.value}"
        with writing(target):
            write(snapshot, target, options, strict=True)
    say(f"Written: {target} ({target.stat().st_size / 1000:,.0f} KB)")
