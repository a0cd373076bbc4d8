"""How ready each repository is, over each window of days: one snapshot a day, never refreshed on the server.

An answer without a scan is kept and says so in ``evidence``: it is no information, not a bad grade.
"""

from taskhouse.assets.family import Family, Table

READINESS = Family(
    name="readiness",
    about=__doc__,
    tables=(
        Table(
            "readiness_snapshots",
            ("repository", "window_days", "generated_at"),
            compares=("overall", "classification", "evidence"),
            refers=("repository", "repository_sightings"),
        ),
    ),
    after=("repositories",),
    preview=("repository", "window_days", "overall", "classification", "evidence", "generated_at"),
    newest="generated_at",
    made_by=("resources/readiness/sync.py", "posthog/records.py", "warehouse/statements/versions/readiness.sql"),
    trend="readiness_days",
    every_s=26 * 3600.0,
)
