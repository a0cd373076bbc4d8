"""What may be missing before the first event that was read of a run's stream."""

from typing import Any

import pytest

from tests.warehouse.test_seams import Server, server, state

__all__ = ["server"]


def test_the_first_reading_of_a_full_window_may_have_come_too_late(server: Server) -> None:
    server.hold(range(1000, 1205))
    server.connect(1000, 20_000)
    assert server.find_gaps() == [(None, 1000, False)]


def test_numbers_and_a_log_do_not_bring_the_states_that_stood_before_a_first_reading(server: Server) -> None:
    server.hold(range(51, 251), boot="b")
    server.log(*(f"b-{n}" for n in range(1, 251)))
    server.connect(51, 60_000)
    assert server.find_gaps() == [(None, 51, False)]


def test_a_reading_that_begins_with_the_first_state_missed_nothing(server: Server) -> None:
    server.hold(range(1000, 1205), texts={1000: state("queued")})
    server.connect(1000, 20_000)
    assert server.find_gaps() == []


def test_a_full_window_that_begins_with_another_state_is_suspect(server: Server) -> None:
    server.hold(range(1000, 1205), texts={1000: state("in_progress")})
    server.connect(1000, 20_000)
    assert server.find_gaps() == [(None, 1000, False)]


def test_a_gap_says_as_many_events_as_are_known_to_have_waited(server: Server) -> None:
    """The last of a burst may have come live: the server's clock is known to the second."""
    for at_ms, range_of_events in ((60_000, "205 events"), (1200, "1 to 205 events")):
        one = Server(server.warehouse, server.spool)
        one.hold(range(1000, 1205))
        one.connect(1000, at_ms)
        assert one.find_gaps() == [(None, 1000, False)]
        with one.warehouse.transaction("reading") as connection:
            ((how,),) = connection.execute("SELECT how FROM ledger.gaps WHERE run_id = ?", [one.run.run_id]).fetchall()
        assert how.startswith(f"{range_of_events} were waiting, as many as a stream keeps: ")


def numbered(first: int, count: int, boot: str = "b") -> dict[int, dict[str, Any]]:
    """The first events of an agent's attempt, one a millisecond."""
    return {first + n: {"event_id": f"{boot}-{n + 1}"} for n in range(count)}


@pytest.mark.parametrize(
    ("before", "count", "suspect"),
    [
        ({}, 200, True),
        ({1: state("in_progress")}, 199, True),
        ({1: {}}, 199, True),
        ({1: state("queued")}, 199, False),
        ({}, 150, False),
        ({}, 350, False),
    ],
    ids=["an attempt", "a later state", "progress", "the first state", "no full window", "more than a window"],
)
def test_the_first_number_of_an_attempt_is_not_the_beginning_of_its_run(
    server: Server,
    before: dict[int, dict[str, Any]],
    count: int,
    suspect: bool,  # noqa: FBT001
) -> None:
    """Another attempt, states and what nobody numbers may have stood before it, and the log has no trace of it."""
    events = before | numbered(2, count)
    server.hold(events, texts=events)
    server.log(*(f"b-{n + 1}" for n in range(count)))
    server.connect(min(events), 60_000)
    assert server.find_gaps() == ([(None, min(events), False)] if suspect else [])


def test_a_full_window_of_a_second_attempt_says_nothing_of_the_first(server: Server) -> None:
    events = numbered(1, 100, "b1") | numbered(101, 200, "b2")
    kept = dict(list(events.items())[-200:])
    server.hold(kept, texts=kept)
    server.connect(101, 60_000)
    assert server.find_gaps() == [(None, 101, False)]
