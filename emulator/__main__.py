"""``python -m taskhouse.emulator``: start an emulator, and print the variables that point a client to it."""

from __future__ import annotations

import argparse
import sys
from datetime import datetime
from typing import Any

from taskhouse.emulator.serve import listen, serve_on
from taskhouse.emulator.settings import EmulatorSettings, Key
from taskhouse.emulator.versions import NEWEST, VERSIONS, at_version
from taskhouse.emulator.world.surprise import surprising

_DEFAULTS = EmulatorSettings()


def _member(text: str) -> tuple[int, tuple[int, ...]]:
    user, _, projects = text.partition(":")
    return int(user), tuple(int(project) for project in projects.split(",") if project)


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 65535:  # noqa: PLR2004 - all that TCP has
        raise argparse.ArgumentTypeError("a port is a number from 0 to 65535")
    return port


def _count(text: str) -> int:
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError("a count is 0 or more")
    return number


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(prog="python -m taskhouse.emulator", description=__doc__)
    add = made.add_argument
    add("--host", default="127.0.0.1", help="address to listen on")
    add("--port", type=_port, default=8010, help="port to listen on; 0 takes a free one")
    add("--seed", type=int, default=_DEFAULTS.seed, help="seed of the generated world")
    add("--surprise", type=int, metavar="SEED", help="draw everything that the API leaves open from this seed")
    add(
        "--tasks",
        type=_count,
        default=_DEFAULTS.tasks,
        help="tasks in each project; clients see about a fifth fewer, because some are deleted or private",
    )
    add("--repositories", type=_count, default=_DEFAULTS.repositories, help="repositories in each project")
    add("--live-runs", type=_count, default=_DEFAULTS.live_runs, help="runs that are in progress at the start")
    add("--speed", type=float, default=_DEFAULTS.speed, help="simulated seconds per real second")
    add("--pace", type=float, default=_DEFAULTS.pace, help="how many times faster than real agents the live runs are")
    add("--events", type=float, default=_DEFAULTS.events, help="scales the number of events of a run")
    add("--start", type=datetime.fromisoformat, help="simulated time at the start (default: now)")
    add("--no-throttle", action="store_true", help="do not limit requests")
    add("--frozen-activity", action="store_true", help="runs do not move last_activity_at")
    add("--version", choices=tuple(VERSIONS), default=NEWEST, help="behave like the server of this month")
    add("--thin-tail", type=float, default=_DEFAULTS.thin_tail, help="share of new runs that are thin-tail")
    add(
        "--presence-gated",
        type=float,
        default=_DEFAULTS.presence_gated,
        help="share of new runs that are presence-gated",
    )
    add("--proxy", type=float, default=_DEFAULTS.proxy, help="share of new runs that the agent proxy streams")
    add("--max-streams", type=_count, default=_DEFAULTS.max_streams, help="how many streams may be open at once")
    add("--busy-days", type=_count, default=0, help="for how many days people work with the first project")
    add("--project", type=int, action="append", metavar="ID", help="id of a project (repeatable)")
    add(
        "--key",
        type=Key.parse,
        action="append",
        metavar="KEY:USER:PROJECTS:SCOPES",
        help="one more credential (repeatable)",
    )
    add(
        "--member",
        type=_member,
        action="append",
        default=[],
        metavar="USER:PROJECTS",
        help="limit a user to these projects (repeatable)",
    )
    return made


def settings_of(arguments: argparse.Namespace) -> EmulatorSettings:
    """The settings for a command line. Keys from the command line come first; the default key reads all projects."""
    projects = tuple(arguments.project or _DEFAULTS.projects)
    always: dict[str, Any] = {
        "speed": arguments.speed,
        "pace": arguments.pace,
        "events": arguments.events,
        "start": arguments.start,
        "throttle": not arguments.no_throttle,
        "max_streams": arguments.max_streams,
        "busy_days": arguments.busy_days,
        "projects": projects,
        "members": dict(arguments.member),
        "keys": (*(arguments.key or ()), Key(projects=projects)),
    }
    if arguments.surprise is not None:
        return surprising(arguments.surprise, **always)
    return at_version(
        arguments.version,
        seed=arguments.seed,
        tasks=arguments.tasks,
        repositories=arguments.repositories,
        live_runs=arguments.live_runs,
        activity_moves=not arguments.frozen_activity,
        thin_tail=arguments.thin_tail,
        presence_gated=arguments.presence_gated,
        proxy=arguments.proxy,
        **always,
    )


def main() -> int:
    """Start and serve until interrupted."""
    arguments = parser().parse_args()
    settings = settings_of(arguments)
    listener = listen(arguments.host, arguments.port)
    lines = (
        f"export POSTHOG_HOST=http://{arguments.host}:{listener.getsockname()[1]}",
        f"export POSTHOG_PERSONAL_API_KEY={settings.keys[0].value}",
        f"export POSTHOG_PROJECT_IDS={','.join(map(str, settings.keys[0].projects or settings.projects))}",
    )
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()
    serve_on(listener, settings)
    return 0


if __name__ == "__main__":
    sys.exit(main())
