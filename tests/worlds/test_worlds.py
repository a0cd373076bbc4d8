"""Syncs against worlds that nobody designed: no verdict claims more than it proved.

The long form lives through a hundred syncs: `python -m pytest tests/worlds -m worlds`. A short share runs with
everything else.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.worlds.saga import Plan, Teller, draw

if TYPE_CHECKING:
    from pathlib import Path

SYNCS = int(os.environ.get("WORLD_SYNCS", "100"))
FIRST = int(os.environ.get("WORLD_SEED", "1000"))
SHORT = [
    Plan(1, syncs=2, tasks=4, troubles=0, kills=0.0, evening=3.0, heal=False, gaps=(2400.0,)),
    Plan(2, syncs=2, tasks=4, troubles=1, kills=0.0, evening=3.0, heal=False, gaps=(300.0,)),
]


@pytest.mark.parametrize("plan", SHORT, ids=lambda plan: f"seed-{plan.seed}")
def test_a_short_life_holds_no_false_claim(plan: Plan, tmp_path: Path) -> None:
    saga = Teller(plan, tmp_path).tell()
    assert len(saga.syncs) == plan.syncs
    assert not saga.violations, saga.report()


@pytest.mark.worlds
def test_a_hundred_syncs_hold_no_false_claim(tmp_path: Path) -> None:
    """World after world, until a hundred syncs were judged or killed."""
    syncs, bad, seed = 0, [], FIRST
    while syncs < SYNCS:
        folder = tmp_path / str(seed)
        folder.mkdir()
        saga = Teller(draw(seed), folder).tell()
        print(saga.report(), flush=True)  # noqa: T201
        syncs += len(saga.syncs)
        bad += [saga.report()] if saga.violations else []
        seed += 1
    assert not bad, "\n".join(bad)
