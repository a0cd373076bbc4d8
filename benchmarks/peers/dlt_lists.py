"""The list of tasks with dlt's REST source, as its documentation shows it; run in the peers' environment.

python dlt_lists.py URL FOLDER parquet|insert_values append|merge
"""

import json
import resource
import sys
import time
from pathlib import Path

import dlt  # type: ignore[import-not-found]
from dlt.sources.rest_api import rest_api_source  # type: ignore[import-not-found]

url, folder, form, disposition = sys.argv[1:]
source = rest_api_source(
    {
        "client": {
            "base_url": f"{url}/api/projects/1/",
            "headers": {"Authorization": "Bearer phx_emulator"},
            "paginator": {"type": "offset", "limit": 100, "total_path": "count"},
        },
        "resources": [
            {
                "name": "tasks",
                "primary_key": "id",
                "write_disposition": disposition,
                "endpoint": {
                    "path": "tasks/",
                    "params": {"internal": "all", "archived": "all"},
                    "data_selector": "results",
                },
            }
        ],
    }
)
pipeline = dlt.pipeline(
    "lists",
    pipelines_dir=str(Path(folder) / "dlt"),
    destination=dlt.destinations.duckdb(str(Path(folder) / "dlt.duckdb")),
    dataset_name="lists",
)
began, busy = time.perf_counter(), time.process_time()
pipeline.run(source, loader_file_format=form)
figures = {"seconds": time.perf_counter() - began, "cpu_s": time.process_time() - busy}
with pipeline.sql_client() as client:
    figures["rows"] = client.execute_sql("SELECT count(*) FROM tasks")[0][0]
figures["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
sys.stdout.write(json.dumps(figures) + "\n")
