"""A site as its pages show it. Plain values; texts are not cleaned yet."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from taskhouse.report import Period
from taskhouse.run_page import file_name

Row = Mapping[str, Any]


@dataclass
class Strip:
    """The states of a repository over one window: one for each day, None where a day brought no information."""

    project_id: int
    window: int
    days: Sequence[str | None]
    breaks: Sequence[int] = ()
    """Places in ``days`` at which the server classified the repository anew."""

    @property
    def state(self) -> str | None:
        """The last known state."""
        return next((state for state in reversed(self.days) if state is not None), None)


@dataclass
class Repository:
    """A repository, in all projects that have it."""

    name: str
    strips: list[Strip] = field(default_factory=list)
    changes: list[Row] = field(default_factory=list)
    runs: list[Row] = field(default_factory=list)

    @property
    def path(self) -> str:
        """Its page, from the folder of the site."""
        return f"repositories/{slug(self.name)}.html"

    @property
    def badge_path(self) -> str:
        """Its badge, from the folder of the site."""
        return f"badges/{slug(self.name)}.svg"

    @property
    def state(self) -> str | None:
        """The last known state, over the shortest window; None without readiness."""
        return self.strips[0].state if self.strips else None

    @property
    def ended(self) -> int:
        """Runs that completed or failed."""
        return sum(run["status"] in {"completed", "failed"} for run in self.runs)

    @property
    def success(self) -> float | None:
        """The share of them that completed; None without any."""
        return sum(run["status"] == "completed" for run in self.runs) / self.ended if self.ended else None


@dataclass(frozen=True)
class Site:
    """Everything that the pages show, apart from the pages of runs and the reports."""

    first_day: date
    last_day: date
    read_at: datetime
    weeks: Sequence[Period]
    repositories: Sequence[Repository]
    runs: Sequence[Row]
    since: date
    """The first day of which runs have a page."""

    zone: str
    """The time zone in which the days begin."""


def run_path(run: Row) -> str:
    """The page of a run, from the folder of the site."""
    return f"runs/{run['project_id']}/{file_name(run['run_id'])}.html"


def week_name(week: Period) -> str:
    """A week as 2026-W45."""
    year, number, _ = week.since.isocalendar()
    return f"{year}-W{number:02}"


def slug(name: str) -> str:
    """A name as part of an address: two names never have the same."""
    plain = re.sub(r"[^a-z0-9._-]", "-", name.replace("/", "--", 1)).strip(".")[:80]
    if plain.replace("--", "/", 1) == name and plain.count("--") == 1:
        return plain
    return f"{plain}-{hashlib.sha256(name.encode()).hexdigest()[:10]}"
