"""``taskhouse backup``, ``restore`` and ``verify``: copy the warehouse, restore a copy, check the stored data."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from taskhouse.pipelines.cli.exits import Exit, guarded, say
from taskhouse.plural import counted, plural

if TYPE_CHECKING:
    from taskhouse.settings import Settings


SHOWN = 5
"""How many backups of other homes a message names."""


def _named(text: str) -> Path:
    """A path from the command line. An empty one, for example from an unset variable, is refused."""
    if not text:
        raise typer.BadParameter("it is empty. Name a file or a folder, `.` for this one.")
    return Path(text)


@guarded
def backup(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", parser=_named, help="Folder for the backups of this home, on another disk.")
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
    removed; taskhouse lists them. Only the owner can read backups, whatever the umask.

    A backup does not contain events that were captured but not loaded yet. They are in the spool for about a second, or
    for as long as another program holds the warehouse open. `taskhouse restore DIR` restores the newest backup.

    If you copy a home, both copies have the same id: give each its own backup folder. If you move a home to another
    disk or restore it into a new folder, it treats the earlier backups as those of another home.
    """
    from taskhouse.home import ready
    from taskhouse.operations import warehouse_at_rest
    from taskhouse.settings import load
    from taskhouse.warehouse.backup import Retention
    from taskhouse.warehouse.backup import backup as write

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


@guarded
def restore(
    source: Annotated[
        Path | None,
        typer.Argument(
            metavar="[FILE|DIR]",
            parser=_named,
            help="A copy, a backup or a folder of backups; by default the newest published copy.",
        ),
    ] = None,
    *,
    empty: Annotated[bool, typer.Option("--empty", help="Start an empty history instead.")] = False,
    replace: Annotated[bool, typer.Option("--replace", help="Replace a warehouse even if it is sound.")] = False,
    clock: Annotated[
        bool,
        typer.Option(
            "--clock", help="Restore nothing; move times that a fast clock left in the future back to the present."
        ),
    ] = False,
) -> None:
    """Restore the warehouse from a published copy or a backup.

    Use this if the warehouse is missing, damaged, older than it was, or belongs to another home. Every command that
    finds such a warehouse refuses to continue and names this one. If you put a file in its place yourself, name that
    file to accept it.

    Nothing is deleted: the file that was there is kept next to the new one, and so are copies that contain more than
    what is restored. Every block is read first; damaged files in a folder are skipped. The daily maintenance removes
    the kept files after syncs on 30 different days. The next `taskhouse sync` fetches again what PostHog still has, and
    loads the captured events that wait in the spool.

    If this machine's clock was ahead for a while, nothing can be recorded before the times that it left. --clock moves
    those times back by the same amount, so that the last of them is the present. A copy of the earlier state is kept.
    """
    from taskhouse.errors import ConfigurationError
    from taskhouse.home import ready, usable
    from taskhouse.operations import warehouse_at_rest
    from taskhouse.settings import load
    from taskhouse.warehouse import publish
    from taskhouse.warehouse import restore as restoring

    if (source is not None) + empty + clock > 1:
        raise ConfigurationError("FILE, --empty and --clock cannot be combined.", hint="Use only one of them.")
    settings = load()
    if clock:
        _set_back(settings)
        return
    usable(settings.home)
    found = None if empty else restoring.find(source, settings.published)
    ready(settings)
    warehouse = warehouse_at_rest(settings, found)
    done = restoring.restore(warehouse, found, over=replace)
    with warehouse.transaction("restoring"):
        pass  # the views are made
    made = publish.publish(warehouse, settings.published, every_s=0, force=True)
    if done.taken is None:
        say(f"The warehouse {settings.warehouse.absolute()} is empty now.")
    else:
        say(f"Restored from {found}: {done.taken}, up to commit {done.taken.generation}.")
    if done.before is not None and done.taken is not None and done.before.id != done.taken.id:
        say(f"The previous file belongs to another home: {done.before}.")
    elif done.before is not None and done.taken is not None and done.before.generation > done.taken.generation:
        more = done.before.generation - done.taken.generation
        say(f"The previous file had {counted(more, 'more commit')}.")
    for path in filter(None, (done.aside, *done.kept)):
        say(f"Kept: {path}. The maintenance removes it after thirty days of syncing.")
    say(f"Readers see {made.path.absolute() if made else 'nothing'} now. Run `taskhouse sync` to fetch what is new.")


def _set_back(settings: "Settings") -> None:
    from taskhouse.home import ready
    from taskhouse.operations import warehouse_at_rest
    from taskhouse.warehouse.clock import set_back
    from taskhouse.warehouse.publish import publish
    from taskhouse.warehouse.restore import keep

    warehouse = warehouse_at_rest(settings)
    warehouse.require()
    ready(settings)
    before = publish(warehouse, settings.published, every_s=0, force=True)
    with warehouse.transaction("setting moments back") as connection:
        back = set_back(connection, settings.clock.now())
        if before is not None:
            say(f"Kept: {keep(before.path)}. The maintenance removes it after thirty days of syncing.")
    publish(warehouse, settings.published, every_s=0, force=True)
    say(f"All later times were moved back by {back}. Run `taskhouse sync` to continue.")


@guarded
def verify(
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="[FILE|DIR]",
            parser=_named,
            help="A copy, a backup, or a folder (its newest backup); by default the warehouse itself.",
        ),
    ] = None,
) -> None:
    """Read all stored data, and compare it with what was recorded when it arrived.

    It checks every block of the file, the checksums of captured events and log entries, the content hash of each
    version, every count in the ledger, keys, references, time ranges, cursors, and the views. To check the warehouse it
    publishes a new copy and reads that, so that nobody has to wait. If no new copy is needed, it compares the warehouse
    with the last copy byte by byte.

    Values that older versions of taskhouse did not record are unknown, which is not an error. Exit code 1 means that
    something is wrong; `taskhouse restore` restores a sound copy or backup.
    """
    from taskhouse.errors import ConfigurationError
    from taskhouse.home import ready
    from taskhouse.operations import warehouse_at_rest
    from taskhouse.pipelines.cli import screen
    from taskhouse.resources.registry import content_hashes
    from taskhouse.settings import load
    from taskhouse.warehouse import reading
    from taskhouse.warehouse import verify as verifying
    from taskhouse.warehouse.restore import find

    settings = load()
    if file is None:
        warehouse = warehouse_at_rest(settings)
        warehouse.require()
        ready(settings)
        file = verifying.copy(warehouse)
    elif file.is_dir():
        file = find(file.resolve(), settings.published, restoring=False)
    elif not file.exists():
        raise ConfigurationError(
            f"There is no file {file} to verify.",
            hint="Name a copy, a backup or a folder of backups, or omit the file.",
        )
    rows, failed = [], False
    with reading.connected(file) as connection:
        checks = verifying.checks(connection, hashes=content_hashes, now=settings.clock.now())
        for about, check in checks.items():
            found = check()
            rows.append((about, found.looked_at, found.unknown, found.wrong))
            failed |= found.wrong > 0
            for example in found.examples:
                say(f"{about}: {example}")
            if failed and about == verifying.READABLE:
                break
    screen.results().print(screen.table(("what", "looked at", "unknown", "wrong"), rows))
    say(f"{file}: {'something is wrong' if failed else 'all data is as it was written'}.")
    if failed:
        say(
            "Hint:  `taskhouse verify FILE` checks a copy or a backup, and"
            " `taskhouse restore FILE --replace` restores a sound one."
        )
    raise typer.Exit(Exit.FAILED if failed else Exit.COMPLETE)
