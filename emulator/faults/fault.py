"""One fault: which requests it hits, how often, and its parameters."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Final

from starlette.types import Receive, Scope, Send

from taskhouse.emulator.clock import Clock

App = Callable[[Scope, Receive, Send], Awaitable[None]]

_OWN: Final = frozenset({"kind", "endpoint", "path", "times", "after", "rate"})


class FaultError(ValueError):
    """A fault that cannot be understood."""


@dataclass(slots=True)
class Fault:
    """A fault as it was asked for.

    ``endpoint`` is a name or a pattern (``tasks.*``), ``path`` a regular expression searched in the URL's path; both
    must match. The first ``after`` matching requests pass, of the next each is hit with the chance ``rate``, ``times``
    of them in all (None: until cleared). Its chance is its own, seeded by its parameters (``seed`` among them).
    """

    kind: str
    endpoint: str | None = None
    path: re.Pattern[str] | None = None
    times: int | None = None
    after: int = 0
    rate: float = 1.0
    parameters: dict[str, Any] = field(default_factory=dict)
    seen: int = 0
    hits: int = 0
    rng: random.Random = field(default_factory=random.Random)
    clock: Clock = field(default_factory=Clock)

    @classmethod
    def read(cls, given: Any, kinds: Any, clock: Clock) -> Fault:
        """Read the JSON form.

        Raises:
            FaultError: An unknown kind, or a value of the wrong kind.
        """
        if not isinstance(given, dict) or given.get("kind") not in kinds:
            known = ", ".join(sorted(kinds))
            raise FaultError(f"a fault is an object with a kind, one of: {known}")
        times, after = given.get("times"), given.get("after", 0)
        rate = given.get("rate", 1.0)
        if not (times is None or (isinstance(times, int) and times > 0)) or not isinstance(after, int):
            raise FaultError("times is a positive integer or null, after an integer")
        if not isinstance(rate, int | float) or not 0 <= rate <= 1:
            raise FaultError("rate is a number from 0 to 1")
        try:
            path = re.compile(given["path"]) if given.get("path") else None
        except (re.error, TypeError) as error:
            raise FaultError(f"path is not a regular expression: {error}") from None
        rest = {name: value for name, value in given.items() if name not in _OWN}
        rng = random.Random(json.dumps(given, sort_keys=True))
        return cls(given["kind"], given.get("endpoint"), path, times, after, float(rate), rest, rng=rng, clock=clock)

    def shown(self) -> dict[str, Any]:
        """The JSON form, with what is left of it."""
        return {
            "kind": self.kind,
            "endpoint": self.endpoint,
            "path": self.path.pattern if self.path else None,
            "times": self.times,
            "after": self.after,
            "rate": self.rate,
            **self.parameters,
            "seen": self.seen,
            "hits": self.hits,
        }

    def spent(self) -> bool:
        """Whether all its hits are used up."""
        return self.times is not None and self.hits >= self.times

    def matches(self, endpoint: str, path: str) -> bool:
        """Whether a request is among those it may hit."""
        if self.endpoint is not None and not fnmatchcase(endpoint, self.endpoint):
            return False
        return self.path is None or self.path.search(path) is not None

    def hit(self) -> bool:
        """Count one matching request; whether this one is hit."""
        self.seen += 1
        if self.seen <= self.after or self.spent() or (self.rate < 1 and self.rng.random() >= self.rate):
            return False
        self.hits += 1
        return True

    def get(self, name: str, default: Any) -> Any:
        """A parameter."""
        return self.parameters.get(name, default)

    def number(self, name: str, default: int) -> int:
        """A parameter that is a whole number, or ``[lowest, highest]`` to draw one from."""
        given = self.get(name, default)
        return self.rng.randint(*map(int, given)) if isinstance(given, list) else int(given)
