"""The agents' half as it is drawn: inert with any text, bounded, and with its links."""

import re
from dataclasses import replace
from datetime import UTC, date, datetime
from types import SimpleNamespace

from taskhouse.pages import links, templating
from taskhouse.report import agents_markdown, parts, plots
from taskhouse.report.agents import Agents, Failure, Model, PullRequests, Standing, Tool, Usual, Work
from taskhouse.report.campaigns import Member, Point, Progress
from taskhouse.report.intervals import Difference, Sides, common
from taskhouse.report.model import label
from taskhouse.report.options import Period
from taskhouse.report.outcome import Became, Others, Outcome
from tests.report.tree import Tree

HOSTILE = "<img src=x onerror=alert(1)>\u001b[31m\u202e|`"
NOW = datetime(2026, 11, 20, tzinfo=UTC)
PERIOD = Period.week_of(date(2026, 11, 18))
WORK = Work(ended=100, completed=80, failed=15, cancelled=5, p50_s=300.0, p90_s=900.0, cost_usd=50.0, cost_known=40)
USUAL = Usual(90.0, 0.75, 290.0, 1.2)


def agents(text: str, count: int) -> Agents:
    return Agents(
        period=PERIOD,
        baseline=(PERIOD.back(),),
        periods=(WORK, WORK),
        usual=USUAL,
        change=5.0,
        clear=Difference(0.05, 0.01, 0.09),
        because=None,
        models=[Model(f"{text}{n}", text, WORK, USUAL, 0.1) for n in range(count)],
        failures=[Failure(f"{text}{n}", 3, 2.0, 1.0, 2, 1, text, text, f"a/{text}", NOW) for n in range(count)],
        pull_requests=(PullRequests(opened=5, merged=3, merged_unsure=1, cost_usd=9.0, cost_known=2), PullRequests()),
        usage_known=True,
        tools=[Tool(f"{text}{n}", 10, 10, 1, 2.0, 0.2) for n in range(count)],
        stuck=[
            Standing(1, text, f"{text}{n}", text, text, "in_progress", NOW, 90_000.0, "orphaned", is_new=n == 0)
            for n in range(count)
        ],
    )


def outcome(text: str, count: int) -> Outcome:
    sides = Sides(completed_before=20, before=40, completed_after=35, after=45)
    became = tuple(Became(1, f"a/{text}{n}", date(2026, 10, 1), 3, sides) for n in range(count))
    return Outcome(became, common([sides] * count), Others(3, 50, 60, 0.01, Difference(0.2, 0.1, 0.3)))


def campaign(text: str, count: int) -> Progress:
    points = (Point(date(2026, 11, 15), count, 0), Point(PERIOD.until, count, 0))
    return Progress(
        text, "ready", date(2026, 12, 31), points, tuple(Member(1, f"a/{text}{n}", "partial") for n in range(count))
    )


PAGE = (
    "{% macro axis(a, b) %}{{ a }}{{ b }}{% endmacro %}{% macro glyph(a) %}{% endmacro %}"
    '<main>{% include "agents.html" %}{% include "outcome.html" %}{% include "campaigns.html" %}</main>'
)


def text_of(page: str) -> str:
    return Tree(page).all("main")[0].text


def drawn(text: str, count: int = 30) -> str:
    environment = templating.environment("taskhouse.report")
    environment.globals.update(link=links.repository, task=links.task, label=label)
    page = environment.from_string(PAGE)
    report = SimpleNamespace(host="https://eu.posthog.com", projects=[1, 2], project=lambda _: text)
    given = parts.context(agents(text, count), outcome(text, count), [campaign(text, count)], lambda _: text)
    return page.render(report=report, **given)


def test_whatever_the_texts_are_nothing_but_our_own_elements_is_drawn() -> None:
    page = drawn(HOSTILE)
    tree = Tree(page)
    assert tree.all("img") == tree.all("script") == []
    assert "<img src=x onerror=alert(1)>" in text_of(page)
    assert "\u001b" not in page
    text = "\n".join(agents_markdown.sections(agents(HOSTILE, 3), outcome(HOSTILE, 3), [campaign(HOSTILE, 3)]))
    assert "\u001b" not in text
    assert "<img" not in text
    assert not re.search(r"(?<!\\)`", text.replace("\\`", ""))


def test_each_thing_is_linked_to_where_it_is() -> None:
    page = drawn("x")
    tree = Tree(page)
    to = {one.attributes["href"] for one in tree.all("a")}
    assert "https://eu.posthog.com/project/1/tasks/x?runId=x" in to
    assert "https://github.com/a/x0" in to
    assert "taskhouse run x" in text_of(page)
    assert {one.attributes["id"] for one in tree.all("h3") if "id" in one.attributes} == {
        *("failures", "stuck", "pull-requests", "tools")
    }


def test_the_page_stays_small_however_much_there_is() -> None:
    assert len(drawn("acme/some-repository", 2_000).encode()) < 60_000
    assert "and 1,992 more" in text_of(drawn("x", 2_000))


def test_where_nothing_is_known_a_sentence_says_so() -> None:
    nothing = replace(agents("x", 0), periods=(Work(),), change=None, clear=None, usage_known=False)
    given = parts.context(nothing, Outcome((), None, None), [], lambda _: None)
    page = templating.environment("taskhouse.report").from_string(PAGE)
    text = text_of(page.render(report=SimpleNamespace(host=None, projects=[1]), **given))
    for said in ("No run ended", "No run failed", "No tool call", "No run was stuck", "No repository is known to have"):
        assert said in text
    assert "TASKHOUSE_TASK_USAGE=true" in text
    assert "Campaigns" not in text
    sides = Sides(completed_before=1, before=2, completed_after=1, after=1)
    few = Outcome((Became(1, "a/b", date(2026, 10, 1), 1, sides),), None, None)
    assert parts.few(few) == (
        "Too few runs are known to tell: 2 before and 1 after 1 repository became ready. 20 are needed on each side."
    )


def test_an_axis_holds_every_interval_and_a_whisker_stays_on_it() -> None:
    wide, narrow = Difference(0.1, -0.34, 0.5), Difference(0.1, 0.05, 0.15)
    assert plots.reach([narrow, None]) == 20
    assert plots.reach([narrow, wide]) == 50
    assert 'd="M32 9H200"' in plots.whisker(wide, 50)
    assert plots.reach([]) == 10


def test_names_of_tools_and_models_are_cut_however_long_they_are() -> None:
    long = "R" * 200_000
    work = replace(agents("x", 0), models=[Model(long, long, WORK, USUAL, 0.1)], tools=[Tool(long, 9, 9, 1, 2.0, 0.2)])
    given = parts.context(work, Outcome((), None, None), [], lambda _: None)
    page = templating.environment("taskhouse.report").from_string(PAGE)
    assert len(page.render(report=SimpleNamespace(host=None, projects=[1]), **given)) < 20_000
    assert len("".join(agents_markdown.sections(work, Outcome((), None, None), []))) < 2_000


def test_a_change_from_the_median_says_that_all_runs_together_judge_it() -> None:
    work = replace(agents("m", 1), periods=(WORK, replace(WORK, ended=60, completed=45), WORK))
    assert parts.together(work) == (
        "The change is from the median of the 2 weeks before, 75%. Whether it may be chance is judged by all of their"
        " 160 runs together, of which 78% succeeded: +5 points (+1 to +9 with 95% confidence)."
    )
    assert (
        parts.together(agents("m", 1)) == "Against the week before, that is +5 points (+1 to +9 with 95% confidence)."
    )
    assert parts.together(replace(work, clear=None)) == ""
