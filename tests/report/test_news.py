"""What a reader learns first: who got ready, who slipped, what is missing; and why there is nothing to report."""

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from taskhouse.reading import Snapshot
from taskhouse.report import Directory, Options, render
from tests.report.tree import Tree
from tests.report.world import LAST, REASONS, World, walk


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


def drawn(names: dict[str, str], tmp_path: Path, **options: object) -> tuple[Tree, str]:
    """The report about walks of days until the last one, each day a letter, as HTML and Markdown."""
    world = World()
    words = {"r": "ready", "n": "needs_setup", "p": "partial", "d": "detected"}
    for name, letters in names.items():
        for back, letter in enumerate(reversed(letters)):
            if letter != ".":
                world.snapshot(name, 7, LAST - timedelta(days=back), words[letter])
    with world.open(tmp_path) as house:
        chosen = Options(**options)  # type: ignore[arg-type]
        return Tree(render(house, chosen)), render(house, replace(chosen, format="md"))


def test_the_top_says_which_repositories_became_ready_which_slipped_and_why(tmp_path: Path) -> None:
    tree, text = drawn({"a/up": "pr", "a/slip": "rn", "a/still": "rr", "a/gain": "np", "a/late": ".r"}, tmp_path)
    said = [one.text for one in tree.all("a") if one.parents[-2:] == ("ol", "li")][:3]
    assert said == [
        "3 of 5 repositories are ready (60%), 1 more than on 23 Nov.",
        "1 repository became ready (\u2068a/up\u2069) because error tracking was set up, and errors arrive.",
        "1 repository slipped (\u2068a/slip\u2069) because event capture is no longer set up.",
    ]
    figures = dict(zip(tree.texts("dt"), tree.texts("dd", class_="big"), strict=False))
    assert figures["Ready"] == "3"
    assert "2 ready on 23 Nov, +1 became ready, \u22121 slipped from ready, +1 new and ready: 3 on 24 Nov" in text
    assert "**Became ready** 1\n" in text
    assert "**Slipped** 1\n" in text
    assert "**Went up, but not to ready** 1\n" in text
    links = [one.attributes["href"] for one in tree.all("a") if one.text in {"a/up", "a/slip"}][:2]
    rows = [one.attributes["id"] for one in tree.all("tr") if "id" in one.attributes]
    assert {link.removeprefix("#") for link in links} <= set(rows)


def test_what_moved_comes_first_and_slips_before_gains(tmp_path: Path) -> None:
    tree, _ = drawn({"a/still": "rr", "a/up": "np", "a/slip": "rn", "a/gain": "nr", "a/waits": "nn"}, tmp_path)
    rows = [one.removesuffix("frontend js") for one in tree.texts("th", role="rowheader")]
    assert rows == ["a/slip", "a/gain", "a/up", "a/waits", "a/still"]


def test_a_change_that_came_back_and_days_without_information_move_nothing(tmp_path: Path) -> None:
    tree, text = drawn({"a/back": "rnnr", "a/dark": "r...", "a/holes": "r.r."}, tmp_path)
    assert "- \u20682 of 3 repositories have no information for 24 Nov 2026: their last known state counts." in text
    assert "No repository became ready, and none slipped." in text
    head = tree.all("header")[0].text
    assert "2 of 3 repositories have no information for 24 Nov 2026: their last known state counts." in head
    assert tree.all("h3")[0].text == "Became ready 0"


def test_one_switch_of_a_project_is_one_line_however_many_repositories_it_moved(tmp_path: Path) -> None:
    world = World()
    for number in range(9):
        for back in range(12):
            name, when = f"a/r-{number}", LAST - timedelta(days=back)
            world.snapshot(name, 7, when, "ready")
            if back < 4:
                row = world.tables["raw.readiness_snapshots"][-1]
                row["overall"], row["error_insights_state"] = "partial", "detected"
                on, off = (f'"errorInsights": {{"state": "{state}"' for state in ("ready", "detected"))
                row["payload"] = row["payload"].replace(on, off)
    with world.open(tmp_path) as house:
        text = render(house, Options(since=LAST.date() - timedelta(days=6), format="md"))
    assert "9 repositories slipped" in text
    assert "because error insights were switched off for the project on 21 Nov" in text
    assert "One change of the project explains 9 of 9 changes of state" in text
    assert text.count("- Error insights switched off for the project.") == 1
    assert "The cheapest next step would make 9 more repositories ready" in text


def test_a_repository_that_the_server_classified_again_says_so(tmp_path: Path) -> None:
    world = World()
    for back in range(10):
        state, kind = ("needs_setup", "backend_service") if back < 5 else ("ready", "frontend_js")
        world.snapshot("acme/web", 7, LAST - timedelta(days=back), state, classification=kind)
    with world.open(tmp_path) as house:
        document = render(house, Options(since=LAST.date() - timedelta(days=6)))
    assert "The server classified the repository again: frontend js \u2192 backend service" in document
    assert "classified again on 20 Nov" in Tree(document).all("svg", class_="s")[0].text
    assert "<path class=sk " in document


def test_projects_are_told_apart(tmp_path: Path) -> None:
    world = walk(["acme/web"], days=3)
    world.snapshot("acme/web", 7, LAST - timedelta(days=2), "needs_setup", project=2)
    world.snapshot("acme/web", 7, LAST - timedelta(days=1), "needs_setup", project=2)
    world.snapshot("acme/web", 7, LAST, "ready", project=2)
    world.passed("readiness", project_id=2)
    with world.open(tmp_path) as house:
        tree = Tree(render(house, directory=Directory(projects={2: "Shop"})))
    assert "acme/web Shop, needs setup \u2192 ready, 24 Nov" in tree.all("section", id="movers")[0].text
    assert "1d2e10 in Shop" in tree.all("footer")[0].text


def test_while_no_week_is_over_the_report_is_about_the_days_so_far(tmp_path: Path) -> None:
    with walk(["acme/web"], days=3).open(tmp_path) as house:
        tree = Tree(render(house))
    assert tree.all("h1")[0].text == "22 Nov \u2013 24 Nov 2026"
    assert "No whole period before it is known to compare with" in tree.all("footer")[0].text
    assert "usually" not in tree.all("main")[0].text


def test_a_change_in_days_without_information_has_the_reason_of_the_answer_after_it(tmp_path: Path) -> None:
    tree, text = drawn({"a/up": "p..r", "a/gain": "n..r"}, tmp_path, since=LAST.date() - timedelta(days=1))
    reason = f"\u201c\u2068{REASONS['ready']}\u2069\u201d"
    assert f"; the server now says: {reason}" in tree.all("ol")[0].text
    assert REASONS["ready"] in text
    assert REASONS["ready"] in tree.all("section", id="movers")[0].text
