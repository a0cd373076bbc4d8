"""Whether the end of a stream was read: what a run that is over may lack, once its stream is gone."""

from typing import Any

import pytest

from taskhouse.spool.writer import SpoolWriter
from taskhouse.warehouse.load import load_spool
from tests.warehouse.test_seams import HOUR, Server, at, server, state, when

__all__ = ["server"]


def test_a_stream_that_expired_is_a_gap_whenever_somebody_looked_last(server: Server) -> None:
    server.hold([1, 2, 7 * HOUR], texts={1: state("queued")})
    server.connect(1, 0)
    server.connect(7 * HOUR, 7 * HOUR - 1000, after=2, heard_ms=4 * HOUR, joined=False)
    assert server.find_gaps() == [(2, 7 * HOUR, False)]


def test_an_end_without_the_last_event_is_that_of_another_stream(server: Server) -> None:
    server.hold([1, 2, 3])
    server.connect(1, 0)
    server.end("unjoined")
    server.over(HOUR)
    assert server.find_gaps(now_ms=HOUR + 60_000) == [(3, None, False)]


def test_a_run_that_is_over_with_its_stream_unread_is_a_gap_once_the_stream_is_gone(server: Server) -> None:
    server.hold([1, 2, 3])
    server.connect(1, 0)
    server.over(HOUR)
    assert server.find_gaps(now_ms=HOUR + 60_000) == [], "it can still be read"
    assert server.find_gaps(now_ms=2 * HOUR) == [(3, None, False)]


@pytest.mark.parametrize(
    ("ending", "leg", "suspect"),
    [
        ("stream_end", "django", False),
        ("bare_end", "django", False),
        ("bare_end", "proxy", False),
        pytest.param("terminal_without_stream", "django", False, marks=pytest.mark.worlds),
        ("drained", "django", True),
    ],
)
def test_how_a_stream_ended_tells_whether_its_end_was_read(
    server: Server,
    ending: str,
    leg: str,
    suspect: bool,  # noqa: FBT001
) -> None:
    server.hold([1, 2, 3])
    server.connect(1, 0)
    server.end(ending, leg)
    server.over(HOUR)
    assert server.find_gaps(now_ms=HOUR + 60_000) == ([(3, None, False)] if suspect else [])
    assert server.find_gaps(now_ms=9 * HOUR) == ([(3, None, False)] if suspect else [])


@pytest.mark.parametrize("ending", ["bare_end", "terminal_without_stream"])
def test_an_end_long_after_the_last_event_may_be_that_of_a_stream_that_is_gone(server: Server, ending: str) -> None:
    server.hold([1, 2, 3])
    server.connect(1, 0)
    server.end(ending, "proxy")
    server.over(HOUR)
    load_spool(server.warehouse, server.spool)
    with server.warehouse.transaction("later") as connection:
        connection.execute(
            "UPDATE ledger.stream_connections SET ended_at = ended_at + INTERVAL 31 MINUTE WHERE ending IS NOT NULL"
        )
    assert server.find_gaps(now_ms=2 * HOUR) == [(3, None, False)]


def test_a_run_whose_last_state_came_is_whole(server: Server) -> None:
    server.hold([1, 2, HOUR], texts={HOUR: state("completed")})
    server.over(HOUR)
    assert server.find_gaps(now_ms=2 * HOUR) == []


@pytest.mark.parametrize("heard_ms", [4, 20_000])
def test_the_end_of_an_earlier_life_is_not_the_end_of_a_run_that_was_reopened(server: Server, heard_ms: int) -> None:
    """By the server's clock: it was reopened within the minute that ours may be off."""
    server.hold([1, 2, 3], texts={3: state("completed")})
    server.connect(1, 0)
    with SpoolWriter(server.spool) as writer:
        writer.ended("live", server.run, leg="django", after=None, ending="stream_end", heard_at=when(heard_ms))
        writer.mark(
            "live", server.run, resource="run_stream", position=None, state="stream_end", read_at=when(heard_ms)
        )
    server.over(20_000)
    assert server.find_gaps(now_ms=2 * HOUR) == ([(3, None, False)] if heard_ms < 20_000 else [])


@pytest.mark.parametrize(("over_ms", "lost"), [(3, []), (20_000, [(3, 4 * HOUR, False)])])
def test_a_life_that_nobody_read_is_a_gap_also_when_the_run_was_reopened_again(
    server: Server, over_ms: int, lost: list[Any]
) -> None:
    """A version of the run tells that it ended once more between the end that was read and the next life."""
    for begins, ends, after in ((1, 3, None), (4 * HOUR, 4 * HOUR + 1, 3)):
        server.hold([begins, ends], texts={begins: state("queued"), ends: state("completed")})
        server.connect(begins, begins, after=after, joined=None if after is None else False)
        with SpoolWriter(server.spool) as writer:
            writer.ended("live", server.run, leg="django", after=None, ending="stream_end", heard_at=when(ends))
    server.over(over_ms)
    server.over(4 * HOUR + 1)
    assert server.find_gaps(now_ms=5 * HOUR) == lost


def test_a_cursor_is_as_old_as_what_was_read_and_not_as_the_mark_that_says_so(server: Server) -> None:
    """A run that is reopened before the mark is written must look as if it had moved since."""
    found = "SELECT updated_at FROM ledger.cursors WHERE key = ?"
    for as_of, expected in ((None, when(7)), (when(5), when(7)), (when(9), when(9))):
        with SpoolWriter(server.spool) as writer:
            writer.mark(
                "live", server.run, resource="run_stream", position=None, state="x", read_at=when(7), as_of=as_of
            )
        load_spool(server.warehouse, server.spool)
        with server.warehouse.transaction("reading") as connection:
            assert connection.execute(found, [server.run.run_id]).fetchall() == [(expected,)]


def test_a_log_does_not_bring_what_only_the_stream_carried(server: Server) -> None:
    server.hold([1, 2, 3], boot="b")
    server.over(HOUR)
    server.log("b-1", "b-2", "b-3", "b-4")
    assert server.find_gaps(now_ms=2 * HOUR) == [(3, None, False)]


def test_a_run_that_was_never_followed_has_no_end_to_miss(server: Server) -> None:
    server.over(0, "in_progress")
    server.log("b-1", "b-2")
    server.over(HOUR)
    assert server.find_gaps(now_ms=2 * HOUR) == []


@pytest.mark.parametrize(
    ("ending", "mark", "was_live", "suspect"),
    [
        ("", "live", True, True),
        pytest.param("", "live", False, True, marks=pytest.mark.worlds),
        pytest.param("", "error_budget", True, True, marks=pytest.mark.worlds),
        ("drained", "stream_end", True, True),
        pytest.param("drained", "stream_end", False, False, marks=pytest.mark.worlds),
        pytest.param("terminal_without_stream", "terminal_without_stream", True, True, marks=pytest.mark.worlds),
        ("terminal_without_stream", "terminal_without_stream", False, False),
        ("bare_end", "stream_end", True, False),
        ("", "not_found", True, False),
    ],
)
def test_a_stream_that_was_gone_before_anything_of_it_was_read_is_a_gap(
    server: Server,
    ending: str,
    mark: str,
    *,
    was_live: bool,
    suspect: bool,
) -> None:
    """Unless its run was over when it was first seen, so that the stream may have been gone for good."""
    if was_live:
        server.over(0, "in_progress")
    if ending:
        server.end(ending)
    with SpoolWriter(server.spool) as writer:
        writer.mark("live", server.run, resource="run_stream", position=None, state=mark)
    server.log("b-1", "b-2")
    server.over(HOUR)
    assert server.find_gaps(now_ms=HOUR + 60_000) == ([(None, None, False)] if suspect and ending else [])
    assert server.find_gaps(now_ms=2 * HOUR) == ([(None, None, False)] if suspect else [])
    server.hold([HOUR], texts={HOUR: state("completed")})
    assert server.find_gaps(now_ms=2 * HOUR) == [], "it is read after all"


@pytest.mark.parametrize(
    ("ended_s", "over_ms", "last", "suspect"),
    [
        (None, None, {}, True),
        pytest.param(-60, None, {}, False, marks=pytest.mark.worlds),
        (-7 * 3600, None, {}, True),
        (-60, HOUR, {}, False),
        (-61, HOUR, {}, True),
        pytest.param(-7 * 3600, HOUR, {}, True, marks=pytest.mark.worlds),
        pytest.param(None, HOUR, {}, True, marks=pytest.mark.worlds),
        (None, HOUR, state("completed"), False),
    ],
)
def test_a_stream_that_was_found_gone_is_a_gap_unless_its_end_was_read(
    server: Server, ended_s: int | None, over_ms: int | None, last: dict[str, Any], *, suspect: bool
) -> None:
    """The look that found it gone is at the run's end, if that is known."""
    server.hold([1, 2, HOUR], texts={HOUR: last})
    server.connect(1, 0)
    with SpoolWriter(server.spool) as writer:
        for ending in ("gone", *([] if ended_s is None else ["stream_end"])):
            writer.ended("live", server.run, leg="django", after=at(HOUR), ending=ending, heard_at=when(HOUR))
    load_spool(server.warehouse, server.spool)
    with server.warehouse.transaction("earlier") as connection:
        connection.execute("UPDATE raw.run_events SET received_at = received_at - INTERVAL 1 DAY")
        connection.execute(
            "UPDATE ledger.stream_connections"
            " SET ended_at = ended_at + to_seconds($1), heard_at = heard_at + to_seconds($1)"
            " WHERE ending = 'stream_end'",
            [ended_s or 0],
        )
    if over_ms is not None:
        server.over(over_ms - 60_000)
    assert server.find_gaps(now_ms=HOUR) == ([(HOUR, None, False)] if suspect else [])
    server.hold([9 * HOUR])
    server.connect(9 * HOUR, 9 * HOUR, after=HOUR, heard_ms=9 * HOUR - 1000)
    if ended_s is None and not last:
        assert server.find_gaps(now_ms=9 * HOUR)[0] == (HOUR, 9 * HOUR, False), "what follows does not take it back"
