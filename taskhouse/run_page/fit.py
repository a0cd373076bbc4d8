"""What of a run fits on its page: which steps, and how much of each text. Pure."""

from collections.abc import Sequence

from taskhouse.run_page.model import Fold, Step

BLOCK = 10
"""Steps that stay or go together, so that what stays can be read in its context."""


def thinned(steps: Sequence[Step], most: int) -> list[Step]:
    """About ``most`` of the steps, spread evenly; folds stand where steps are left out.

    Errors, questions, gaps, states, attempts and what users said stay, unless these alone are too many.
    """
    if len(steps) <= most:
        return list(steps)
    ordinary = [index for index, step in enumerate(steps) if not step.matters]
    if len(steps) - len(ordinary) > most // 2:
        ordinary = list(range(len(steps)))
    room = max(most - (len(steps) - len(ordinary)), BLOCK)
    blocks = -(-len(ordinary) // BLOCK)
    share = room / len(ordinary)
    gone = {
        index
        for place, index in enumerate(ordinary)
        if (block := place // BLOCK) not in {0, blocks - 1} and int((block + 1) * share) == int(block * share)
    }
    kept: list[Step] = []
    out: list[Step] = []
    for index, step in enumerate(steps):
        if index in gone:
            out += step.steps if isinstance(step, Fold) else [step]
            continue
        if out:
            kept.append(Fold(out[0].ordinal, out[0].at, out, left_out=True))
            out = []
        kept.append(step)
    return kept


def length(sizes: Sequence[int], room: int, most: int) -> int:
    """The length up to which each text is shown, so that all of them together take no more than the room."""
    left, texts = room, len(sizes)
    for size in sorted(sizes):
        if size * texts >= left:
            return max(min(left // texts, most), 1)
        left -= size
        texts -= 1
    return most
