"""What a verdict says about refused runs: a new refusal is a doubt, and a confirmed one is only counted.

If a task is proved absent, its runs cannot be seen either: they are counted too, and requested when the task returns.
"""

import asyncio
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from taskhouse.passes import refusal_policy
from taskhouse.passes.sync_pass import Pass
from taskhouse.plural import counted, plural
from taskhouse.resources.registry import RESOURCES
from taskhouse.warehouse import state

Row = Mapping[str, Any]
WORDS = {refusal_policy.NOT_FOUND: "not found (404)", refusal_policy.REFUSED: "refused (403)"}


async def tell(the_pass: Pass, resources: Collection[str], one: str, many: str | None = None) -> None:
    """Note in the verdict how many confirmed refusals there are, and record a doubt about the others.

    Args:
        the_pass: The pass; everything that it read is in the warehouse.
        resources: The cursors to read.
        one: The thing, ``run``.
        many: Its plural, if that is not ``runs``.

    Raises:
        Locked: Another process has locked the warehouse.
    """
    context = the_pass.context
    rows = await asyncio.to_thread(
        context.read,
        state.records,
        "state/refused",
        project_id=context.project_id,
        resources=sorted(resources),
        of_tasks=[resource.name for resource in RESOURCES.values() if resource.cursors == "task_id"],
        now=context.now(),
    )
    for about in sorted(WORDS):
        found = [row for row in rows if row["state"] == about]
        if note := named(found, about, one, many):
            the_pass.note(note)
        if doubt := doubted(found, about, one, many):
            the_pass.doubt("not_found" if about == refusal_policy.NOT_FOUND else "refused", doubt)


def named(rows: Iterable[Row], about: str, one: str, many: str | None = None) -> str:
    """How many confirmed refusals there are, in words; "" if none. Rows as the query ``refused`` returns them."""
    rows = list(rows)
    unsure = _fresh(rows)
    gone = {row["key"]: row["gone"] for row in rows if row["key"] not in unsure}
    if not gone:
        return ""
    lost = sum(gone.values())
    said = f"{_are(len(gone), one, many)} {WORDS[about]}"
    which = "" if lost == len(gone) else f" {lost:,} of them"
    return f"{said},{which} with {plural(lost, 'its', 'their')} task" if lost else said


def doubted(rows: Iterable[Row], about: str, one: str, many: str | None = None) -> str:
    """Why refusals keep a pass from being complete; "" if each of them is confirmed."""
    fresh = _fresh(rows)
    if not fresh:
        return ""
    count = len(fresh)
    return (
        f"{counted(count, one, many)} {plural(count, 'was', 'were')} {WORDS[about]} less than a day ago,"
        f" {plural(count, 'at', 'the first at')} {min(fresh.values()):%Y-%m-%d %H:%M} UTC; taskhouse asks again"
    )


def _fresh(rows: Iterable[Row]) -> dict[str, datetime]:
    """When each unconfirmed refusal began, by key; a run counts too if only the refusal of its log is new."""
    return {
        row["key"]: row["since"]
        for row in rows
        if not row["gone"] and not refusal_policy.confirmed(since=row["since"], asked_at=row["asked_at"])
    }


def _are(count: int, one: str, many: str | None) -> str:
    return f"{counted(count, one, many)} {plural(count, 'is', 'are')}"
