"""``taskhouse verify``: read all stored data, and compare it with what was recorded when it arrived."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from taskhouse.pipelines.cli.arguments import named_path
from taskhouse.pipelines.cli.exits import Exit, guarded, say


@guarded
def verify(
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="[FILE|DIR]",
            parser=named_path,
            help="A copy, a backup, or a folder (its newest backup); by default the warehouse itself.",
        ),
    ] = None,
) -> None:
    """Read all stored data, and compare it with what was recorded when it arrived.

    It checks every block of the file, the checksums of captured events and log entries, the content hash of each
    version, every count in the ledger, keys, references, time ranges, cursors, and the views. To check the warehouse it
    publishes a new copy and reads that, so that nobody has to wait. If no new copy is needed, it compares the warehouse
    with the last copy byte by byte. It also checks what waits in the spool, and names spool files that were damaged.

    Values that older versions of taskhouse did not record are unknown, which is not an error. Exit code 1 means that
    something is wrong; `taskhouse restore` restores a sound copy or backup.
    """
    from taskhouse.errors import ConfigurationError
    from taskhouse.home import ready
    from taskhouse.pipelines.cli import screen
    from taskhouse.plural import plural
    from taskhouse.resources.registry import content_hashes
    from taskhouse.settings import load
    from taskhouse.warehouse import reading
    from taskhouse.warehouse import verify as verifying
    from taskhouse.warehouse.opening import warehouse_at_rest
    from taskhouse.warehouse.restore import find

    settings = load()
    of_home = file is None
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
        if of_home:
            checks[verifying.SPOOL] = partial(verifying.spool, settings.spool)
        for about, check in checks.items():
            found = check()
            rows.append((about, found.looked_at, found.unknown, found.wrong))
            failed |= found.wrong > 0
            for example in found.examples:
                say(f"{about}: {example}")
            if found.wrong and about == verifying.READABLE:
                break
    screen.results().print(screen.table(("what", "looked at", "unknown", "wrong"), rows))
    say(f"{file}: {'something is wrong' if failed else 'all data is as it was written'}.")
    if of_home and (aside := sorted(settings.spool.glob("*/damaged/*"))):
        say(
            f"{len(aside)} damaged spool {plural(len(aside), 'file is', 'files are')} kept, the first as {aside[0]}."
            " What was whole in them is loaded, and the rest is read again from the logs of its runs. Once you do not"
            " need them, remove them."
        )
    if failed:
        say(
            "Hint:  `taskhouse verify FILE` checks a copy or a backup, and"
            " `taskhouse restore FILE --replace` restores a sound one."
        )
    raise typer.Exit(Exit.FAILED if failed else Exit.COMPLETE)
