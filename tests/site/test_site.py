"""A site of static files: every page can be reached, only what changed is written, and nothing on it does anything."""

import json
import re
import shutil
import stat
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from taskhouse import report, site
from taskhouse.errors import ConfigurationError, Locked
from taskhouse.reading import Snapshot, open_snapshot
from taskhouse.report import Directory
from taskhouse.site.manifest import Manifest
from taskhouse.site.model import slug
from tests.report.browser import audit, browser
from tests.report.tree import Tree
from tests.report.world import HOSTILE, LAST, World, names, walk
from tests.run_page.story import EVIL, FULL, stories

NAMES = [*names(3), HOSTILE]


def world() -> World:
    made = walk(NAMES)
    for table, rows in stories().tables.items():
        made.tables.setdefault(table, []).extend(rows)
    made.run(1, LAST - timedelta(days=40), "completed", 60)
    made.run(3, LAST - timedelta(days=10), "completed", 60)
    made.run(2, LAST - timedelta(days=1), "failed", 60, repository=HOSTILE, title=EVIL)
    made.passed("readiness", finished_at=LAST + timedelta(hours=6))
    return made


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Snapshot]:
    with open_snapshot(world().publish(tmp_path_factory.mktemp("site"))) as opened:
        yield opened


@pytest.fixture(scope="module")
def made(snapshot: Snapshot, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made") / "site"
    assert site.write(snapshot, folder, weeks=1).written == len(pages(folder))
    return folder


def pages(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*.html"))


def test_it_has_an_index_reports_repositories_and_runs(made: Path) -> None:
    found = pages(made)
    assert [page for page in found if "/" not in page] == ["index.html"]
    assert "Days begin at midnight in UTC" in (made / "index.html").read_text("utf-8")
    assert [page for page in found if page.startswith("reports")] == ["reports/2026-W47.html"]
    assert [page for page in found if page.startswith("repositories")] == sorted(
        f"repositories/{slug(name)}.html" for name in NAMES
    )
    runs = [page for page in found if page.startswith("runs/1")]
    assert len(runs) == 5
    assert f"runs/1/{FULL}.html" in runs
    assert "runs/1/run-1.html" not in runs


def test_every_page_can_be_reached_and_every_link_leads_somewhere(made: Path) -> None:
    reached, todo = set[Path](), [made / "index.html"]
    while todo:
        page = todo.pop()
        if page in reached:
            continue
        reached.add(page)
        for link in Tree(page.read_text("utf-8")).all("a"):
            target = link.attributes["href"].split("#")[0]
            if target.endswith(".svg"):
                assert (page.parent / target).is_file()
            elif target and not target.startswith("https://") and not target.startswith("http://localhost:1/"):
                todo.append((page.parent / target).resolve())
    assert sorted(str(page.relative_to(made.resolve())) for page in reached) == pages(made)


def test_nothing_that_somebody_wrote_becomes_an_element(made: Path) -> None:
    for name in pages(made):
        if name.startswith("reports"):
            continue  # which has tests of its own
        text = (made / name).read_text("utf-8")
        found = Tree(text)
        assert [one.name for one in found.elements if one.name in {"script", "img", "form", "iframe"}] == [], name
        assert not {key for one in found.elements for key in one.attributes if key.startswith("on")}, name
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", text), name


def test_the_page_of_a_repository_shows_its_days_changes_and_runs(snapshot: Snapshot, made: Path) -> None:
    page = Tree((made / "repositories/acme--checkout.html").read_text("utf-8"))
    rows: list[dict[str, Any]] = snapshot.records(
        "SELECT DISTINCT day, from_state, to_state FROM readiness_changes WHERE repository = 'acme/checkout'"
        " AND day > DATE '2026-09-02' AND cause <> 'presence' ORDER BY day DESC"
    )
    changes = page.all("ol", class_="changes")[0].text
    for row in rows:
        said = f"{row['from_state'].replace('_', ' ')} \u2192 {row['to_state'].replace('_', ' ')}"
        assert f"{row['day'].day} " in changes
        assert said in changes
    assert len(rows) > 3
    assert {f"../runs/1/{FULL}.html"} <= {link.attributes["href"] for link in page.all("a")}
    rows = snapshot.records(
        "SELECT overall, count(*) AS days FROM readiness_trend WHERE repository = 'acme/checkout' AND window_days = 7"
        " AND day > DATE '2026-09-01' AND overall IS NOT NULL GROUP BY overall"
    )
    first = (made / "repositories/acme--checkout.html").read_text("utf-8").split("<svg class=bar")[1]
    bars = {name: path for name, path in re.findall(r'<path class=t-(\w+) d="([^"]+)"', first) if name != "none"}
    drawn = {name: sum(map(int, re.findall(r"h(\d+)", path))) for name, path in bars.items()}
    assert drawn == {row["overall"]: row["days"] for row in rows}


def test_the_page_of_a_repository_shows_its_badge_which_is_a_file_too(snapshot: Snapshot, made: Path) -> None:
    page = Tree((made / "repositories/acme--checkout.html").read_text("utf-8"))
    [link] = [one for one in page.all("a") if one.attributes.get("class") == "badge"]
    picture = (made / "repositories" / link.attributes["href"]).resolve()
    assert picture == (made / "badges/acme--checkout.svg").resolve()
    [row] = snapshot.records(
        "SELECT max_by(overall, day) AS state FROM readiness_trend"
        " WHERE repository = 'acme/checkout' AND window_days = 7 AND overall IS NOT NULL"
    )
    assert f'aria-label="readiness: {row["state"].replace("_", " ")}"' in picture.read_text("utf-8")
    assert picture.read_text("utf-8").strip() in (made / "repositories/acme--checkout.html").read_text("utf-8")
    assert json.loads((made / "site.json").read_text())["pages"]["badges/acme--checkout.svg"]


def test_a_second_writing_touches_nothing(snapshot: Snapshot, made: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in made.rglob("*.html")}
    again = site.write(snapshot, made, weeks=1)
    assert (again.pages, again.written, again.removed) == (len(before), 0, 0)
    assert {path: path.stat().st_mtime_ns for path in made.rglob("*.html")} == before


def test_the_reports_have_the_owners_and_campaigns_and_follow_them(
    snapshot: Snapshot, made: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "site"
    shutil.copytree(made, folder)
    owners = ({"name": "Payments", "repositories": ["acme/checkout"]},)
    campaigns = ({"name": "All of acme", "by": date(2026, 12, 31), "repositories": ["acme/*"]},)
    known = Directory(owners=owners, campaigns=campaigns)
    assert site.write(snapshot, folder, known, weeks=1).written == 2
    assert "<bdi>Payments</bdi>" in (folder / "repositories/acme--checkout.html").read_text("utf-8")
    assert "All of acme" in (folder / "reports/2026-W47.html").read_text("utf-8")
    assert site.write(snapshot, folder, known, weeks=1).written == 0


def test_only_what_changed_is_made_again_and_older_pages_go(
    snapshot: Snapshot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "render", lambda _, options, *_more, **_named: f"report of {options.week}")
    folder = tmp_path / "site"
    site.write(snapshot, folder, weeks=2)
    grown = world()
    grown.add(
        "raw.run_versions",
        project_id=1,
        task_id="task-2",
        run_id="run-2",
        valid_from=LAST,
        status="completed",
        environment="cloud",
        created_at=LAST - timedelta(days=1),
        completed_at=LAST,
    )
    before = {name: (folder / name).read_bytes() for name in pages(folder)}
    with grown.open(tmp_path / "home") as opened:
        held = json.loads((folder / "site.json").read_text())
        same = opened.records("SELECT id FROM ledger.origin")[0]["id"]  # the same home, for this test
        (folder / "site.json").write_text(json.dumps(held | {"home": same}))
        site.write(opened, folder, weeks=2)
        after = {name: (folder / name).read_bytes() for name in pages(folder)}
        changed = {name for name in before if before[name] != after[name]}
        of_run = {"index.html", "runs/index.html", "runs/1/run-2.html", f"repositories/{slug(HOSTILE)}.html"}
        assert changed == of_run
        assert site.write(opened, folder, weeks=1).removed == 2
        assert set(before) - set(pages(folder)) == {"runs/1/run-3.html", "reports/2026-W46.html"}


def test_a_user_that_may_read_the_folder_may_read_the_pages(tmp_path: Path) -> None:
    folder = tmp_path / "site"
    folder.mkdir(mode=0o700)
    for mode, inside in ((0o700, {0o700, 0o600}), (0o755, {0o755, 0o644}), (0o750, {0o750, 0o640})):
        folder.chmod(mode)
        manifest = Manifest(folder)
        manifest.put("a/b/page.html", "text")
        manifest.put("page.html", f"text {mode}")
        manifest.close()
        found = {
            stat.S_IMODE(path.stat().st_mode)
            for path in folder.rglob("*")
            if not path.name.startswith(("site.json", ".site"))
        }
        assert found == inside


def test_a_folder_of_something_else_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    for text in (None, "{}", '{"made_by": "another"}'):
        if text:
            (tmp_path / "site.json").write_text(text)
        with pytest.raises(ConfigurationError, match=r"already exists and is not a site\."):
            Manifest(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["notes.txt", "site.json"]


def test_the_site_of_another_home_is_not_touched(snapshot: Snapshot, tmp_path: Path) -> None:
    (tmp_path / "site.json").write_text('{"made_by": "taskhouse site", "home": "another", "pages": {"a.html": ""}}')
    (tmp_path / "a.html").write_text("theirs")
    with pytest.raises(ConfigurationError, match=r"holds the site of another home\."):
        site.write(snapshot, tmp_path)
    assert (tmp_path / "a.html").read_text() == "theirs"


def test_a_damaged_list_of_pages_is_said_with_what_to_do(tmp_path: Path) -> None:
    for text in ("", "[]", "{bad", '{"made_by": "taskhouse site", "pages": []}'):
        (tmp_path / "site.json").write_text(text)
        with pytest.raises(ConfigurationError, match=r"site\.json is damaged\.") as caught:
            Manifest(tmp_path)
        assert caught.value.hint.startswith("Remove the folder")


def test_a_writing_that_was_stopped_goes_on(
    snapshot: Snapshot, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, put = tmp_path / "site", Manifest.put
    monkeypatch.setattr(report, "render", lambda *_, **_named: (made / "reports/2026-W47.html").read_text("utf-8"))

    def killed(self: Manifest, path: str, text: str, *basis: object) -> None:
        if self.written == 3:
            raise KeyboardInterrupt
        put(self, path, text, *basis)

    monkeypatch.setattr("taskhouse.site.manifest.SAVED", 2)
    monkeypatch.setattr(Manifest, "put", killed)
    with pytest.raises(KeyboardInterrupt):
        site.write(snapshot, folder, weeks=1)
    left, old = pages(folder), folder / "repositories/left.html"
    assert len(left) == 3
    held = json.loads((folder / "site.json").read_text())
    assert {name for name in held["pages"] if name.endswith(".html")} == set(pages(made)), (
        "all that is to come is known, to be removed if it does not"
    )
    held["pages"]["repositories/left.html"] = ""
    (folder / "site.json").write_text(json.dumps(held))
    old.parent.mkdir(exist_ok=True)
    old.write_text("left by a writing that was stopped")
    monkeypatch.setattr(Manifest, "put", put)
    done = site.write(snapshot, folder, weeks=1)
    assert (done.written, done.removed) == (len(pages(made)) - len(left), 1)
    assert {name: (folder / name).read_bytes() for name in pages(folder)} == {
        name: (made / name).read_bytes() for name in pages(made)
    }


def test_a_page_that_was_damaged_is_made_again(snapshot: Snapshot, made: Path, tmp_path: Path) -> None:
    folder = tmp_path / "site"
    shutil.copytree(made, folder)
    empty, junk = folder / f"runs/1/{FULL}.html", folder / "runs/1/run-2.html"
    empty.write_bytes(b"")
    junk.write_bytes(b"x" * junk.stat().st_size)
    assert site.write(snapshot, folder, weeks=1).written == 2
    assert all(page.read_bytes() == (made / page.relative_to(folder)).read_bytes() for page in (empty, junk))


def test_one_process_writes_a_site_at_a_time(tmp_path: Path) -> None:
    first, second = Manifest(tmp_path), Manifest(tmp_path)
    with first.alone(["index.html"]):
        with pytest.raises(Locked, match=r"^Another process is writing ") as caught, second.alone(["index.html"]):
            pass
        first.put("index.html", "text")
        first.close()
    assert caught.value.hint == "Wait for it to finish."
    with second.alone(["index.html"]):
        assert second.fresh("index.html")


def test_a_manifest_removes_only_pages_of_its_folder(tmp_path: Path) -> None:
    folder, outside = tmp_path / "site", tmp_path / "outside.html"
    outside.write_text("mine")
    folder.mkdir()
    (folder / "old.html").write_text("old")
    held = {"made_by": "taskhouse site", "pages": {"../outside.html": "x", str(outside): "x", "old.html": "x"}}
    (folder / "site.json").write_text(json.dumps(held))
    assert Manifest(folder).close() == 1
    assert outside.read_text() == "mine"
    assert not (folder / "old.html").exists()


def test_nothing_is_written_before_the_first_sync(tmp_path: Path) -> None:
    with World().open(tmp_path / "home") as empty:
        with pytest.raises(ConfigurationError, match=r"^There is nothing to show yet\."):
            site.write(empty, tmp_path / "site")
        assert not (tmp_path / "site").exists()


def test_names_that_differ_have_addresses_that_differ() -> None:
    odd = ["a/b", "a--b", "a/b--c", "a--b/c", "A/b", "a/b/", "../a", "a/..", "", "/", HOSTILE, "a/" + "x" * 300]
    assert len({slug(name) for name in odd}) == len(odd)
    assert all(re.fullmatch(r"[a-z0-9-][a-z0-9._-]*", slug(name)) for name in odd)


@pytest.mark.browser
def test_pages_ask_for_nothing_say_nothing_fit_and_axe_finds_nothing(made: Path, tmp_path: Path) -> None:
    with browser(tmp_path) as chromium:
        for name, width in (("index.html", 1280), (f"repositories/{slug(HOSTILE)}.html", 390)):
            chromium.open(made / name, width=width, dark=width < 1280)
            assert chromium.requests() == [(made / name).as_uri()]
            assert chromium.log("browser") == []
            assert audit(chromium) == []
            assert chromium.run("return document.documentElement.scrollWidth") == width
