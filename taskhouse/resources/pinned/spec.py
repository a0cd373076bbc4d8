"""The tasks that the owner of the key has pinned, and the periods in which each was pinned.

Off unless ``TASKHOUSE_PINNED`` is set. Pins belong to a person, so each row names the viewer, and the keys of two
people have separate sets of pins. A pass is complete if it has read the whole list of its own viewer.
"""

from taskhouse.resources.spec import Resource, sightings

SIGHTINGS = sightings("pinned_sightings", "viewer", "task_id", shown_by=("pinned",))
PINNED = Resource(
    name="pinned",
    about=__doc__,
    cron="47 * * * *",
    tables=(SIGHTINGS,),
    after=("tasks",),
    optional=True,
    alone=True,
    listed=True,
    requests=2,
    passes_a_day=24,
    preview=("task_id", "viewer", "first_seen_at", "last_seen_at", "absent_since"),
    newest="first_seen_at",
    every_s=3 * 3600.0,
)
