"""The engine: it knows PostHog Tasks and DuckDB, and has never heard of Dagster.

``taskhouse.open()`` reads the published warehouse from Python. What belongs into somebody's own Dagster project has a
name here too, and lives in ``taskhouse.pipelines``.

Nothing is imported here: a command imports this before it can tell Ctrl-C from a mistake.
"""

TYPE_CHECKING = False  # type checkers know it by its name; to import typing would take longer than all else here

if TYPE_CHECKING:
    from pathlib import Path

    from taskhouse.pipelines.component import TaskhouseProject
    from taskhouse.pipelines.failures import Alert, failure_sensor
    from taskhouse.pipelines.tables import TaskhouseTables
    from taskhouse.reading import Snapshot
    from taskhouse.settings import Settings

__all__ = ["Alert", "TaskhouseProject", "TaskhouseTables", "failure_sensor", "open"]

_HOMES = {
    "Alert": "failures",
    "TaskhouseProject": "component",
    "TaskhouseTables": "tables",
    "failure_sensor": "failures",
}
"""Modules of ``taskhouse.pipelines``, by what is taken from here."""


def __getattr__(name: str) -> object:
    """What needs Dagster, imported when somebody asks for it."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib  # noqa: PLC0415 - importing taskhouse stays free

    return getattr(importlib.import_module(f"taskhouse.pipelines.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    """Also what was not imported yet: Dagster looks for components here."""
    return sorted({*globals(), *_HOMES})


def open(  # noqa: A001 - read as taskhouse.open
    path_or_settings: "str | Path | Settings | None" = None, *, lake: bool | str = False
) -> "Snapshot":
    """Open the published copy, or the lake, for reading: a context manager with ``sql``, ``frame`` and ``views``.

    Args:
        path_or_settings: None for the settings of the environment; settings; the folder that holds all state; a folder
            of published copies; or one DuckDB file.
        lake: True for the lake of the settings; or the address of a lake, such as ``ducklake:sqlite:PATH``.

    Raises:
        ConfigurationError: Nothing has been published there yet, or there is no lake.
        Corrupt: The file cannot be opened.
        Retryable: The catalogue of the lake does not answer.
    """
    from taskhouse.reading import open_snapshot  # noqa: PLC0415 - importing taskhouse stays free

    return open_snapshot(path_or_settings, lake=lake)
