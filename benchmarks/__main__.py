"""Run benchmarks and write what they measured into one folder, as Markdown and JSON.

    python -m benchmarks [--full] [--cases events ...] [--contenders taskhouse ...] [--rounds 3] [--scale 0.1]
        [--into FOLDER]

`make bench` runs it in minutes, `make bench-full` at full size. Everything stays on this machine: each case starts its
server in a process of its own on the loopback address. Only contenders of other tools need a network, once, to install
them.
"""

import argparse
import signal
import sys
import time
from pathlib import Path

from benchmarks.cases import CASES
from benchmarks.harness import results, running

BY_NAME = {case.name: case for case in CASES}


def main() -> int:
    """Measure, and say where the results are; 1 if a contender failed, 130 or 143 if a signal ended it."""
    asked = _asked()
    try:
        found = results.Results(asked.into, rounds=asked.rounds, commit=results.commit())
    except OSError as problem:
        print(f"Results cannot be written into {asked.into}: {problem.strerror}.", file=sys.stderr)
        return 1
    signal.signal(signal.SIGTERM, _terminated)
    try:
        _measure(asked, found)
    except KeyboardInterrupt:
        print(f"Interrupted. What was measured is in {asked.into}.", file=sys.stderr)
        return 130
    print((asked.into / "results.md").read_text("utf-8"))
    return int(any(outcome.failures for outcome in found.outcomes))


def _asked() -> argparse.Namespace:
    names = {contender.name: None for case in CASES for contender in case.contenders}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="full sizes and long histories")
    parser.add_argument("--cases", nargs="+", choices=BY_NAME, default=list(BY_NAME))
    parser.add_argument("--contenders", nargs="+", choices=names, default=list(names), help="by their names; all")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--scale", type=float, default=1, help="a part of the size, to try a benchmark")
    parser.add_argument("--into", type=Path, default=Path("dist/bench"), help="the folder of the results")
    asked = parser.parse_args()
    if asked.rounds < 1:
        parser.error("--rounds must be at least 1")
    if asked.scale <= 0:
        parser.error("--scale must be more than 0")
    if not any(one.name in asked.contenders for name in asked.cases for one in BY_NAME[name].contenders):
        parser.error("none of these contenders is in these cases")
    return asked


def _measure(asked: argparse.Namespace, found: results.Results) -> None:
    only = frozenset(asked.contenders)
    for case in (BY_NAME[name] for name in asked.cases):
        for whole in case.full if asked.full else case.quick:
            size = {name: max(1, round(number * asked.scale)) for name, number in whole.items()}
            before = time.perf_counter()
            for name, outcome in running.run(case, size, rounds=asked.rounds, full=asked.full, only=only):
                print(f"{case.name}, {name}: {time.perf_counter() - before:.0f} s so far", file=sys.stderr, flush=True)
                if outcome not in found.outcomes:
                    found.outcomes.append(outcome)
                found.write()


def _terminated(*_: object) -> None:
    """End as after an error, so that servers and folders are removed."""
    sys.exit(128 + signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main())
