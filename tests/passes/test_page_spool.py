"""Pages that were read and not committed are as they were, or are not there: never damaged, and never with a secret."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as given_settings
from hypothesis import strategies as st

from taskhouse.passes.context import Context
from taskhouse.passes.page_spool import PageSpool, SpooledPages
from taskhouse.resources.runs.spec import VERSIONS as RUN_VERSIONS
from taskhouse.resources.tasks import rows, run_facts, spec, summaries
from taskhouse.settings import Settings
from taskhouse.warehouse.commit import WriteBatch
from taskhouse.warehouse.connection import Warehouse

ID = "00000000-0000-4000-8000-000000000000"
SIGNED = "https://s3/log?X-Amz-Signature=5ec2e7"


def spool(folder: Path, **settings: Any) -> PageSpool:
    given = Settings(host="http://127.0.0.1:1", api_key="phx_emulator", project_ids=(1,), home=folder, **settings)
    return PageSpool(Context(given, 1, None, Warehouse(folder / "w.duckdb", host=given.host)), "tasks", summaries.KEPT)


def page(number: int, output: dict[str, Any] | None = None, title: str = "a title") -> SpooledPages:
    batch = WriteBatch(pages=[{"pass_id": "one", "page": number}], cursors=[{"key": "walk", "position": str(number)}])
    batch.add(spec.VERSIONS, {"task_id": ID, "title": title, "internal": None, "page": number})
    batch.see(spec.SIGHTINGS, {"key": ID, "page": number})
    latest = rows.Latest({"run_id": ID}, '{"output":{}}', hidden=False, page=number, at="now")
    batch.completing[rows.LATEST_RUNS] = [tuple(latest)]
    facts: Any = [["pr_url", None]]
    batch.completing[run_facts.OF_TASKS] = [tuple(run_facts.Said(ID, ID, facts))]
    batch.completing[summaries.SUMMARIES] = [
        tuple(summaries.Summary(ID, {"task_id": ID, "title": title}, output or {"id": ID}, number, "now")),
        tuple(summaries.Summary("", None, None, number, "now")),
    ]
    return SpooledPages(batch, {"requests": number, "throttled_s": 0.25})


def test_pages_come_back_as_they_were_after_the_last_commit(tmp_path: Path) -> None:
    pages = [page(number) for number in range(1, 7)]
    writing = spool(tmp_path)
    for one in pages:
        assert writing.keep("one", one)
        if one.figures["requests"] in {2, 4}:
            writing.next_commit()
    assert len(list(tmp_path.glob("pages/tasks-1/*"))) == 2  # those of the first commit are gone
    assert list(spool(tmp_path).read("one", 2)) == pages[2:]
    assert list(spool(tmp_path).read("one", 4)) == pages[4:]
    assert list(spool(tmp_path).read("one", 1)) == []  # a page between is missing
    assert list(spool(tmp_path).read("another", 2)) == []
    assert list(spool(tmp_path, capture_text="none").read("one", 2)) == []
    writing.clear()
    assert list(spool(tmp_path).read("one", 2)) == []


@given_settings(max_examples=8)
@given(cut=st.integers(1, 400), flip=st.integers(0, 7))
def test_what_is_damaged_is_not_there(tmp_path_factory: pytest.TempPathFactory, cut: int, flip: int) -> None:
    folder = tmp_path_factory.mktemp("home")
    pages = [page(number) for number in range(1, 4)]
    writing = spool(folder)
    assert all(writing.keep("one", one) for one in pages)
    [file] = folder.glob("pages/tasks-1/*")
    content = bytearray(file.read_bytes())
    content[-cut] ^= 1 << flip
    file.write_bytes(content)
    found = list(spool(folder).read("one", 0))
    assert found == pages[: len(found)]
    assert len(found) < len(pages)
    file.write_bytes(file.read_bytes()[:-cut])
    found = list(spool(folder).read("one", 0))
    assert found == pages[: len(found)]


@pytest.mark.parametrize(
    "output",
    [{"error_message": SIGNED}, {"output": {"x": float("inf")}}, {"output": {"x": 1e16}}, {"stage": 2**64}],
    ids=["signed", "infinite", "a float", "a long number"],
)
def test_what_may_not_lie_there_or_would_change_is_committed_at_once(tmp_path: Path, output: dict[str, Any]) -> None:
    assert not spool(tmp_path).keep("one", page(1, output))
    assert not spool(tmp_path).keep("one", page(1, title="\ud800"))
    assert not list(tmp_path.glob("pages/*/*"))


def test_an_address_that_was_unsigned_may_lie_there(tmp_path: Path) -> None:
    batch = page(1)
    batch.batch.add(RUN_VERSIONS, {"run_id": ID, "payload": '{"output":"https://s3/log?[redacted]"}'})
    assert spool(tmp_path).keep("one", batch)
    assert list(spool(tmp_path).read("one", 0)) == [batch]
