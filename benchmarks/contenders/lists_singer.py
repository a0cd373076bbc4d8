"""The list of tasks with a Singer tap, piped into target-duckdb."""

from collections.abc import Iterable
from typing import Any

from singer_sdk import Stream, Tap  # type: ignore[import-not-found]
from singer_sdk import typing as th

from benchmarks.contenders import lists, singer

TEXTS = (
    *("id", "slug", "title", "description", "repository", "origin_product"),
    *("created_at", "updated_at", "last_activity_at"),
)
FLAGS = ("internal", "archived")


class Tasks(Stream):  # type: ignore[misc]
    """The tasks, with their latest runs as they came."""

    name = "tasks"
    primary_keys = ("id",)
    schema = th.PropertiesList(
        *(th.Property(name, th.StringType) for name in TEXTS),
        *(th.Property(name, th.BooleanType) for name in FLAGS),
        th.Property("latest_run", th.ObjectType(additional_properties=True)),
    ).to_dict()

    def get_records(self, _: Any) -> Iterable[dict[str, Any]]:
        """Read them."""
        for page in lists.pages(self.config["url"]):
            yield from page


class TapTasks(Tap):  # type: ignore[misc]
    """The tap."""

    name = "tap-tasks"
    config_jsonschema = singer.CONFIG

    def discover_streams(self) -> list[Stream]:
        """One stream."""
        return [Tasks(self)]


if __name__ == "__main__":
    singer.main(
        TapTasks,
        "benchmarks.contenders.lists_singer",
        "SELECT count(*) AS rows, count(*) FILTER (WHERE title LIKE 'Changed: %') AS changed FROM tasks",
    )
