"""Run streams with taskhouse: captured through the spool, and loaded meanwhile; with ``new``, into a new home."""

import asyncio
from pathlib import Path

from benchmarks.contenders import measure
from benchmarks.contenders.streams import Row, runs
from taskhouse.capture import streams
from taskhouse.capture.capture_schedule import CaptureRun
from taskhouse.capture.session import capturing
from taskhouse.passes.context import Context
from taskhouse.passes.lifecycle import running
from taskhouse.posthog.budget import Priority
from taskhouse.posthog.client import PostHog
from taskhouse.resources.run_events import sync as run_events
from taskhouse.settings import Settings
from taskhouse.warehouse.connection import Warehouse
from taskhouse.warehouse.opening import open_warehouse


def settings_of(url: str, home: Path) -> Settings:
    """Settings without a limit of requests."""
    return Settings(host=url, api_key="phx_emulator", project_ids=(1,), home=home, requests_per_hour=0)


async def _nothing() -> None:
    pass


async def captured(settings: Settings, warehouse: Warehouse, wanted: list[Row]) -> None:
    """Read the streams of these runs from their beginning to their end."""
    async with PostHog(settings) as client:
        context = Context(settings, 1, client, warehouse)
        async with running(context, run_events.RESOURCE) as the_pass, capturing(the_pass) as capture:
            api = the_pass.api(Priority.LIVE)
            await asyncio.gather(
                *[
                    streams.capture(
                        the_pass,
                        api,
                        capture.writer,
                        CaptureRun(run["task_id"], run["id"], None, 0, (), context.now(), None),
                        capture.stop,
                        on_trim=_nothing,
                        unknown=capture.unknown,
                        progress=streams.StreamProgress(look=False, now=context.now),
                    )
                    for run in wanted
                ]
            )


def main() -> None:
    """Measure."""
    asked = measure.asked()
    settings, wanted = settings_of(asked.url, asked.home), runs(asked.given)
    warehouse = open_warehouse(settings)
    if asked.arguments != ["new"]:
        with warehouse.transaction("making the tables"):
            pass
    if asked.mode == "prepare":
        asyncio.run(captured(settings, warehouse, wanted))
        return
    figures = measure.measured(lambda: asyncio.run(captured(settings, warehouse, wanted)))
    with warehouse.transaction("counting") as connection:
        rows = connection.execute("SELECT count(*) FROM raw.run_events").fetchall()[0][0]
    with warehouse.still("measuring"):
        disk_mb = measure.size_mb(settings.warehouse)
    measure.tell(**figures, rows=rows, disk_mb=disk_mb)


if __name__ == "__main__":
    main()
