"""``taskhouse schedule``: turn all schedules on or off."""

import typer

from taskhouse.pipelines.cli.exits import guarded, say

schedule = typer.Typer(no_args_is_help=True, help="Turn all schedules on or off, or show them.")


@schedule.command()
@guarded
def on() -> None:
    """Turn all schedules on, from the next start of Dagster.

    Each resource has its own schedule; TASKHOUSE_CRONS changes when they run. `taskhouse dev` starts the daemon that
    runs them.
    """
    _turn(on=True)


@schedule.command()
@guarded
def off() -> None:
    """Turn all schedules off, from the next start of Dagster."""
    _turn(on=False)


@schedule.command()
@guarded
def show() -> None:
    """Show whether the schedules are on, and when each one runs."""
    from taskhouse.pipelines import switch
    from taskhouse.pipelines.cli import screen
    from taskhouse.resources.registry import RESOURCES
    from taskhouse.settings import load
    from taskhouse.values import CRONS, NEEDS

    settings = load()
    state = "on" if switch.is_on(settings) else "off"
    names = [
        name
        for name in CRONS
        if (settings.wants(name) if name in RESOURCES else name not in NEEDS or getattr(settings, NEEDS[name]))
    ]
    rows = [(name, settings.cron(name), state) for name in names]
    screen.results().print(screen.table(("schedule", f"cron ({settings.timezone})", "state"), rows))


def _turn(*, on: bool) -> None:
    from taskhouse.errors import ConfigurationError
    from taskhouse.pipelines import switch
    from taskhouse.settings import load

    settings = load()
    word = "on" if on else "off"
    if switch.pinned(settings):
        raise ConfigurationError(
            f"TASKHOUSE_SCHEDULES={str(settings.schedules).lower()} is set and has priority.",
            hint=f"Unset it to use `taskhouse schedule {word}`.",
        )
    switch.turn(settings, on=on)
    home = settings.home.absolute()
    say(f"Schedules are {word} in {home}. If `taskhouse dev` is running, start it again to apply the change.")
