"""The list of tasks with dlt's REST source, as its documentation shows it: ``default`` or ``parquet``."""

import dlt  # type: ignore[import-not-found]
from dlt.sources.rest_api import rest_api_source  # type: ignore[import-not-found]

from benchmarks.contenders import lists, measure


def main() -> None:
    """Measure."""
    asked = measure.asked()
    (form,) = asked.arguments
    path = asked.home / "dlt.duckdb"
    source = rest_api_source(
        {
            "client": {
                "base_url": f"{asked.url}/api/projects/1/",
                "headers": lists.KEY,
                "paginator": {"type": "offset", "limit": 100, "total_path": "count"},
            },
            "resources": [
                {
                    "name": "tasks",
                    "primary_key": "id",
                    "write_disposition": "merge",
                    "endpoint": {"path": "tasks/", "params": lists.EVERYTHING, "data_selector": "results"},
                }
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
