"""The digest: short, silent in quiet weeks, inert everywhere, and sent to each address once."""

import importlib.util
import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from email import message_from_string
from email.policy import default
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from xml.etree import ElementTree as ET

import dagster as dg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskhouse.digest import Digest, Line, badges, formats, gather
from taskhouse.digest.model import MOST
from taskhouse.digest.send import send
from taskhouse.errors import ConfigurationError, Retryable
from taskhouse.pipelines.definitions import build
from taskhouse.report import gathered
from taskhouse.report.model import Nothing, Report
from taskhouse.report.options import Options
from taskhouse.settings import Settings
from tests.pipelines.rows import QUIET, Still
from tests.report.world import HOSTILE, LAST, World, names, walk, with_runs

SECRET = "s3cret-token"


class Sink(HTTPServer):
    """A chat that keeps what it was sent, and refuses while ``status`` is no success."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.got: list[dict[str, str]] = []
        self.status = 200

    @property
    def address(self) -> str:
        return f"json://me:{SECRET}@127.0.0.1:{self.server_port}/{SECRET}?retry=0"


class Answer(BaseHTTPRequestHandler):
    """Takes what Apprise posts."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        assert isinstance(self.server, Sink)
        self.send_response(self.server.status)
        self.end_headers()
        if self.server.status == 200:
            self.server.got.append(body)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def sinks() -> Iterator[tuple[Sink, Sink]]:
    made = Sink(), Sink()
    for sink in made:
        threading.Thread(target=sink.serve_forever, daemon=True).start()
    yield made
    for sink in made:
        sink.shutdown()
        sink.server_close()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    lively = walk([*names(20), HOSTILE], churn=0.2)
    return with_runs(lively).publish(tmp_path_factory.mktemp("home"))


def _gather(home: Path, options: Options | None = None) -> Digest | Nothing:
    import taskhouse  # noqa: PLC0415

    with taskhouse.open(home) as snapshot:
        found = gather(snapshot, options)
        assert snapshot.records("FROM duckdb_tables() WHERE temporary") == []
    return found


def test_a_lively_week_has_at_most_twelve_lines_and_each_its_proof(home: Path) -> None:
    found = _gather(home)
    assert isinstance(found, Digest)
    assert 5 <= len(found.lines) <= MOST
    assert all(line.anchor for line in found.lines)
    assert len(set(found.lines)) == len(found.lines)
    assert formats.text(found).count("\n") == len(found.lines)


def test_a_quiet_week_says_nothing(tmp_path: Path) -> None:
    world = World()
    for back in range(40):
        world.snapshot("acme/web", 7, LAST - timedelta(days=back), "ready")
    for resource in ("tasks", "repositories", "readiness", "runs"):
        world.passed(resource)
    found = _gather(world.publish(tmp_path))
    assert isinstance(found, Nothing)
    assert found.title == "Nothing happened"


def test_days_without_data_are_not_said_to_be_quiet(home: Path) -> None:
    found = _gather(home, Options(week="2020-W01"))
    assert isinstance(found, Nothing)
    assert found.title != "Nothing happened"


TEXTS = st.one_of(st.text(), st.sampled_from([HOSTILE, "@channel <!here> https://evil.example www.x.y *b* _i_ `c`"]))


@given(st.lists(TEXTS, min_size=1, max_size=MOST), st.sampled_from([None, "https://a.example/r.html?x=1&y=2"]))
def test_any_text_is_inert_in_every_form(texts: list[str], link: str | None) -> None:
    digest = Digest("Agents", tuple(Line(text, "movers", "good") for text in texts), link)
    shown = formats.text(digest)
    assert shown.count("\n") == len(texts) + (link is not None)
    body = shown.removesuffix(f"{link}\n")
    assert "://" not in body
    assert not any(char in body for char in "\x1b\x00\x07")
    elements = json.loads(formats.slack(digest))["blocks"][1]["elements"][0]["elements"]
    assert len(elements) == len(texts)
    assert {part["type"] for row in elements for part in row["elements"]} <= {"text", "link"}
    message = message_from_string(formats.email(digest), policy=default)
    assert message["Subject"] == "Agents"
    part = message.get_body(("html",))
    assert part is not None
    html = part.get_content()
    assert html.count("<li>") == len(texts)
    tree = ET.fromstring(f"<div>{html}</div>".replace("\ufffe", "").replace("\uffff", ""))  # noqa: S314 - ours
    assert {element.tag for element in tree.iter()} <= {"div", "h2", "ul", "li", "bdi", "a", "p"}
    assert formats.markdown(digest).count("\n- ") + formats.markdown(digest).startswith("- ") == len(texts)


def test_an_item_of_a_list_has_one_bullet() -> None:
    digest = Digest("Agents", (Line("1 of 5"), Line("2 of 5", tone="good")))
    assert formats.text(digest) == "\u2022 1 of 5\n\u25b2 2 of 5\n"
    assert "- \u20681 of 5\u2069\n- \u25b2 \u20682 of 5\u2069" in formats.markdown(digest)
    assert "<li><bdi>1 of 5</bdi></li>\n<li>\u25b2 <bdi>2 of 5</bdi></li>" in formats.html(digest)
    for form in (formats.markdown, formats.html, formats.slack, formats.email):
        assert "\u2022" not in form(digest)


def test_everyone_gets_it_and_what_one_refuses_is_said_without_an_address(sinks: tuple[Sink, Sink]) -> None:
    good, bad = sinks
    assert send("T", "text @x", "<p>html</p>", [good.address, bad.address]) == ["json", "json"]
    assert good.got[-1]["title"] == "T"
    assert "text @x" in good.got[-1]["message"]
    bad.status, taken = 403, list[str]()
    with pytest.raises(Retryable) as refused:
        send("T", "again", "<p>again</p>", [bad.address, good.address], taken.append)
    assert taken == [good.address]
    assert "json (address 1): HTTP 403" in str(refused.value)
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize("address", ["", "nonsense", f"nonsense://{SECRET}", SECRET])
def test_an_address_that_cannot_be_read_is_named_by_its_place(address: str, sinks: tuple[Sink, Sink]) -> None:
    with pytest.raises(ConfigurationError) as refused:
        send("T", "x", "x", [sinks[0].address, address])
    assert "Address 2 of TASKHOUSE_NOTIFY" in str(refused.value)
    assert SECRET not in str(refused.value)
    assert sinks[0].got == []


def test_what_is_missing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigurationError, match="nobody to send the digest to"):
        send("T", "x", "x", [])
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(ConfigurationError, match=r"pip install .*taskhouse\[notify\]"):
        send("T", "x", "x", ["json://127.0.0.1"])


def test_the_asset_sends_a_week_once_and_what_was_refused_again(
    home: Path, sinks: tuple[Sink, Sink], caplog: pytest.LogCaptureFixture
) -> None:
    good, bad = sinks
    bad.status = 500
    settings = Settings(
        _env_file=None, home=home, project_ids=(1,), notify=f"{good.address} {bad.address}", api_key="phx_x"
    )
    assert not _run(settings).success
    bad.status = 200
    done = _run(settings)
    (made,) = [event.step_materialization_data.materialization for event in done.get_asset_materialization_events()]
    assert made.metadata["sent to"].value == "json"
    assert [len(good.got), len(bad.got)] == [1, 1]
    assert _run(settings).get_asset_materialization_events() == []
    assert [len(good.got), len(bad.got)] == [1, 1]
    assert SECRET not in caplog.text + str(made) + (home / "reports" / "digest-1.json").read_text()


def _run(settings: Settings) -> dg.ExecuteInProcessResult:
    job = build(settings, Still(settings)).resolve_implicit_global_asset_job_def()
    with dg.DagsterInstance.ephemeral() as instance:
        return job.execute_in_process(
            partition_key="1",
            asset_selection=[dg.AssetKey("digest")],
            instance=instance,
            raise_on_error=False,
            run_config=QUIET,
        )


def test_without_addresses_there_is_no_asset() -> None:
    definitions = build(Settings(_env_file=None, project_ids=(1,)))
    assert dg.AssetKey("digest") not in definitions.get_repository_def().asset_graph.get_all_asset_keys()


def test_every_repository_has_a_badge_and_none_lies_outside(home: Path, tmp_path: Path) -> None:
    import taskhouse  # noqa: PLC0415

    with taskhouse.open(home) as snapshot, gathered(snapshot) as report:
        assert isinstance(report, Report)
        count = badges.write(report, tmp_path / "b")
        written = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
        assert badges.write(report, tmp_path / "b") == count
    assert count == len(written) > 10
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()} == written
    assert all(path.parent == tmp_path / "b" / "1" / "acme" for path in written)
