"""Fields of a run that the server hides inside its task, where the key may not read what the run holds.

Such a run shows there with ``log_url``, ``output``, ``error_message`` and ``task_summary`` null, and without tags and
artifacts; nothing says that they are hidden (API facts 1.4). So what is empty there is not taken for a change.
"""

import json
from collections.abc import Mapping
from typing import Any

from taskhouse.posthog.pages import Row

FIELDS = ("output", "error_message", "task_summary", "task_tags", "artifacts")


def may_hide(run: Mapping[str, Any]) -> bool:
    """Whether a run inside a task looks like one whose fields are hidden; a run that has no log yet does as well."""
    return run.get("log_url") is None and not any(run.get(name) for name in FIELDS)


def filled(run: Row, payload: str) -> Row:
    """The run with what its kept JSON has of the hidden fields; its text stays the one that came."""
    kept = json.loads(payload)
    return Row({**run.data, **{name: kept[name] for name in FIELDS if name in kept}}, run.text)
