"""The script that people write for readiness: one request after the other, a data frame and an INSERT."""

from typing import Any

import duckdb
import httpx
import pandas as pd

from benchmarks.contenders import measure
from benchmarks.contenders.lists import KEY

WINDOWS = (7, 14, 30)


def main() -> None:
    """Measure."""
    asked = measure.asked()
    path, rows = asked.home / "by_hand.duckdb", list[dict[str, Any]]()

    def work() -> None:
        with httpx.Client(base_url=f"{asked.url}/api/projects/1/tasks/", headers=KEY, timeout=60) as client:
            for repository in client.get("repositories/").raise_for_status().json()["repositories"]:
                for window in WINDOWS:
                    query = {"repository": repository, "window_days": window}
                    rows.append(client.get("repository_readiness/", params=query).raise_for_status().json())
        frame = pd.json_normalize(rows).astype(str)
        with duckdb.connect(str(path)) as connection:
            connection.register("frame", frame)
            connection.execute("CREATE TABLE readiness AS SELECT * FROM frame")

    figures = measure.measured(work)
    measure.tell(**figures, rows=len(rows), disk_mb=measure.size_mb(path))


if __name__ == "__main__":
    main()
