"""What the HTML report shows, and what it never does."""

import json
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Literal

import pytest

from taskhouse.errors import ConfigurationError
from taskhouse.pages import formatting
from taskhouse.reading import Snapshot
from taskhouse.report import Directory, Options, render, write
from tests.report.conftest import STUCK
from tests.report.tree import Tree
from tests.report.world import HOSTILE, LAST, RIGHT_TO_LEFT, World, names, walk, with_runs

TODAY = LAST.date()
HOSTILE_REASON = "\u202e</q><script>alert(1)</script> [x](javascript:alert)|`y`\\n# z "


def data(document: str) -> dict[str, Any]:
    [script] = Tree(document).all("script")
    assert script.attributes == {"type": "application/json", "id": "data"}
    found: dict[str, Any] = json.loads("".join(script.parts))
    return found


def states(document: str) -> dict[str, str]:
    """The state of each repository, in the order of rows."""
    return {row[1]: row[2] for row in data(document)["repositories"]}


@pytest.fixture(scope="module")
def document(home: Path) -> str:
    import taskhouse  # noqa: PLC0415

    with taskhouse.open(home) as opened:
        return render(opened)


@pytest.mark.worlds
def test_the_same_data_gives_the_same_bytes_in_another_process(home: Path, house: Snapshot) -> None:
    embedded = (
        "import sys, taskhouse; from taskhouse.report import *; house = taskhouse.open(sys.argv[1]);"
        "sys.stdout.buffer.write(b'\\0'.join(render(house, Options(format=form)).encode() for form in sys.argv[2:]))"
    )
    forms: tuple[Literal["html", "md", "csv"], ...] = ("html", "md", "csv")
    here = [render(house, Options(format=form)).encode() for form in forms]
    surroundings = {"PYTHONHASHSEED": "1", "TZ": "Asia/Tokyo", "LC_ALL": "C"}
    command = [sys.executable, "-c", embedded, str(home), *forms]
    done = subprocess.run(command, env=surroundings, capture_output=True, check=True)
    assert done.stdout.split(b"\0") == here


def test_the_head_says_of_when_through_whose_key_and_how_complete(document: str) -> None:
    tree = Tree(document)
    head = tree.all("header")[0].text
    assert tree.all("h1")[0].text == "Week 47 16 Nov \u2013 22 Nov 2026"
    assert "Data as of 24 Nov 2026, 06:04 UTC" in head
    assert "Days begin at midnight in UTC" in head
    foot = tree.all("footer")[0].text
    assert "Usual: the median of 4 weeks before, 19 Oct \u2013 15 Nov 2026" in " ".join(foot.split())
    assert "Seen with the key of user 0190f5c2" in foot
    assert "Not proved complete" in head
    assert "Missing: run events of project 1: \u20682 logs could not be read\u2069." in head
    assert "2 logs could not be read" in tree.all("section", id="coverage")[0].text


def test_it_begins_with_at_most_five_sentences_each_linked_to_its_proof(document: str) -> None:
    tree = Tree(document)
    said = [one for one in tree.all("a") if one.parents[-2:] == ("ol", "li")]
    assert 3 <= len(said) <= 5
    ids = {one.attributes["id"] for one in tree.elements if "id" in one.attributes}
    assert {one.attributes["href"].removeprefix("#") for one in said} <= ids
    assert "repositories are ready (" in said[0].text


def test_only_a_complete_ledger_is_called_complete(tmp_path: Path) -> None:
    with walk(["acme/web"], days=4).open(tmp_path) as house:
        tree = Tree(render(house))
    assert tree.all("a", href="#coverage")[0].text == "Complete"
    assert "Missing:" not in tree.all("header")[0].text


def test_every_repository_has_a_row_with_a_strip(document: str, world: World) -> None:
    tree = Tree(document)
    rows = [one for one in tree.all("th", scope="row") if one.attributes.get("role") == "rowheader"]
    held = {row["repository"] for row in world.tables["raw.readiness_snapshots"]}
    assert len(rows) == len(held) == 15
    assert len(tree.all("svg", class_="s")) == 15
    assert all(one.text for one in tree.all("title"))


def test_windows_that_say_the_same_share_a_column(tmp_path: Path) -> None:
    world = World()
    for back in range(3):
        for window in (7, 14, 30):
            state = "partial" if window == 30 and not back else "ready"
            world.snapshot("acme/web", window, LAST - timedelta(days=back), state)
    world.snapshot("acme/api", 7, LAST, "ready")
    world.snapshot("acme/api", 14, LAST, "ready")
    with world.open(tmp_path) as house:
        tree = Tree(render(house))
    heads = [one.text for one in tree.all("th", role="columnheader")]
    assert heads == ["Repository", "7, 14 days", "30 days", "Next step"]
    cells = [one.text for one in tree.all("td") if one.attributes.get("data-w") == "30 days"]
    assert cells == ["no information", "partial \u25bc was ready"]


def test_the_numbers_are_those_of_the_views(house: Snapshot, document: str) -> None:
    embedded = data(document)
    as_of = house.records("FROM readiness_as_of(DATE '2026-11-22') WHERE window_days = 7 AND overall IS NOT NULL")
    assert states(document) == {row["repository"]: row["overall"] for row in as_of}
    weekly = {str(row["week"]): row for row in house.records("FROM readiness_weekly WHERE window_days = 7")}
    columns = embedded["columns"]["counts"]
    for since, _, counts in embedded["weeks"]:
        for state in ("ready", "partial", "detected", "needs_setup"):
            assert counts[columns.index(state)] == weekly[since][state]
    daily = house.records("FROM readiness_daily WHERE window_days = 7 AND day BETWEEN '2026-11-16' AND '2026-11-22'")
    for row, counts in zip(sorted(daily, key=lambda row: row["day"]), embedded["days"], strict=True):
        assert counts[columns.index("ready")] == row["ready_carried"]
    runs = house.records(
        "SELECT count(*) AS n, count(*) FILTER (WHERE status = 'completed') AS ok FROM runs"
        " WHERE completed_at IS NOT NULL AND day_of(completed_at) BETWEEN DATE '2026-11-16' AND DATE '2026-11-22'"
    )[0]
    completed, failed, cancelled, *_ = embedded["agents"]["periods"][0]
    assert (completed, completed + failed + cancelled) == (runs["ok"], runs["n"])


def test_a_day_without_information_is_hatched_and_never_a_state(tmp_path: Path) -> None:
    world = World()
    for back in range(10):
        if back != 4:
            evidence = "empty_scan" if back == 6 else "scan"
            world.snapshot("acme/web", 7, LAST - timedelta(days=back), "ready", evidence=evidence)
    with world.open(tmp_path) as house:
        document = render(house, Options(since=TODAY - timedelta(days=9)))
    strip = Tree(document).all("svg", class_="s")[0]
    assert strip.text.startswith("5 stretches: ready 8 d, no information 2 d")
    assert "<path class=sm " in document
    assert "2 of 10 days of readiness have no information (empty scan 1, not observed 1)" in document


def test_days_before_the_first_answer_are_empty_and_not_missing(tmp_path: Path) -> None:
    world = World()
    world.snapshot("acme/web", 7, LAST, "ready")
    world.snapshot("acme/api", 7, LAST - timedelta(days=2), "ready")
    with world.open(tmp_path) as house:
        document = render(house, Options(since=TODAY - timedelta(days=3)))
    assert "2 of 4 days of readiness have no information" in document
    strips = [one.text for one in Tree(document).all("svg", class_="s")]
    assert strips == [
        "not asked yet 1 d, then ready 1 d, then no information 2 d",
        "not asked yet 3 d, then ready 1 d",
    ]


def test_no_text_of_the_server_becomes_markup(document: str) -> None:
    tree = Tree(document)
    assert {one.name for one in tree.elements}.isdisjoint({"img", "iframe", "object", "form"})
    assert not any(name.startswith("on") for one in tree.elements for name in one.attributes)
    assert HOSTILE in [one.text for one in tree.all("bdi")]
    assert any(one.text == formatting.clean(STUCK) for one in tree.all("bdi"))
    assert RIGHT_TO_LEFT in states(document)
    [policy] = [one for one in tree.all("meta") if one.attributes.get("http-equiv") == "Content-Security-Policy"]
    assert policy.attributes["content"].startswith("default-src 'none'")


def test_nothing_is_fetched_and_links_lead_to_the_repository_and_to_the_task(document: str) -> None:
    away = set()
    for one in Tree(document).elements:
        for name in ("src", "href", "action", "data", "poster", "srcset"):
            value = one.attributes.get(name, "#")
            if one.name == "a" and not value.startswith("#"):
                assert one.attributes["rel"] == "noreferrer"
                away.add(value)
            else:
                assert value.startswith("#") or value == "data:,", (one.name, value)
        assert "style" not in one.attributes
    assert "https://github.com/acme/checkout" in away
    assert "http://localhost:1/project/1/tasks/task-90001?runId=run-90001" in away
    assert all(one.startswith(("https://github.com/", "http://localhost:1/project/1/tasks/")) for one in away)


def test_forty_repositories_stay_below_200_kilobytes_whatever_they_do(tmp_path: Path) -> None:
    world = with_runs(walk(list(names(40)), days=40, churn=1.0), days=10)
    for row in world.tables["raw.readiness_snapshots"]:
        row["payload"] = row["payload"].replace("No PostHog initialisation", HOSTILE_REASON + "very " * 200)
    with world.open(tmp_path) as house:
        document, text = render(house), render(house, Options(format="md"))
    assert 60_000 < len(document.encode()) <= 200_000
    assert [one.attributes for one in Tree(document).all("script")] == [{"type": "application/json", "id": "data"}]
    assert "<script" not in text
    assert "[x](" not in text
    said = [one.text for one in Tree(document).all("a") if one.parents[-2:] == ("ol", "li")]
    assert said
    assert "\u202e" not in "".join(said)


def test_every_mover_is_listed_at_any_number_and_the_rest_is_named(tmp_path: Path) -> None:
    with walk(list(names(300)), days=3, windows=(7,), churn=0.6).open(tmp_path) as house:
        document = render(house, Options(rows=20))
    tree, embedded = Tree(document), data(document)
    assert len(tree.all("svg", class_="s")) == 20
    moved = {row[1] for row in embedded["movers"]}
    assert len(moved) > 40
    listed = tree.all("section", id="movers")[0].text
    assert all(name in listed for name in moved)
    rest = tree.all("section", id="repositories")[0].text
    assert f"{len(embedded['repositories']) - 20} more repositories" in rest
    assert [one.text for one in tree.all("a", href="#rest")] == [f"{len(embedded['repositories']) - 20} more"]
    for named in tree.all("p", class_="names"):
        assert named.text.count(", ") == named.text.count(",")
    assert all(row[1] in rest for row in embedded["repositories"])


def test_runs_without_readiness_make_a_report(tmp_path: Path) -> None:
    with with_runs(World(), days=3).open(tmp_path) as house:
        tree = Tree(render(house))
    assert "runs succeeded" in tree.all("section", id="agents")[0].text
    assert "No pass has ended yet" in tree.all("section", id="coverage")[0].text


def test_days_a_pattern_an_owner_and_projects_narrow_the_report(tmp_path: Path) -> None:
    world = walk(["acme/web", "other/api"], days=40)
    world.tables["raw.readiness_snapshots"] += walk(["acme/web"], days=40, project=2).tables["raw.readiness_snapshots"]
    known = Directory(projects={2: "Shop"}, owners=({"name": "Pay", "repositories": ["other/*"]},))
    with world.open(tmp_path) as house:
        everything = render(house, Options(), known)
        pattern = data(render(house, Options(repository="ACME/*")))
        owned = render(house, Options(owner="Pay"), known)
        project = data(render(house, Options(projects=(2,))))
        days = data(render(house, Options(since=date(2026, 11, 1), until=date(2026, 11, 10))))
        with pytest.raises(ConfigurationError, match=r"no file taskhouse\.toml"):
            render(house, Options(owner="Nobody"), known)
    keys = {(row[0], row[1]) for row in data(everything)["repositories"]}
    assert keys == {(1, "acme/web"), (1, "other/api"), (2, "acme/web")}
    assert {"project 1", "Shop", "Pay"} <= {one.text for one in Tree(everything).all("bdi")}
    assert {row[1] for row in pattern["repositories"]} == {"acme/web"}
    assert list(states(owned)) == ["other/api"]
    assert "Repositories of Pay" in Tree(owned).all("header")[0].text
    assert {row[0] for row in project["repositories"]} == {2}
    assert days["period"] == ["2026-11-01", "2026-11-10"]
    assert days["baseline"] == [["2026-10-22", "2026-10-31"]]


def test_a_repository_that_is_gone_is_named_and_left_out(tmp_path: Path) -> None:
    world = walk(["acme/web", "acme/left"], days=20)
    for row in world.tables["raw.repository_sightings"]:
        if row["repository"] == "acme/left":
            row["absent_since"] = "2026-11-20T10:00:00+00:00"
    with world.open(tmp_path) as house:
        page = render(house)
        before = states(render(house, Options(since=date(2026, 11, 10), until=date(2026, 11, 18))))
    assert list(states(page)) == ["acme/web"]
    assert "acme/left\u2069 (20 Nov 2026)" in Tree(page).all("section", id="coverage")[0].text
    assert set(before) == {"acme/web", "acme/left"}


def test_the_same_data_published_again_gives_the_same_bytes(tmp_path: Path) -> None:
    with walk(["acme/web"], days=4).open(tmp_path / "a") as one, walk(["acme/web"], days=4).open(tmp_path / "b") as two:
        assert one.generation != two.generation
        assert render(one) == render(two)


def test_two_periods_are_compared_as_asked(house: Snapshot) -> None:
    assert data(render(house, Options(compare="none")))["usual"] is None
    other = render(house, Options(compare="2026-10-01..2026-10-10"))
    assert data(other)["base"] == "2026-10-10"
    assert "over 1 Oct \u2013 10 Oct 2026" in other
    then = house.records("FROM readiness_as_of(DATE '2026-10-10') WHERE window_days = 7 AND overall IS NOT NULL")
    based = {row[1]: row[4] for row in data(other)["repositories"]}
    assert based == {row["repository"]: row["overall"] for row in then}


@pytest.mark.parametrize(
    "compare", ["last week", "2026-10-10..2026-10-01", "2026-99-01..2026-99-02", "2026-12-01..2026-12-31"]
)
def test_a_comparison_that_makes_no_sense_is_refused(house: Snapshot, compare: str) -> None:
    with pytest.raises(ConfigurationError, match="compare="):
        render(house, Options(compare=compare))


def test_the_headline_can_be_of_another_window(house: Snapshot) -> None:
    assert "over the window of 30 days" in Tree(render(house, Options(window=30))).all("section", id="movers")[0].text
    with pytest.raises(ConfigurationError, match="7, 14, 30"):
        render(house, Options(window=5))


def test_the_file_appears_whole_and_nothing_is_left_behind(house: Snapshot, tmp_path: Path) -> None:
    path = write(house, tmp_path / "new" / "report.html")
    assert path.read_text(encoding="utf-8") == render(house)
    assert [one.name for one in path.parent.iterdir()] == ["report.html"]
    assert house.records("FROM duckdb_tables() WHERE temporary") == []
