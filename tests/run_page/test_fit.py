"""What a page leaves out: evenly, only as much as it must, and never without a word."""

import random
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import pytest

from taskhouse.run_page import fit, html, texts
from taskhouse.run_page.axis import PAUSE_MS, WIDTH, Axis
from taskhouse.run_page.model import Call, Fold, Message, Note, Run, Step, flat
from tests.run_page.story import FULL


def many(number: int, *, size: int = 40) -> Iterator[Step]:
    """A number of steps, of which every 50th matters."""
    row = {"tool_name": "Bash", "status": "completed", "is_error": False, "kind": "execute", "permission_asked": False}
    row |= {"exit_code": None, "error_message": None, "permission_decision": None, "duration_s": 2.5}
    for place in range(number):
        if place % 50 == 7:
            yield Note(place, place * 1000, "Error", f"number {place}", "bad")
        elif place % 2:
            yield Message(place, place * 1000, "agent", f"words{place} " * (size // 8), size)
        else:
            yield Call(place, place * 1000, row, f"make {place}", output=f"<{place}>" * (size // 5))


@pytest.fixture(scope="module")
def large(pages_of: dict[str, Run]) -> Run:
    return replace(pages_of[FULL], steps=list(many(6_000, size=2000)))


def test_a_run_that_is_too_large_is_thinned_evenly_and_stays_below_2_mb(large: Run) -> None:
    page = html.page(large)
    assert 1_000_000 < len(page.encode()) <= html.LARGE
    assert all(f"number {place}<" in page for place in range(7, 6_000, 50))
    left_out = int(re.search(r"([0-9,]+) steps are left out, evenly", page)[1].replace(",", ""))  # type: ignore[index]
    named = [int(n) for n in re.findall(r"(?:Left out: |, )(\d+) (?:tool call|message|other event)", page)]
    assert sum(named) == left_out
    assert left_out == 6_000 - len(re.findall(r"<li(?! class=q)", page.split("id=conversation")[1]))
    shown = [int(place) for place in re.findall(r"<code dir=auto>make (\d+)</code>", page)]
    quarters = [sum(low <= place < low + 1500 for place in shown) for low in range(0, 6_000, 1500)]
    assert max(quarters) - min(quarters) <= 2 * fit.BLOCK


@pytest.mark.parametrize("most", [1, 30, 200, 900, 1000])
def test_what_is_left_out_is_in_the_folds(most: int) -> None:
    steps = list(many(1000))
    thin = fit.thinned(steps, most)
    assert list(flat(thin)) == steps
    assert all(not (isinstance(one, Fold) and isinstance(other, Fold)) for one, other in pairwise(thin))
    assert (thin == steps) == (most >= 1000)
    kept = sum(not isinstance(step, Fold) for step in thin)
    assert kept <= most + 4 * fit.BLOCK


def test_texts_share_the_room_so_that_only_the_longest_are_cut() -> None:
    dice = random.Random(4)
    for _ in range(200):
        sizes = [dice.choice([0, 5, 80, 3000]) + dice.randrange(50) for _ in range(dice.randrange(20))]
        room, most = dice.randrange(1, 20_000), dice.randrange(1, 4000)
        got = fit.length(sizes, room, most)
        assert 1 <= got <= most
        together = sum(min(size, got) for size in sizes)
        assert together <= room or got == 1
        more = sum(min(size, got + 1) for size in sizes)
        assert got == most or more > room or more == together


def test_moments_lie_in_order_and_a_long_pause_is_short() -> None:
    axis = Axis([0, 1000, 2000, 2000 + 100 * PAUSE_MS, 5000 + 100 * PAUSE_MS])
    places = [
        axis.place(at)
        for at in (*range(-1000, 5000, 300), *range(5000, 6000 + 100 * PAUSE_MS, 59_000), 9000 + 100 * PAUSE_MS)
    ]
    assert places == sorted(places)
    assert (places[0], round(places[-1])) == (0, WIDTH)
    assert [(round(place), seconds) for place, seconds in axis.pauses] == [(402, 60_000.0)]
    assert Axis([]).place(5) == Axis([7]).place(7) == 0


def test_a_text_has_no_colours_and_a_line_has_a_length() -> None:
    assert texts.lines("\x1b[1;31mred\x1b[0m\x1b]0;title\x07 a\rb\r\nc\x08\x00\x9b2J\ud83d") == "red a\nb\nc"
    assert texts.line("  a\n\n b\t" + "x" * 300, 10) == "a b xxxxx…"


def test_a_cut_text_keeps_both_ends() -> None:
    text = "\n".join(f"line {number}" for number in range(500))
    part = texts.cut(text, 400)
    assert text.startswith(part.head)
    assert text.endswith(part.tail)
    assert part.tail.startswith("line ")
    assert len(part.head) + part.left_out + len(part.tail) == len(text)
    assert texts.cut("short", 400) == ("short", 0, "")
