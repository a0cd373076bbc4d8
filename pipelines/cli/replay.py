"""``taskhouse replay``: process quarantined records again."""

import typer

from taskhouse.pipelines.cli.exits import Exit, guarded, say
from taskhouse.plural import counted


@guarded
def replay() -> None:
    """Read the quarantined records again, for example after an upgrade.

    Records that can be read now take their place in the history, at the time when they were first seen. The others stay
    in quarantine. It needs no API key, because it sends no requests to PostHog. Exit code 3 means that some records are
    still in quarantine.
    """
    import asyncio

    from taskhouse import operations
    from taskhouse.home import ready
    from taskhouse.settings import load
    from taskhouse.warehouse.opening import warehouse_at_rest

    settings = load()
    settings.projects()
    warehouse_at_rest(settings).require()
    ready(settings)
    left = 0
    for project_id in settings.projects():
        done = asyncio.run(operations.replay_quarantine(settings, project_id))
        left += sum(done.still.values())
        say(
            f"project {project_id}: {counted(sum(done.replayed.values()), 'record')} can be read now,"
            f" {counted(sum(done.still.values()), 'stays', 'stay')} in quarantine"
        )
    raise typer.Exit(Exit.UNPROVEN if left else Exit.COMPLETE)
