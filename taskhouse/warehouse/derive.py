"""Keep the tables of ``mart`` up to date: what is computed from events, run by run, is computed once and stored.

A load only marks the runs that it changed. Here those that are due are computed in batches, each in a transaction of
its own: a process that is killed loses one batch, and the next one goes on. Until then, and for a run that is not due
yet, the views compute what they show from ``raw``, so they never show less.
"""

from dataclasses import dataclass
from datetime import timedelta

import duckdb

from taskhouse.clock import Clock
from taskhouse.marts import derivation
from taskhouse.warehouse import sql
from taskhouse.warehouse.connection import Warehouse

BATCH_LINES = 25_000
"""How many events a transaction computes, about: other writers wait for it less than a second."""

MANY_LINES = 500_000
"""The same for somebody who waits for all of it: fewer, larger batches take less time together."""

SMALL_LINES = 1_000
"""A run with fewer events is computed again whenever it changed."""

QUIET = timedelta(minutes=10)
"""A larger run is computed when it has grown by a quarter, or has not changed for this long."""

TOO_MUCH = (duckdb.OutOfMemoryException, duckdb.DataError, duckdb.InternalError)
"""If these end a batch, it is computed run by run, and the run that causes them is passed over."""

WITHIN_S = 30.0
"""How long a publication goes on with it; what is left is computed by the next one."""


@dataclass(frozen=True, slots=True)
class Derived:
    """What was computed and stored, and what was not.

    Attributes:
        runs: How many runs.
        lines: How many events and log entries they have.
        seconds: How long it took.
        waiting_runs: How many runs are not stored, and are computed when asked.
        waiting_lines: How many events and log entries they have.
    """

    runs: int
    lines: int
    seconds: float
    waiting_runs: int
    waiting_lines: int


NOTHING = Derived(0, 0, 0.0, 0, 0)
"""What is computed where there is no warehouse."""


def derive(
    warehouse: Warehouse, *, within_s: float = WITHIN_S, everything: bool = False, most: int = BATCH_LINES
) -> Derived:
    """Compute and store what is due, for the given number of seconds at most.

    Args:
        warehouse: The warehouse; it must exist.
        within_s: No further batch begins after this many seconds.
        everything: Also compute runs that have only grown a little.
        most: Events of a batch, about; a run is never divided.

    Raises:
        Locked: Another process held the warehouse for too long; what was computed is stored.
    """
    began = warehouse.clock.monotonic()
    runs = lines = 0
    with warehouse.reading("looking for runs to compute") as connection:
        waiting_runs, waiting_lines, due = waiting(connection, warehouse.clock, everything=everything)
    while due and (not runs or warehouse.clock.monotonic() - began < within_s):
        try:
            with warehouse.transaction(f"computing {due} runs") as connection:
                if most < MANY_LINES:
                    connection.execute("SET threads = 1")  # a little slower than with two, in less memory
                done = batch(connection, warehouse.clock, everything=everything, most=most)
                waiting_runs, waiting_lines, due = waiting(connection, warehouse.clock, everything=everything)
        except TOO_MUCH:
            if most == 1:
                due -= _pass_over(warehouse, everything=everything)
            most = 1
        else:
            runs, lines = runs + done[0], lines + done[1]
    return Derived(runs, lines, warehouse.clock.monotonic() - began, waiting_runs, waiting_lines)


def rebuild(warehouse: Warehouse) -> None:
    """Forget everything that is stored, so that :func:`derive` computes it again from ``raw``.

    Raises:
        Locked: Another process held the warehouse for too long.
    """
    with warehouse.transaction("forgetting what was computed") as connection:
        forget(connection)


def forget(connection: duckdb.DuckDBPyConnection) -> None:
    """Forget everything that is stored inside the caller's transaction, and note every run of ``raw`` anew."""
    for name in ("runs", *derivation.STORED):
        connection.execute(f"DELETE FROM mart.{name}")  # noqa: S608 - our own names
    connection.execute(sql.engine("warehouse/schema/mart_runs_known"))


def waiting(connection: duckdb.DuckDBPyConnection, clock: Clock, *, everything: bool = False) -> tuple[int, int, int]:
    """How many runs are not stored, how many events they have, and how many of these runs are due."""
    found = connection.execute(_ruled("derive/waiting"), _rules(clock, everything=everything)).fetchall()[0]
    return found[0], found[1], found[2]


def batch(
    connection: duckdb.DuckDBPyConnection, clock: Clock, *, everything: bool = False, most: int = BATCH_LINES
) -> tuple[int, int]:
    """Compute the next runs inside the caller's transaction; how many, and how many events they have."""
    connection.execute(_ruled("derive/due"), {"most": most, **_rules(clock, everything=everything)})
    bounds = sql.rows(sql.run(connection, "derive/bounds"))[0]
    if not bounds["runs"]:
        return 0, 0
    within = {"first": bounds["first"], "last": bounds["last"]}
    for table in ("run_events", "run_log_entries"):
        connection.execute(sql.query("derive/captured").format(table=table), within)
    sql.run(connection, "derive/run_versions")
    for name in derivation.VIEWS:
        connection.execute(derivation.computation(name))
    for name in derivation.STORED:
        if bounds["derived_before"]:
            connection.execute(sql.query("derive/forget").format(table=name))
        connection.execute(derivation.insertion(name), {"derivation": bounds["derivation"]})
    sql.run(connection, "derive/done", derivation=bounds["derivation"], now=clock.now())
    for name in reversed(("due", *derivation.PER_RUN, *derivation.VIEWS)):
        connection.execute(f"DROP {'VIEW' if name in derivation.UNSTORED else 'TABLE'} temp.{name}")
    return bounds["runs"], bounds["lines"]


def _pass_over(warehouse: Warehouse, *, everything: bool) -> int:
    """Pass over the next run, which DuckDB cannot compute, until it changes; 1."""
    with warehouse.transaction("passing over a run") as connection:
        connection.execute(_ruled("derive/due"), {"most": 1, **_rules(warehouse.clock, everything=everything)})
        sql.run(connection, "derive/pass_over")
    return 1


def _ruled(address: str) -> str:
    """A query with the rule that says which runs are due."""
    return sql.query(address).format(rule=sql.query("derive/rule").strip())


def _rules(clock: Clock, *, everything: bool) -> dict[str, object]:
    return {"everything": everything, "small": SMALL_LINES, "quiet_since": clock.now() - QUIET}
