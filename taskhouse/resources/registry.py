"""Every resource, each after those that it builds on, and what follows from the list."""

import importlib
import importlib.util
from types import ModuleType

from taskhouse.resources.pinned.spec import PINNED
from taskhouse.resources.readiness.spec import READINESS
from taskhouse.resources.repositories.spec import REPOSITORIES
from taskhouse.resources.run_events.spec import RUN_EVENTS
from taskhouse.resources.runs.spec import RUNS
from taskhouse.resources.spec import Resource, Table
from taskhouse.resources.task_usage.spec import TASK_USAGE
from taskhouse.resources.tasks.spec import TASKS

RESOURCES: dict[str, Resource] = {
    resource.name: resource for resource in (TASKS, REPOSITORIES, READINESS, RUNS, RUN_EVENTS, TASK_USAGE, PINNED)
}
OPTIONAL: tuple[str, ...] = tuple(name for name, resource in RESOURCES.items() if resource.optional)
"""Resources that are off unless the setting of their name is on."""

TABLES: tuple[Table, ...] = tuple(table for resource in RESOURCES.values() for table in resource.tables)
OWNERS: dict[str, str] = {table.name: resource.name for resource in RESOURCES.values() for table in resource.tables}
"""For each table, the resource that it belongs to."""


def code(resource: str) -> ModuleType:
    """The module that reads a resource.

    ``sync(context)`` is one pass. An optional resource has ``attempt(api, run)`` for ``taskhouse check``, and
    ``TRIED``, what that tries.
    """
    return importlib.import_module(f"taskhouse.resources.{resource}.sync")


def record(resource: str) -> ModuleType | None:
    """The module that knows a resource's record, if its answers are records.

    ``read(row)`` gives the columns, of what comes now as of what is in quarantine. Where there are versions,
    ``content_hashes(payload)`` gives every hash that a kept one may have.
    """
    name = f"taskhouse.resources.{resource}.record"
    return importlib.import_module(name) if importlib.util.find_spec(name) else None


def content_hashes(table: str, payload: str) -> set[str]:
    """Every ``content_hash`` that a stored version in a table may have; none if that cannot be known."""
    module = record(OWNERS[table])
    return module.content_hashes(payload) if module else set()
