"""What the SQL texts look at: every JSON path that they read, and every word that they compare with."""

import functools
import re
from collections.abc import Iterator
from pathlib import Path

import taskhouse
from taskhouse import assets, pipelines

Step = str | int | None
"""A key, a place in an array, or None for every place."""

_PATH = re.compile(r"'(\$(?:\.[A-Za-z_]\w*|\[\*\]|\[\d+\])*)'")
_STEP = re.compile(r"\.(\w+)|\[(\*|\d+)\]")
_WORD = re.compile(r"'([A-Za-z_][\w/]{2,40})'")


def texts() -> Iterator[str]:
    """Every SQL text of the project."""
    for package in (taskhouse, assets, pipelines):
        for path in sorted(Path(next(iter(package.__path__))).rglob("*.sql")):
            yield path.read_text(encoding="utf-8")


@functools.cache
def paths() -> tuple[tuple[Step, ...], ...]:
    """Every JSON path that some SQL reads, as steps."""
    found = {path for text in texts() for path in _PATH.findall(text)}
    return tuple(sorted(map(_steps, found), key=repr))


@functools.cache
def words() -> tuple[str, ...]:
    """Every text that some SQL compares with: kinds, methods, states, layers."""
    return tuple(sorted({word for text in texts() for word in _WORD.findall(text)}))


def _steps(path: str) -> tuple[Step, ...]:
    return tuple(key or (None if place == "*" else int(place)) for key, place in _STEP.findall(path))
