"""The process that is killed: syncs again and again, as the settings in its environment say."""

import asyncio
import sys
from datetime import timedelta

from taskhouse.errors import TaskhouseError
from taskhouse.operations import sync
from taskhouse.posthog import retry
from taskhouse.resources.tasks import rows
from taskhouse.resources.tasks import sync as tasks
from taskhouse.settings import load

RESOURCES = ("tasks", "repositories", "runs", "tasks", "readiness")


def main() -> None:
    """Say so once ready, then go on until killed."""
    rows.COMMIT_PAGES = 2  # more moments at which to die
    tasks.AGAIN = timedelta(seconds=3)  # and more sweeps to die in
    settings = load()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    with retry.instant():
        while True:
            for resource in RESOURCES:
                try:
                    report = asyncio.run(sync(settings, 1, resource))
                    sys.stdout.write(f"{resource} {report.verdict}\n")
                except TaskhouseError as problem:
                    sys.stdout.write(f"{resource} failed: {problem.message}\n")
                sys.stdout.flush()


if __name__ == "__main__":
    main()
