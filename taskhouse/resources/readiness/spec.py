"""How ready each repository is, over each window of days: one snapshot a day.

The server may answer from its cache. An answer without a scan is stored too; it means "not known", not "bad", and
``evidence`` says so.
"""

from taskhouse.resources.spec import Resource, Table

SNAPSHOTS = Table(
    "readiness_snapshots",
    "snapshots",
    ("repository", "window_days"),
    ("generated_at",),
    compared=("overall", "classification", "evidence"),
    refers=("repository", "repository_sightings"),
    keep="readiness/keep",
    shown_by=("readiness",),
)
READINESS = Resource(
    name="readiness",
    about=__doc__,
    cron="17 * * * *",
    tables=(SNAPSHOTS,),
    after=("repositories",),
    alone=True,
    preview=("repository", "window_days", "overall", "classification", "evidence", "generated_at"),
    newest="generated_at",
    every_s=26 * 3600.0,
    trend="readiness_days",
)
