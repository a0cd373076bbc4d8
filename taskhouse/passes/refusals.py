"""What a verdict says of refused runs: a fresh refusal is a doubt, and one that a second look confirmed is named.

Where a task is proved absent, its runs are out of view with it: they are named too, and asked for when it returns.
"""

import asyncio
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from taskhouse.passes import refusal_policy
from taskhouse.passes.sync_pass import Pass
from taskhouse.resources.registry import RESOURCES
from taskhouse.warehouse import state

Row = Mapping[str, Any]
WORDS = {refusal_policy.NOT_FOUND: "not found (404)", refusal_policy.REFUSED: "refused (403)"}


async def tell(the_pass: Pass, resources: Collection[str], what: str) -> None:
    """Let the pass say how many runs are refused, and doubt it for those that nothing confirmed yet.

    Args:
        the_pass: The pass, with all that it read in the warehouse.
        resources: Whose cursors tell it.
        what: The things, ``runs``.

    Raises:
        Locked: The warehouse is held by somebody else.
    """
    context = the_pass.context
    rows = await asyncio.to_thread(
        context.read,
        state.records,
        "refused",
        project_id=context.project_id,
        resources=sorted(resources),
        of_tasks=[resource.name for resource in RESOURCES.values() if resource.cursors == "task_id"],
        now=context.now(),
    )
    for about in sorted(WORDS):
        found = [row for row in rows if row["state"] == about]
        if note := named(found, about, what):
            the_pass.note(note)
        if doubt := doubted(found, about, what):
            the_pass.doubt(doubt)


def named(rows: Iterable[Row], about: str, what: str) -> str:
    """How many things are refused; "" where none is. Rows as the question ``refused`` gives them."""
    found = {row["key"]: row["gone"] for row in rows}
    if not found:
        return ""
    gone = sum(found.values())
    return f"{len(found)} {what} are {WORDS[about]}" + (f", {gone} of them with their task" if gone else "")


def doubted(rows: Iterable[Row], about: str, what: str) -> str:
    """Why refusals keep a pass from being complete; "" where a later look confirmed each of them."""
    fresh = {
        row["key"]: row["since"]
        for row in rows
        if not row["gone"] and not refusal_policy.confirmed(since=row["since"], asked_at=row["asked_at"])
    }
    if not fresh:
        return ""
    return (
        f"{len(fresh)} {what} are {WORDS[about]} for less than a day, the first since"
        f" {min(fresh.values()):%Y-%m-%d %H:%M} UTC; they are asked for again"
    )
