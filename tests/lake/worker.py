"""A process that works on the lake, and says when it begins: ``worker.py SETTINGS [compact | rebuild | rewrite [ID]]``.

``worker.py SETTINGS publish [SECONDS]`` publishes a shard as fast as it can, again and again, with a lease of that
length. ``worker.py SETTINGS alone`` has the lake alone until it is killed, and then says that it begins.
"""

import json
import sys
import time

from taskhouse.lake import upkeep
from taskhouse.lake.service import claimed
from taskhouse.settings import Settings


def say(word: str) -> None:
    """Say it at once."""
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    settings = Settings(_env_file=None, **json.loads(sys.argv[1]))
    command, *words = sys.argv[2:]
    if command == "alone":
        with upkeep.looking_after(settings) as work:
            work.alone()
            say("tick")
            time.sleep(600)
    if command != "publish":
        say("tick")
        getattr(upkeep, command)(settings, *words)
        sys.exit()
    with claimed(settings) as publisher:
        publisher.lease_s = float(words[0]) if words else publisher.lease_s
        while True:
            say("tick")
            publisher.publish()
            time.sleep(0.05)
