"""The readiness report of a week, a month or other days: one file for leads, from one published generation.

``render`` gives the text, ``write`` puts it into a file. The same data and the same options give the same bytes.
"""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from taskhouse import atomic
from taskhouse.errors import ConfigurationError
from taskhouse.pages.formatting import isolated
from taskhouse.reading import Snapshot
from taskhouse.report import html, markdown, table, trend
from taskhouse.report.build import days, gather
from taskhouse.report.directory import Directory
from taskhouse.report.model import Nothing, Report
from taskhouse.report.options import Format, Options, Period
from taskhouse.report.query import forget

__all__ = ["Directory", "Format", "Options", "Period", "gathered", "page", "render", "text", "write"]


@contextlib.contextmanager
def gathered(
    snapshot: Snapshot, options: Options | None = None, directory: Directory | None = None
) -> Iterator[Report | Nothing]:
    """A block with everything that a report says; tables that its queries made for each other go with the block.

    Raises:
        ConfigurationError: The days make no sense, or there is no such window or owner.
    """
    try:
        with snapshot.reader.whole_views():
            found = gather(snapshot, options or Options(), directory or Directory())
        yield found
    finally:
        trend.done(snapshot)
        forget(snapshot, "report_attempts")


def render(
    snapshot: Snapshot,
    options: Options | None = None,
    directory: Directory | None = None,
    *,
    strict: bool = False,
    warn: Callable[[str], None] | None = None,
) -> str:
    """The report as text in ``options.format``; one that says so where there is no data.

    Args:
        snapshot: What is read.
        options: What it is about; the last week that is over by default.
        directory: Names of projects and owners of repositories.
        strict: Refuse to say nothing.
        warn: Called with a sentence for each campaign of which nothing can be counted.

    Raises:
        ConfigurationError: The days make no sense, or there is no such window or owner; or, if ``strict``,
            there is data and nothing of it is what the options ask for.
    """
    options = options or Options()
    if options.format == "csv" and (rows := _days(snapshot, options, directory or Directory())):
        return table.text(rows)
    with gathered(snapshot, options, directory) as report:
        if strict and isinstance(report, Nothing) and report.beside:
            raise ConfigurationError(report.said, hint=report.hint)
    if warn and isinstance(report, Report):
        for one in report.uncounted:
            warn(f"Campaign {isolated(one.name)}: {one.why}")
    if options.format == "csv":
        return table.text([])
    return page(report) if options.format == "html" else text(report)


def page(report: Report | Nothing) -> str:
    """What was gathered, as an HTML file."""
    return html.empty(report) if isinstance(report, Nothing) else html.page(report)


def text(report: Report | Nothing) -> str:
    """What was gathered, as Markdown."""
    return markdown.empty(report) if isinstance(report, Nothing) else markdown.page(report)


def _days(snapshot: Snapshot, options: Options, directory: Directory) -> list[dict[str, Any]]:
    try:
        with snapshot.reader.whole_views():
            return days(snapshot, options, directory)
    finally:
        trend.done(snapshot)


def write(
    snapshot: Snapshot,
    path: str | Path,
    options: Options | None = None,
    directory: Directory | None = None,
    *,
    strict: bool = False,
    warn: Callable[[str], None] | None = None,
) -> Path:
    """Write the report to a file, which appears whole or not at all; returns its path.

    Raises:
        ConfigurationError: As for ``render``.
    """
    target = Path(path)
    atomic.write(target, render(snapshot, options, directory, strict=strict, warn=warn))
    return target
