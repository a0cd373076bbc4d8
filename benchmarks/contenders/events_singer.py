"""Run streams with a Singer tap, piped into target-duckdb."""

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from singer_sdk import Stream, Tap  # type: ignore[import-not-found]
from singer_sdk import typing as th

from benchmarks.contenders import singer, streams

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
    config_jsonschema = singer.CONFIG

    def discover_streams(self) -> list[Stream]:
        """One stream."""
        return [RunEvents(self)]


if __name__ == "__main__":
    singer.main(TapRuns, "benchmarks.contenders.events_singer", "SELECT count(*) AS rows FROM run_events")
