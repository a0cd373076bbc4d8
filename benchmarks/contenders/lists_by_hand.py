"""The script that people write: httpx, ``pandas.json_normalize``, and an INSERT that replaces what is there."""

import duckdb
import pandas as pd

from benchmarks.contenders import lists, measure

COLUMNS = (
    *("id", "slug", "title", "description", "repository", "origin_product", "internal", "archived"),
    *("created_at", "updated_at", "last_activity_at", "latest_run.id", "latest_run.status", "latest_run.model"),
    *("latest_run.created_at", "latest_run.updated_at", "latest_run.completed_at", "latest_run.error_message"),
)
NAMES = ", ".join(f'"{name}" VARCHAR' for name in COLUMNS)
TABLE = f"CREATE TABLE IF NOT EXISTS tasks ({NAMES}, PRIMARY KEY (id))"


def main() -> None:
    """Measure."""
    asked = measure.asked()
    path = asked.home / "by_hand.duckdb"

    def work() -> None:
        rows = [row for page in lists.pages(asked.url) for row in page]
        frame = pd.json_normalize(rows).reindex(columns=list(COLUMNS))
        with duckdb.connect(str(path)) as connection:
            connection.execute(TABLE)
            connection.register("frame", frame)
            connection.execute("INSERT OR REPLACE INTO tasks BY NAME SELECT * FROM frame")

    if asked.mode == "prepare":
        work()
        return
    figures = measure.measured(work)
    with duckdb.connect(str(path)) as connection:
        rows, changed = connection.execute(
            "SELECT count(*), count(*) FILTER (WHERE title LIKE 'Changed: %') FROM tasks"
        ).fetchall()[0]
    measure.tell(**figures, rows=rows, changed=changed, disk_mb=measure.size_mb(path))


if __name__ == "__main__":
    main()
