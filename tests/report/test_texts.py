"""Markdown for chats, CSV for spreadsheets, and what both do with odd texts."""

import csv
import io
import json
import re
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskhouse.pages import formatting, templating
from taskhouse.pages.markdown import escaped
from taskhouse.reading import Snapshot
from taskhouse.report import Options, html, render
from taskhouse.report.model import Nothing
from taskhouse.report.table import COLUMNS
from tests.report.tree import Tree
from tests.report.world import HOSTILE, LAST, World, walk

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


def test_markdown_has_the_sentences_the_movers_the_steps_and_what_is_missing(house: Snapshot) -> None:
    text = render(house, Options(format="md"))
    assert text.startswith("# Readiness, Week 47\n")
    assert "repositories are ready (" in text
    for head in ("What moved, and why", "Next steps", "What is missing"):
        assert f"## {head}\n" in text
    assert "**Not proved complete** \u00b7 data as of 24 Nov 2026, 06:04 UTC \u00b7 days begin at midnight in" in text
    assert "run_events of project 1" in text
    assert len(text.encode()) < 20_000


def test_the_first_day_that_is_known_is_not_compared_with_itself(tmp_path: Path) -> None:
    world = World()
    world.snapshot("acme/web", 7, LAST, "ready")
    world.passed("readiness")
    with world.open(tmp_path) as snapshot:
        text = render(snapshot, Options(format="md"))
    assert "1 of 1 repository is ready (100%)." in text.replace("\u00a0", " ")
    assert "\n1 ready on 24 Nov, over the window of 7 days." in text.replace("\u00a0", " ")


def test_markdown_leaves_no_markup_of_the_server(house: Snapshot) -> None:
    text = render(house, Options(format="md"))
    assert HOSTILE not in text
    assert "<script" not in text
    assert "&lt;/script\\>" in text


@given(TEXTS)
def test_an_escaped_text_is_one_line_and_opens_nothing(text: str) -> None:
    safe = escaped(text)
    assert "\n" not in safe
    bare = safe.replace("\\\\", "")
    for mark in "`*_[]|<>#!$":
        assert f"\\{mark}" in bare or mark not in bare
    assert "<" not in safe


FORGE = re.compile(r"@\w|\$[$x]|[#!]\d|\bgh-\d|://|www\.|:[\w+-]+:|\b[0-9a-f]{40}\b", re.IGNORECASE)
MEANT = ["@octocat", "a@b.example", "closes #12", "GH-56", "acme/web#1", "https://x.example", "WWW.x.example", ":tada:"]
MEANT += [
    "a5c3785ed8d6a35868bc169f07e40e889087fd2e",
    "mailto:a@b.example",
    "$$x$$",
    "acme/web@" + "0" * 40,
    "!7",
    ":+1:",
]


@given(st.lists(st.sampled_from(MEANT) | st.text("@#:!aG-/1.", max_size=5), max_size=4).map(" ".join))
def test_markdown_is_inert_for_what_a_forge_looks_for_after_it(text: str) -> None:
    seen = re.sub(r"\\(.)", r"\1", escaped(text))
    assert FORGE.search(seen) is None
    assert re.sub("[\u2060\u2068\u2069]", "", seen) == " ".join(text.split())


@given(st.text("a\u05d0\u202e\u2066\u2068\u2069\u200b\U000e0041", max_size=12))
def test_no_text_changes_the_direction_of_what_stands_around_it(text: str) -> None:
    safe, depth = formatting.clean(text), 0
    assert set(safe) <= {"a", "\u05d0", formatting.ISOLATE, formatting.END}
    for char in safe:
        depth += {formatting.ISOLATE: 1, formatting.END: -1}.get(char, 0)
        assert depth >= 0
    assert depth == 0
    assert formatting.clean(safe) == safe
    assert formatting.isolated(text).count(formatting.END) == 1


def test_a_text_loses_whole_commands_to_a_terminal() -> None:
    assert formatting.clean("\x1b[1;31mred\x1b[0m \x1b]8;;https://x.example\x07link\x1b]8;;\x07") == "red link"
    assert formatting.clean("a\u2028b\u2029c\x85d\x0be\x0cf \x1b[") == "a b c d e f  ["
    assert escaped("$x$ $$y$$") == "\u2068\\$\u2060x\\$\u2060 \\$\u2060\\$\u2060y\\$\u2060\\$\u2060\u2069"


def test_csv_holds_every_row_of_the_view(house: Snapshot) -> None:
    rows = list(csv.DictReader(io.StringIO(render(house, Options(format="csv")))))
    frame = house.frame("readiness_trend", since="2026-11-16", until="2026-11-22")
    assert len(rows) == len(frame)
    assert tuple(rows[0]) == COLUMNS
    scores = [float(row["readiness_score"]) for row in rows if row["readiness_score"]]
    assert sum(scores) == pytest.approx(frame["readiness_score"].sum())
    assert {row["repository"] for row in rows} == set(frame["repository"])


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\tx"])
def test_no_cell_of_csv_is_a_formula(text: str) -> None:
    from taskhouse.report.table import _cell  # noqa: PLC0415

    assert _cell(text) == f"'{text}"


@given(st.recursive(TEXTS | st.integers() | st.none(), lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner)))
def test_embedded_json_comes_back_and_cannot_leave_its_element(value: object) -> None:
    document = f"<script type=application/json id=data>{templating.embedded(value)}</script><p>after</p>"
    tree = Tree(document)
    assert json.loads("".join(tree.all("script")[0].parts)) == value
    assert tree.all("p")[0].text == "after"


@given(st.text(max_size=60))
def test_any_text_is_shown_as_text(text: str) -> None:
    document = html.empty(Nothing("Nothing", text, "hint"))
    tree = Tree(document)
    assert [one.name for one in tree.elements if "main" in one.parents] == ["header", "p", "h1", "p", "bdi", "p"]
    shown = next(one for one in tree.all("p") if one.attributes.get("class") == "lead")
    assert shown.text == " ".join(formatting.clean(text).split())
    document.encode()


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(None, "\u2014"), (0.4, "0 s"), (59.6, "1 min"), (61, "1 min 1 s"), (3600, "1 h"), (90061, "1 d 1 h")],
)
def test_spans_are_told_in_two_units(seconds: float | None, said: str) -> None:
    assert formatting.span(seconds) == said


def test_changes_have_a_real_minus_and_no_sign_of_nothing() -> None:
    assert [formatting.signed(value) for value in (3, -3, 0, -0.2)] == ["+3", "\u22123", "\u00b10", "\u00b10"]


def test_a_list_that_was_only_counted_is_not_said_to_be_read_to_its_end(tmp_path: Path) -> None:
    world = walk(["acme/web"], days=3)
    world.passed("tasks", pass_id="counted", started_at=LAST + timedelta(hours=8), proof="counted")
    opened = world.open(tmp_path)
    for form in ("md", "html"):
        text = render(opened, Options(format=form))
        assert "was counted, but not read completely yet" in text
        assert "read to its end" not in text
