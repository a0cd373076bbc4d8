"""What a benchmark is made of: a case, the contenders in it, and the sizes it is run at."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Size = Mapping[str, int]
"""How large a case is: names and numbers, such as ``{"runs": 100, "events": 1000}``."""

Figures = dict[str, Any]
"""The figures of one run of a contender."""


@dataclass(frozen=True)
class Contender:
    """One way to do the work of a case, in a process of its own.

    Attributes:
        name: What people see.
        module: The module that does it, below ``benchmarks.contenders``.
        promises: What it guarantees and what it does not.
        arguments: What the module is given beside the address and its folders.
        environment: Where it runs: ``taskhouse``, or the name of a lock in ``benchmarks/environments``.
        slow: Whether one run of it, after one to warm up, is enough in `make bench`.
        apart: Whether it is run once, without warming up and without being compared: a profile.
    """

    name: str
    module: str
    promises: str
    arguments: tuple[str, ...] = ()
    environment: str = "taskhouse"
    slow: bool = False
    apart: bool = False


@dataclass(frozen=True)
class Case:
    """A question to the machine, with the same work for every contender.

    Attributes:
        name: A word, to select it by.
        about: What is measured, in a sentence or two.
        contenders: The first one is what the others are compared with.
        quick: The sizes of `make bench`.
        full: The sizes of `make bench-full`.
        columns: The figures in the table, with their headings.
        per: The figure that divides processor time, with the heading of the quotient in microseconds.
        serve: Starts the server of this size in a process of its own, and gives its address.
        prepare: Gets the address and a folder that all contenders can read, and tells facts of the case: with ``rows``
            among them, each contender must end with that number.
        requests: How many requests the server has answered so far.
        before: Called with the address and ``prepare`` or ``measure`` before a contender does so.
        prepared: Whether contenders begin with a folder that they prepared once.
    """

    name: str
    about: str
    contenders: tuple[Contender, ...]
    quick: tuple[Size, ...]
    full: tuple[Size, ...]
    columns: Mapping[str, str]
    per: tuple[str, str] | None = None
    serve: Callable[[Size], AbstractContextManager[str]] | None = None
    prepare: Callable[[str, Path], Figures] = lambda *_: {}
    requests: Callable[[str], int] | None = None
    before: Callable[[str, str], None] = lambda *_: None
    prepared: bool = False


@dataclass
class CaseResults:
    """The results of one case at one size.

    Attributes:
        case: The case.
        size: Its size.
        facts: What the case says of itself.
        runs: The figures of each round, by contender; rounds of the same number were neighbours in time.
        failures: The last words of contenders that failed.
    """

    case: Case
    size: Size
    facts: Figures = field(default_factory=dict)
    runs: dict[str, list[Figures]] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
