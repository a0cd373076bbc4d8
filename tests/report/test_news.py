"""What a reader learns first: who got ready, who slipped, what is missing; and why there is nothing to report."""

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from taskhouse.reading import Snapshot
from taskhouse.report import Options, render
from tests.report.tree import Tree
from tests.report.world import LAST, World, walk


def test_coverage_never_says_that_nothing_is_missing_beside_what_is(tmp_path: Path) -> None:
    claim = "nothing is known to be missing"
    world = World()
    world.passed("readiness")
    world.snapshot("acme/web", 7, LAST - timedelta(days=2), "ready")
    world.snapshot("acme/web", 7, LAST, "ready")
    with world.open(tmp_path) as house:
        holed = Tree(render(house)).all("section", id="coverage")[0].text
        whole = Tree(render(house, Options(since=LAST.date()))).all("section", id="coverage")[0].text
    assert "1 of 3 days of readiness have no information" in holed
    assert claim not in holed
    assert claim in whole


def test_readiness_whose_first_pass_has_not_ended_is_not_called_complete(tmp_path: Path) -> None:
    world = World()
    world.snapshot("acme/web", 7, LAST, "ready")
    world.passed("tasks")
    world.passed("readiness", "running", finished_at=None)
    with world.open(tmp_path) as house:
        head = Tree(render(house)).all("header")[0].text
    assert "Not proved complete" in head
    assert "Missing: readiness of project 1: no pass over it has ended." in head


def test_damage_that_names_no_project_is_told_in_the_report_of_each(tmp_path: Path) -> None:
    world = walk(["acme/web"], days=4)
    world.add("ledger.quarantine", resource="spool", project_id=None, reason="torn", first_seen_at=LAST)
    with world.open(tmp_path) as house:
        head = Tree(render(house, Options(projects=(1,)))).all("header")[0].text
    assert "Not proved complete" in head
    assert "Missing: 1 record could not be read and is in quarantine." in head


def test_an_empty_warehouse_says_so_and_what_to_run(tmp_path: Path) -> None:
    with World().open(tmp_path) as house:
        for form in ("html", "md"):
            text = render(house, Options(format=form))
            assert "No data yet" in text
            assert "taskhouse sync" in text
        assert render(house, Options(format="csv")).count("\n") == 1


@pytest.mark.parametrize(
    "beside",
    [
        Options(repository="nobody/*"),
        Options(since=date(2020, 1, 1), until=date(2020, 1, 31)),
        Options(until=date(2030, 3, 1)),
        Options(projects=(3,)),
    ],
)
def test_a_question_beside_the_data_is_told_where_the_data_is(house: Snapshot, beside: Options) -> None:
    document = render(house, beside)
    assert Tree(document).all("h1")[0].text == "Nothing known"
    assert "15 repositories over 26 Sep \u2013 24 Nov 2026" in Tree(document).all("main")[0].text
    assert "0 of 0" not in render(house, replace(beside, format="md"))


def test_answers_that_are_no_information_are_not_called_no_data(tmp_path: Path) -> None:
    world = World()
    world.snapshot("acme/web", 7, LAST, "unknown", evidence="no_token")
    with world.open(tmp_path) as house:
        text = Tree(render(house)).all("main")[0].text
    assert "No information yet" in text
    assert "no answer contains information (no token)" in text


def test_the_top_names_who_got_ready_and_who_slipped(tmp_path: Path) -> None:
    world = World()
    walks = {"a/up": "pr", "a/slip": "rn", "a/still": "rr", "a/gain": "np", "a/late": ".r"}
    words = {"r": "ready", "n": "needs_setup", "p": "partial"}
    for name, letters in walks.items():
        for back, letter in enumerate(reversed(letters)):
            if letter != ".":
                world.snapshot(name, 7, LAST - timedelta(days=back), words[letter])
    with world.open(tmp_path) as house:
        tree, text = Tree(render(house)), render(house, Options(format="md"))
    assert [one.text for one in tree.all("dt")][-2:] == ["Became ready 1", "Slipped 1"]
    assert [one.text for one in tree.all("dd")][-2:] == ["a/up partial \u2192 ready", "a/slip ready \u2192 needs setup"]
    links = [one.attributes["href"] for one in tree.all("a") if one.text in {"a/up", "a/slip"}][:2]
    rows = [one.attributes["id"] for one in tree.all("tr") if "id" in one.attributes]
    assert {link.removeprefix("#") for link in links} <= set(rows)
    assert "**Became ready** 1: \u2068a/up\u2069" in text
    assert "**Slipped** 1: \u2068a/slip\u2069" in text


def test_a_slip_over_another_window_is_named_with_it(tmp_path: Path) -> None:
    world = World()
    for back, state in ((1, "ready"), (0, "partial")):
        world.snapshot("a/one", 7, LAST - timedelta(days=back), "ready")
        world.snapshot("a/one", 30, LAST - timedelta(days=back), state)
    with world.open(tmp_path) as house:
        tree, text = Tree(render(house)), render(house, Options(format="md"))
    assert tree.all("dd")[-1].text == "a/one ready \u2192 partial, 30 days"
    assert "**Slipped** 1: \u2068a/one\u2069 (30 days)" in text


def test_words_are_apart_where_several_projects_are_told(tmp_path: Path) -> None:
    world = walk(["acme/web"], days=3)
    world.snapshot("acme/web", 7, LAST - timedelta(days=1), "needs_setup", project=2)
    world.snapshot("acme/web", 7, LAST, "ready", project=2)
    world.passed("readiness", project_id=2)
    with world.open(tmp_path) as house:
        tree = Tree(render(house))
    assert "acme/web of project 2 needs setup \u2192 ready" in [one.text for one in tree.all("dd")][-2]
    assert "1d2e10 in project 2" in tree.all("header")[0].text


def test_a_compared_period_of_which_nothing_is_known_is_not_shown_as_zero(tmp_path: Path) -> None:
    with walk(["acme/web"], days=3).open(tmp_path) as house:
        head, figures = Tree(render(house)).all("header")[0].text, Tree(render(house)).all("dl")[0].text
    assert "2026 (no readiness is known for that period)" in head
    assert "before" not in figures


def test_days_before_the_first_answer_are_explained(tmp_path: Path) -> None:
    with walk(["acme/web"], days=3).open(tmp_path) as house:
        text = Tree(render(house)).all("section", id="projects")[0].text
        full = Tree(render(house, Options(since=date(2026, 11, 22)))).all("section", id="projects")[0].text
    assert "The first answer is from 22 Nov 2026." in text
    assert "The first answer" not in full
