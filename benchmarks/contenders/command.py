"""A command as people type it, in a home that was synced once: how long until it has ended."""

import os
import subprocess
import sys
from pathlib import Path

from benchmarks.contenders import measure

SYNCS = 20
"""In how many syncs the first load must end: each takes in a part."""


def main() -> None:
    """Measure; what the command prints is dropped."""
    asked = measure.asked()
    programs = Path(sys.executable).parent
    environment = {
        **os.environ,
        "PATH": f"{programs}{os.pathsep}{os.environ.get('PATH', '')}",
        "TASKHOUSE_HOME": str(asked.home),
        "TASKHOUSE_REQUESTS_PER_HOUR": "0",
        "POSTHOG_HOST": asked.url,
        "POSTHOG_PERSONAL_API_KEY": "phx_emulator",
        "POSTHOG_PROJECT_IDS": "1",
    }

    def work(*command: str, check: bool = True) -> int:
        return subprocess.run(
            command, check=check, stdout=subprocess.DEVNULL, cwd=asked.given, env=environment
        ).returncode

    if asked.mode == "prepare":
        for _ in range(SYNCS):
            if work("taskhouse", "sync", check=False) == 0:
                return
        raise ValueError(f"the first load goes on after {SYNCS} syncs")
    measure.tell(**measure.measured(lambda: work(*asked.arguments)))


if __name__ == "__main__":
    main()
