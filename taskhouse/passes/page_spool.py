"""Pages that were read and are not committed yet, on disk, so that commits can be large and a kill costs few requests.

Most of what a commit costs is the same however much it brings. So a long walk commits many pages at once. Until then,
each page is a line of a file below ``<home>/pages``: what it brings to the warehouse, with the bookmark behind it and
the figures of the pass, but nothing that must not be kept. A pass that resumes commits these lines first.

A line begins with the CRC-32 of the rest. What cannot be read, or was written by another version or under another
setting, counts as not there: its pages are requested again. So nothing is synchronized to the disk either.
"""

import shutil
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from taskhouse.atomic import naming
from taskhouse.passes.context import Context
from taskhouse.posthog import plainjson
from taskhouse.posthog.redact import redact_event
from taskhouse.resources.registry import TABLES
from taskhouse.warehouse import migrate
from taskhouse.warehouse.commit import WriteBatch

_TABLES = {table.name: table for table in TABLES}
_BY_TABLE = ("rows", "seen")
_LISTS = ("pages", "quarantine", "good", "drift", "cursors")
_CRC = 9


class Comparison(NamedTuple):
    """What a commit compares with the warehouse (``Pass.complete_in``), as a line can hold it.

    Attributes:
        complete: What compares.
        thing: The type of what it gets, a named tuple of values that JSON can hold.
    """

    complete: Callable[..., None]
    thing: Callable[..., Any]

    def things(self, plain: Iterable[Iterable[Any]]) -> list[Any]:
        """What it gets, from the tuples that a batch or the lists that a line holds."""
        return [self.thing(*one) for one in plain]


Kinds = Mapping[str, Comparison]
"""By a name of its own, everything of a walk that a commit may compare."""


class SpooledPages(NamedTuple):
    """Pages that came together and are not committed: what they bring, and the figures of the pass behind them."""

    batch: WriteBatch
    figures: dict[str, object]


class PageSpool:
    """The pages of one resource of a project; only its pass uses them."""

    def __init__(self, context: Context, resource: str, kinds: Kinds) -> None:
        self.resource = resource
        self._folder = context.settings.home / "pages" / f"{resource}-{context.project_id}"
        self._kinds = kinds
        self._made = [version("taskhouse"), len(migrate.MIGRATIONS), context.settings.capture_text]
        self._number = 0

    def keep(self, pass_id: str, page: SpooledPages) -> bool:
        """Write a page; False if it cannot be kept outside of the warehouse, and has to be committed at once.

        Raises:
            OSError: There is no room.
        """
        if not all(map(plainjson.is_plain, self._things(page.batch).values())):
            return False
        try:
            text = orjson.dumps([self._made, pass_id, self._plain(page.batch), page.figures])
        except TypeError:  # a lone surrogate, or a number of more than 64 bits
            return False
        if redact_event(text)[1]:
            return False
        with naming(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)
            with self._path().open("ab") as file:
                file.write(b"%08x %b\n" % (zlib.crc32(text), text))
        return True

    def any(self) -> bool:
        """Whether there are pages."""
        return self._folder.exists()

    def next_commit(self) -> None:
        """The pages until now are being committed, and all that were committed before are in the warehouse."""
        for path in self._folder.glob("*"):
            if path != self._path():
                path.unlink(missing_ok=True)
        self._number += 1

    def clear(self) -> None:
        """Forget all pages: they are in the warehouse, or are not wanted."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def read(self, pass_id: str, committed: int) -> Iterator[SpooledPages]:
        """The pages of a pass after the last one that it committed, in their order."""
        following = False
        for line in self._lines():
            made, of, brings, figures = orjson.loads(line)
            if (made, of) != (self._made, pass_id):
                return
            held = SpooledPages(self._batch(brings), figures)
            if numbers := [page["page"] for page in held.batch.pages]:
                following = numbers[0] == committed + 1
                committed = numbers[-1] if following else committed
            if following:  # of a refusal, which has no page, that is so if it is so of the page before
                yield held

    def _lines(self) -> Iterator[bytes]:
        """Every whole line up to the first that is damaged."""
        for path in sorted(self._folder.glob("*")):
            for line in path.read_bytes().splitlines():
                if line[:_CRC] != b"%08x " % zlib.crc32(line[_CRC:]):
                    return
                yield line[_CRC:]

    def _path(self) -> Path:
        return self._folder / f"{self._number:08}"

    def _plain(self, batch: WriteBatch) -> dict[str, Any]:
        """A batch of a walk as JSON can hold it."""
        return {
            **{name: {table.name: rows for table, rows in getattr(batch, name).items()} for name in _BY_TABLE},
            **{name: getattr(batch, name) for name in _LISTS},
            "completing": self._things(batch),
        }

    def _things(self, batch: WriteBatch) -> dict[str, list[Any]]:
        names = {kind: name for name, kind in self._kinds.items()}
        return {names[kind]: things for kind, things in batch.completing.items()}

    def _batch(self, plain: Mapping[str, Any]) -> WriteBatch:
        batch = WriteBatch(**{name: plain[name] for name in _LISTS})
        for name in _BY_TABLE:
            getattr(batch, name).update({_TABLES[table]: rows for table, rows in plain[name].items()})
        for name, things in plain["completing"].items():
            batch.completing[self._kinds[name]] = [tuple(one) for one in things]
        return batch
