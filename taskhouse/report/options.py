"""The scope of a report: which days, which repositories, and what to compare with."""

import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal, Self

from taskhouse.errors import ConfigurationError

Format = Literal["html", "md", "csv"]

DAYS = 30
"""Days of a report that names no first day."""


@dataclass(frozen=True, slots=True)
class Period:
    """Days from ``since`` to ``until``, both included."""

    since: date
    until: date

    @property
    def days(self) -> int:
        """How many days."""
        return (self.until - self.since).days + 1

    @property
    def dates(self) -> tuple[date, ...]:
        """Every day, in order."""
        return tuple(self.since + timedelta(days=number) for number in range(self.days))

    @property
    def before(self) -> Self:
        """The period of the same length that ends the day before this one begins."""
        return type(self)(self.since - timedelta(days=self.days), self.since - timedelta(days=1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Choices of one report.

    Attributes:
        since: First day; 30 days before the last one by default.
        until: Last day; the last day with data by default.
        repository: A pattern such as ``acme/*``; every repository by default.
        projects: Project ids; every project by default.
        compare: ``previous`` for the period of the same length before, ``none``, or days as ``2026-09-01..2026-09-30``.
        window: The readiness window, in days, of the headline and of the order of rows; the shortest by default.
        rows: How many repositories get a row of their own; those that moved most come first.
        format: ``html``, ``md`` or ``csv``.
    """

    since: date | None = None
    until: date | None = None
    repository: str | None = None
    projects: tuple[int, ...] = ()
    compare: str = "previous"
    window: int | None = None
    rows: int = 50
    format: Format = "html"

    def period(self, last: date) -> Period:
        """The days of the report, where ``last`` is the last day with data.

        Raises:
            ConfigurationError: The first day comes after the last one.
        """
        until = self.until or last
        since = self.since or until - timedelta(days=DAYS - 1)
        if since > until:
            raise ConfigurationError(
                f"The report would start on {since} and end on {until}.", hint="Swap the two dates."
            )
        return Period(since, until)

    def compared(self, period: Period) -> Period | None:
        """The days to compare with.

        Raises:
            ConfigurationError: ``compare`` cannot be read, or does not end before the report does.
        """
        if self.compare == "none":
            return None
        if self.compare == "previous":
            return period.before
        parts = re.fullmatch(r"(\d{4}-\d\d-\d\d)\.\.(\d{4}-\d\d-\d\d)", self.compare)
        try:
            found = Period(*map(date.fromisoformat, parts.groups())) if parts else None
        except ValueError:
            found = None
        if found is None or found.days < 1 or found.until >= period.until:
            raise ConfigurationError(
                f"compare={self.compare!r} is not an earlier period.",
                hint="Use previous, none, or two dates such as 2026-09-01..2026-09-30.",
            )
        return found

    def projects_or_none(self) -> list[int] | None:
        """The project ids as a parameter of a query."""
        return list(self.projects) or None

    def pattern(self) -> str | None:
        """The pattern as a parameter of a query: names of repositories are lower case."""
        return self.repository.strip().lower() if self.repository else None
