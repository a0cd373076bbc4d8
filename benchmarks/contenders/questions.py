"""The views and the questions of docs/questions.md over a made year, when what is computed from events is stored.

Four in five events are chunks of a message, the log holds the messages whole, every 25th event belongs to a tool call.
Twenty runs are live at a time; one in twenty never ended. Twenty repositories have readiness over three windows on each
day. The questions are asked over everything, and over the newest 30 days. With ``before`` they are asked before
anything is stored. A question that uses more than a minute of processor time is stopped.
"""

import re
import threading
import time
from datetime import timedelta
from pathlib import Path

import duckdb

from benchmarks.contenders import measure
from benchmarks.contenders.made_year import make
from taskhouse.clock import REAL
from taskhouse.warehouse import derive, migrate, sql, views
from taskhouse.warehouse.engine import COMPATIBILITY, connect

LIVE, REPOSITORIES, MOST_S = 20, 20, 60.0

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

QUESTIONS = Path(__file__).parents[2] / "docs" / "questions.md"


def main() -> None:
    """Make the year; or measure each question once."""
    asked = measure.asked()
    path, size = asked.home / "year.duckdb", measure.size(asked)
    with connect(path, storage_compatibility_version=COMPATIBILITY, temp_directory=f"{path}.tmp") as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET memory_limit = '6GB'")
        if asked.mode == "prepare":
            make(connection, size["runs"], size["events of a run"], LIVE, REPOSITORIES)
            migrate.upgrade(connection)
            views.make(connection)
            if asked.arguments != ["before"]:
                _store(connection)
            return
        rows: list[dict[str, object]] = []
        figures = measure.measured(lambda: _report(connection, rows))
        ((count,),) = connection.execute("SELECT count(*) FROM raw.run_events").fetchall()
    measure.tell(**figures, rows=count, disk_mb=measure.size_mb(path), tables={"each statement": rows})


def _store(connection: duckdb.DuckDBPyConnection) -> None:
    done = -1
    while done:
        with sql.atomic(connection):
            done, _ = derive.batch(connection, REAL, everything=True, most=derive.MANY_LINES)
    views.settle(connection)
    connection.execute("CHECKPOINT")


def _report(connection: duckdb.DuckDBPyConnection, rows: list[dict[str, object]]) -> None:
    run, newest = connection.execute(
        "SELECT run_id, min(created_at) FROM raw.run_versions GROUP BY ALL ORDER BY 2"
    ).fetchall()[-9:][0]
    for view in VIEWS:
        text = f"SELECT * FROM main.{view} WHERE run_id = '{run}'"  # noqa: S608 - our own names
        rows.append({"statement": f"{view}, one run", **_asked(connection, text)})
    for name, text in _questions():
        rows.append({"statement": name, **_asked(connection, text)})
        limited = _limited(text, newest - timedelta(days=30))
        if limited != text:
            rows.append({"statement": f"{name} (the newest 30 days)", **_asked(connection, limited)})


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


def _asked(connection: duckdb.DuckDBPyConnection, text: str) -> dict[str, object]:
    """Rows, seconds and processor time of a statement; -1 rows if it took too long."""
    ended, found = threading.Event(), list[tuple[object, ...]]()
    watch = threading.Thread(target=_stop, args=(connection, time.process_time() + MOST_S, ended), daemon=True)
    watch.start()
    try:
        figures = measure.measured(lambda: found.extend(connection.execute(text).fetchall()))
    except (duckdb.InterruptException, duckdb.OutOfMemoryException):
        return {"rows": -1, "seconds": MOST_S, "cpu_s": MOST_S}
    finally:
        ended.set()
        watch.join()
    return {"rows": len(found), **figures}


def _stop(connection: duckdb.DuckDBPyConnection, limit: float, ended: threading.Event) -> None:
    """Interrupt what is asked once this process has used so much processor time."""
    while not ended.wait(0.2):
        if time.process_time() > limit:
            connection.interrupt()


if __name__ == "__main__":
    main()
