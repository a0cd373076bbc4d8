"""Run benchmarks and write what they measured into one folder, as Markdown and JSON.

    python -m benchmarks [--full] [--cases events ...] [--contenders taskhouse ...] [--rounds 3] [--scale 0.1]
        [--into FOLDER]

`make bench` runs it in minutes, `make bench-full` at full size. Everything stays on this machine: each case starts its
server in a process of its own on the loopback address.
"""

import argparse
import sys
import time
from pathlib import Path

from benchmarks.cases import CASES
from benchmarks.harness import results, running


def main() -> int:
    """Measure, and say where the results are; 1 if a contender failed."""
    by_name = {case.name: case for case in CASES}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="full sizes and long histories")
    parser.add_argument("--cases", nargs="+", choices=by_name, default=list(by_name))
    parser.add_argument("--contenders", nargs="+", default=[], help="by their names in the results; all")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--scale", type=float, default=1, help="a part of the size, to try a benchmark")
    parser.add_argument("--into", type=Path, default=Path("dist/bench"), help="the folder of the results")
    asked = parser.parse_args()
    found = results.Results(asked.into, rounds=asked.rounds, commit=results.commit())
    for case in (by_name[name] for name in asked.cases):
        for whole in case.full if asked.full else case.quick:
            size = {name: max(1, round(number * asked.scale)) for name, number in whole.items()}
            before = time.perf_counter()
            outcome = None
            for name, outcome in running.run(
                case, size, rounds=asked.rounds, full=asked.full, only=frozenset(asked.contenders)
            ):
                print(f"{case.name}, {name}: {time.perf_counter() - before:.0f} s so far", file=sys.stderr, flush=True)
                if outcome not in found.outcomes:
                    found.outcomes.append(outcome)
                found.write()
    print((asked.into / "results.md").read_text("utf-8"))
    return int(any(outcome.failures for outcome in found.outcomes))


if __name__ == "__main__":
    sys.exit(main())
