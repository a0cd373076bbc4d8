"""The list of tasks with dlt's REST source, as its documentation shows it: ``default`` or ``parquet``.

With ``newest`` it reads the list by the time of activity, and stops at what was read before.
"""

import dlt  # type: ignore[import-not-found]
from dlt.sources.rest_api import rest_api_source  # type: ignore[import-not-found]

from benchmarks.contenders import lists, measure


def main() -> None:
    """Measure."""
    asked = measure.asked()
    form, *more = asked.arguments
    endpoint = {"path": "tasks/", "params": lists.EVERYTHING, "data_selector": "results"}
    if more:
        activity = {"cursor_path": "last_activity_at", "row_order": "desc"}
        endpoint |= {"params": {**lists.EVERYTHING, "ordering": "-last_activity_at"}, "incremental": activity}
    path = asked.home / "dlt.duckdb"
    source = rest_api_source(
        {
            "client": {
                "base_url": f"{asked.url}/api/projects/1/",
                "headers": lists.KEY,
                "paginator": {"type": "offset", "limit": 100, "total_path": "count"},
            },
            "resources": [
                {"name": "tasks", "primary_key": "id", "write_disposition": "merge", "endpoint": endpoint},
            ],
        }
    )
    pipeline = dlt.pipeline(
        "lists",
        pipelines_dir=str(asked.home / "pipelines"),
        destination=dlt.destinations.duckdb(str(path)),
        dataset_name="lists",
    )
    files = "insert_values" if form == "default" else "parquet"
    figures = measure.measured(lambda: pipeline.run(source, loader_file_format=files))
    if asked.mode == "prepare":
        return
    with pipeline.sql_client() as client:
        rows, changed = client.execute_sql("SELECT count(*), count_if(title LIKE 'Changed: %%') FROM tasks")[0]
    measure.tell(**figures, rows=rows, changed=changed, disk_mb=measure.size_mb(path))


if __name__ == "__main__":
    main()
