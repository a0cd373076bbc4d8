"""A process that publishes a shard as fast as it can, and says when each tick begins: ``worker.py SETTINGS``."""

import json
import sys
import time

from taskhouse.lake.service import claimed
from taskhouse.settings import Settings

if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    with claimed(Settings(_env_file=None, **given)) as publisher:
        while True:
            sys.stdout.write("tick\n")
            sys.stdout.flush()
            publisher.publish()
            time.sleep(0.05)
