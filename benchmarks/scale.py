"""10,000 projects with 1,000,000 runs a day: lag by class, requests, bytes, machines and dollars, from simulated days.

    python -m benchmarks.scale [--projects 10000] [--runs 1000000] [--each 20:300 30:300 60:900]

Keys do not share a limit, and shards share no disk. So one key with its projects is one shard, of which a day is
simulated (``benchmarks/scale_day.py``), and the fleet is as many of these as the projects need. ``--each 60:900`` is 60
projects for each key, with tasks, runs and run events due every 900 seconds. How many runs a project has is drawn from
a lognormal distribution, so a few have a hundred times as many as most.
"""

import argparse
import random
import tempfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks.scale_day import DAY_S, Day, Machine, Outcome, project, quantile
from taskhouse.settings import Settings

SPREAD = 1.2
EVENTS_A_RUN = 300
BUSY = 0.5
"""Share of its processors that a machine or a PostgreSQL may use on average over a day; the peak is twice that."""

POSTGRES_CORES = 8
"""Of the largest PostgreSQL that one Dagster gets here."""


@dataclass(frozen=True, slots=True)
class Costs:
    """What things cost, as measured on two cores; the comment says where."""

    run_s: float = 2.4  # processor seconds of a run with its pass: docs/dagster.md, 2.2 to 2.6
    postgres_run_s: float = 0.94  # the same in PostgreSQL: benchmarks/dagster_postgres.py
    postgres_run_wal: float = 170_000  # bytes of its log, there
    postgres_run_kept: float = 90_000  # bytes that stay until the run is deleted, there
    kept_days: float = 3  # TASKHOUSE_KEEP_RUNS_DAYS
    event_s: float = 32e-6  # 16.0 from socket to row, 16.3 to derive: docs/scale.md
    event_wire: float = 438  # bytes of the emulator's streams, uncompressed
    event_kept: float = 71  # bytes in the warehouse, in a made world: docs/scale.md
    answer_wire: float = 30_000  # bytes of an answer: a full page has 251,000, one row 3,400


@dataclass(frozen=True, slots=True)
class Prices:
    """Dollars, of nobody in particular; say what yours are."""

    core_hour: float = 0.04
    postgres_core_hour: float = 0.10
    gigabyte_month: float = 0.10


COSTS, PRICES = Costs(), Prices()


def fleet(outcome: Outcome, projects_each: int, projects: int) -> dict[str, str]:
    """What one simulated day means for all projects."""
    keys = -(-projects // projects_each)
    passes, requests = sum(outcome.passes.values()), sum(outcome.asked.values())
    runs, events = outcome.runs * keys, outcome.runs * keys * EVENTS_A_RUN
    shard_s = passes * COSTS.run_s + outcome.runs * EVENTS_A_RUN * COSTS.event_s
    cores = shard_s * keys / DAY_S / BUSY
    dagster_runs = passes * keys
    postgres = dagster_runs * COSTS.postgres_run_s / DAY_S / BUSY
    kept = events * 365 * COSTS.event_kept + dagster_runs * COSTS.kept_days * COSTS.postgres_run_kept
    dollars = (
        cores * PRICES.core_hour * 730 + postgres * PRICES.postgres_core_hour * 730 + kept / 1e9 * PRICES.gigabyte_month
    )
    limit = 24 * 4800 * keys
    lags = {
        name: " / ".join(f"{quantile(outcome.lags[name], share):,.0f}" for share in (0.5, 0.95, 0.99))
        for name in ("LIVE", "LOG", "CHANGES")
    }
    readiness = [at - 1020 for at in outcome.lags["READINESS"]]
    return {
        "keys, and shards": f"{keys:,}",
        "runs a day": f"{runs:,}",
        "requests a day": f"{requests * keys:,} ({requests * keys / limit:.0%} of the limits)",
        "requests refused": f"{outcome.refused:,}",
        "seconds from the start of a run to its open stream, median / 95 % / 99 %": lags["LIVE"],
        "seconds from the end of a run to its read log": lags["LOG"],
        "seconds from a change of a run to its task's tick": lags["CHANGES"],
        "seconds for the readiness of the day": f"{max(readiness):,.0f} at most",
        "longest wait of a sweep for room, seconds": f"{max(outcome.waits['SWEEP'], default=0):,.0f}",
        "streams that were gone before they were opened": f"{outcome.unread * keys:,}",
        "ticks skipped because the last pass had not ended": f"{outcome.skipped['tasks'] / _ticks(outcome):.0%}",
        "Dagster runs a day": f"{dagster_runs:,}",
        "gigabytes received a day": f"{(events * COSTS.event_wire + requests * keys * COSTS.answer_wire) / 1e9:,.0f}",
        "gigabytes stored a day": f"{events * COSTS.event_kept / 1e9:,.0f}",
        "gigabytes of PostgreSQL's log a day": f"{dagster_runs * COSTS.postgres_run_wal / 1e9:,.0f}",
        "processors of shards": f"{cores:,.0f}",
        "machines of 4 processors": f"{-(-cores // 4):,.0f}",
        "processors of PostgreSQL": f"{postgres:,.0f}",
        f"Dagsters, each with a PostgreSQL of {POSTGRES_CORES} processors": f"{-(-postgres // POSTGRES_CORES):,.0f}",
        "dollars a month, with a year of events": f"{dollars:,.0f}",
    }


def _ticks(outcome: Outcome) -> int:
    return max(1, outcome.passes["tasks"] + outcome.skipped["tasks"])


def main() -> None:
    """Simulate a day of each form, and print what the fleet would need."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--projects", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=1_000_000)
    parser.add_argument("--each", nargs="+", default=["20:300", "30:300", "60:900"])
    asked = parser.parse_args()
    for form in asked.each:
        count, tick = map(int, form.split(":"))
        dice = random.Random(1)
        weights = [dice.lognormvariate(0, SPREAD) for _ in range(count)]
        mean = asked.runs / asked.projects
        projects = [project(dice, weight * mean * count / sum(weights)) for weight in weights]
        with tempfile.TemporaryDirectory() as folder:
            settings = Settings(_env_file=None, host="http://localhost:1", home=Path(folder))
            outcome = Day(Path(folder), projects, Machine(run_s=COSTS.run_s, tick_s=tick), settings).run()
        print(f"\n{count} projects for each key, ticks every {tick} s")
        for name, value in fleet(outcome, count, asked.projects).items():
            print(f"  {name:75} {value}")


if __name__ == "__main__":
    main()
