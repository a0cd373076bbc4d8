"""The page of a run shows everything that is known of it, in order, and nothing on it does anything."""

import re
from html import unescape
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from taskhouse import run_page
from taskhouse.errors import ConfigurationError
from taskhouse.reading import Snapshot
from taskhouse.run_page import html
from taskhouse.run_page.model import Run
from tests.report.tree import Tree
from tests.report.world import World
from tests.run_page.story import BEGIN, EMPTY, FULL, HIDDEN, OTHER


def words(text: str) -> str:
    """Letters and digits alone: what Markdown, cutting and cleaning leave of a text."""
    plain = re.sub(r"\x1b\[[0-9;]*m|\x1b\].*?\x07|(?<=```)py", "", text)
    return "".join(re.findall(r"[a-z0-9]+", plain.lower()))


def shown(document: str) -> str:
    """The words of the conversation, in order."""
    conversation = document.split("id=conversation", 1)[1]
    return words(unescape(re.sub(r"<[^>]*>", "", conversation)))


def test_every_message_of_the_view_is_there_in_order(runs: Snapshot, page: str) -> None:
    said = runs.records("SELECT text FROM messages WHERE run_id = $run ORDER BY number", run=FULL)
    assert len(said) == 5
    conversation, place = shown(page), 0
    for row in said:
        place = conversation.index(words(row["text"]), place)


def test_every_tool_call_of_the_view_is_there_in_order(runs: Snapshot, page: str) -> None:
    calls = runs.records("SELECT tool_name, title FROM tool_calls WHERE run_id = $run ORDER BY started_at", run=FULL)
    assert len(calls) == 11
    conversation, place = shown(page), 0
    for row in calls:
        title = row["title"].removeprefix("/workspace/repos/acme/checkout/")
        named = words((row["tool_name"] or "execute")[:30]), words(title[:30])
        place = conversation.index(named[0], place)
        assert named[1] in conversation[place:]


def test_nothing_that_somebody_wrote_becomes_an_element_a_link_or_a_picture(page: str) -> None:
    found = Tree(page)
    assert [one.name for one in found.elements if one.name in {"script", "img", "iframe", "object", "form"}] == []
    assert {name for one in found.elements for name in one.attributes if name.startswith("on")} == set()
    links = {one.attributes["href"] for one in found.all("a")}
    outside = {link for link in links if not link.startswith("#")}
    assert outside == {
        "https://github.com/acme/checkout",
        "https://github.com/acme/checkout/pull/482",
        f"http://localhost:1/project/1/tasks/task-7d1f0c52?runId={FULL}",
    }
    assert re.findall(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", page) == []
    ids = [one.attributes["id"] for one in found.elements if "id" in one.attributes]
    assert len(ids) == len(set(ids))
    assert {link[1:] for link in links if link.startswith("#")} <= set(ids)


def test_a_gap_stands_after_the_event_that_it_follows(page: str) -> None:
    places = [page.index(text) for text in ("Reproduce", "told of last_event_gone", "told of numbers_missing")]
    places += [page.index("After the hole."), page.index("all passed"), page.index("told of log_expired")]
    assert all(before < after for before, after in pairwise(places))
    assert "Events are missing here" in page
    assert "Gap in the stream, filled from the log" in page
    assert "Not everything of this run was captured: 2 gaps are shown where they are." in page


def test_a_diff_shows_what_was_changed(page: str) -> None:
    (diff,) = Tree(page).all("pre", class_="df")
    assert diff.text.startswith("one-two+</pre>")
    assert "src/a.ts" in page
    assert "+1 \u22121" in page


def test_a_picture_is_named_and_not_shown(page: str) -> None:
    assert "not shown: image image/png" in page
    assert "AAAA" not in page


def test_long_output_keeps_its_end_and_says_what_is_missing(page: str) -> None:
    assert "the end" in page
    assert re.search(r"[0-9,]+ characters are left out here", page)
    assert "401 KB of updates are too large for this page: <code>taskhouse query" in page.replace("400 KB", "401 KB")


def test_a_question_says_what_was_answered_and_when(page: str) -> None:
    assert "Answer: <b>reject once</b> after 31 s" in page


def test_attempts_begin_where_they_begin(page: str) -> None:
    places = [page.index(text) for text in ("Attempt 1", "1 failed", "Attempt 2", "all passed")]
    assert all(before < after for before, after in pairwise(places))


def test_tokens_and_cost_are_those_of_the_views(runs: Snapshot, page: str) -> None:
    (row,) = runs.records("SELECT total_tokens, cost_usd FROM run_usage WHERE run_id = $run", run=FULL)
    assert (row["total_tokens"], row["cost_usd"]) == (7200, 0.5)
    assert "7.2 k" in page
    assert "$0.50" in page
    assert 'aria-label="Tokens: 7,200 at the end"' in page


def test_texts_that_were_not_kept_are_no_empty_bubbles(pages_of: dict[str, Run]) -> None:
    page = html.page(pages_of[HIDDEN])
    assert page.count("The texts of this run were not kept") == 1
    assert "0123456789abcdef" not in page
    assert "What was asked" not in page
    assert page.count("not kept, 23 characters") == 1
    assert page.count("not kept, 46 characters") == 1
    assert "<b>Bash</b>" in page


def test_a_run_without_events_says_so(pages_of: dict[str, Run]) -> None:
    page = html.page(pages_of[EMPTY])
    assert "No event of this run was captured." in page
    assert "Its events have not been read yet." in page


def test_a_run_of_two_projects_needs_the_project(tmp_path: Path) -> None:
    world = World()
    for project in (1, 2):
        world.run(7, BEGIN, "completed", 60, project_id=project)
    with world.open(tmp_path) as snapshot:
        with pytest.raises(ConfigurationError, match=r"^Several projects have a run run-7: 1, 2\. Choose one"):
            run_page.find(snapshot, "run-7")
        assert run_page.find(snapshot, "run-7", 2) == (2, "run-7")


def test_the_beginning_of_an_id_is_enough_if_it_is_the_only_one(runs: Snapshot) -> None:
    assert run_page.find(runs, "7d1f0c52-A") == (1, OTHER)
    refusals: dict[str, Any] = {
        "7d1f0c52": rf"^Several runs have an id that begins with 7d1f0c52: .*{OTHER} \(completed\)\.",
        "0000": r"^No run has an id that begins with 0000\.",
        "7d1": r"^This is not the id of a run\.",
        "x' OR 1=1": r"^This is not the id of a run\.",
    }
    for asked, said in refusals.items():
        with pytest.raises(ConfigurationError, match=said):
            run_page.find(runs, asked)
    with pytest.raises(ConfigurationError, match=r"^No run in project 2 has an id that begins with"):
        run_page.find(runs, FULL, 2)


def test_the_same_data_gives_the_same_bytes_alone_and_among_others(pages_of: dict[str, Run], page: str) -> None:
    assert html.page(pages_of[FULL]) == page
