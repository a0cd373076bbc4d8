"""``python -m taskhouse.pipelines.cli.standin``: the emulator in a process that lives no longer than its parent.

Reads what is wanted as a line of JSON. If days are wanted, it plays them first, with the engine that syncs them into a
home, and says each day that is over. Then it answers with its environment, and serves until its standard input is
closed.
"""

import asyncio
import contextlib
import functools
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.request import Request, urlopen

if TYPE_CHECKING:
    from taskhouse.emulator.app import EmulatorApp

START = [sys.executable, "-m", "taskhouse.pipelines.cli.standin"]
ENDS_S = 15.0
TRUTH_S = 120.0


@contextlib.contextmanager
def standing_in(tell: Callable[[int], None] = lambda _: None, **wanted: object) -> Iterator[dict[str, str]]:
    """A running emulator, as the environment that points at it; ended with the block.

    Args:
        tell: Called with the number of days that are over.
        wanted: ``days`` to play into the folder ``home`` before, and settings of the emulator.

    Raises:
        TaskhouseError: It did not start, or could not play the days.
    """
    process = subprocess.Popen(  # noqa: S603 - our own module
        START, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdin is not None  # noqa: S101 - both are pipes
    assert process.stdout is not None  # noqa: S101
    try:
        with contextlib.suppress(BrokenPipeError):  # it ended at once, and has said nothing
            process.stdin.write(json.dumps(wanted) + "\n")
            process.stdin.flush()
        yield answer(process.stdout, tell)
    finally:
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()
        try:
            process.wait(ENDS_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


def answer(lines: Iterator[str], tell: Callable[[int], None]) -> dict[str, str]:
    """The environment that the stand-in answers with in the end.

    Raises:
        TaskhouseError: It failed, or ended.
    """
    from taskhouse.errors import TaskhouseError

    for line in lines:
        said: dict[str, Any] = json.loads(line)
        if "days" in said:
            tell(said["days"])
        elif "failed" in said:
            raise TaskhouseError(said["failed"], hint=said["hint"])
        else:
            return said
    raise TaskhouseError("The stand-in for PostHog did not start.", hint="Try `taskhouse emulator` to see why.")


def playing(home: Path) -> Path:
    """The lock that a stand-in holds for as long as it may write into a home."""
    return home.with_suffix(".days.lock")


def truth(environment: dict[str, str]) -> dict[str, object]:
    """What a perfect client of the first project should hold by now, of all that was ever there."""
    with urlopen(f"{environment['POSTHOG_HOST']}/_emulator/truth?ever=1", timeout=TRUTH_S) as answer:  # noqa: S310 - our own http
        found: dict[str, object] = json.load(answer)
        return found


def hurry(environment: dict[str, str], speed: float) -> None:
    """Let the emulator's clock run ``speed`` times as fast from now on."""
    body = json.dumps({"speed": speed}).encode()
    url = f"{environment['POSTHOG_HOST']}/_emulator/clock"
    urlopen(Request(url, body), timeout=TRUTH_S).close()  # noqa: S310 - our own http


def _say(said: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Serve until the parent closes our standard input, or is gone."""
    from taskhouse.emulator.virtual import VirtualLoop
    from taskhouse.errors import TaskhouseError

    wanted = json.loads(sys.stdin.readline())
    with asyncio.Runner(loop_factory=functools.partial(VirtualLoop, threads=False)) as runner:
        try:
            with contextlib.suppress(asyncio.CancelledError):
                runner.run(_serve(wanted))
        except TaskhouseError as problem:
            _say({"failed": problem.message, "hint": problem.hint})


async def _serve(wanted: dict[str, Any]) -> None:
    from taskhouse.clock import REAL
    from taskhouse.emulator.serve import listen
    from taskhouse.emulator.settings import EmulatorSettings
    from taskhouse.emulator.virtual import VirtualLoop, emulated
    from taskhouse.pipelines.cli.memory import give_back

    loop, serving = asyncio.get_running_loop(), asyncio.current_task()
    assert isinstance(loop, VirtualLoop)  # noqa: S101 - main made it
    assert serving is not None  # noqa: S101 - this is one
    threading.Thread(target=_end_with_parent, args=(loop, serving), daemon=True).start()
    days, home = int(wanted.pop("days", 0)), wanted.pop("home", None)
    midnight = REAL.now().replace(hour=0, minute=0, second=0, microsecond=0)
    live_runs = wanted.pop("live_runs", 0)
    world = (
        EmulatorSettings(start=midnight - timedelta(days=days), busy_days=days, live_runs=0, **wanted)
        if days
        else EmulatorSettings(live_runs=live_runs, **wanted)
    )
    with listen("127.0.0.1", 0) as listener:
        async with emulated(world, listener) as (origin, emulator):
            environment = {
                "POSTHOG_HOST": origin,
                "POSTHOG_PERSONAL_API_KEY": world.keys[0].value,
                "POSTHOG_PROJECT_IDS": str(world.projects[0]),
            }
            if days:
                await _play(environment, emulator, Path(home))
                give_back()
            loop.slow_down()
            clock = emulator.service.clock
            clock.advance(max(0.0, (REAL.now() - clock.now()).total_seconds()))
            if days:
                emulator.workload.rush(live_runs)
            _say(environment)
            await asyncio.Event().wait()


async def _play(environment: dict[str, str], emulator: "EmulatorApp", home: Path) -> None:
    """Live through the days before today, and today until now."""
    from filelock import FileLock

    from taskhouse.clock import REAL, LoopClock
    from taskhouse.home import ready
    from taskhouse.pipelines.cli.days import Days
    from taskhouse.settings import Settings

    settings = Settings(
        host=environment["POSTHOG_HOST"],
        api_key=environment["POSTHOG_PERSONAL_API_KEY"],
        project_ids=environment["POSTHOG_PROJECT_IDS"],
        home=home,
        budget=None,
    ).with_clock(LoopClock(emulator.service.clock.now()))
    with FileLock(playing(home)):
        ready(settings)
        await Days(settings, emulator, lambda days: _say({"days": days})).live(REAL.now())


def _end_with_parent(loop: asyncio.AbstractEventLoop, serving: "asyncio.Task[None]") -> None:
    """Wait for the end of the standard input, then cancel; a process that does not end then is ended."""
    sys.stdin.read()
    loop.call_soon_threadsafe(serving.cancel)
    threading.Event().wait(ENDS_S / 2)
    os._exit(1)


if __name__ == "__main__":
    main()
