"""``taskhouse backup``: copy the warehouse to another disk."""

from pathlib import Path
from typing import Annotated

import typer

from taskhouse.pipelines.cli.arguments import named_path
from taskhouse.pipelines.cli.exits import guarded, say
from taskhouse.plural import counted, plural

SHOWN = 5
"""How many backups of other homes a message names."""


@guarded
def backup(
    folder: Annotated[
        Path,
        typer.Argument(metavar="DIR", parser=named_path, help="Folder for the backups of this home, on another disk."),
    ],
    *,
    last: Annotated[int, typer.Option("--keep", min=0, help="Keep this many of the newest backups.")] = 0,
    daily: Annotated[int, typer.Option(min=0, help="Keep the newest backup of each day, for this many days.")] = 0,
    weekly: Annotated[int, typer.Option(min=0, help="Keep the newest backup of each week, for this many weeks.")] = 0,
) -> None:
    """Back up the warehouse, while syncs and `taskhouse tail` go on.

    A backup is a DuckDB file with its SHA-256 in a second file. If the folder already has the newest copy and it can be
    read, nothing is copied; if it is damaged, it is written again in its place. Without --keep, --daily and --weekly
    every backup stays. With them, taskhouse removes the backups that none of the three options keep, after it has read
    the new one back from the disk. Backups that this home did not write, or cannot prove to have written, are never
    removed; taskhouse lists them. Only the owner can read backups, regardless of the umask.

    A backup does not contain events that were captured but not loaded yet. They are in the spool for about a second, or
    for as long as another program holds the warehouse open. `taskhouse restore DIR` restores the newest backup.

    If you copy a home, both copies have the same id: give each its own backup folder. If you move a home to another
    disk or restore it into a new folder, it treats the earlier backups as those of another home.
    """
    from taskhouse.home import ready
    from taskhouse.settings import load
    from taskhouse.warehouse.backup import Retention
    from taskhouse.warehouse.backup import backup as write
    from taskhouse.warehouse.opening import warehouse_at_rest

    settings = load()
    warehouse = warehouse_at_rest(settings)
    warehouse.require()
    ready(settings)
    done = write(warehouse, folder, Retention(last, daily, weekly))
    size = done.path.stat().st_size / 1e6
    what = "Replaced, because it was damaged" if done.mended else "Written" if done.fresh else "Already there"
    say(
        f"{what}: {done.path} ({size:,.1f} MB), commit"
        f" {done.identity.generation}. {counted(done.left, 'backup is', 'backups are')} there,"
        f" {counted(done.removed, 'was', 'were')} removed."
    )
    if done.others:
        names = ", ".join(path.name for path in done.others[:SHOWN]) + (", …" if len(done.others) > SHOWN else "")
        say(
            f"{counted(len(done.others), 'of them was', 'of them were')} kept, because this home cannot prove that it"
            f" wrote {plural(len(done.others), 'it', 'them')}: {names}. Delete the ones that you do not need."
        )
