"""The repositories that the project's tasks name: first seen, last seen, gone."""

from taskhouse.assets.family import Family, Table

REPOSITORIES = Family(
    name="repositories",
    about=__doc__,
    tables=(
        Table("repository_sightings", ("repository", "first_seen_at"), begins="first_seen_at", ends="absent_since"),
    ),
    after=("tasks",),
    preview=("repository", "first_seen_at", "last_seen_at", "absent_since"),
    newest="last_seen_at",
    made_by=(
        "resources/repositories/sync.py",
        "posthog/pages.py",
        "warehouse/statements/versions/sightings_new.sql",
        "warehouse/statements/versions/sightings_seen.sql",
        "warehouse/statements/versions/sightings_absent.sql",
    ),
    every_s=6 * 3600.0,
)
