"""A world that keeps to the facts of the API and to nothing else: what they leave open is drawn from a seed.

Each :data:`ASPECTS` is one thing that a client may have taken for granted. A world has all of them or some, so that a
failing one can be made smaller until only the aspect that matters is left.
"""

from __future__ import annotations

import itertools
import random
from typing import TYPE_CHECKING, Any, Final

from taskhouse.emulator import odd
from taskhouse.emulator.settings import EmulatorSettings, Surprise
from taskhouse.emulator.streams import StreamSettings
from taskhouse.emulator.versions import VERSIONS
from taskhouse.emulator.world.generate import Generator
from taskhouse.emulator.world.model import uuid_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from taskhouse.emulator.world.model import Run, Task

_TIES: Final = 3
"""One thing in this many is made at the very moment of the one before."""
_TEXT_KEPT: Final = 255
_STAGE_KEPT: Final = 100


def _version(rng: random.Random) -> dict[str, Any]:
    return dict(VERSIONS[rng.choice(tuple(VERSIONS))])


def _pages(rng: random.Random) -> dict[str, Any]:
    return {"page_most": rng.choice((100, 50, 17, 3)), "session_logs_bytes": rng.choice((0, 700, 3000, 2 << 20))}


def _windows(rng: random.Random) -> dict[str, Any]:
    return {"streams": {"max_entries": rng.choice((2000, 200, 60)), "rotation_s": rng.choice((900.0, 15.0))}}


def _modes(rng: random.Random) -> dict[str, Any]:
    return {name: rng.choice((0.0, 0.5, 1.0)) for name in ("thin_tail", "presence_gated", "proxy")} | {
        "resync": rng.random() < 0.5  # noqa: PLR2004
    }


def _queries(rng: random.Random) -> dict[str, Any]:
    known = ("ordering", "basic", "archived", "internal")
    return {"ignored_parameters": frozenset(name for name in known if rng.random() < 0.5)}  # noqa: PLR2004


def _activity(rng: random.Random) -> dict[str, Any]:
    names = ("activity_moves", "saves_move", "older_runs_move")
    return {name: rng.random() < 0.5 for name in names}  # noqa: PLR2004


_SHAPES: Final[dict[str, Callable[[random.Random], dict[str, Any]]]] = {
    "version": _version,
    "pages": _pages,
    "windows": _windows,
    "modes": _modes,
    "queries": _queries,
    "chains": lambda rng: {"log_chains": rng.random() < 0.5},  # noqa: PLR2004
    "activity": _activity,
    "late": lambda rng: {"late_state": rng.choice((0.0, 1.0))},
}
"""Aspects of the server, as settings that the seed draws; later ones have the last word."""

ASPECTS: Final = (*_SHAPES, "agents", "ids", "ties", "texts", "notation", "fields", "enums")
"""Everything that can be surprising; what is no setting is drawn where it is made."""


def surprising(seed: int, aspects: frozenset[str] | None = None, **given: Any) -> EmulatorSettings:
    """A server and a world by their seed; with all ``aspects``, or with those alone. ``given`` has the last word.

    Raises:
        ValueError: There is no such aspect.
    """
    wanted = frozenset(ASPECTS) if aspects is None else aspects
    if unknown := wanted - set(ASPECTS):
        raise ValueError(f"an aspect is one of: {', '.join(ASPECTS)}; not {', '.join(sorted(unknown))}")
    shaped: dict[str, Any] = {}
    streams: dict[str, Any] = {}
    for name, draw in _SHAPES.items():
        drawn = draw(random.Random(f"{name}-{seed}")) if name in wanted else {}
        other = drawn.pop("streams", {})
        streams |= (
            other
            if isinstance(other, dict)
            else {key: getattr(other, key) for key in StreamSettings.__slots__ if key != "__weakref__"}
        )
        shaped |= drawn
    size = random.Random(f"size-{seed}")
    for name, sizes in {"tasks": (0, 1, 4, 9), "repositories": (1, 3), "live_runs": (0, 2)}.items():
        shaped[name] = size.choice(sizes)
    shaped |= {"streams": StreamSettings(**streams), "seed": seed, "surprise": Surprise(seed, wanted)}
    return EmulatorSettings(**{**shaped, **given})


class Surprising(Generator):
    """Makes tasks and runs as :class:`Generator` does, and then changes what nobody promised."""

    def __init__(self, settings: EmulatorSettings, project_id: int, now: datetime) -> None:
        self._aspects = settings.surprise.aspects if settings.surprise else frozenset()
        self._odd = random.Random(f"odd-{project_id}-{settings.seed}")
        super().__init__(settings, project_id, now)
        if "texts" in self._aspects:
            self.repositories = [odd.repository(self._odd) for _ in self.repositories]

    def _has(self, aspect: str, one_in: int = 2) -> bool:
        return aspect in self._aspects and self._odd.randrange(one_in) == 0

    def uuid(self) -> str:
        """The next id: any that version 4 has, neighbours among them."""
        bits = self.rng.getrandbits(128)
        if "ids" in self._aspects and self._odd.randrange(2):
            bits = (bits & 0xFFFF) << self._odd.choice((0, 0, 108))
        return uuid_of(bits)

    def task(self, number: int, created_at: datetime, **given: Any) -> Task:
        """One task without runs."""
        made = super().task(number, created_at, **given)
        if self._has("texts") and "title" not in given:
            made.title = odd.stored(self._odd)[:_TEXT_KEPT]
        if self._has("enums") and "origin_product" not in given:
            made.origin_product = self._odd.choice(("an_origin_of_tomorrow", "automation", ""))
            made.runtime = self._odd.choice(("acp", "a_runtime_of_tomorrow"))
        return made

    def tasks(self) -> list[Task]:
        """The project's tasks with their runs; some were made at the same moment."""
        tasks = super().tasks()
        for before, task in itertools.pairwise(tasks):
            if self._has("ties", _TIES):
                task.created_at = before.created_at
        return tasks

    def run(self, task: Task, at: datetime) -> Run:
        """A new run of the task."""
        before = task.runs[-1] if task.runs else None
        made = super().run(task, at)
        draw = self._odd
        if before is not None and at <= self._now and self._has("ties", _TIES):
            made.created_at, made.started_at = before.created_at, at
        if self._has("enums"):
            made.runtime_adapter = draw.choice((None, "claude", "codex", "an_adapter_of_tomorrow", ""))
            made.provider, made.model = draw.choice(((None, None), ("somebody", "m-1"), ("openai", "")))
            made.reasoning_effort = draw.choice((None, "ultracode", "off"))
        if self._has("texts"):
            made.stage, made.branch = odd.stored(draw)[:_STAGE_KEPT], draw.choice((None, odd.stored(draw)))
        return made

    def end(self, run: Run, status: str, at: datetime) -> None:
        """Give a past run its end."""
        super().end(run, status, at)
        if self._has("texts"):
            run.error_message = odd.stored(self._odd) if status == "failed" else None
            run.output = odd.output(self._odd)
