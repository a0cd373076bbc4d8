"""``python -m tests.soak``: changes, faults, kills and crowds, after which what is kept equals the truth."""

import argparse
import sys
import tempfile
from pathlib import Path

from tests.soak.crowd import Crowd
from tests.soak.result import Result
from tests.soak.soak import Soak
from tests.soak.streams import StreamSoak

SHOWN = 20
"""Problems of one soak that are printed."""


def main() -> int:
    """Run it; 0 if everything is as it should be."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kills", type=int, default=60, help="of the syncs")
    parser.add_argument("--tasks", type=int, default=700)
    parser.add_argument("--tail-kills", type=int, default=104, help="of the tail, in quiet streams and in faulty ones")
    parser.add_argument("--live", type=int, default=55, help="runs that are live at any moment")
    parser.add_argument("--crowds", type=int, default=20, help="how often every asset runs at once in a crowd")
    asked = parser.parse_args()
    wrong = False
    if asked.kills:
        with tempfile.TemporaryDirectory() as folder:
            wrong |= _told("syncs", Soak(Path(folder), seed=asked.seed, tasks=asked.tasks).run(kills=asked.kills))
    for faults in (False, True) if asked.tail_kills else ():
        with tempfile.TemporaryDirectory() as folder:
            soak = StreamSoak(Path(folder), seed=asked.seed, live=asked.live, faults=faults)
            wrong |= _told(f"streams{' with faults' * faults}", soak.run(kills=asked.tail_kills))
    for numbered in (False, True) if asked.tail_kills else ():
        with tempfile.TemporaryDirectory() as folder:
            trimmed = StreamSoak(
                Path(folder), seed=asked.seed, live=asked.live, faults=False, pace=3, numbered=numbered, window=300
            )
            name = f"streams that are trimmed, {'numbered' if numbered else 'not numbered'}"
            wrong |= _told(name, trimmed.run(kills=asked.tail_kills // 4))
    for number in range(asked.crowds):
        with tempfile.TemporaryDirectory() as folder:
            crowd = Crowd(Path(folder) / "home").run(hold_s=20, read_only=number % 2 == 1)
            wrong |= _told(f"crowd {number + 1}", crowd)
    return int(wrong)


def _told(name: str, result: Result) -> bool:
    """Print what a soak found; whether anything is wrong."""
    sys.stdout.write(f"{name}\n")
    for figure, value in result.figures.items():
        sys.stdout.write(f"  {figure:26} {value}\n")
    for problem in result.problems[:SHOWN]:
        sys.stdout.write(f"  WRONG: {problem}\n")
    if len(result.problems) > SHOWN:
        sys.stdout.write(f"  WRONG: and {len(result.problems) - SHOWN} more\n")
    sys.stdout.flush()
    return bool(result.problems)


if __name__ == "__main__":
    raise SystemExit(main())
