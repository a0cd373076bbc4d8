"""``taskhouse site``: reports, repositories and runs as static files."""

from pathlib import Path
from typing import Annotated

import typer

from taskhouse.pipelines.cli.arguments import InLake
from taskhouse.pipelines.cli.exits import guarded, say


@guarded
def site(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of the site; it holds nothing else.")],
    *,
    weeks: Annotated[
        int, typer.Option(min=1, max=53, metavar="N", help="Weeks that have a report, and of which runs have a page.")
    ] = 4,
    lake: InLake = False,
) -> None:
    """Write a site of static files, which any web server or bucket can serve, or bring one up to date.

    It has an index, the weekly reports, a page of each repository with its state by day, its changes with their
    reasons and its runs, and the page of each run of the last weeks. Only pages whose data changed are made again, and
    pages of older runs are removed. It reads the published copy, or with --lake all shards of the lake.

    Who may read the folder may read its pages, which hold prompts, messages and tool output. A new folder is for you
    alone. To share the site, use `chmod` on the folder, and run the command again.
    """
    import taskhouse
    from taskhouse.home import require_folder, writing
    from taskhouse.plural import counted
    from taskhouse.report import directory
    from taskhouse.settings import load
    from taskhouse.site import write

    require_folder(folder)
    settings = load()
    with taskhouse.open(settings, lake=lake) as snapshot, writing(folder, "DIR"):
        done = write(snapshot, folder, directory.of(settings), weeks=weeks)
    gone = f", {counted(done.removed, 'page')} removed" if done.removed else ""
    say(f"Written: {done.index} ({counted(done.pages, 'page')}, {done.written:,} of them new or changed{gone})")
