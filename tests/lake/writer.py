"""What a code server's runs do in a shard, again and again until it is killed: ``writer.py SETTINGS``."""

import asyncio
import json
import sys
import time

from taskhouse.errors import TaskhouseError
from taskhouse.operations import sync
from taskhouse.posthog import retry
from taskhouse.resources.tasks import rows
from taskhouse.settings import Settings
from taskhouse.warehouse import publish
from taskhouse.warehouse.opening import open_warehouse

RESOURCES = ("tasks", "repositories", "readiness", "runs", "run_events")
REST_S = 2.0


def go_on(settings: Settings) -> None:
    """A pass over each resource, and a published copy after each."""
    for resource in RESOURCES:
        try:
            asyncio.run(sync(settings, settings.project_ids[0], resource))
            publish.publish(open_warehouse(settings), settings.published)
        except TaskhouseError as problem:
            sys.stderr.write(f"{resource}: {problem}\n")


if __name__ == "__main__":
    rows.COMMIT_PAGES = 1  # more moments at which to die
    with retry.instant():
        while True:
            go_on(Settings(_env_file=None, **json.loads(sys.argv[1])))
            time.sleep(REST_S)
