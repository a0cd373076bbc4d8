"""Columns that tell the rows of a view apart, beside ``project_id``, as the head of its file says. Pure.

Each view is written to files in this order, and the picture of the data model in ``docs/questions.md`` shows them.
"""

import re

from taskhouse import marts
from taskhouse.marts.describe import describe

_KEY = re.compile(r"Key: `project_id`((?:, `\w+`)*)\.$")


def _key(view: str) -> tuple[str, ...]:
    found = _KEY.search(describe(marts.text(view)).summary)
    if found is None:
        raise LookupError(f"The head of marts/{view}.sql must end with its key, such as: Key: `project_id`, `run_id`.")
    return tuple(re.findall(r"`(\w+)`", found[1]))


KEYS: dict[str, tuple[str, ...]] = {view: _key(view) for view in marts.VIEWS}
