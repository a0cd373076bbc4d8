"""``taskhouse tail``: follow run streams as a service."""

import signal
from typing import TYPE_CHECKING

import typer

from taskhouse.pipelines.cli.exits import Exit, guarded, say
from taskhouse.plural import counted

if TYPE_CHECKING:
    from taskhouse.passes.context import Progress
    from taskhouse.passes.sync_pass import PassReport

EVERY_S = 60.0
"""Seconds between two lines that say how far it is."""


@guarded
def tail() -> None:
    """Follow the streams of all active runs until stopped.

    It finds new runs within seconds, saves their events to the spool at once, and loads them into the warehouse moments
    later. While another program holds the warehouse open, events collect in the spool. On SIGTERM or Ctrl-C it seals
    the spool, loads it and exits with code 0, or with 3 if it could not read all that it should. That may take 25
    seconds. Killing it at any moment loses nothing.

    Scheduled syncs keep running next to it and leave the streams to it. One tail follows all streams of a project.
    """
    import asyncio

    from taskhouse.home import ready
    from taskhouse.settings import load

    settings = load()
    settings.key()
    settings.projects()
    ready(settings)
    projects = ", ".join(map(str, settings.projects()))
    say(f"Following the runs of project {projects} on {settings.host}. Press Ctrl-C to stop.")
    reports = asyncio.run(_until_stopped())
    for report in reports:
        say(
            f"project {report.project_id}: {report.reason}; {counted(report.rows_added, 'event')} stored,"
            f" {counted(report.requests, 'request')}"
        )
    raise typer.Exit(Exit.COMPLETE if all(report.verdict == "complete" for report in reports) else Exit.UNPROVEN)


async def _until_stopped() -> "list[PassReport]":
    import asyncio

    from taskhouse.operations import follow
    from taskhouse.settings import load

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    last: dict[int, float] = {}

    def tell(progress: "Progress") -> None:
        now = loop.time()
        if now - last.setdefault(progress.project_id, now) >= EVERY_S:
            last[progress.project_id] = now
            say(f"project {progress.project_id}: {progress.done:,} {progress.unit} so far")

    return await follow(load(), stop, progress=tell)
