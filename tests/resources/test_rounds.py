"""Rounds through the list: what they cover, how old it is, and that a round is over in time."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskhouse.resources.estimate import rotation_pages
from taskhouse.resources.tasks.list_diff import PAGE_ROWS, Key
from taskhouse.resources.tasks.rounds import GRAIN, MOST_PAGES, OVERLAP_ROWS, ROUND, Rounds, load, whole

START = datetime(2026, 1, 1, tzinfo=UTC)
TICK = timedelta(minutes=5)


def key(number: int) -> Key:
    """The row at a place of the list."""
    return START - timedelta(minutes=number), f"{999_999 - number:06}"


@given(
    size=st.integers(1, 60),
    pages=st.lists(st.tuples(st.integers(1, 9), st.integers(0, 7200)), min_size=1, max_size=80),
    swept=st.booleans(),
)
def test_the_oldest_page_is_never_claimed_younger_than_it_is(
    size: int,
    pages: list[tuple[int, int]],
    swept: bool,  # noqa: FBT001
) -> None:
    rounds = whole(START, "me") if swept else Rounds(START, "me")
    read_at: list[datetime | None] = [START if swept else None] * size
    now, at = START, 0
    for rows, seconds in pages:
        now += timedelta(seconds=seconds)
        end = at + rows >= size
        read_at[at : at + rows] = [now] * len(read_at[at : at + rows])
        rounds = load(rounds.advanced(None if end else key(at + rows - 1), now).dump())
        at = 0 if end else at + rows
        oldest = rounds.oldest()
        if None in read_at:
            assert oldest is None
        else:
            truth = min(moment for moment in read_at if moment is not None)
            assert oldest is not None
            assert truth - GRAIN < oldest <= truth
        assert (rounds.at is None) == (at == 0)


@pytest.mark.parametrize("growth", [0, 0.05], ids=["still", "a twentieth a day"])
@pytest.mark.parametrize("total", [301, 410, 5_000, 100_000])
@pytest.mark.parametrize("every", [TICK, timedelta(hours=1)])
def test_every_page_is_read_within_24_hours(total: int, growth: float, every: timedelta) -> None:
    """The list is the numbers from the newest down to 0; a round has read all from ``at`` up."""
    rounds, now, newest, at, asked = whole(START, None), START, total - 1, total, 0
    most, oldest = 0, timedelta()
    while now < START + timedelta(days=3):
        now += every
        newest = total - 1 + int(total * growth * ((now - START) / timedelta(days=1)))
        at = newest + 1 if rounds.at is None else at
        pages = rounds.due(now, newest + 1 - at, newest + 1)
        most, asked = max(most, pages), asked + pages
        for _ in range(pages):
            at = max(0, at - (PAGE_ROWS if rounds.at is None else PAGE_ROWS - OVERLAP_ROWS))
            rounds = rounds.advanced((START + timedelta(seconds=at), "") if at else None, now)
            if not at:
                break
        known = rounds.oldest()
        assert known is not None
        oldest = max(oldest, now - known)
    assert oldest <= timedelta(hours=24) + (every - TICK)
    assert asked <= 3 * rotation_pages(newest + 1) * 1.02 + 2
    if every == TICK:
        assert most <= (1 if total <= 5_000 else 4 if not growth else 5)  # it is 115,000 in the end


def test_a_second_that_a_page_ends_in_counts_as_read_before_until_the_page_behind_it_is_read() -> None:
    first, second, third = (START, "b"), (START, "a"), (START - timedelta(seconds=1), "c")
    rounds = whole(START, None).advanced(second, START + ROUND).advanced(None, START + ROUND + 2 * GRAIN)
    later = START + 2 * ROUND
    rounds = rounds.advanced(first, later)  # whether the other row of this second stood before it is not known
    assert rounds.oldest() == START + ROUND
    assert rounds.advanced(third, later).oldest() == START + ROUND + 2 * GRAIN


def test_a_pause_is_made_up_for_in_bounded_steps() -> None:
    rounds = whole(START, None)
    assert rounds.due(START + timedelta(hours=12), 0, 100_000) == MOST_PAGES
    assert rounds.due(START + ROUND * 2, 99_990, 100_000) == 1
    assert rounds.due(START + ROUND * 2, 100_000, 100_000) == 1  # its end was not seen yet
    assert rounds.due(START + timedelta(minutes=1), 600, 100_000) == 0
