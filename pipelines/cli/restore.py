"""``taskhouse restore``: bring a copy or a backup of the warehouse back."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from taskhouse.pipelines.cli.arguments import named_path
from taskhouse.pipelines.cli.exits import guarded, say
from taskhouse.plural import counted

if TYPE_CHECKING:
    from taskhouse.settings import Settings


@guarded
def restore(
    source: Annotated[
        Path | None,
        typer.Argument(
            metavar="[FILE|DIR]",
            parser=named_path,
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
    from taskhouse.settings import load
    from taskhouse.warehouse import publish
    from taskhouse.warehouse import restore as restoring
    from taskhouse.warehouse.opening import warehouse_at_rest

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
    made = publish.publish(warehouse, settings.published, force=True)
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
    from taskhouse.warehouse.clock import set_back
    from taskhouse.warehouse.opening import warehouse_at_rest
    from taskhouse.warehouse.publish import publish
    from taskhouse.warehouse.restore import keep

    warehouse = warehouse_at_rest(settings)
    warehouse.require()
    ready(settings)
    before = publish(warehouse, settings.published, force=True)
    with warehouse.transaction("setting moments back") as connection:
        back = set_back(connection, settings.clock.now())
        if before is not None:
            say(f"Kept: {keep(before.path)}. The maintenance removes it after thirty days of syncing.")
    publish(warehouse, settings.published, force=True)
    say(f"All later times were moved back by {back}. Run `taskhouse sync` to continue.")
