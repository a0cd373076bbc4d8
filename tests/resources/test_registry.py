"""Every resource of the registry has all that is derived from it; what one lacks is said with the place to add it."""

from collections.abc import Collection
from dataclasses import replace

import pytest

from taskhouse.marts import VIEWS
from taskhouse.resources.pinned.spec import PINNED
from taskhouse.resources.registry import RESOURCES, code, record
from taskhouse.resources.spec import Resource, sightings
from taskhouse.settings import Settings
from taskhouse.warehouse import migrate, sql

MADE = "\n".join(sql.engine(path) for _, paths in migrate.MIGRATIONS for path in paths if path.startswith("resources/"))


def lacks(resource: Resource, settings: Collection[str] = Settings.model_fields) -> list[str]:
    """What is missing for a resource, and where to add it."""
    name, module, reader = resource.name, code(resource.name), record(resource.name)
    found = [
        f"no migration makes raw.{table.name}: write taskhouse/resources/{name}/{table.name}.sql and add"
        f' "resources/{name}/{table.name}" to the end of MIGRATIONS in taskhouse/warehouse/migrate.py'
        for table in resource.tables
        if f"CREATE TABLE raw.{table.name} (" not in MADE
    ]
    found += [
        f"{table.name} is shown by {view}, which is no view: write taskhouse/marts/{view}.sql"
        for table in resource.tables
        for view in table.shown_by
        if view not in VIEWS
    ]
    if not hasattr(module, "sync"):
        found.append(f"taskhouse/resources/{name}/sync.py has no sync(context)")
    if resource.optional and name not in settings:
        found.append(f"{name} is optional and has no setting: add a field {name}: bool to taskhouse/settings.py")
    if resource.optional and not (hasattr(module, "attempt") and hasattr(module, "TRIED")):
        found.append(f"{name} is optional: taskhouse/resources/{name}/sync.py needs attempt(api, run) and TRIED")
    if any(other not in RESOURCES for other in resource.after):
        found.append(f"{name} comes after {resource.after}, of which the registry does not have all")
    if reader and not (hasattr(reader, "SHAPE") and hasattr(reader, "read")):
        found.append(f"taskhouse/resources/{name}/record.py needs SHAPE and read(row)")
    if reader and resource.tables[0].kind == "versions" and not hasattr(reader, "content_hashes"):
        found.append(f"taskhouse/resources/{name}/record.py needs content_hashes(payload), since it keeps versions")
    return found


@pytest.mark.parametrize("resource", RESOURCES.values(), ids=RESOURCES.keys())
def test_a_resource_has_all_that_follows_from_it(resource: Resource) -> None:
    assert lacks(resource) == []


def test_what_a_new_resource_lacks_is_said_with_its_place() -> None:
    made_up = replace(PINNED, tables=(sightings("board_sightings", "board_id", shown_by=("boards",)),))
    migration, view, setting = lacks(made_up, settings=())
    assert '"resources/pinned/board_sightings" to the end of MIGRATIONS' in migration
    assert "write taskhouse/marts/boards.sql" in view
    assert "add a field pinned: bool to taskhouse/settings.py" in setting
