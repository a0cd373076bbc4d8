"""Names that columns of views had before. A view shows each beside its new name for one release. Pure."""

import itertools
from typing import NamedTuple


class Former(NamedTuple):
    """What became of a column.

    Attributes:
        now: Its name now.
        value: SQL that gives what it held, where its values changed too; the column ``now`` by default.
    """

    now: str
    value: str | None = None


FORMER: dict[str, dict[str, Former]] = {
    "repositories": {"stretches": Former("periods")},
    "readiness_trend": {"changed": Former("is_change")},
    "readiness_daily": {"changed": Former("changes")},
    "runs": {"events": Former("live_events"), "changed_at": Former("valid_from")},
    "run_daily": {"started": Former("began"), "finished": Former("ended")},
    "runs_stuck": {
        "since": Former("stuck_since"),
        "looked_at": Former("as_of"),
        "why": Former(
            "stuck_reason",
            "CASE stuck_reason WHEN 'waiting_for_user' THEN 'waits for the user'"
            " ELSE replace(stuck_reason, '_', ' ') END",
        ),
    },
    "pull_requests": {"merged": Former("is_merged"), "run_created_at": Former("first_run_created_at")},
    "run_timeline": {"message": Former("message_position")},
    "tool_calls": {"error": Former("error_message")},
    "token_usage": {
        "cached_read_tokens": Former("cache_read_input_tokens"),
        "cached_write_tokens": Former("cache_creation_input_tokens"),
    },
    "run_usage": {
        "cached_read_tokens": Former("cache_read_input_tokens"),
        "cached_write_tokens": Former("cache_creation_input_tokens"),
        "cost_basis": Former(
            "cost_state",
            "CASE cost_state WHEN 'summed' THEN 'last of each session' WHEN 'not_cumulative' THEN 'not a running total'"
            " WHEN 'other_currency' THEN 'other currency' WHEN 'not_reported' THEN 'none reported' END",
        ),
    },
    "data_health": {"covered": Former("is_covered"), "events": Former("live_events")},
}
"""View to former name to what became of it. Delete a line one release after the one that added it."""


def with_former(view: str, text: str) -> str:
    """The statement of a view, with its former names after all other columns, described as deprecated."""
    former = FORMER.get(view)
    if not former:
        return text
    lines = text.splitlines(keepends=True)
    body = "".join(itertools.dropwhile(lambda line: line.startswith("--"), lines))
    head = text.removesuffix(body)
    about = "".join(f"-- {old}: Deprecated, use `{column.now}`.\n" for old, column in former.items())
    shown = ",\n".join(f"    {column.value or column.now} AS {old}" for old, column in former.items())
    return f"{head}{about}SELECT\n    *,\n{shown}\nFROM (\n{body.rstrip()}\n)\n"
