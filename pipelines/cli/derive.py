"""``taskhouse derive``: compute and store what is slow to compute from events: messages, tool calls, tokens."""

from typing import Annotated

import typer

from taskhouse.pipelines.cli.exits import guarded, say
from taskhouse.plural import counted


@guarded
def derive(
    *,
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Forget everything that is stored, and compute it again.")
    ] = False,
) -> None:
    """Compute messages, tool calls, tokens and the order of events now, and store them.

    `taskhouse sync` and the schedules do this before they publish, for half a minute at most, and go on with it the
    next time. Until then the views compute what is missing whenever they are asked, so the answers are the same, only
    slower. This command helps after an upgrade, which may have to compute the whole history again. You can interrupt it
    at any time: what is done stays.
    """
    from taskhouse.home import ready
    from taskhouse.settings import load
    from taskhouse.warehouse import derive as deriving
    from taskhouse.warehouse.opening import warehouse_at_rest

    settings = load()
    warehouse = warehouse_at_rest(settings)
    warehouse.require()
    ready(settings)
    if rebuild:
        deriving.rebuild(warehouse)
    runs = lines = 0
    while True:
        done = deriving.derive(warehouse, within_s=5, everything=True, most=deriving.MANY_LINES)
        runs, lines = runs + done.runs, lines + done.lines
        if not done.runs:
            break
        say(f"{counted(runs, 'run')} with {counted(lines, 'event')} computed, {done.waiting_lines:,} to go")
    left = f"; {counted(done.waiting_runs, 'run')} cannot be stored" if done.waiting_runs else ""
    say(f"Everything is computed{left}. The next published copy contains it.")
