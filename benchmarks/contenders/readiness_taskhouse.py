"""One pass over the readiness of all repositories with taskhouse."""

import asyncio

from benchmarks.contenders import measure
from benchmarks.contenders.events_taskhouse import settings_of
from taskhouse.operations import sync
from taskhouse.warehouse.opening import open_warehouse


def main() -> None:
    """Measure."""
    asked = measure.asked()
    settings = settings_of(asked.url, asked.home)
    asyncio.run(sync(settings, 1, "repositories"))

    def work() -> None:
        report = asyncio.run(sync(settings, 1, "readiness"))
        if report.verdict != "complete":
            raise ValueError(f"the pass is {report.verdict}: {report.reason}")

    figures = measure.measured(work)
    with open_warehouse(settings).reading("counting") as connection:
        ((rows,),) = connection.execute("SELECT count(*) FROM raw.readiness_snapshots").fetchall()
    with open_warehouse(settings).still("measuring"):
        disk_mb = measure.size_mb(settings.warehouse)
    measure.tell(**figures, rows=rows, disk_mb=disk_mb)


if __name__ == "__main__":
    main()
