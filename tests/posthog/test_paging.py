"""The walk cannot be fooled: what it calls complete is complete, and it ends regardless of what the server does."""

import asyncio
import hashlib
import json
import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskhouse.errors import Contract
from taskhouse.posthog.pages import Bad, Page, Row
from taskhouse.posthog.paging import Broken, Continue, Done, PageWalk, Step, WalkResult, pages

HOST = "https://eu.posthog.com"


def page(
    ids: list[str], count: int, next_offset: int | None, *, host: str = HOST, bad: int = 0, salt: str = ""
) -> Page:
    rows = [Row({"id": own}, json.dumps({"id": own}).encode()) for own in ids]
    following = None if next_offset is None else f"{host}/api/projects/1/tasks/?limit=100&offset={next_offset}"
    body = hashlib.sha256(json.dumps([ids, count, following, salt]).encode()).hexdigest()
    return Page(rows, count, following, body, [Bad(b"null", "not an object")] * bad)


def served(items: list[str], limit: int, offset: int, *, clamp: int = 100) -> Page:
    """What Django's LimitOffset answers."""
    limit = min(limit, clamp)
    return page(items[offset : offset + limit], len(items), offset + limit if offset + limit < len(items) else None)


def walked(walk: PageWalk, fetch: Callable[[int, int], Page]) -> tuple[list[str], WalkResult]:
    async def run() -> list[str]:
        async def get(limit: int, offset: int) -> Page:
            return fetch(limit, offset)

        return [row.data["id"] async for received in pages(get, walk) for row in received.rows]

    return asyncio.run(run()), walk.result()


def names(count: int) -> list[str]:
    return [f"t{number}" for number in range(count)]


@given(st.integers(0, 60), st.integers(1, 12), st.integers(0, 11), st.integers(1, 12))
def test_a_list_that_stands_still_comes_complete_whatever_the_page_size(
    count: int, limit: int, overlap: int, clamp: int
) -> None:
    overlap = min(overlap, limit - 1)
    walk = PageWalk(host=HOST, limit=limit, overlap=overlap)
    got, result = walked(walk, lambda asked, offset: served(names(count), asked, offset, clamp=clamp))
    assert list(dict.fromkeys(got)) == names(count)
    assert result.complete
    assert (result.distinct, result.first_count, result.last_count) == (count, count, count)
    assert result.duplicates == 0 or clamp <= overlap


@given(st.integers(0, 2**32), st.integers(5, 60), st.integers(1, 9), st.integers(0, 8))
def test_a_list_that_moves_is_called_complete_only_if_every_row_came(
    seed: int, count: int, limit: int, overlap: int
) -> None:
    dice = random.Random(seed)
    items = names(count)
    walk = PageWalk(host=HOST, limit=limit, overlap=min(overlap, limit - 1))

    def fetch(asked: int, offset: int) -> Page:
        answer = served(items, asked, offset)
        if dice.random() < 0.3 and items:
            items.pop(dice.randrange(len(items)))
        if dice.random() < 0.3:
            items.insert(dice.randrange(len(items) + 1), f"n{dice.random()}")
        return answer

    _, result = walked(walk, fetch)
    if result.complete:
        assert result.distinct == result.first_count == result.last_count
    assert result.pages <= 2000


def test_an_overlap_shows_that_no_row_between_two_pages_was_stepped_over() -> None:
    items = names(250)

    def fetch(asked: int, offset: int) -> Page:
        answer = served(items, asked, offset)
        if offset == 0:
            del items[:3]  # three rows of the first page vanish, so every later row moves up by three
        return answer

    kept, with_overlap = walked(PageWalk(host=HOST, overlap=5), fetch)
    items = names(250)
    lost, without = walked(PageWalk(host=HOST), fetch)
    assert set(kept) == set(names(250))
    assert (with_overlap.joined, with_overlap.moved, with_overlap.complete) == (True, True, False)
    assert set(names(250)) - set(lost) == {"t100", "t101", "t102"}
    assert (without.joined, without.moved, without.complete) == (False, True, False)
    assert "counted 250, then 247" in without.reason


def test_more_rows_vanish_than_the_overlap_covers() -> None:
    items = names(250)

    def fetch(asked: int, offset: int) -> Page:
        answer = served(items, asked, offset)
        if offset == 0:
            del items[:20]
        return answer

    assert walked(PageWalk(host=HOST, overlap=5), fetch)[1].joined is False


def steps(walk: PageWalk, *given_pages: Page) -> Step:
    step: Step = Continue(0)
    for given_page in given_pages:
        assert isinstance(step, Continue)
        step = walk.feed(given_page)
    return step


def test_a_page_that_repeats_byte_for_byte_breaks_the_walk() -> None:
    first = page(names(100), 300, 100)
    assert steps(PageWalk(), first, first) == Broken("the page at offset 100 repeats an earlier one byte for byte")


def test_a_server_that_ignores_the_offset_breaks_the_walk_though_signed_urls_change_the_body() -> None:
    step = steps(PageWalk(), page(names(100), 300, 100), page(names(100), 300, 200, salt="x"))
    assert step == Broken("the page at offset 100 holds only rows that came before")


def test_a_whole_page_of_new_rows_between_two_requests_is_no_repeat() -> None:
    step = steps(PageWalk(), page(names(100), 300, 100), page(names(100), 400, 200))
    assert step == Continue(200)


def test_an_endless_list_ends() -> None:
    def fetch(asked: int, offset: int) -> Page:
        return page([f"t{offset + n}" for n in range(asked)], 500, offset + asked)

    got, result = walked(PageWalk(host=HOST), fetch)
    assert len(got) == 1500
    assert result.reason.startswith("no end in sight")


def test_a_count_that_runs_away_ends() -> None:
    def fetch(asked: int, offset: int) -> Page:
        return page([f"t{offset + n}" for n in range(asked)], offset * 3 + 200, offset + asked)

    assert walked(PageWalk(host=HOST), fetch)[1].reason.startswith("no end in sight")


def test_an_empty_page_that_names_a_next_one_breaks_the_walk() -> None:
    assert isinstance(steps(PageWalk(), page([], 300, 100)), Broken)


def test_a_short_page_is_stepped_over_by_what_came() -> None:
    step = steps(walk := PageWalk(), page(names(40), 300, 100))
    assert step == Continue(40)
    assert walk.result().notes == ("pages of 40 rows where 100 were asked for",)


def test_a_last_page_too_early_is_not_believed() -> None:
    walk = PageWalk()
    assert steps(walk, page(names(100), 300, None), page([], 300, None)) == Done("the last page came")
    assert walk.result().reason == "100 distinct rows came where the server counts 300"


@pytest.mark.parametrize(
    ("host", "offset", "note"),
    [("https://elsewhere.example", 100, "'next' names another host"), (HOST, 0, "'next' does not move on")],
)
def test_a_next_that_lies_is_noted_and_never_followed(host: str, offset: int, note: str) -> None:
    walk = PageWalk(host=HOST)
    assert walk.feed(page(names(100), 150, offset, host=host)) == Continue(100)
    assert walk.result().notes == (note,)


def test_rows_that_cannot_be_read_make_it_incomplete() -> None:
    walk = PageWalk()
    assert walk.feed(page(names(2), 3, None, bad=1)) == Done("the last page came")
    assert (walk.result().complete, walk.result().reason) == (False, "1 row could not be read")


def test_a_caller_that_has_seen_enough_does_not_get_a_complete_verdict() -> None:
    walk = PageWalk()
    walk.feed(page(names(100), 300, 100))
    assert walk.result().reason == "the walk did not end"
    walk.stop("the watermark was reached")
    assert (walk.result().complete, walk.result().reason) == (False, "the watermark was reached")


def test_rows_that_come_twice_are_counted() -> None:
    walk = PageWalk(limit=3)
    steps(walk, page(["a", "b", "c"], 5, 3), page(["c", "d"], 5, None))
    result = walk.result()
    assert (result.duplicates, result.distinct, result.complete) == (1, 4, False)


def test_an_overlap_of_a_whole_page_would_never_move() -> None:
    with pytest.raises(ValueError, match="smaller than a page"):
        PageWalk(limit=5, overlap=5)


@pytest.mark.parametrize("lost", [[], [0], [1], [9], [1, 5], [1, 2, 3], [1, 2, 3, 4]])
def test_a_page_that_cannot_be_read_is_stepped_over_and_proves_nothing(lost: list[int]) -> None:
    every, walk, asked, came = [str(n) for n in range(1000)], PageWalk(overlap=2), iter(range(99)), set[str]()

    async def fetch(limit: int, offset: int) -> Page:
        if next(asked) in lost:
            raise Contract("broken")
        some, more = every[offset : offset + limit], offset + limit < 1000
        return Page([Row({"id": name}, b"") for name in some], 1000, "x" if more else None, str(some), [])

    async def read() -> None:
        async for page in pages(fetch, walk):
            came.update(row.data["id"] for row in page.rows)

    if lost in ([0], [1, 2, 3, 4]):
        with pytest.raises(Contract):
            asyncio.run(read())
        return
    asyncio.run(read())
    result = walk.result()
    assert (walk.ended, result.complete, result.joined) == (not lost, not lost, not lost)
    assert len(came) >= 1000 - 100 * len(lost)
    again = PageWalk(overlap=2)
    again.resume(walk.bookmark(), ids=came, bodies=[], count=1000)
    assert again.result().reason == "the walk did not end"
    again.feed(Page([], 1000, None, "", []))
    assert again.ended == (not lost)
