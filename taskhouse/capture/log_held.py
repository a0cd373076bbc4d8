"""What is stored of a run's log and of its ancestors' logs, read without waiting for the warehouse."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from taskhouse.capture import log_ancestry
from taskhouse.capture.capture_schedule import CaptureRun
from taskhouse.errors import UNAVAILABLE
from taskhouse.passes.context import Context
from taskhouse.warehouse import state

WAIT_S = 3.0
"""The longest wait for a locked warehouse: capture continues without it."""

CHAIN = 10
"""How many ancestors' logs come before a run's own entries, the nearest ones (API facts 7.5)."""


@dataclass(frozen=True, slots=True)
class HeldLog:
    """What is stored of one log.

    Attributes:
        state: As in ``ledger.cursors``.
        position: How many of its entries are stored.
        moved: Whether its run changed since it was read.
        tail: The last entries.
    """

    state: str = ""
    position: int = 0
    moved: bool = False
    tail: Sequence[bytes] = ()


@dataclass(frozen=True, slots=True)
class HeldLogs:
    """What is stored of a run's log and of its ancestors' logs.

    Attributes:
        own: The run's.
        ancestors: Those of its ancestors, nearest first; empty if nothing is stored.
    """

    own: HeldLog
    ancestors: Sequence[HeldLog]

    def before(self) -> int:
        """How many entries of ancestors are stored: the run's own begin there, if the log has as many."""
        return sum(log.position for log in self.ancestors[:CHAIN])

    def parent(self) -> log_ancestry.Before | None:
        """The last entries of the nearest ancestor that has any, if its log is stored in full."""
        for log in self.ancestors:
            if log.state != "settled" or log.moved:
                return None
            if log.tail:
                return log_ancestry.Before(log.tail, None, exact=False)
        return None


async def held(context: Context, run: CaptureRun) -> HeldLogs | None:
    """What is stored, or None while the warehouse is locked."""

    def ask() -> HeldLogs:
        with context.warehouse.waiting(WAIT_S).reading("reading") as connection:
            found = {
                row["run_id"]: HeldLog(
                    row["state"] or "",
                    row["position"] or 0,
                    row["moved"],
                    [text.encode() for text in row["tail"] or ()],
                )
                for row in state.records(
                    connection,
                    "run_events/log_held",
                    project_id=context.project_id,
                    run_ids=[run.run_id, *run.ancestors],
                    near=log_ancestry.NEAR,
                )
            }
        return HeldLogs(found.get(run.run_id, HeldLog()), [found.get(one, HeldLog()) for one in run.ancestors])

    try:
        return await asyncio.to_thread(ask)
    except UNAVAILABLE:
        return None


async def keys(context: Context, run: CaptureRun) -> set[str] | None:
    """What identifies the stored entries of a run's log, or None while the warehouse is locked."""

    def ask() -> set[str]:
        with context.warehouse.waiting(WAIT_S).reading("reading") as connection:
            rows = state.records(connection, "run_events/log_texts", project_id=context.project_id, run_id=run.run_id)
        return {log_ancestry.key(row["payload"].encode()) for row in rows}

    try:
        return await asyncio.to_thread(ask)
    except UNAVAILABLE:
        return None
