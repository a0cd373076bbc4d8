"""The stored logs: each run's own entries, and the chain that a resumed run's log is read as."""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from taskhouse.emulator.redaction import redacted
from taskhouse.emulator.world.plans import log_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from taskhouse.emulator.clock import Clock
    from taskhouse.emulator.world.model import Run
    from taskhouse.emulator.world.world import World

LIFE: Final = timedelta(days=30)
"""How long the object store keeps a log after its last write."""
_KEPT: Final = 64


class Logs:
    """Reads logs lazily: those of the past are derived from the run's seed, those of live runs are kept."""

    def __init__(self, world: World, clock: Clock) -> None:
        self._world = world
        self._clock = clock
        self._derived: OrderedDict[tuple[str, int], list[str]] = OrderedDict()
        self.witness: Callable[[Run, str], None] = lambda _, __: None
        self._digests: dict[str, tuple[int, int, str]] = {}

    def expired(self, run: Run) -> bool:
        """Whether the run's log is gone, or never was."""
        return self._expired(run, self._clock.now())

    @staticmethod
    def _expired(run: Run, now: datetime) -> bool:
        return run.log_written_at is None or now - run.log_written_at >= LIFE

    def own(self, run: Run) -> list[str]:
        """The run's own entries, as the texts that are stored; empty once expired."""
        return [] if self.expired(run) else self._stored(run)

    def _stored(self, run: Run) -> list[str]:
        if run.own_log is not None:
            return run.own_log
        key = (run.id, run.incarnation)
        found = self._derived.get(key)
        if found is None:
            found = self._derived[key] = log_of(run, self._world.settings)
            if len(self._derived) > _KEPT:
                self._derived.popitem(last=False)
        else:
            self._derived.move_to_end(key)
        return found

    def chain(self, run: Run) -> list[str]:
        """The lines of the run's ancestors, oldest first, then its own."""
        chain = self._world.chain(run)
        return self.own(run) if len(chain) == 1 else [text for part in chain for text in self.own(part)]

    def entries(self, run: Run) -> list[str]:
        """The run's own lines that can be read as entries."""
        return self._readable(run, self.own(run))

    @staticmethod
    def _readable(run: Run, own: list[str]) -> list[str]:
        return [text for at, text in enumerate(own) if at not in run.unreadable] if run.unreadable and own else own

    def entry_chain(self, run: Run) -> list[str]:
        """The entries of the ancestors (on servers that look at them), oldest first, then the run's own."""
        chain = self._world.chain(run) if self._world.settings.log_chains else [run]
        return self.entries(run) if len(chain) == 1 else [text for part in chain for text in self.entries(part)]

    def keep(self, run: Run) -> list[str]:
        """Make the run's log one that can be appended to."""
        if run.own_log is None or self.expired(run):
            run.own_log = list(self.own(run))
            run.unreadable.clear()
        return run.own_log

    def append(self, run: Run, text: str) -> None:
        """Store one more entry now."""
        self.keep(run).append(text)
        self.witness(run, text)
        run.log_written_at = self._clock.now()

    def write(self, run: Run, text: str) -> None:
        """Store one more line of any kind now; one that is no JSON object is skipped by readers of entries."""
        self.append(run, text)
        if not _is_entry(text):
            run.unreadable.add(len(self.keep(run)) - 1)

    def digest(self, run: Run, *, since: datetime | None = None) -> tuple[int, str]:
        """Count and SHA-256 of the run's own redacted entries, each followed by a newline.

        An expired log has none; with ``since``, one that expired after this moment is as it was.
        """
        if self._expired(run, since or self._clock.now()):
            return 0, hashlib.sha256().hexdigest()
        known = self._digests.get(run.id)
        length = -1 if run.own_log is None else len(run.own_log)
        if known is None or known[0] != length:
            entries = self._readable(run, self._stored(run))
            text = "".join(f"{redacted(entry)}\n" for entry in entries)
            known = (length, len(entries), hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest())
            self._digests[run.id] = known
        return known[1], known[2]


def _is_entry(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False
