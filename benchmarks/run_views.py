"""How long the views and the questions take, before and after what is computed from events is stored.

    python -m benchmarks.run_views [--runs 200] [--events 5000] [--live 20] [--repositories 20] [--repeat 5] [--all]
        [--most SECONDS] [--file FILE]

The history is a year, made inside DuckDB: four in five events are chunks of a message, the log holds the messages
whole, every 25th event belongs to a tool call. So many runs are live at a time; one in twenty never ended. Each
repository has readiness over three windows on each day. The questions are those of docs/questions.md: over everything,
and over the newest 30 days. A question that uses more processor time than ``--most`` is stopped. With 10,000 runs there
are 50 million events, in 4 GB and some 40 minutes; ``--file`` keeps them, and goes on with what is there.

Each line shows the rows, the wall time and the processor time.
"""

import argparse
import re
import resource
import statistics
import tempfile
import threading
import time
from datetime import timedelta
from pathlib import Path

import duckdb

from benchmarks.made_year import make
from taskhouse.clock import REAL
from taskhouse.warehouse import derive, migrate, sql, views
from taskhouse.warehouse.engine import COMPATIBILITY, connect

VIEWS = ("events_once", "run_timeline", "messages", "tool_calls", "token_usage", "run_activity")
NEWEST = {
    "run_attempts": "began_at",
    "run_daily": "day",
    "failures": "failed_at",
    "tool_calls": "started_at",
    "run_activity": "first_event_at",
    "activity_hourly": "hour",
    "task_lifecycle": "created_at",
    "runs": "created_at",
    "run_hours": "hour",
    "readiness_changes": "day",
    "readiness_daily": "day",
    "readiness_trend": "day",
    "readiness_weekly": "week",
    "pr_history": "merged_before",
}
"""By which time a view is limited to its newest rows."""

QUESTIONS = Path(__file__).parents[1] / "docs" / "questions.md"


def main() -> None:
    """Make the file, ask, store what is computed, ask again; print milliseconds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--events", type=int, default=5000)
    parser.add_argument("--live", type=int, default=20)
    parser.add_argument("--repositories", type=int, default=20)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--all", action="store_true", help="also ask the questions before anything is stored")
    parser.add_argument(
        "--most", type=float, default=60, metavar="SECONDS", help="stop a question after so much processor time"
    )
    parser.add_argument("--memory", type=int, default=6, metavar="GB", help="what DuckDB may use")
    parser.add_argument("--file", type=Path, help="where the events are, or will be")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = given.file or Path(folder) / "bench.duckdb"
        there = path.exists()
        with connect(path, storage_compatibility_version=COMPATIBILITY, temp_directory=f"{path}.tmp") as connection:
            connection.execute("SET TimeZone = 'UTC'")
            connection.execute(f"SET memory_limit = '{given.memory}GB'")
            if not there:
                make(connection, given.runs, given.events, given.live, given.repositories)
            migrate.upgrade(connection)
            if not views.current(connection):
                views.make(connection)
            runs, live, log = connection.execute(
                "SELECT (SELECT count(DISTINCT run_id) FROM raw.run_versions), (SELECT count(*) FROM raw.run_events),"
                " (SELECT count(*) FROM raw.run_log_entries)"
            ).fetchone() or (0, 0, 0)
            print(
                f"DuckDB {duckdb.__version__}: {live:,} live events and {log:,} log entries of {runs:,} runs",
                flush=True,
            )
            if derive.waiting(connection, REAL)[0]:
                _report(connection, given.repeat, given.most, whole=given.all)
                _store(connection, path)
            _report(connection, given.repeat, given.most, whole=True)


def _store(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    before, wall, cpu, lines = path.stat().st_size, time.perf_counter(), time.process_time(), 0
    done = -1
    while done:
        with sql.atomic(connection):
            done, more = derive.batch(connection, REAL, everything=True, most=derive.MANY_LINES)
        lines += more
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    connection.execute("CHECKPOINT")
    grown = path.stat().st_size / before - 1
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    print(
        f"stored: {lines:,} events and entries in {wall:.0f} s, {cpu / lines * 1e6:.1f} us of processor time for each,"
        f" the file grew by {grown:.0%}, peak {peak:,.0f} MB"
    )


def _report(connection: duckdb.DuckDBPyConnection, repeat: int, most: float, *, whole: bool) -> None:
    run, newest = connection.execute(
        "SELECT run_id, min(created_at) FROM raw.run_versions GROUP BY ALL ORDER BY 2"
    ).fetchall()[-9]
    for view in VIEWS:
        _ask(connection, f"{view}, one run", f"SELECT * FROM main.{view} WHERE run_id = '{run}'", repeat, most)  # noqa: S608
    for name, text in _questions() if whole else ():
        _ask(connection, name, text, 1, most)
        limited = _limited(text, newest - timedelta(days=30))
        if limited != text:
            _ask(connection, "    the newest 30 days", limited, 1, most)


def _questions() -> list[tuple[str, str]]:
    """The title and the statement of each question."""
    parts = QUESTIONS.read_text("utf-8").split("\n### ")[1:]
    return [(part.splitlines()[0], part.split("```sql\n")[1].split("```")[0]) for part in parts]


def _limited(text: str, since: object) -> str:
    """The statement over the rows since a time."""

    def newest(found: re.Match[str]) -> str:
        rows = f"(FROM main.{found[2]} WHERE {NEWEST[found[2]]} >= TIMESTAMPTZ '{since}')"
        return f"{found[1]} {rows}{found[3] or f' AS {found[2]}'}"

    return re.sub(rf"\b(FROM|JOIN)\s+({'|'.join(NEWEST)})\b( AS \w+)?", newest, text)


def _ask(connection: duckdb.DuckDBPyConnection, name: str, text: str, repeat: int, most: float) -> None:
    """Print rows, and the median of the times of several goes; one that takes too long is the last."""
    walls, cpus = [], []
    said = ""
    for _ in range(repeat):
        wall, cpu, ended = time.perf_counter(), time.process_time(), threading.Event()
        watch = threading.Thread(target=_stop, args=(connection, cpu + most, ended), daemon=True)
        watch.start()
        try:
            said = f"{len(connection.execute(text).fetchall()):,} rows"
        except (duckdb.InterruptException, duckdb.OutOfMemoryException) as problem:
            said = f"stopped: {type(problem).__name__}"
        finally:
            ended.set()
            watch.join()
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
        if said.startswith("stopped"):
            break
    wall, cpu = statistics.median(walls) * 1000, statistics.median(cpus) * 1000
    print(f"{name[:64]:64} {said:>22} {wall:9,.0f} ms {cpu:9,.0f} ms of CPU", flush=True)


def _stop(connection: duckdb.DuckDBPyConnection, limit: float, ended: threading.Event) -> None:
    """Interrupt what is asked once this process has used so much processor time."""
    while not ended.wait(0.2):
        if time.process_time() > limit:
            connection.interrupt()


if __name__ == "__main__":
    main()
