"""Two runs side by side: every step of both is there in order, and what is called alike is alike."""

import random
from itertools import pairwise

import pytest

from taskhouse import run_page
from taskhouse.errors import ConfigurationError
from taskhouse.reading import Snapshot
from taskhouse.run_page import compare, html
from taskhouse.run_page.model import Call, Message, Run, Step
from tests.report.tree import Tree
from tests.run_page.story import FULL, HIDDEN, OTHER

TOOLS = "Bash Read Edit".split()


def made(dice: random.Random, like: Run) -> Run:
    """A run of a few steps that are often the same."""
    steps: list[Step] = []
    for number in range(dice.randrange(30)):
        if dice.random() < 0.3:
            steps.append(Message(number, number, dice.choice(["agent", "user", "thought"]), dice.choice("ab"), 1))
            continue
        row = {"tool_name": dice.choice(TOOLS), "kind": "x", "status": "completed", "is_error": False}
        steps.append(Call(number, number, row, dice.choice(["one", "two", f"id {dice.randrange(9)}"])))
    return Run(like.row, like.task, [], like.totals, [], steps, hidden=False)


@pytest.mark.parametrize("seed", range(40))
def test_every_step_of_both_is_there_once_and_in_order(pages_of: dict[str, Run], seed: int) -> None:
    dice = random.Random(seed)
    left, right = made(dice, pages_of[OTHER]), made(dice, pages_of[OTHER])
    found = compare.compare(left, right)
    assert [step for one in found.stretches for step in one.left] == compare.steps_of(left)
    assert [step for one in found.stretches for step in one.right] == compare.steps_of(right)
    for one in found.stretches:
        if one.alike:
            assert [compare.key(step) for step in one.left] == [compare.key(step) for step in one.right]
    assert not any(not one.alike and not after.alike for one, after in pairwise(found.stretches))
    keys = [[compare.key(step) for step in compare.steps_of(run)] for run in (left, right)]
    first = next((place for place, (one, other) in enumerate(zip(*keys, strict=False)) if one != other), None)
    if first is not None and found.shared is not None:
        assert found.shared <= first


def test_it_says_where_they_part(pages_of: dict[str, Run]) -> None:
    page = html.comparison(pages_of[FULL], pages_of[OTHER])
    found = Tree(page)
    assert found.all("h2")[0].text == "They part after 3 steps"
    parted = [one.text for one in found.all("p", class_="line")]
    assert parted[0].startswith("A Bash</pre>")
    assert parted[1].startswith("B Write src/new.ts")
    assert [one.name for one in found.elements if one.name in {"script", "img", "form"}] == []
    rows = {row.text for row in found.all("th", scope="row")}
    assert {"Outcome", "Tokens", "Cost", "Calls of Bash"} <= rows
    assert "Not everything was captured (2 gaps in run A), so steps may be missing on that side." in page


def test_a_run_beside_itself_takes_the_same_steps(pages_of: dict[str, Run]) -> None:
    page = html.comparison(pages_of[OTHER], pages_of[OTHER])
    assert "They take the same 6 steps" in page


def test_texts_that_were_not_kept_are_not_compared(pages_of: dict[str, Run]) -> None:
    page = html.comparison(pages_of[OTHER], pages_of[HIDDEN])
    assert "Texts of run B were not kept" in page
    assert "0123456789abcdef" not in page


def test_two_runs_are_not_compared_in_markdown(runs: Snapshot) -> None:
    with pytest.raises(ConfigurationError, match="in HTML only"):
        run_page.render(runs, FULL, compare=OTHER, form="md")
