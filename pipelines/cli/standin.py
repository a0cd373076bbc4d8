"""``python -m taskhouse.pipelines.cli.standin``: the emulator in a process that lives no longer than its parent.

Reads the emulator's settings as a line of JSON, answers with its environment as a line of JSON, and serves until its
standard input is closed.
"""

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from urllib.request import Request, urlopen

START = [sys.executable, "-m", "taskhouse.pipelines.cli.standin"]
ENDS_S = 15.0
TRUTH_S = 120.0


@contextlib.contextmanager
def standing_in(**settings: object) -> Iterator[dict[str, str]]:
    """A running emulator with these settings, as the environment that points at it; ended with the block.

    Raises:
        TaskhouseError: It did not start.
    """
    from taskhouse.errors import TaskhouseError

    process = subprocess.Popen(  # noqa: S603 - our own module
        START, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdin is not None  # noqa: S101 - both are pipes
    assert process.stdout is not None  # noqa: S101
    try:
        with contextlib.suppress(BrokenPipeError):  # it ended at once, and has said nothing
            process.stdin.write(json.dumps(settings) + "\n")
            process.stdin.flush()
        line = process.stdout.readline()
        if not line:
            raise TaskhouseError("The stand-in for PostHog did not start.", hint="Try `taskhouse emulator` to see why.")
        yield json.loads(line)
    finally:
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()
        try:
            process.wait(ENDS_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


def truth(environment: dict[str, str]) -> dict[str, object]:
    """What a perfect client of the first project should hold by now."""
    with urlopen(f"{environment['POSTHOG_HOST']}/_emulator/truth", timeout=TRUTH_S) as answer:  # noqa: S310 - our own http
        found: dict[str, object] = json.load(answer)
        return found


def hurry(environment: dict[str, str], speed: float) -> None:
    """Let the emulator's clock run ``speed`` times as fast from now on."""
    body = json.dumps({"speed": speed}).encode()
    url = f"{environment['POSTHOG_HOST']}/_emulator/clock"
    urlopen(Request(url, body), timeout=TRUTH_S).close()  # noqa: S310 - our own http


def main() -> None:
    """Serve until the parent closes our standard input, or is gone."""
    from taskhouse.emulator.serve import Emulator
    from taskhouse.emulator.settings import EmulatorSettings

    settings = json.loads(sys.stdin.readline())
    with Emulator(EmulatorSettings(**settings)) as running:
        sys.stdout.write(json.dumps(running.environment()) + "\n")
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    main()
