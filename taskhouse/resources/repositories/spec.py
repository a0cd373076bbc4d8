"""The repositories that the project's tasks name: when each was first seen, last seen and missing."""

from taskhouse.resources.spec import Resource, sightings

SIGHTINGS = sightings("repository_sightings", "repository", shown_by=("repositories",))
REPOSITORIES = Resource(
    name="repositories",
    about=__doc__,
    cron="7 * * * *",
    tables=(SIGHTINGS,),
    after=("tasks",),
    alone=True,
    listed=True,
    requests=2,
    passes_a_day=24,
    preview=("repository", "first_seen_at", "last_seen_at", "absent_since"),
    newest="last_seen_at",
    every_s=6 * 3600.0,
)
