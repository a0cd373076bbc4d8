"""The warehouse that settings name; code that only reads it needs no client, no spool and no passes."""

from pathlib import Path

from taskhouse.settings import Settings
from taskhouse.warehouse import identity
from taskhouse.warehouse.connection import Warehouse
from taskhouse.warehouse.restore import look


def open_warehouse(settings: Settings) -> Warehouse:
    """The warehouse that these settings name."""
    return Warehouse(
        settings.warehouse,
        host=settings.host,
        lock_wait_s=settings.lock_wait_s,
        zone=settings.timezone,
        copies=settings.published,
        spool=settings.spool,
        clock=settings.clock,
    )


def warehouse_at_rest(settings: Settings, source: Path | None = None) -> Warehouse:
    """The warehouse for a command that asks no server: if no host is set, it is that of what is held.

    Args:
        settings: Whose.
        source: What is to be restored; its host counts if the home knows of none.
    """
    if "host" in settings.model_fields_set:
        return open_warehouse(settings)
    known = identity.known_of(settings.warehouse, settings.published) or (look(source) if source else None)
    return open_warehouse(settings.model_copy(update={"host": known.host}) if known else settings)
