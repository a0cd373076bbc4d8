"""Where a run's own entries begin: found by texts and names, and never wrong."""

import asyncio
import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taskhouse.capture import log_ancestry, logs
from taskhouse.capture.capture_schedule import CaptureRun
from taskhouse.capture.log_ancestry import NEAR, Before, Window
from taskhouse.capture.log_held import HeldLog, HeldLogs
from taskhouse.clock import StoppedClock
from taskhouse.passes.judgement import Judgement
from taskhouse.passes.pass_statistics import Statistics

MOMENT = datetime(2026, 9, 14, tzinfo=UTC)

RUNS = ["run-a", "run-b", "run-c", "run-d"]
"""The runs of a chain, oldest first; the last is the one that is read."""


def entry(text: str, at: int | None = None) -> bytes:
    """An entry with a time of its own, or one that any run may have."""
    when = {} if at is None else {"timestamp": f"2026-09-14T10:00:{at}Z"}
    return json.dumps({**when, "notification": {"method": text}}).encode()


def naming(run_id: str, at: int) -> bytes:
    """An entry that names its run."""
    started = {"method": "_posthog/run_started", "params": {"runId": run_id}}
    return json.dumps({"timestamp": f"2026-09-14T10:00:{at}Z", "notification": started}).encode()


def seen(entries: Sequence[bytes], first: int = 0) -> Window:
    """Entries up to the end of a log, of which nothing else was seen."""
    return Window(first, entries, [False] * len(entries), ends=True, names=log_ancestry.names(entries, first))


@dataclass
class Chain:
    """The logs of a chain of runs as they are now, oldest first, and as they are served."""

    logs: list[list[bytes]]
    served: bool

    def log(self, number: int) -> list[bytes]:
        """The log of one run as the server answers it."""
        return list(itertools.chain.from_iterable(self.logs[: number + 1])) if self.served else self.logs[number]

    def window(self, first: int = 0) -> Window:
        """The last run's log from an entry on."""
        entries = self.log(len(self.logs) - 1)
        return replace(seen(entries[first:], first), names=log_ancestry.names(entries, 0))

    def before(self) -> Before:
        """What a parent that answers tells."""
        log = self.log(len(self.logs) - 2)
        return Before(log[-NEAR:], len(log), exact=True)

    def start(self) -> int:
        """Where the last run's own entries begin in truth."""
        return len(self.log(len(self.logs) - 1)) - len(self.logs[-1])


@st.composite
def chains(draw: st.DrawFn) -> Chain:
    """Chains with entries that all runs share, empty logs, runs that name themselves early, late or never."""
    logs = []
    number = 0
    for run_id in RUNS[-draw(st.integers(2, 4)) :]:
        log: list[bytes] = []
        named_at = draw(st.sampled_from([None, 0, 2, 4, 4, 4, 6]))
        for at in range(draw(st.sampled_from([0, 1, 2, 5, 8, 40]))):
            number += 1
            shared = draw(st.integers(0, 3)) == 0
            log.append(
                naming(run_id, number)
                if at == named_at
                else entry(draw(st.sampled_from(["initialize", "x"])))
                if shared
                else entry("own", number)
            )
        logs.append(log)
    return Chain(logs, draw(st.booleans()))


@settings(max_examples=400)
@given(chains())
def test_an_answer_is_right_whoever_answers(chain: Chain) -> None:
    found = log_ancestry.own_start(chain.window(), RUNS[-1], chain.before())
    assert found in {None, chain.start()}
    held = Before(chain.logs[-2][-NEAR:], None, exact=False)
    if held.tail:
        assert log_ancestry.own_start(chain.window(), RUNS[-1], held) in {None, chain.start()}


@settings(max_examples=200)
@given(chains(), st.data())
def test_an_ancestor_that_expired_since_it_was_read_misleads_nobody(chain: Chain, data: st.DataObject) -> None:
    held = replace(chain.before(), total=None, exact=False)
    chain.logs[data.draw(st.integers(0, len(chain.logs) - 2))] = []
    if held.tail:
        assert log_ancestry.own_start(chain.window(), RUNS[-1], held) in {None, chain.start()}


@settings(max_examples=200)
@given(chains(), st.data())
def test_from_a_later_page_on_the_answer_is_the_same_or_none(chain: Chain, data: st.DataObject) -> None:
    first = data.draw(st.integers(0, chain.start()))
    window = seen(chain.window(first).entries, first)
    assert log_ancestry.own_start(window, RUNS[-1], chain.before()) in {None, chain.start()}


@settings(max_examples=200)
@given(chains(), st.integers(1, 40))
def test_what_is_held_of_a_log_is_found_again_after_its_ancestors_moved(chain: Chain, held: int) -> None:
    own = chain.logs[-1][:held]
    expected = chain.start() + len(own)
    assert log_ancestry.end_of(chain.window(), own[-NEAR:], expected, exact=True) == (expected if own else None)
    chain.logs[0] = []
    for elsewhere in (expected, expected + 3):
        moved = log_ancestry.end_of(chain.window(), own[-NEAR:], elsewhere, exact=False)
        assert moved in {None, chain.start() + len(own)}


@settings(max_examples=200)
@given(st.integers(1, 60), st.integers(5, 30), st.sampled_from(["whole", "alone"]))
def test_a_usual_chain_is_always_decided(ancestors: int, own: int, served: str) -> None:
    def log(run_id: str, length: int, first: int) -> list[bytes]:
        texts = [entry("initialize", first), entry("r", first + 1), entry("new", first + 2), entry("r", first + 3)]
        return [*texts, naming(run_id, first + 4), *(entry("own", first + 5 + at) for at in range(length))][:length]

    chain = Chain([log(RUNS[0], ancestors, 0), log(RUNS[-1], own, 1000)], served == "whole")
    assert log_ancestry.own_start(chain.window(), RUNS[-1], chain.before()) == chain.start()


def test_without_any_word_of_the_ancestors_only_a_log_that_begins_as_runs_do_is_believed() -> None:
    own = [entry("initialize", 1), entry("r", 2), entry("new", 3), entry("r", 4), naming(RUNS[-1], 5)]
    for before in ([], [entry("x", 0)], [naming(RUNS[0], 0)]):
        window = seen([*before, *own])
        assert log_ancestry.own_start(window, RUNS[-1], None) == (None if before else 0)


def test_a_log_whose_first_entry_names_its_run_needs_no_other_evidence() -> None:
    entries = [naming(RUNS[1], 10), entry("what it did", 11)]
    window = Window(0, entries, [False] * 2, ends=True, names=log_ancestry.names(entries, 0))
    assert log_ancestry.own_start(window, RUNS[1], None) == 0
    behind = [naming(RUNS[0], 9), *entries]
    window = Window(0, behind, [False] * 3, ends=True, names=log_ancestry.names(behind, 0))
    assert log_ancestry.own_start(window, RUNS[1], None) == 1


@pytest.mark.parametrize("total", [None, 0, 2])
def test_an_empty_log_has_no_beginning_to_find(total: int | None) -> None:
    timeless = [entry("begun"), entry("over")]
    assert log_ancestry.own_start(seen([]), "run-d", Before(timeless, total, exact=False)) == 0
    assert log_ancestry.own_start(seen([], first=7), "run-d", Before(timeless, total, exact=False)) is None


def test_what_is_held_of_a_parent_that_grew_since_is_not_taken_for_all_of_it() -> None:
    parent = [entry("p", at) for at in range(6)]
    own = [entry("initialize", 10), entry("r", 11), entry("new", 12), entry("r", 13), naming(RUNS[-1], 14)]
    held = Before(parent[:4], None, exact=False)
    assert log_ancestry.own_start(seen([*parent, *own]), RUNS[-1], held) is None
    assert log_ancestry.own_start(seen([*parent[:4], *own]), RUNS[-1], held) == 4


def drained(
    patch: pytest.MonkeyPatch, pages: dict[str, list[bytes]], run: CaptureRun, start: int, held: HeldLogs | None = None
) -> tuple[dict[int, bytes], list[tuple[str, str]]]:
    """The entries and the marks that a reading of a log leaves, in pages of 13; nothing held: somebody has it."""

    async def session_logs(_: str, run_id: str, *, limit: int, offset: int = 0) -> Any:
        found = pages[run_id]
        some = found[offset : offset + min(limit, 13)]
        return SimpleNamespace(total=len(found), entries=some, has_more=offset + len(some) < len(found))

    async def what_is_held(*_: Any) -> HeldLogs | None:
        return held

    async def keys(*_: Any) -> set[str]:
        return {log_ancestry.key(text) for text in held.own.tail} if held else set()

    kept: dict[int, bytes] = {}
    marks: list[tuple[str, str]] = []
    writer = SimpleNamespace(
        append=lambda _layer, _whose, lines, **_: kept.update({line.position: line.data for line in lines}),
        mark=lambda _layer, _whose, **facts: marks.append((facts["state"], facts["position"])),
    )
    clock = StoppedClock(MOMENT)
    settings = SimpleNamespace(capture_text="full", clock=clock, log_final_s=600.0)
    context = SimpleNamespace(project_id=1, settings=settings, now=clock.now)
    the_pass = SimpleNamespace(context=context, stats=Statistics(), doubt=Judgement().doubt, pass_id="pass")
    patch.setattr(logs, "held", what_is_held)
    patch.setattr(logs, "keys", keys)
    api = SimpleNamespace(session_logs=session_logs)
    asyncio.run(logs.drain(the_pass, api, writer, run, start=start, final=True))  # type: ignore[arg-type]
    return kept, marks


def test_own_entries_are_kept_from_the_first_one_however_far_behind_it_the_evidence_stands(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A long log in small pages that never names its run, and a parent without entries."""
    texts = [entry("said", 10_000 + at) for at in range(100)]
    run = CaptureRun("task", "child", None, 0, ("parent",), MOMENT, MOMENT - timedelta(days=2))
    kept, marks = drained(monkeypatch, {"child": texts, "parent": []}, run, 0)
    assert kept == dict(enumerate(texts))
    assert marks == [("settled", "100")]


def test_a_settled_log_that_has_expired_is_not_lost_though_nobody_can_look_at_what_is_held(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = CaptureRun("task", "child", None, 39, (), MOMENT, MOMENT, log_state="settled")
    assert drained(monkeypatch, {"child": []}, run, 39) == ({}, [("settled", "0")])


SEVEN = [entry("said", 10 + at) for at in range(7)]


@pytest.mark.parametrize("state", ["drained", "settled"])
@pytest.mark.parametrize("shown", [SEVEN[:3], [*SEVEN[:4], *SEVEN[5:]], []], ids=["its first", "not all", "none"])
def test_a_log_that_shows_fewer_entries_than_are_held_is_not_final_for_a_day(
    monkeypatch: pytest.MonkeyPatch, shown: list[bytes], state: str
) -> None:
    """Appends that collide can lose entries, and a log can be missing for a while: nothing that is held goes."""
    held = HeldLogs(HeldLog(state, 7, tail=SEVEN), [])
    fresh = CaptureRun("task", "child", None, 7, (), MOMENT, MOMENT - timedelta(minutes=12), log_state=state)
    assert drained(monkeypatch, {"child": shown}, fresh, 7, held) == ({}, [("drained", "7")])
    grown = [*shown, *(entry("said", 20 + at) for at in range(15))]
    if shown:
        kept, marks = drained(monkeypatch, {"child": grown}, fresh, 7, held)
        assert set(grown) - set(SEVEN) <= {*kept.values()}
        assert marks[-1][0] == "settled"
    old = replace(fresh, final_change_at=MOMENT - timedelta(days=2))
    final = "settled" if shown or state == "settled" else "expired"
    assert drained(monkeypatch, {"child": shown}, old, 7, held) == ({}, [(final, "7")])


@pytest.mark.parametrize("shown", [0, 6], ids=["nothing", "its first entries"])
def test_a_parent_that_shows_less_than_is_held_of_it_leaves_none_of_its_entries_to_its_child(
    monkeypatch: pytest.MonkeyPatch, shown: int
) -> None:
    parent, own = [entry("p", at) for at in range(10)], [entry("c", 30 + at) for at in range(6)]
    run = CaptureRun("task", "child", None, 0, ("parent",), MOMENT, MOMENT - timedelta(hours=2))
    held = HeldLogs(HeldLog(), [HeldLog("settled", 10, tail=parent)])
    pages = {"child": [*parent, *own], "parent": parent[:shown]}
    assert drained(monkeypatch, pages, run, 0, held) == (dict(enumerate(own)), [("settled", "6")])


@pytest.mark.parametrize("names", [[], [naming("parent", 29)]], ids=["unnamed", "named"])
def test_a_parent_whose_log_is_not_there_yet_leaves_none_of_its_entries_to_its_child(
    monkeypatch: pytest.MonkeyPatch, names: list[bytes]
) -> None:
    """Nothing is held of it: an empty log proves nothing for a day. But it was seen not to be empty."""
    parent, own = [*(entry("p", at) for at in range(10)), *names], [entry("c", 30 + at) for at in range(6)]
    run = CaptureRun("task", "child", None, 0, ("parent",), MOMENT, MOMENT - timedelta(hours=2))
    pages = {"child": [*parent, *own], "parent": []}
    shown = [("shown", "0")] if names else []
    for held in (None, HeldLogs(HeldLog(), [HeldLog("drained", 0)])):
        kept, marks = drained(monkeypatch, pages, run, 0, held)
        assert not kept.keys() & range(99)
        assert marks == [*shown, ("unproved", "0")]
    empty = HeldLogs(HeldLog(), [HeldLog("settled", 0)])
    assert drained(monkeypatch, pages | {"child": own}, run, 0, empty) == (dict(enumerate(own)), [("settled", "6")])
    kept, marks = drained(monkeypatch, pages | {"parent": parent}, run, 0)
    assert (kept, marks) == (dict(enumerate(own)), [("shown", str(len(parent))), ("settled", "6")])


def test_names_and_texts_that_contradict_each_other_decide_nothing() -> None:
    parent, own = [entry("p", at) for at in range(10, 16)], [entry("c", 30), entry("c", 31)]
    before = Before(parent, len(parent), exact=True)
    late = [*parent, naming("run-c", 28), naming("run-d", 29), *own]
    assert log_ancestry.own_start(seen(late), "run-d", before) is None, "its first entry names the parent"
    assert log_ancestry.own_start(seen(late), "run-d", Before(parent, None, exact=False)) == 7, (
        "what is held may have grown"
    )
    ending = [*parent[:4], naming("run-c", 14), naming("run-d", 15)]
    assert log_ancestry.own_start(seen([*ending, *own]), "run-d", Before(ending, 6, exact=True)) is None, (
        "the parent names it"
    )


def test_a_log_that_names_another_run_alone_is_looked_at_again(monkeypatch: pytest.MonkeyPatch) -> None:
    run = CaptureRun("task", "run-a", None, 0, (), MOMENT, MOMENT - timedelta(days=2))
    foreign, own = [naming("run-b", 10), entry("x", 11)], [naming("run-a", 10), entry("y", 11)]
    kept, marks = drained(monkeypatch, {"run-a": foreign}, run, 0)
    assert (list(kept.values()), marks) == ([foreign[1]], [("unproved", "0")])
    again = replace(run, log_state="unproved")
    assert drained(monkeypatch, {"run-a": own}, again, 0) == (dict(enumerate(own)), [("settled", "2")])
    named_by_its_agent = drained(monkeypatch, {"run-a": foreign}, again, 0)
    assert named_by_its_agent == (dict(enumerate(foreign)), [("settled", "2")])


def test_a_settled_log_that_its_child_shows_to_have_grown_is_read_on(monkeypatch: pytest.MonkeyPatch) -> None:
    parent, own = [entry("p", at) for at in range(10, 20)], [entry("c", 30 + at) for at in range(6)]
    run = CaptureRun("task", "child", None, 0, ("parent",), MOMENT, MOMENT - timedelta(hours=2))
    held = HeldLogs(HeldLog(), [HeldLog("settled", 8, tail=parent[:8])])
    kept, marks = drained(monkeypatch, {"child": [*parent, *own], "parent": parent}, run, 0, held)
    assert (kept, marks) == (dict(enumerate(own)), [("drained", "8"), ("settled", "6")])
