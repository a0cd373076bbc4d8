"""``taskhouse run``: one run, or two side by side, for people."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from taskhouse.pipelines.cli.arguments import InLake
from taskhouse.pipelines.cli.exits import guarded, say


class Format(StrEnum):
    """The formats of a run's page."""

    HTML = "html"
    MD = "md"


@guarded
def run(
    run_id: Annotated[str, typer.Argument(metavar="RUN_ID", help="The run's id, or its beginning if it is unique.")],
    *,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="File to write; - prints the page.")
    ] = None,
    compare: Annotated[
        str | None,
        typer.Option(metavar="RUN_ID", help="Set another run beside it: their figures, and where they part."),
    ] = None,
    form: Annotated[
        Format, typer.Option("--format", "-f", help="md is short, for the description of a pull request.")
    ] = Format.HTML,
    project: Annotated[
        int | None,
        typer.Option(metavar="ID", max=2**63 - 1, help="Its project, if several projects have a run of this id."),
    ] = None,
    lake: InLake = False,
) -> None:
    """Write the page of a run: one file that needs no network and runs no script.

    It shows what was asked, the conversation with its tool calls, changes of files, permission questions, tokens and
    cost over time, attempts and the pull request, and every gap where it is. It reads the published copy. Without
    --output the page goes to the folder `runs` in TASKHOUSE_HOME. Only you can read the file; use `chmod` to share it.

    `taskhouse query "FROM runs SELECT run_id, status, created_at ORDER BY created_at DESC LIMIT 10"` lists the newest
    runs.
    """
    import taskhouse
    from taskhouse.home import require_folder, writing
    from taskhouse.run_page import file_name, find, render, write
    from taskhouse.settings import load

    if output is not None:
        require_folder(output)
    with taskhouse.open(load(), lake=lake) as snapshot:
        project_id, found = find(snapshot, run_id, project)
        other = find(snapshot, compare, project)[1] if compare is not None else None
        if str(output) == "-":
            text = render(snapshot, found, project_id=project_id, compare=other, form=form.value)
            typer.echo(text, nl=False)
            return
        name = file_name(found) + (f"-{file_name(other)}" if other else "")
        target = output or load().home / "runs" / f"{name}.{form.value}"
        with writing(target):
            write(snapshot, found, target, project_id=project_id, compare=other, form=form.value)
    say(f"Written: {target} ({target.stat().st_size / 1000:,.0f} KB)")
