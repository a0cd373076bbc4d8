"""The pages of a site that belong to no report and no run: its index, its runs, and its repositories."""

import functools
from collections.abc import Sequence
from itertools import groupby

import jinja2
from markupsafe import Markup

from taskhouse.pages import links, templating
from taskhouse.run_page import texts
from taskhouse.site.model import Repository, Site, Strip, run_path, week_name

HEIGHTS = {"ready": 18, "partial": 12, "detected": 8, "needs_setup": 4, "unknown": 2}
"""A bar is the taller, the closer the state is to ready; the style sheet gives the strokes the same widths."""

NEWEST = 30
"""Runs on the index."""


def index(site: Site) -> str:
    """The first page."""
    return _environment().get_template("index.html").render(site=site, up="", runs=site.runs[:NEWEST])


def runs(site: Site) -> str:
    """The page of all runs that have a page."""
    return _environment().get_template("runs.html").render(site=site, up="../")


def repository(site: Site, one: Repository, badge: str | None, owner: str | None) -> str:
    """The page of a repository; ``badge`` is its badge as SVG, if it has one."""
    return (
        _environment()
        .get_template("repository.html")
        .render(
            site=site,
            one=one,
            up="../",
            github=links.repository(one.name),
            badge=badge and Markup(badge),  # noqa: S704 - our own, with escaped texts
            owner=owner,
        )
    )


def strip(days: Sequence[str | None], breaks: Sequence[int] = ()) -> Markup:
    """The states as bars, from left to right; a day without information is hatched, one before the first is empty."""
    paths: dict[str, str] = {}
    at, known = 0, False
    for state, stretch in groupby(days):
        length = len(list(stretch))
        if state is not None or known:
            name = state or "none"
            paths[name] = paths.get(name, "") + f"M{at} {20 - HEIGHTS.get(name, 18) // 2}h{length}"
        known = known or state is not None
        at += length
    drawn = [
        Markup("<path class={} d={}/>").format(Markup(f"t-{name}"), Markup(f'"{path}"'))  # noqa: S704 - our own names and numbers
        for name, path in paths.items()
        if name in HEIGHTS or name == "none"
    ]
    if breaks:
        cuts = "".join(f"M{place} 0v20" for place in breaks)
        drawn.append(Markup(f'<path class=t-cut d="{cuts}"/>'))  # noqa: S704 - numbers
    return Markup().join(drawn)


def story(one: Strip) -> str:
    """The states in words, for those who do not see the bars: the last five stretches."""
    stretches = [(state, len(list(days))) for state, days in groupby(day for day in one.days if day is not None)]
    parts = [f"{label(state)} for {days} days" for state, days in stretches[-5:]]
    return ", then ".join(parts) or "no information"


def label(code: str | None) -> str:
    """A state, a cause or a capability as people read it."""
    return (code or "not known").replace("_", " ")


@functools.cache
def _environment() -> jinja2.Environment:
    made = templating.environment("taskhouse.site")
    made.filters.update(
        line=texts.line, label=label, strip=lambda one: strip(one.days, one.breaks), story=story, week_name=week_name
    )
    made.globals.update(run_path=run_path, safe=links.safe, tone={"completed": "ok", "failed": "no", "cancelled": "no"})
    return made
