"""Run streams with a Singer tap, piped into target-duckdb as `tap | target-duckdb --config config.json`."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import duckdb
from singer_sdk import Stream, Tap  # type: ignore[import-not-found]
from singer_sdk import typing as th

from benchmarks.contenders import measure, streams

NUMBERS = ("project_id", "stream_ms", "stream_seq")
TEXTS = (
    *("task_id", "run_id", "stream_id", "event_id", "kind", "method", "session_update", "tool_call_id"),
    *("occurred_at", "payload"),
)


class RunEvents(Stream):  # type: ignore[misc]
    """The events of all runs."""

    name = "run_events"
    primary_keys = ("run_id", "stream_id")
    schema = th.PropertiesList(
        *(th.Property(name, th.IntegerType) for name in NUMBERS),
        *(th.Property(name, th.StringType) for name in TEXTS),
    ).to_dict()

    def get_records(self, _: Any) -> Iterable[dict[str, Any]]:
        """Read them."""
        wanted = streams.runs(Path(self.config["given"]))
        return asyncio.run(streams.events(self.config["url"], wanted))


class TapRuns(Tap):  # type: ignore[misc]
    """The tap."""

    name = "tap-runs"
    config_jsonschema = th.PropertiesList(
        th.Property("url", th.StringType), th.Property("given", th.StringType)
    ).to_dict()

    def discover_streams(self) -> list[Stream]:
        """One stream."""
        return [RunEvents(self)]


def main() -> None:
    """Measure; as ``tap``, be the tap."""
    asked = measure.asked()
    if asked.mode == "tap":
        TapRuns(config={"url": asked.url, "given": str(asked.given)}).sync_all()
        return
    path, config = asked.home / "singer.duckdb", asked.home / "config.json"
    config.write_text(json.dumps({"path": str(path), "default_target_schema": "main"}), "utf-8")
    tap: list[str | Path] = [
        sys.executable,
        "-m",
        "benchmarks.contenders.events_singer",
        "tap",
        asked.url,
        asked.given,
        asked.home,
    ]
    target: list[str | Path] = [Path(sys.executable).parent / "target-duckdb", "--config", config]

    def work() -> None:
        with subprocess.Popen(tap, stdout=subprocess.PIPE) as source:
            subprocess.run(target, stdin=source.stdout, stdout=subprocess.DEVNULL, check=True)

    figures = measure.measured(work)
    if asked.mode == "prepare":
        return
    with duckdb.connect(str(path)) as connection:
        rows = connection.execute("SELECT count(*) FROM run_events").fetchall()[0][0]
    measure.tell(**figures, rows=rows, disk_mb=measure.size_mb(path))


if __name__ == "__main__":
    main()
