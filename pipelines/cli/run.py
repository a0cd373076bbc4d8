"""``taskhouse run``: one run, for people."""

from pathlib import Path
from typing import Annotated

import typer

from taskhouse.pipelines.cli.exits import guarded, say


@guarded
def run(
    run_id: Annotated[str, typer.Argument(metavar="RUN_ID", help="The run's id, or its beginning if it is unique.")],
    *,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="File to write; - prints the page.")
    ] = None,
    project: Annotated[
        int | None,
        typer.Option(metavar="ID", max=2**63 - 1, help="Its project, if several projects have a run of this id."),
    ] = None,
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
    with taskhouse.open(load()) as snapshot:
        project_id, found = find(snapshot, run_id, project)
        if str(output) == "-":
            typer.echo(render(snapshot, found, project_id=project_id), nl=False)
            return
        target = output or load().home / "runs" / f"{file_name(found)}.html"
        with writing(target):
            write(snapshot, found, target, project_id=project_id)
    say(f"Written: {target} ({target.stat().st_size / 1000:,.0f} KB)")
