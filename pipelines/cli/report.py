"""``taskhouse report`` and ``taskhouse export``: what is kept, for people and for other tools."""

from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from taskhouse.pipelines.cli.exits import guarded, say
from taskhouse.plural import counted


class Format(StrEnum):
    """What a report is written as."""

    HTML = "html"
    MD = "md"
    CSV = "csv"


@guarded
def report(
    *,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Where to write it; - prints it.")
    ] = None,
    since: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], metavar="DAY", help="First day; 30 days before the last by default."),
    ] = None,
    until: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], metavar="DAY", help="Last day; the last with data by default."),
    ] = None,
    repository: Annotated[
        str | None, typer.Option(metavar="GLOB", help="Only repositories like this, such as acme/*.")
    ] = None,
    project: Annotated[
        list[int] | None, typer.Option(metavar="ID", max=2**63 - 1, help="Only this project (repeatable).")
    ] = None,
    compare: Annotated[
        str, typer.Option(metavar="PERIOD", help="previous, none, or days as 2026-09-01..2026-09-30.")
    ] = "previous",
    window: Annotated[
        int | None,
        typer.Option(metavar="DAYS", help="Readiness window that decides the order; the shortest by default."),
    ] = None,
    form: Annotated[Format, typer.Option("--format", "-f", help="How it is written.")] = Format.HTML,
) -> None:
    """Write the readiness trend report: one file that needs no network and no script.

    Which repositories got ready and which slipped, how the agents' runs are doing, and what the data cannot tell. It
    is drawn from the published copy; without --output it goes to the folder `reports` of TASKHOUSE_HOME. Only you can
    read the file; `chmod` shares it.
    """
    import taskhouse
    from taskhouse.home import writing
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
    with taskhouse.open(load()) as snapshot:
        if str(output) == "-":
            typer.echo(render(snapshot, options, strict=True), nl=False)
            return
        target = output or load().home / "reports" / f"readiness.{form.value}"
        with writing(target):
            write(snapshot, target, options, strict=True)
    say(f"Written: {target} ({target.stat().st_size / 1000:,.0f} KB)")


@guarded
def export(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder to write; replaced whole if it is an export.")],
) -> None:
    """Write every view as Parquet, by project, with a manifest: consistent at one moment.

    Read it with DuckDB, pandas, Spark or a BI tool; `manifest.json` states rows and SHA-256 of every file, and
    `views.sql` makes the views again. Only you can read it: it holds what people and agents wrote. `chmod` shares it.
    """
    import taskhouse
    from taskhouse.export import export as write
    from taskhouse.home import writing
    from taskhouse.settings import load

    with taskhouse.open(load()) as snapshot, writing(folder):
        done = write(folder, snapshot)
    files, rows = counted(len(done.files), "file"), counted(sum(done.rows.values()), "row")
    say(f"Written: {done.folder} ({files}, {rows})")
