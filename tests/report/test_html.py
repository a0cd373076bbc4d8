"""What the HTML report shows, and what it never does."""

import json
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Literal

import pytest

from taskhouse.errors import ConfigurationError
from taskhouse.reading import Snapshot
from taskhouse.report import Options, render, write
from taskhouse.report.build import rank
from taskhouse.report.model import Repository, Series
from tests.report.conftest import STUCK
from tests.report.tree import Tree
from tests.report.world import HOSTILE, LAST, RIGHT_TO_LEFT, World, names, walk, with_runs

FIRST = date(2026, 10, 26)


def data(document: str) -> dict[str, Any]:
    [script] = Tree(document).all("script")
    assert script.attributes == {"type": "application/json", "id": "data"}
    found: dict[str, Any] = json.loads("".join(script.parts))
    return found


def series(document: str, repository: str, window: int) -> dict[str, Any]:
    told = data(document)
    [one] = [row for row in told["repositories"] if row["repository"] == repository]
    [values] = [row for row in one["windows"] if row[0] == window]
    return dict(zip(told["columns"], values, strict=True))


def test_the_same_data_gives_the_same_bytes_in_another_process(home: Path, house: Snapshot) -> None:
    told = (
        "import sys, taskhouse; from taskhouse.report import *; house = taskhouse.open(sys.argv[1]);"
        "sys.stdout.buffer.write(b'\\0'.join(render(house, Options(format=form)).encode() for form in sys.argv[2:]))"
    )
    forms: tuple[Literal["html", "md", "csv"], ...] = ("html", "md", "csv")
    here = [render(house, Options(format=form)).encode() for form in forms]
    for surroundings in ({"PYTHONHASHSEED": "1", "TZ": "Asia/Tokyo"}, {"PYTHONHASHSEED": "2", "LC_ALL": "C"}):
        command = [sys.executable, "-c", told, str(home), *forms]
        done = subprocess.run(command, env=surroundings, capture_output=True, check=True)
        assert done.stdout.split(b"\0") == here


def test_the_head_says_of_when_through_whose_key_and_how_complete(house: Snapshot) -> None:
    tree = Tree(render(house))
    head = tree.all("header")[0].text
    assert tree.all("h1")[0].text == "26 Oct \u2013 24 Nov 2026"
    assert "Data as of 24 Nov 2026, 06:04 UTC" in head
    assert "Compared with 26 Sep \u2013 25 Oct 2026" in head
    assert "Seen with the key of user 0190f5c2" in head
    assert "Not proved complete" in head
    assert "Missing: run events of project 1: \u20682 logs could not be read\u2069." in head
    assert "2 logs could not be read" in tree.all("section", id="coverage")[0].text


def test_only_a_complete_ledger_is_called_complete(tmp_path: Path) -> None:
    with walk(["acme/web"], days=4).open(tmp_path) as house:
        tree = Tree(render(house))
    assert tree.all("a", href="#coverage")[0].text == "Complete"
    assert "Missing:" not in tree.all("header")[0].text


def test_every_repository_has_a_row_with_a_strip_for_each_window(house: Snapshot, world: World) -> None:
    tree = Tree(render(house))
    rows = [one for one in tree.all("th", scope="row") if one.attributes.get("role") == "rowheader"]
    held = {row["repository"] for row in world.tables["raw.readiness_snapshots"]}
    assert len(rows) == len(held) == 15
    assert len(tree.all("svg", class_="s")) == 15 * 3
    assert all(one.text for one in tree.all("title"))


def test_a_repository_may_be_known_over_some_windows_only(tmp_path: Path) -> None:
    world = World()
    for window in (7, 30):
        world.snapshot("acme/web", window, LAST, "ready")
    world.snapshot("acme/api", 7, LAST, "ready")
    world.snapshot("acme/api", 30, LAST, "unknown", evidence="no_token")
    with world.open(tmp_path) as house:
        tree, text = Tree(render(house)), render(house, Options(format="md"))
    cells = [one for one in tree.all("td") if one.attributes.get("data-w") == "30"]
    assert [one.text for one in cells if "ready" not in one.text] == ["no information"]
    assert len(cells) == 2
    assert "| \u2068acme/api\u2069 |" in text


def test_the_embedded_numbers_are_those_of_the_view(house: Snapshot) -> None:
    document = render(house)
    frame = house.frame("readiness_trend", since=FIRST, until=LAST.date())
    letters = {code: state for code, state in data(document)["codes"].items() if state}
    for (repository, window), rows in frame.groupby(["repository", "window_days"]):
        told = series(document, str(repository), int(str(window)))
        by_day = dict(zip(rows["day"].dt.date, rows["overall"].astype(object), strict=True))
        for number, letter in enumerate(told["states"]):
            state = by_day.get(FIRST + timedelta(days=number))
            assert letters.get(letter) == (state if isinstance(state, str) else None)
    totals = house.sql(
        "SELECT count(*) AS n, count(*) FILTER (WHERE status = 'completed') AS ok FROM runs"
        " WHERE completed_at IS NOT NULL AND day_of(completed_at) BETWEEN $a AND $b",
        a=FIRST,
        b=LAST.date(),
    )
    told = data(document)["runs"]["all"]
    assert told["completed"] == totals["ok"][0]
    assert told["completed"] + told["failed"] + told["cancelled"] == totals["n"][0]


def test_the_tables_say_what_the_strips_say(house: Snapshot) -> None:
    document = render(house)
    tree = Tree(document)
    captions = [one.text for one in tree.all("caption")]
    assert all(name in captions for name in ("acme/web", HOSTILE))
    assert len([one for one in tree.elements if one.name == "table"]) >= 15 + 3 + 1
    assert all(one.attributes.get("scope") for one in tree.all("th"))


def test_a_day_without_information_is_hatched_and_never_a_state(tmp_path: Path) -> None:
    world = World()
    for back in range(10):
        if back != 4:
            evidence = "empty_scan" if back == 6 else "scan"
            world.snapshot("acme/web", 7, LAST - timedelta(days=back), "ready", evidence=evidence)
    with world.open(tmp_path) as house:
        document = render(house, Options(since=LAST.date() - timedelta(days=9)))
    assert series(document, "acme/web", 7)["states"] == "rrr-r-rrrr"
    assert "<path class=sm " in document
    assert "2 of 10 days of readiness have no information (empty scan 1, not observed 1)" in document


def test_days_before_the_first_answer_are_empty_and_not_missing(tmp_path: Path) -> None:
    world = World()
    world.snapshot("acme/web", 7, LAST, "ready")
    world.snapshot("acme/api", 7, LAST - timedelta(days=2), "ready")
    with world.open(tmp_path) as house:
        document = render(house, Options(since=LAST.date() - timedelta(days=3)))
    assert series(document, "acme/web", 7)["states"] == "...r"
    assert series(document, "acme/api", 7)["states"] == ".r--"
    assert "2 of 4 days of readiness have no information" in document
    assert "not asked yet 3 d, then ready 1 d" in document


def test_a_change_of_the_classifier_is_a_break_and_no_movement(tmp_path: Path) -> None:
    world = World()
    for back in range(10):
        fresh = back < 5
        state, kind = ("needs_setup", "backend_service") if fresh else ("ready", "frontend_js")
        world.snapshot("acme/web", 7, LAST - timedelta(days=back), state, classification=kind)
    with world.open(tmp_path) as house:
        document = render(house, Options(since=LAST.date() - timedelta(days=9)))
    told = series(document, "acme/web", 7)
    assert told["breaks"] == [5]
    assert told["base"] == "needs_setup"
    tree = Tree(document)
    assert "Moved" not in [one.text.split()[0] for one in tree.all("th", scope="rowgroup")]
    assert "No state changed" in tree.all("section", id="changes")[0].text
    assert "reclassified on 20 Nov" in tree.all("title")[-1].text
    assert "<path class=sk " in document


def test_what_moved_most_comes_first_and_slips_before_gains(tmp_path: Path) -> None:
    world = World()
    walks = {"a/still": "rr", "a/up": "np", "a/slip": "rn", "a/gain": "nr", "a/waits": "nn"}
    words = {"r": "ready", "n": "needs_setup", "p": "partial"}
    for name, letters in walks.items():
        for back, letter in enumerate(reversed(letters)):
            world.snapshot(name, 7, LAST - timedelta(days=back), words[letter])
    with world.open(tmp_path) as house:
        told = data(render(house))
    assert [one["repository"] for one in told["repositories"]] == ["a/slip", "a/gain", "a/up", "a/waits", "a/still"]


def test_of_equal_movements_the_slip_comes_first() -> None:
    slip, gain = Repository(1, "a/z", None), Repository(1, "a/a", None)
    for repository, before, after in ((slip, 100.0, 60.0), (gain, 10.0, 50.0)):
        repository.series[7] = Series(7, "partial", FIRST, after, 1, "partial", before, FIRST, None)
    assert sorted([gain, slip], key=lambda one: rank(one, 7)) == [slip, gain]


def test_the_largest_changes_carry_the_server_s_reason_and_evidence(tmp_path: Path) -> None:
    world = World()
    world.snapshot("acme/web", 7, LAST - timedelta(days=1), "ready")
    world.snapshot("acme/web", 7, LAST, "needs_setup", reason="No init <i>found</i>.")
    with world.open(tmp_path) as house:
        text = Tree(render(house)).all("section", id="changes")[0].text
    assert "acme/web \u25bc \u2212100" in text
    assert "Core suggestions: ready \u2192 needs setup No init <i>found</i>. matched events: 12 \u2192 0" in text


def test_no_text_of_the_server_becomes_markup(house: Snapshot) -> None:
    document = render(house)
    tree = Tree(document)
    assert {one.name for one in tree.elements}.isdisjoint({"img", "iframe", "object", "form"})
    assert not any(name.startswith("on") for one in tree.elements for name in one.attributes)
    assert HOSTILE in [one.text for one in tree.all("bdi")]
    assert any(one.text == STUCK for one in tree.all("bdi"))
    assert RIGHT_TO_LEFT in {one["repository"] for one in data(document)["repositories"]}
    [policy] = [one for one in tree.all("meta") if one.attributes.get("http-equiv") == "Content-Security-Policy"]
    assert policy.attributes["content"].startswith("default-src 'none'")


def test_nothing_is_fetched(house: Snapshot) -> None:
    for one in Tree(render(house)).elements:
        for name in ("src", "href", "action", "data", "poster", "srcset"):
            value = one.attributes.get(name, "#")
            assert value.startswith("#") or value == "data:,", (one.name, value)
        assert "style" not in one.attributes


def test_forty_repositories_stay_below_150_kilobytes_whatever_they_do(tmp_path: Path) -> None:
    for churn in (0.03, 1.0):
        with with_runs(walk(list(names(40)), churn=churn)).open(tmp_path / str(churn)) as house:
            size = len(render(house).encode())
        assert 60_000 < size <= 150_000, (churn, size)


def test_many_repositories_show_the_movers_and_name_the_rest(tmp_path: Path) -> None:
    with walk(list(names(300)), days=3, windows=(7,), churn=0.6).open(tmp_path) as house:
        document = render(house, Options(rows=20))
    tree, told = Tree(document), data(document)
    assert len(tree.all("svg", class_="s")) == len(told["repositories"]) == 20
    assert len(told["others"]) == 280
    rest = tree.all("section", id="repositories")[0].text
    assert "280 more repositories" in rest
    assert [one.text for one in tree.all("a", href="#rest")] == ["280 more"]
    assert len(tree.all("div", id="rest")) == 1
    for named in tree.all("p", class_="names"):
        assert named.text.count(", ") == named.text.count(",")
    assert "taskhouse report --repository" in rest
    assert all(name in rest for _, name, _ in told["others"])


def test_runs_without_readiness_make_a_report(tmp_path: Path) -> None:
    with with_runs(World(), days=3).open(tmp_path) as house:
        tree = Tree(render(house))
    assert "runs ended" in tree.all("section", id="runs")[0].text
    assert "No pass has ended yet" in tree.all("section", id="coverage")[0].text


def test_days_a_pattern_and_projects_narrow_the_report(tmp_path: Path) -> None:
    world = walk(["acme/web", "other/api"], days=40)
    world.tables["raw.readiness_snapshots"] += walk(["acme/web"], days=40, project=2).tables["raw.readiness_snapshots"]
    with world.open(tmp_path) as house:
        everything = data(render(house))
        pattern = data(render(house, Options(repository="ACME/*")))
        project = data(render(house, Options(projects=(2,))))
        days = data(render(house, Options(since=date(2026, 11, 1), until=date(2026, 11, 10))))
    assert {(one["project_id"], one["repository"]) for one in everything["repositories"]} == {
        (1, "acme/web"),
        (1, "other/api"),
        (2, "acme/web"),
    }
    assert {one["repository"] for one in pattern["repositories"]} == {"acme/web"}
    assert {one["project_id"] for one in project["repositories"]} == {2}
    assert days["period"] == ["2026-11-01", "2026-11-10"]
    assert days["compared"] == ["2026-10-22", "2026-10-31"]
    assert all(len(window[1]) == 10 for one in days["repositories"] for window in one["windows"])


def test_a_repository_that_is_gone_is_named_and_left_out(tmp_path: Path) -> None:
    world = walk(["acme/web", "acme/left"], days=20)
    for row in world.tables["raw.repository_sightings"]:
        if row["repository"] == "acme/left":
            row["absent_since"] = "2026-11-20T10:00:00+00:00"
    with world.open(tmp_path) as house:
        page = render(house)
        before = data(render(house, Options(since=date(2026, 11, 10), until=date(2026, 11, 18))))
    assert [one["repository"] for one in data(page)["repositories"]] == ["acme/web"]
    assert "acme/left (2026-11-20)" in Tree(page).all("section", id="coverage")[0].text
    assert {one["repository"] for one in before["repositories"]} == {"acme/web", "acme/left"}


def test_the_same_data_published_again_gives_the_same_bytes(tmp_path: Path) -> None:
    with walk(["acme/web"], days=4).open(tmp_path / "a") as one, walk(["acme/web"], days=4).open(tmp_path / "b") as two:
        assert one.generation != two.generation
        for form in ("html", "md", "csv"):
            assert render(one, Options(format=form)) == render(two, Options(format=form))


def test_two_periods_are_compared_as_asked(house: Snapshot) -> None:
    free = data(render(house, Options(compare="none")))
    assert free["compared"] is None
    other = data(render(house, Options(compare="2026-10-01..2026-10-10")))
    assert other["compared"] == ["2026-10-01", "2026-10-10"]
    trend = house.frame("readiness_trend", until="2026-10-10", window_days=7, repository="acme/web").dropna(
        subset=["overall"]
    )
    [one] = [row for row in other["repositories"] if row["repository"] == "acme/web"]
    if not one["windows"][0][3]:
        assert one["windows"][0][8] == trend.sort_values("day")["overall"].iloc[-1]


@pytest.mark.parametrize(
    "compare", ["last week", "2026-10-10..2026-10-01", "2026-99-01..2026-99-02", "2026-12-01..2026-12-31"]
)
def test_a_comparison_that_makes_no_sense_is_refused(house: Snapshot, compare: str) -> None:
    with pytest.raises(ConfigurationError, match="compare="):
        render(house, Options(compare=compare))


def test_days_the_wrong_way_round_are_refused(house: Snapshot) -> None:
    with pytest.raises(ConfigurationError, match="start on 2026-11-20 and end on 2026-11-01"):
        render(house, Options(since=date(2026, 11, 20), until=date(2026, 11, 1)))


def test_the_headline_can_be_of_another_window(house: Snapshot) -> None:
    assert "over the window of 30 days" in Tree(render(house, Options(window=30))).all("h2")[0].text
    with pytest.raises(ConfigurationError, match="7, 14, 30"):
        render(house, Options(window=5))


def test_nothing_is_left_behind_in_the_house(house: Snapshot) -> None:
    render(house)
    assert house.records("FROM duckdb_tables() WHERE temporary") == []


def test_the_file_appears_whole(house: Snapshot, tmp_path: Path) -> None:
    path = write(house, tmp_path / "new" / "report.html")
    assert path.read_text(encoding="utf-8") == render(house)
    assert [one.name for one in path.parent.iterdir()] == ["report.html"]
