"""A run in Markdown fits into the description of a pull request, and nothing in it does anything."""

import re

from markdown_it import MarkdownIt

from taskhouse.run_page import markdown
from taskhouse.run_page.model import Run
from tests.report.tree import Tree
from tests.run_page.story import EMPTY, FULL, HIDDEN


def test_it_says_what_was_asked_and_what_came_of_it(pages_of: dict[str, Run]) -> None:
    text = markdown.page(pages_of[FULL])
    assert len(text) < 20_000
    said = "2 attempts, \u2068opus\u2069, 11 tool calls, 2 of them failed, 7,200 tokens, $0.50, "
    assert said in text
    assert "### Asked" in text
    assert "\u2068pnpm test\u2069: \u2068completed\u2069" in text
    assert ": \u2068reject\\_once\u2069" in text
    assert "Not everything was captured: 2 gaps." in text


def test_nothing_in_it_does_anything(pages_of: dict[str, Run]) -> None:
    text = markdown.page(pages_of[FULL])
    found = Tree(MarkdownIt("commonmark", {"html": True}).enable("table").render(text))
    assert [one.name for one in found.elements if one.name in {"script", "img", "form", "style"}] == []
    links = {one.attributes["href"] for one in found.all("a")}
    assert links == {f"http://localhost:1/project/1/tasks/task-7d1f0c52?runId={FULL}"}
    assert re.findall(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", text) == []


def test_texts_that_were_not_kept_are_said_to_be_so(pages_of: dict[str, Run]) -> None:
    text = markdown.page(pages_of[HIDDEN])
    assert "The texts of this run were not kept." in text
    assert "0123456789abcdef" not in text
    assert "### Asked" not in text


def test_a_run_without_events_is_short(pages_of: dict[str, Run]) -> None:
    assert "0 tool calls" in markdown.page(pages_of[EMPTY])
