"""``python -m tests.soak``: minutes of changes, faults and kills, after which one clean sync equals the truth."""

import argparse
import sys
import tempfile
from pathlib import Path

from tests.soak.soak import Soak


def main() -> int:
    """Run it; 0 if everything is as it should be."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kills", type=int, default=60)
    parser.add_argument("--tasks", type=int, default=700)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        soak = Soak(Path(folder), seed=asked.seed, tasks=asked.tasks)
        result = soak.run(kills=asked.kills)
    for name, value in result.figures.items():
        sys.stdout.write(f"{name:24} {value}\n")
    for problem in result.problems:
        sys.stdout.write(f"WRONG: {problem}\n")
    return 1 if result.problems else 0


if __name__ == "__main__":
    raise SystemExit(main())
