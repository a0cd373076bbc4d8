"""Segments: what a killed process wrote is kept, a torn tail is cut, damage is set aside by name."""

import errno
import json
import os
import re
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taskhouse.spool import line
from taskhouse.spool.folder import Cursor, Recovery, Spool
from taskhouse.spool.line import Entry, RunKey
from taskhouse.spool.writer import SpoolWriter

RUN = RunKey(1, "t", "r")


def entries(*texts: str) -> list[Entry]:
    return [Entry(f"{n}-0", None, text.encode(), redacted=False) for n, text in enumerate(texts, start=1)]


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "spool")


def test_a_sealed_segment_states_its_lines_and_checksum(spool: Spool) -> None:
    with SpoolWriter(spool) as writer:
        writer.append("live", RUN, entries("a", "b"), leg="django")
        writer.mark("live", RunKey(1, "t", "r"), resource="x", position=None, state="s")
    (segment,) = spool.segments()
    assert (segment.layer, segment.lines) == ("live", 3)
    assert segment.is_whole()
    assert list(spool.open.iterdir()) == []


def test_the_format_describes_every_field_of_a_control_line(spool: Spool) -> None:
    with SpoolWriter(spool) as writer:
        writer.mark("live", RUN, resource="x", position=None, state="s")
        writer.resume("live", RUN, leg="django", after=None, first="1-0", connected_at=None, heard_at=None)
        writer.ended("live", RUN, leg="django", after=None, ending="over")
    (segment,) = spool.segments()
    written = [json.loads(json.loads(text)["d"]) for text in segment.path.read_text().splitlines()]
    described = [list(map(str.strip, found.split(","))) for found in re.findall(r"``{([^:}]*)}``", str(line.__doc__))]
    assert [[f'"{name}"' for name in facts] for facts in written] == described[:3]


def test_a_writer_says_once_that_much_is_not_sealed(spool: Spool) -> None:
    said: list[int] = []
    with SpoolWriter(spool, many=3, on_many=lambda: said.append(writer.events)) as writer:
        for _ in range(4):
            writer.append("live", RUN, entries("a", "b"), leg="django")
        assert said == [4]
        writer.seal()
        writer.append("live", RUN, entries("a", "b", "c", "d"), leg="django")
        assert said == [4, 12]


def test_a_writer_is_quiet_until_something_is_appended_and_once_all_of_it_is_safe(spool: Spool) -> None:
    opened: list[bool] = []
    with SpoolWriter(spool, sync_seconds=0, on_open=lambda: opened.append(True)) as writer:
        for opens in (1, 2):
            quiet = [writer.quiet]
            for _ in range(2):
                writer.append("live", RUN, entries("a"), leg="django")
            assert len(opened) == opens
            quiet.append(writer.quiet)
            writer.seal()
            quiet.append(writer.quiet)  # sealed, but not yet on the disk
            writer.tick()
            assert [*quiet, writer.quiet] == [True, False, False, True]


def test_layers_have_segments_of_their_own(spool: Spool) -> None:
    with SpoolWriter(spool) as writer:
        writer.append("live", RUN, entries("a"), leg="django")
        writer.append("log", RUN, entries("a"), leg="django")
    assert [segment.layer for segment in spool.segments()] == ["live", "log"]


def test_a_segment_is_sealed_by_size_and_by_age(spool: Spool) -> None:
    with SpoolWriter(spool, seal_bytes=1, seal_seconds=3600) as writer:
        writer.append("live", RUN, entries("a"), leg="django")
        writer.tick()
        assert len(spool.segments()) == 1
    with SpoolWriter(spool, seal_seconds=0) as writer:
        writer.append("live", RUN, entries("a"), leg="django")
        writer.tick()
        assert len(spool.segments()) == 2


def test_a_living_writer_is_left_alone(spool: Spool) -> None:
    with SpoolWriter(spool) as writer:
        writer.append("live", RUN, entries("a"), leg="django")
        assert spool.recover().sealed == ()
    assert len(spool.segments()) == 1


def test_the_lock_of_a_writer_that_died_between_two_segments_goes(spool: Spool) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    (spool.open / f"1-{dead.pid}-abc.lock").touch()
    with SpoolWriter(spool):
        assert spool.recover() == Recovery()
        assert [path.stem.split("-")[1] for path in spool.open.iterdir()] == [str(os.getpid())]


CHILD = """
import sys
from pathlib import Path
from typing import Any
from taskhouse.spool.folder import Spool
from taskhouse.spool.line import Entry, RunKey
from taskhouse.spool.writer import SpoolWriter
writer = SpoolWriter(Spool(Path(sys.argv[1])), seal_bytes=20_000)
n = 0
while True:
    n += 1
    writer.append("live", RunKey(1, "t", "r"), [Entry(f"{n}-0", None, b"x" * 100, False)], leg="l")
    writer.tick()
    print(n, flush=True)
"""


def test_kill_9_loses_nothing_that_was_appended(spool: Spool) -> None:
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(spool.root)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    for text in child.stdout:
        if int(text) >= 300:
            break
    os.kill(child.pid, signal.SIGKILL)
    said = [int(text) for text in child.stdout.read().split()] or [300]
    child.wait()
    child.stdout.close()
    spool.recover()
    assert all(segment.is_whole() for segment in spool.segments())
    kept = sum(segment.lines for segment in spool.segments())
    assert kept - 1 <= max(said) <= kept
    assert list(spool.open.iterdir()) == []


def abandoned(spool: Spool, content: bytes) -> Path:
    """An open segment of a writer that is no more."""
    part = spool.open / "live-1-2-abc-000001.part"
    part.write_bytes(content)
    return part


def lines(spool: Spool, *texts: str, apart: bool = False) -> bytes:
    with SpoolWriter(spool) as writer:
        for some in [[entry] for entry in entries(*texts)] if apart else [entries(*texts)]:
            writer.append("live", RUN, some, leg="django")
    (segment,) = spool.segments()
    content = segment.path.read_bytes()
    segment.path.unlink()
    return content


@settings(max_examples=30)
@given(cut=st.integers(0, 600), apart=st.booleans())
def test_a_torn_tail_is_cut_at_the_last_whole_event(
    tmp_path_factory: pytest.TempPathFactory, cut: int, *, apart: bool
) -> None:
    spool = Spool(tmp_path_factory.mktemp("spool"))
    texts = ["one", "two", "three"]
    content = lines(spool, *texts, apart=apart)
    torn = content[: max(0, len(content) - cut)]
    ends = [content.index(text.encode()) + len(text) for text in texts]
    whole = [text for text, end in zip(texts, ends, strict=True) if end <= len(torn)]
    abandoned(spool, torn)
    found = spool.recover()
    assert sum(segment.lines for segment in found.sealed) == len(whole)
    assert [entry["d"] for s in spool.segments() for entry in line.entries(s.path.read_bytes())] == whole
    last = max([end for end in ends if end <= len(torn)], default=0)
    assert found.torn_bytes == len(torn) - last - (torn[last : last + 1] == b"\n")
    assert found.damaged == ()


def test_damage_inside_is_set_aside_and_the_rest_is_kept(spool: Spool) -> None:
    content = lines(spool, "one", "two", "three")
    at = content.index(b"two")
    abandoned(spool, content[:at] + b"TWO" + content[at + 3 :])
    found = spool.recover()
    assert [segment.lines for segment in found.sealed] == [2]
    assert [path.read_bytes()[at : at + 3] for path in found.damaged] == [b"TWO"]


def test_recovering_twice_changes_nothing(spool: Spool) -> None:
    part = abandoned(spool, lines(spool, "one"))
    content = part.read_bytes()
    first = spool.recover().sealed
    part.write_bytes(content)
    assert spool.recover().sealed == first
    assert len(spool.segments()) == 1


def test_what_is_not_loaded_is_synced_a_second_later(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(os.fstat(descriptor).st_ino))
    folder = spool.sealed.stat().st_ino
    with SpoolWriter(spool, seal_seconds=3600, sync_seconds=0.05) as writer:
        writer.append("live", RUN, entries("open"), leg="django")
        writer.tick()
        assert synced == []
        time.sleep(0.06)
        writer.tick()
        (part,) = spool.open.glob("*.part")
        assert synced == [part.stat().st_ino]
        writer.tick()
        assert len(synced) == 1, "what is safe is not synced again"

        writer.append("live", RUN, entries("sealed, and loaded"), leg="django")
        (loaded,) = writer.seal()
        writer.append("live", RUN, entries("sealed, and left"), leg="django")
        (left,) = writer.seal()
        loaded.path.unlink()
        assert len(synced) == 1, "to seal waits for no disk"
        time.sleep(0.06)
        writer.tick()
        assert synced[1:] == [left.path.stat().st_ino, folder]

        writer.append("live", RUN, entries("the last"), leg="django")
    assert synced[3:] == [spool.segments()[-1].path.stat().st_ino, folder]


def test_the_spool_tells_where_each_stream_was_and_on_which_leg(spool: Spool) -> None:
    with SpoolWriter(spool) as writer:
        writer.append("live", RUN, entries("a", "b"), leg="proxy")
        writer.append("live", RunKey(1, "t", "other"), [Entry(None, None, b"no id", redacted=False)], leg="django")
        writer.append("log", RUN, [Entry(None, 7, b"of the log", redacted=False)], leg="log")
        writer.append("live", RUN._replace(run_id="cut"), [Entry("3-0", None, b"cut", redacted=True)], leg="django")
    last = Cursor("proxy", "2-0", line.checksum("r", "2-0", b"b"))
    assert spool.cursors() == {"r": last, "cut": Cursor("django", "3-0", None)}


def test_a_write_that_finds_no_room_leaves_no_half_of_a_line(spool: Spool) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    with SpoolWriter(spool) as writer:
        writer.append("live", RUN, entries("a"), leg="django")
        resource.setrlimit(resource.RLIMIT_FSIZE, (400, before[1]))
        try:
            with pytest.raises(OSError, match=r"live-.*\.part") as problem:
                writer.append("live", RUN, entries("b" * 1000), leg="django")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        assert problem.value.errno == errno.EFBIG
        writer.append("live", RUN, entries("c"), leg="django")
    (segment,) = spool.segments()
    assert segment.is_whole()
    assert [entry["d"] for entry in line.entries(segment.path.read_bytes())] == ["a", "c"]


def test_a_segment_whose_first_line_found_no_room_is_not_sealed(spool: Spool) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    with SpoolWriter(spool) as writer:
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
            with pytest.raises(OSError, match="too large"):
                writer.append("live", RUN, entries("a" * 100), leg="django")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert (spool.segments(), list(spool.open.iterdir())) == ([], [])
