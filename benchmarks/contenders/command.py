"""A command as people type it, in a home that was synced once: how long until it has ended."""

import os
import subprocess
import sys
from pathlib import Path

from benchmarks.contenders import measure


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

    def work(*command: str) -> None:
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=asked.given, env=environment)

    if asked.mode == "prepare":
        work("taskhouse", "sync")
        return
    measure.tell(**measure.measured(lambda: work(*asked.arguments)))


if __name__ == "__main__":
    main()
