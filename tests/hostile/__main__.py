"""Many hostile payloads through everything: ``python -m tests.hostile HOME (full|none) ROUNDS PAYLOADS [SEED]``.

Each round adds its payloads to the same home. A round that fails says how to run it again.
"""

import random
import resource
import sys
import time
from pathlib import Path

from tests.hostile.everything import Everything
from tests.hostile.payloads import payload


def main(home: str, text: str, rounds: str, payloads: str, seed: str = "0") -> None:
    """Say after each round what it took."""
    everything = Everything(Path(home), random.Random(seed), "none" if text == "none" else "full")
    for number in range(int(rounds)):
        began, rng = time.monotonic(), random.Random(f"{seed} {number}")
        everything.all([payload(rng) for _ in range(int(payloads))], last=number == int(rounds) - 1)
        used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
        line = f"round {number}: {everything.count} payloads, {time.monotonic() - began:.0f} s, {used} MiB of memory"
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
