"""``taskhouse search``: what it prints for people and for programs, and what it says of the index."""

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import taskhouse
from taskhouse.clock import REAL
from taskhouse.errors import Locked
from taskhouse.pipelines.cli.search import Kind
from taskhouse.search import index
from taskhouse.search.query import KINDS
from tests.opened import once
from tests.search.test_index import House

ESCAPES = "\x1b]0;owned\x07 \x9b31m \u202e <script>"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with once():
        made = House(tmp_path_factory.mktemp("home"))
        made.says("run-1", "Permission denied while pushing")
        made.says("run-2", f"permission {ESCAPES} denied again", said="user_message")
        made.is_seen(3, "Permission to deploy", "acme/web", "permission denied by the server")
        yield made


def test_results_are_newest_first_marked_and_harmless(house: House, inside: Any) -> None:
    ended = inside.run("search", "permission denied", TASKHOUSE_HOME=str(house.home))
    assert ended.code == 0, ended
    heads = [line.split("  ")[1:] for line in ended.out.splitlines() if line[:4] == "2026"]
    assert heads == [
        ["error", "acme/web", "Permission to deploy", "taskhouse run run-3"],
        ["prompt", "no repository", "no title", "taskhouse run run-2"],
        ["message", "no repository", "no title", "taskhouse run run-1"],
    ]
    assert not {"\x1b", "\x07", "\x9b", "\u202e"} & {*ended.out}
    assert "3 results." in ended.err
    ended = inside.run("search", "permission", "denied", "-n", "1", TASKHOUSE_HOME=str(house.home))
    assert (ended.out.count("\n"), "--limit shows more" in ended.err) == (2, True)


def test_programs_get_json_and_csv(house: House, inside: Any) -> None:
    words = ("search", "permission", "--kind", "error", "--kind", "task", "--repository", "acme/*")
    ended = inside.run(*words, "--project", "1", "--since", "2026-11-01", "-f", "json", TASKHOUSE_HOME=str(house.home))
    rows = json.loads(ended.out)
    assert [(row["kind"], row["run_id"], row["highlights"]) for row in rows] == [
        ("error", "run-3", [[0, 10]]),
        ("task", None, [[0, 10], [28, 38]]),
    ]
    ended = inside.run(*words, "--rank", "-f", "csv", TASKHOUSE_HOME=str(house.home))
    table = list(csv.DictReader(io.StringIO(ended.out)))
    assert {row["snippet"] for row in table} == {row["snippet"] for row in rows}
    assert [row["score"] for row in table] == sorted((row["score"] for row in table), reverse=True)


def test_a_result_names_the_page_of_its_run_if_the_site_has_it(house: House, inside: Any, tmp_path: Path) -> None:
    page = tmp_path / "site/runs/1/run-3.html"
    page.parent.mkdir(parents=True)
    page.touch()
    words = ("search", "permission denied", "--kind", "error", "--kind", "prompt")
    given = {"TASKHOUSE_HOME": str(house.home), "TASKHOUSE_SITE": str(tmp_path / "site")}
    heads = [line.split("  ")[-1] for line in inside.run(*words, **given).out.splitlines() if line[:4] == "2026"]
    assert heads == [str(page), "taskhouse run run-2"]
    rows = json.loads(inside.run(*words, "-f", "json", **given).out)
    assert [row["page"] for row in rows] == [str(page), None]


def test_a_filter_that_fits_nothing_is_refused(house: House, inside: Any) -> None:
    home = str(house.home)
    inside.run("search", "--build", TASKHOUSE_HOME=home)
    for given, printed in {
        ("--run", "nonsense"): "No run has an id that begins with nonsense.",
        ("--run", "r"): "This is not the id of a run.",
        ("--project", "99"): "There is no text of project 99.",
        ("--repository", "acme"): "There is no text of repositories like acme.",
        ("--since", "2026-11-02", "--until", "2026-11-01"): "would start on 2026-11-02 and end on 2026-11-01.",
        ("-foo",): "need `--` before them: taskhouse search [options] -- -foo bar",
    }.items():
        ended = inside.run("search", "permission", *given, TASKHOUSE_HOME=home)
        assert (ended.code, printed in " ".join(ended.err.replace("│", "").split())) == (2, True), ended
    ended = inside.run("search", "permission", "--run", "RUN-", TASKHOUSE_HOME=home)
    assert (ended.code, "  taskhouse run run-3\n" in ended.out) == (0, True), ended
    ended = inside.run("search", "permission", "-n", "1", TASKHOUSE_HOME=home)
    assert "This is the first result; --limit shows more." in ended.err, ended


def test_a_digest_of_what_is_not_there_is_refused_like_a_report(house: House, inside: Any) -> None:
    for name in ("digest", "report"):
        ended = inside.run(name, "--project", "99", TASKHOUSE_HOME=str(house.home))
        assert (ended.code, "There is no data about project 99" in ended.err) == (2, True), ended


def test_the_command_knows_every_kind() -> None:
    assert tuple(kind.value for kind in Kind) == KINDS


def test_a_frame_has_a_row_for_each_text(house: House) -> None:
    index.update(house.published, REAL, create=True)
    with taskhouse.open(house.home) as snapshot:
        frame = snapshot.search("permission -deploy", kind="message", project_id=1, until="2026-11-01", run_id="run-1")
        assert list(frame["snippet"]) == ["Permission denied while pushing"]
        assert str(frame["at"].dt.tz) == "UTC"
        assert snapshot.search("permission", kind=["task", "prompt"], since="2026-11-02").empty
        assert list(snapshot.search("nowhere").columns) == list(frame.columns)


def test_what_the_index_lacks_is_said(house: House, inside: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    home = str(house.home)
    assert "The index is up to date" in inside.run("search", "--build", TASKHOUSE_HOME=home).err
    for number in range(3):
        house.says(f"run-1{number}", "permission")
    house.publish()
    with monkeypatch.context() as patch:
        patch.setattr(index, "update", lambda *_, **__: (_ for _ in ()).throw(Locked("Another process is at it.")))
        printed = inside.run("search", "permission", TASKHOUSE_HOME=home)
        assert (printed.code, "The index is behind the published copy" in printed.err) == (0, True)
        patch.setattr("os.access", lambda *_: False)
        assert inside.run("search", "permission", TASKHOUSE_HOME=home).code == 0
    monkeypatch.setattr(index, "BATCH_LINES", 1)
    monkeypatch.setattr("taskhouse.pipelines.cli.search.BRING_UP_S", 0.0)
    printed = inside.run("search", "permission", TASKHOUSE_HOME=home)
    assert "Not in the index yet: 2 runs and tasks. `taskhouse search --build` adds them now." in printed.err
    printed = inside.run("search", "permission", "--build", TASKHOUSE_HOME=home)
    assert ("1 runs and tasks are indexed, 1 to go" in printed.err, "Not in the index" in printed.err) == (True, False)


def test_a_search_for_nothing_is_wrong_usage_before_anything_is_built(inside: Any, tmp_path: Path) -> None:
    for words in ((), ("-n", "3"), ("*",)):
        ended = inside.run("search", *words, TASKHOUSE_HOME=str(tmp_path))
        assert (ended.code, "There is nothing to search for" in ended.err) == (2, True), ended
    assert list(tmp_path.iterdir()) == []
