"""How a run inside its task can differ from the run's own row: hidden fields and a borrowed pull request.

If the key may not read a run's content, the run inside the task has null for ``log_url``, ``output``, ``error_message``
and ``task_summary``, and no tags and artifacts; nothing says that they are hidden (API facts 1.4). So empty fields
there do not count as a change. The facts of a pull request may be those of an earlier run of the task (API facts 7.2).
So they are only taken from the run's own row, which a read by id or the list of runs returns.
"""

import json
from collections.abc import Mapping
from typing import Any

from taskhouse.posthog.pages import Row

FIELDS = ("output", "error_message", "task_summary", "task_tags", "artifacts")
BORROWED = frozenset({"pr_url", "pr_urls", "pr_summaries", "pr_state", "pr_merged"})
"""Keys of a run's ``output`` that its task may fill with those of another run."""


def may_hide(run: Mapping[str, Any]) -> bool:
    """Whether a run inside a task looks like one with hidden fields; a run without a log does too."""
    return run.get("log_url") is None and not any(without_borrowed(run.get(name)) for name in FIELDS)


def is_doubtful(run: Mapping[str, Any]) -> bool:
    """Whether a run inside a task may differ from its own row."""
    return may_hide(run) or has_borrowed(run.get("output"))


def own(run: Row, payload: str | None, *, hidden: bool | None = None) -> Row:
    """The run with only its own facts, from the stored JSON of its newest version; its text stays as it came.

    ``hidden``: whether fields of it may be hidden, if the run itself no longer shows that.
    """
    if payload is None:
        output = run.data.get("output")
        if not has_borrowed(output):
            return run
        return Row({**run.data, "output": without_borrowed(output) or None}, run.text, run.plain)
    held, data = json.loads(payload), dict(run.data)
    if may_hide(data) if hidden is None else hidden:
        data |= {name: held[name] for name in FIELDS if name in held}
    output, known = data.get("output"), held.get("output")
    if has_borrowed(output):
        facts = {name: known[name] for name in BORROWED & known.keys()} if isinstance(known, dict) else {}
        data["output"] = {**without_borrowed(output), **facts} or known
    return Row(data, run.text)


def has_borrowed(output: Any) -> bool:
    """Whether a run's output mentions a pull request."""
    return isinstance(output, dict) and not BORROWED.isdisjoint(output)


def without_borrowed(value: Any) -> Any:
    """A run's output without its pull request; anything else as it is."""
    return {name: value[name] for name in value if name not in BORROWED} if isinstance(value, dict) else value
