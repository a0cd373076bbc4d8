"""Replay: read the records in quarantine again, because a newer taskhouse may understand what an older one did not.

A record enters the history at the time when it was first seen. If something later is stored about the same thing, the
record is late and only leaves the quarantine. No requests are sent to the server.
"""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from taskhouse.clock import StoppedClock
from taskhouse.passes.context import Context
from taskhouse.passes.lifecycle import running
from taskhouse.passes.sync_pass import Pass, PassReport
from taskhouse.plural import counted
from taskhouse.posthog.pages import Row, digest
from taskhouse.resources import registry
from taskhouse.resources.registry import RESOURCES
from taskhouse.resources.runs.record import ELSEWHERE
from taskhouse.warehouse import state
from taskhouse.warehouse.commit import WriteBatch

RESOURCE = "replay"
COMMIT_RECORDS = 500


@dataclass(frozen=True, slots=True)
class Replayed:
    """What became of the quarantine.

    Attributes:
        replayed: Records that can be read now, by resource.
        still: Records that stay, by resource.
        report: The pass that did it.
    """

    replayed: Mapping[str, int]
    still: Mapping[str, int]
    report: PassReport


async def replay(context: Context) -> Replayed:
    """Read everything in quarantine again, and store what can be read now.

    Raises:
        TaskhouseError: The warehouse failed.
    """
    replayed, still = Counter[str](), Counter[str]()
    async with running(context, RESOURCE) as the_pass:
        waiting = context.read(state.records, "state/quarantine", project_id=context.project_id)
        batch = WriteBatch()
        for held in waiting:
            done = _take(the_pass, batch, held)
            (replayed if done else still)[held["resource"]] += 1
            if len(batch.closed) >= COMMIT_RECORDS:
                await the_pass.commit(batch)
                batch = WriteBatch()
        await the_pass.commit(batch)
        the_pass.complete(f"{replayed.total():,} of {counted(len(waiting), 'record')} in quarantine can be read now")
    return Replayed(replayed, still, the_pass.report())


def _take(the_pass: Pass, batch: WriteBatch, held: Mapping[str, Any]) -> bool:
    """Read one record again; False if it stays in quarantine."""
    resource = RESOURCES.get(held["resource"])
    record = registry.record(resource.name) if resource else None
    elsewhere = held["kind"] == "wrong_subject" or held["reason"].startswith(ELSEWHERE)
    if resource is None or record is None or elsewhere:
        return False  # a summary is half a task, and an answer about something else proves nothing of that
    try:
        text = held["payload"].encode("utf-8", "surrogatepass")
        columns = record.read(Row(json.loads(text), text))
    except Exception:  # noqa: BLE001 - a record with any problem stays where it is and the others go on
        return False
    table, *others = resource.tables
    listed = table.kind == "sightings"
    *more, last = table.thing if listed else table.thing[:1]
    if table.kind == "captured" or any(name not in columns for name in more):
        return False  # events belong to a connection, and a sighting to all that its table names
    key = str(columns.get(last, held["record_key"]))
    number = the_pass.page(batch, f"quarantine of {resource.name}", [key], digest(text))
    then = _at(the_pass, held["first_seen_at"])
    if listed:
        batch.see(table, then.sighting(key, number, **{name: str(columns[name]) for name in more}))
    else:
        stamped = then.stamp({last: key, **columns}, number, RESOURCE)
        if table.kind == "snapshots":
            stamped["observed_at"] = held["first_seen_at"].isoformat()
        batch.add(table, stamped)
    for other in others:
        if other.kind == "sightings":
            batch.see(other, then.sighting(key, number))
    batch.closed.append(
        {
            "project_id": the_pass.context.project_id,
            "resource": resource.name,
            "reason": held["reason"],
            "payload": held["payload"],
            "replayed_at": the_pass.context.now().isoformat(),
            "outcome": "replayed",
        }
    )
    return True


def _at(the_pass: Pass, moment: datetime) -> Pass:
    """The pass with its clock set to that moment, so that its rows are dated then."""
    context = the_pass.context
    return replace(the_pass, context=replace(context, settings=context.settings.with_clock(StoppedClock(moment))))
