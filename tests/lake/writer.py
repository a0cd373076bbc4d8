"""What a code server's runs do in a shard: ``writer.py SETTINGS [finish]``, in the environment of the shards.

It goes on until it is killed. To finish, it reads what is left, and ends with 1 if the warehouse then has something
else than the emulator says.
"""

import asyncio
import json
import sys
import time
from datetime import UTC, datetime, timedelta

import httpx

from taskhouse.errors import TaskhouseError
from taskhouse.operations import sync
from taskhouse.pipelines.cli.truth import Compared, compare
from taskhouse.posthog import retry
from taskhouse.resources.tasks import rows
from taskhouse.settings import Settings
from taskhouse.warehouse import publish
from taskhouse.warehouse.opening import open_warehouse
from tests.clocks import GivenClock

RESOURCES = ("tasks", "repositories", "readiness", "runs", "run_events")
REST_S = 5.0
LATER = timedelta(hours=30)


def go_on(settings: Settings) -> None:
    """A pass over each resource, and a published copy after each."""
    for resource in RESOURCES:
        try:
            asyncio.run(sync(settings, settings.project_ids[0], resource))
            publish.publish(open_warehouse(settings), settings.published)
        except TaskhouseError as problem:
            sys.stderr.write(f"{resource}: {problem}\n")


def finish(settings: Settings) -> list[Compared]:
    """Read what is left, and compare; what is not as it should be."""
    go_on(settings.model_copy(update={"capture_seconds": 10}))  # what the streams still have
    go_on(settings.with_clock(GivenClock(lambda: datetime.now(UTC) + LATER)))  # every sweep and log is due
    asked: dict[str, str | int] = {"project_id": settings.project_ids[0], "key": settings.key(), "runs": 1}
    truth = httpx.get(f"{settings.host}/_emulator/truth", params=asked, timeout=60).raise_for_status().json()
    return [line for line in compare(settings, truth) if not line.equal]


if __name__ == "__main__":
    rows.COMMIT_PAGES = 1  # more moments at which to die
    publish.EVERY_S = 2.0  # and more to publish
    given = Settings(_env_file=None, **json.loads(sys.argv[1]))
    with retry.instant():
        if len(sys.argv) > 2:
            found = finish(given)
            sys.stderr.write("".join(f"{line}\n" for line in found))
            sys.exit(bool(found))
        while True:
            go_on(given)
            time.sleep(REST_S)
