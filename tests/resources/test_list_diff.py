"""The search for differences: every one is found, in some ten pages each."""

import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskhouse.resources.tasks.list_diff import PAGE_ROWS, Key, Moved, Search
from taskhouse.resources.tasks.list_diff import key as search_key

START = datetime(2026, 1, 1, tzinfo=UTC)


def key(number: int) -> Key:
    return START + timedelta(minutes=number // 2), f"{number:06}"


def found(ours: list[Key], theirs: list[Key]) -> Search:
    search = Search(ours, len(theirs))
    while (offset := search.offset()) is not None:
        search.feed(offset, theirs[offset : offset + PAGE_ROWS], len(theirs))
    return search


@given(
    size=st.integers(0, 3000),
    gone=st.sets(st.integers(0, 2999), max_size=4),
    come=st.sets(st.integers(0, 2999), max_size=4),
)
def test_whatever_is_gone_or_new_is_found_unless_as_many_went_as_came(
    size: int, gone: set[int], come: set[int]
) -> None:
    everything = sorted((key(number) for number in range(size)), reverse=True)
    gone, come = {number for number in gone if number < size}, {number for number in come if number < size} - gone
    ours = [row for row in everything if int(row[1]) not in come]
    theirs = [row for row in everything if int(row[1]) not in gone]
    search = found(ours, theirs)
    wrong_here = {f"{number:06}" for number in gone}
    wrong_there = {f"{number:06}" for number in come}
    assert search.unlocated <= wrong_here
    assert search.unexpected <= wrong_there
    if not come:
        assert search.unlocated == wrong_here
    if not gone:
        assert search.unexpected == wrong_there
    assert len(wrong_here - search.unlocated) == len(wrong_there - search.unexpected)


@pytest.mark.parametrize("place", [0, 1, 50_000, 99_999])
def test_one_deletion_among_100_000_costs_at_most_twelve_pages(place: int) -> None:
    ours = sorted((key(number) for number in range(100_000)), reverse=True)
    theirs = ours[:place] + ours[place + 1 :]
    search = found(ours, theirs)
    assert search.unlocated == {ours[place][1]}
    assert search.asked <= 12


def test_a_row_out_of_its_place_shows_an_exchange_that_no_count_shows() -> None:
    everything = sorted((key(number) for number in range(2001)), reverse=True)
    ours, theirs = everything[:1500] + everything[1501:], everything[:100] + everything[101:]
    search = Search(ours, len(theirs))
    assert search.offset() is None
    assert not search.agrees(800, theirs[800])
    search.parted(800)
    while (offset := search.offset()) is not None:
        search.feed(offset, theirs[offset : offset + PAGE_ROWS], len(theirs))
    assert (search.unlocated, search.unexpected) == ({everything[100][1]}, {everything[1500][1]})


@given(
    size=st.integers(0, 700),
    gone=st.sets(st.integers(0, 699), max_size=4),
    chance=st.randoms(use_true_random=False),
)
def test_inside_a_second_the_list_may_be_in_any_order(size: int, gone: set[int], chance: random.Random) -> None:
    everything = sorted((made(START, number) for number in range(size)), reverse=True)
    theirs = [row for row in everything if int(row[1]) not in gone]
    theirs.sort(key=lambda row: (row[0], chance.random()), reverse=True)
    search = found(everything, theirs)
    assert (search.found, search.unexpected) == (True, set())
    assert search.unlocated == {f"{number:06}" for number in gone if number < size}
    if not search.unlocated:
        assert all(Search(everything, size).agrees(place, row) for place, row in enumerate(theirs))


def made(start: datetime, number: int) -> Key:
    """Up to twenty in a second."""
    return search_key(start + timedelta(seconds=number // 20 + (number % 20) / 20), f"{number:06}")


def test_an_exchange_inside_a_second_is_found() -> None:
    ours = sorted((made(START, number) for number in range(800)), reverse=True)
    theirs = [*ours[:405], (ours[405][0], "another"), *ours[406:]]
    search = Search(ours, len(theirs))
    assert not search.agrees(405, theirs[405])
    search.parted(405)
    while (offset := search.offset()) is not None:
        search.feed(offset, theirs[offset : offset + PAGE_ROWS], len(theirs))
    assert (search.found, search.unlocated, search.unexpected) == (True, {ours[405][1]}, {"another"})


def test_a_second_that_fills_a_page_is_left_to_a_sweep() -> None:
    ours = [(START, f"{number:06}") for number in range(1000, 0, -1)]
    search = found(ours, ours[1:])
    assert (search.found, search.asked) == (False, 1)


def test_a_list_that_moves_under_the_search_is_noticed() -> None:
    ours = sorted((key(number) for number in range(1000)), reverse=True)
    search = Search(ours, 999)
    offset = search.offset()
    assert offset is not None
    with pytest.raises(Moved):
        search.feed(offset, ours[:PAGE_ROWS], 998)
    with pytest.raises(Moved):
        search.feed(offset, random.Random(1).sample(ours, PAGE_ROWS), 999)
