"""The scope of a report: which days, which repositories, and what to compare with."""

import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Literal, Self

from taskhouse.errors import ConfigurationError

Format = Literal["html", "md", "csv"]
Unit = Literal["week", "month", "days"]

USUAL = 4
"""How many periods before are what is usual."""

WEEK = timedelta(days=7)
LAST = "last"


@dataclass(frozen=True, slots=True)
class Period:
    """Days from ``since`` to ``until``, both included.

    Attributes:
        unit: What the period is one of. A week or a month that is not over yet ends early.
    """

    since: date
    until: date
    unit: Unit = "days"

    @classmethod
    def week_of(cls, day: date) -> Self:
        """The week, from Monday to Sunday, of a day."""
        monday = day - timedelta(days=day.weekday())
        return cls(monday, monday + WEEK - timedelta(days=1), "week")

    @classmethod
    def month_of(cls, day: date) -> Self:
        """The month of a day."""
        first = day.replace(day=1)
        return cls(first, _next_month(first) - timedelta(days=1), "month")

    @property
    def days(self) -> int:
        """How many days."""
        return (self.until - self.since).days + 1

    @property
    def dates(self) -> tuple[date, ...]:
        """Every day, in order."""
        return tuple(self.since + timedelta(days=number) for number in range(self.days))

    def back(self, number: int = 1) -> Self:
        """The period that many units earlier; one that is not over is compared with as many days of its unit."""
        if self.unit == "month":
            whole = self.month_of(self.since)
            for _ in range(number):
                whole = self.month_of(whole.since - timedelta(days=1))
            is_whole = self.until == self.month_of(self.since).until
            until = whole.until if is_whole else min(whole.until, whole.since + (self.until - self.since))
            return type(self)(whole.since, until, "month")
        step = (WEEK if self.unit == "week" else timedelta(days=self.days)) * number
        return type(self)(self.since - step, self.until - step, self.unit)

    def until_at_most(self, last: date) -> Self:
        """The days of the period up to a day, if the period has begun by then."""
        return self if self.until <= last or self.since > last else type(self)(self.since, last, self.unit)


@dataclass(frozen=True, slots=True)
class Extent:
    """The days that the data covers.

    Attributes:
        first: The first day with data.
        last: The last day with data.
        over: The last day that was over when the data was read.
    """

    first: date
    last: date
    over: date


@dataclass(frozen=True, slots=True)
class Scope:
    """What a report is about.

    Attributes:
        projects: Project ids; every project if empty.
        repository: A pattern such as ``acme/*``, in lower case.
        repositories: The names of the repositories of an owner, in lower case.
    """

    projects: tuple[int, ...] = ()
    repository: str | None = None
    repositories: tuple[str, ...] | None = None

    @property
    def parameters(self) -> dict[str, Any]:
        """Parameters of a query: ``$projects``, ``$pattern`` and ``$names``, each NULL if it limits nothing."""
        return {
            "projects": list(self.projects) or None,
            "pattern": self.repository,
            "names": None if self.repositories is None else list(self.repositories),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Choices of one report. By default it is about the last week, from Monday to Sunday, that is over.

    Attributes:
        week: A week as ``2026-W45``, a day in it, or ``last``.
        month: A month as ``2026-10``, a day in it, or ``last``.
        since: First day of other days; a week before the last one by default.
        until: Last day of other days; the last day with data by default.
        repository: A pattern such as ``acme/*``; every repository by default.
        owner: Only the repositories of this owner.
        projects: Project ids; every project by default.
        compare: ``median`` for the median of the four periods before, ``previous`` for the one before, ``none``, or
            days as ``2026-09-01..2026-09-30``.
        window: The readiness window, in days, that decides what is ready; the shortest by default.
        rows: How many repositories get a row of their own; those that moved come first.
        format: ``html``, ``md`` or ``csv``.
    """

    week: str | None = None
    month: str | None = None
    since: date | None = None
    until: date | None = None
    repository: str | None = None
    owner: str | None = None
    projects: tuple[int, ...] = ()
    compare: str = "median"
    window: int | None = None
    rows: int = 50
    format: Format = "html"

    def period(self, known: Extent) -> Period:
        """The days of the report. While no week is over yet, and none is asked for, they are all days so far.

        Raises:
            ConfigurationError: The days cannot be read, or were chosen twice, or the first comes after the last.
        """
        chosen = [
            name for name, value in (("week", self.week), ("month", self.month), ("since", self.since or self.until))
            if value
        ]  # fmt: skip
        if len(chosen) > 1:
            raise ConfigurationError(
                f"The days of the report were chosen twice, with {' and '.join(chosen)}.",
                hint="Use only one of --week, --month, and --since with --until.",
            )
        if self.since or self.until:
            return self._days(known)
        if self.month:
            given = None if self.month == LAST else _month(self.month)
            whole = Period.month_of(given or known.over + timedelta(days=1))
        else:
            given = None if self.week in (None, LAST) else _week(self.week or "")
            whole = Period.week_of(given or known.over + timedelta(days=1))
        if given:
            return whole.until_at_most(known.last)
        whole = whole.back()
        is_asked = self.month or self.week
        return whole if is_asked or whole.since >= known.first else Period(known.first, known.last)

    def baseline(self, period: Period, first: date | None = None) -> tuple[Period, ...]:
        """The periods to compare with, the newest first; a value of theirs is the median of their values.

        Args:
            period: The days of the report.
            first: The first day with data. Of the four before, those that begin earlier are left out.

        Raises:
            ConfigurationError: ``compare`` cannot be read, or does not end before the report does.
        """
        if self.compare == "none":
            return ()
        if self.compare == "previous":
            return (period.back(),)
        if self.compare == "median":
            before = (period.back(number) for number in range(1, USUAL + 1))
            return tuple(one for one in before if first is None or one.since >= first)
        parts = re.fullmatch(r"(\d{4}-\d\d-\d\d)\.\.(\d{4}-\d\d-\d\d)", self.compare)
        try:
            found = Period(date.fromisoformat(parts[1]), date.fromisoformat(parts[2])) if parts else None
        except ValueError:
            found = None
        if found is None or found.days < 1 or found.until >= period.until:
            raise ConfigurationError(
                f"compare={self.compare!r} is not an earlier period.",
                hint="Use median, previous, none, or two dates such as 2026-09-01..2026-09-30.",
            )
        return (found,)

    def scope(self, repositories: tuple[str, ...] | None = None) -> Scope:
        """What the report is about; ``repositories`` are those of the owner, if there is one."""
        pattern = self.repository.strip().lower() if self.repository else None
        return Scope(self.projects, pattern, repositories)

    def _days(self, known: Extent) -> Period:
        until = self.until or known.last
        since = self.since or until - WEEK + timedelta(days=1)
        if self.since and not self.until and since > known.last:
            raise ConfigurationError(
                f"The report would start on {since}, after {known.last} (the last day with data).",
                hint=f"Choose {known.last} or an earlier day for --since.",
            )
        if since > until:
            raise ConfigurationError(
                f"The report would start on {since} and end on {until}.", hint="Swap the two dates."
            )
        return Period(since, until)


def _week(text: str) -> date:
    """A day of a week that is given as ``2026-W45`` or as a day."""
    parts = re.fullmatch(r"(\d{4})-?W(\d{1,2})", text, re.IGNORECASE)
    try:
        return date.fromisocalendar(int(parts[1]), int(parts[2]), 1) if parts else date.fromisoformat(text)
    except ValueError as error:
        raise ConfigurationError(
            f"{text!r} is not a week.", hint="Use a week such as 2026-W45, a day in it, or last."
        ) from error


def _month(text: str) -> date:
    """A day of a month that is given as ``2026-10`` or as a day."""
    try:
        return date.fromisoformat(f"{text}-01" if re.fullmatch(r"\d{4}-\d\d", text) else text)
    except ValueError as error:
        raise ConfigurationError(
            f"{text!r} is not a month.", hint="Use a month such as 2026-10, a day in it, or last."
        ) from error


def _next_month(first: date) -> date:
    return (first + timedelta(days=31)).replace(day=1)
