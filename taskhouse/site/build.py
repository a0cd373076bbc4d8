"""Reads what the pages of a site show from the published copy."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from itertools import groupby
from typing import Any

from taskhouse.errors import ConfigurationError
from taskhouse.reading import Snapshot
from taskhouse.report import Period
from taskhouse.site.model import Repository, Row, Site, Strip
from taskhouse.warehouse import sql

DAYS = 84
"""Days of readiness that the page of a repository shows."""


def gather(snapshot: Snapshot, weeks: int) -> Site:
    """What is known of the last weeks.

    Raises:
        ConfigurationError: Nothing was ever read.
    """
    bounds = rows(snapshot, "bounds")[0]
    last = bounds["last_day"]
    if last is None:
        raise ConfigurationError("There is nothing to show yet.", hint="Run `taskhouse sync` first.")
    first, since = last - timedelta(days=DAYS - 1), last - timedelta(days=7 * weeks - 1)
    runs = rows(snapshot, "runs", since=since)
    days = rows(snapshot, "days", since=first)
    first = min((row["day"] for row in days), default=first)
    found = {row["repository"]: Repository(row["repository"]) for row in rows(snapshot, "repositories")}
    _strips(found, days, first, last)
    for row in rows(snapshot, "changes", since=first):
        if row["repository"] in found:
            found[row["repository"]].changes.append(row)
    for run in runs:
        if run["repository"] in found:
            found[run["repository"]].runs.append(run)
    newest = Period.week_of(bounds["last_sunday"])
    known = rows(snapshot, "first_day")[0]["day"]
    return Site(
        first_day=first,
        last_day=last,
        read_at=bounds["read_at"],
        weeks=[week for week in (newest.back(number) for number in range(weeks)) if known and week.until >= known],
        repositories=list(found.values()),
        runs=runs,
        since=since,
        zone=snapshot.zone,
    )


def _strips(found: Mapping[str, Repository], days: Sequence[Row], first: date, last: date) -> None:
    """Give each repository its states by day."""
    length = (last - first).days + 1
    for (name, project, window), some in groupby(
        days, key=lambda row: (row["repository"], row["project_id"], row["window_days"])
    ):
        states: list[str | None] = [None] * length
        breaks = []
        for row in some:
            place = (row["day"] - first).days
            if 0 <= place < length:
                states[place] = row["overall"]
                if row["is_break"]:
                    breaks.append(place)
        found[name].strips.append(Strip(project, window, states, breaks))


def rows(snapshot: Snapshot, query: str, **parameters: object) -> list[dict[str, Any]]:
    """The rows of ``queries/<query>.sql``, each by column name."""
    stored = _text("stored" if snapshot.reader.is_copy else "stored_in_lake")
    return snapshot.records(_text(query).replace("{stored}", stored), **parameters)


def _text(query: str) -> str:
    return sql.statement("taskhouse.site", f"queries/{query}")
