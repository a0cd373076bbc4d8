"""What a folder holds of a site: each page with a fingerprint of what it was made from, in ``site.json``."""

import hashlib
import importlib.resources
import json
import stat
from collections.abc import Iterator
from functools import cache
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from taskhouse.atomic import appearing
from taskhouse.errors import ConfigurationError

NAME = "site.json"
MADE_BY = "taskhouse site"
PAGES = ("report", "run_page", "pages", "site")
"""The packages that decide how a page looks."""


class Manifest:
    """The pages of a folder: writes those that changed, and removes those that are no longer part of the site.

    Attributes:
        written: How many pages were written.
        kept: How many pages stayed as they were.
    """

    def __init__(self, folder: Path) -> None:
        """Open a folder that holds a site, or nothing.

        Raises:
            ConfigurationError: The folder holds something else.
        """
        self.folder = folder
        self._before = _read(folder)
        self._now: dict[str, str] = {}
        self.written = self.kept = 0

    def fresh(self, path: str, *basis: object) -> bool:
        """Whether a page is there and was made from the same; if so, it stays."""
        mark = fingerprint(*basis)
        if self._before.get(path) != mark or not (self.folder / path).is_file():
            return False
        self._now[path] = mark
        self.kept += 1
        return True

    def put(self, path: str, text: str, *basis: object) -> None:
        """Write a page. A file that has this text already is not touched, so that copying the site copies no more."""
        target, data = self.folder / path, text.encode()
        if target.is_file() and target.read_bytes() == data:
            self.kept += 1
        else:
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with appearing(target) as draft:
                draft.write_bytes(data)
            self.written += 1
        self._now[path] = fingerprint(*basis)

    def close(self) -> int:
        """Remove the pages that are no longer part of the site, and write the manifest; returns how many are gone."""
        gone = [path for path in self._before if path not in self._now]
        for path in gone:
            (self.folder / path).unlink(missing_ok=True)
        text = json.dumps({"made_by": MADE_BY, "pages": dict(sorted(self._now.items()))}, indent=1)
        with appearing(self.folder / NAME) as draft:
            draft.write_text(text, encoding="utf-8")
        self._share()
        return len(gone)

    def _share(self) -> None:
        """Who may read the folder may read the pages in it, and nobody else."""
        shared = self.folder.stat().st_mode
        files = {self.folder / path for path in self._now}
        folders = {folder for file in files for folder in file.parents if self.folder in folder.parents}
        for paths, mode in ((files, 0o600 | (shared & 0o044)), (folders, 0o700 | (shared & 0o055))):
            for path in paths:
                if stat.S_IMODE(path.stat().st_mode) != mode:
                    path.chmod(mode)


def fingerprint(*basis: object) -> str:
    """What a page was made from, and by which version of the code, in 24 hexadecimal digits."""
    return hashlib.sha256(repr((_code(), *basis)).encode()).hexdigest()[:24]


@cache
def _code() -> str:
    made = hashlib.sha256()
    for name in PAGES:
        for text in _texts(importlib.resources.files(f"taskhouse.{name}")):
            made.update(text)
    return made.hexdigest()


def _texts(folder: Traversable) -> Iterator[bytes]:
    for each in sorted(folder.iterdir(), key=lambda one: one.name):
        if each.is_dir() and each.name != "__pycache__":
            yield from _texts(each)
        elif each.name.endswith((".py", ".html", ".css", ".sql")):
            yield each.read_bytes()


def _read(folder: Path) -> dict[str, str]:
    if not folder.exists():
        return {}
    try:
        held: Any = json.loads((folder / NAME).read_text("utf-8"))
    except FileNotFoundError:
        held = None
    except (OSError, ValueError):
        held = {}
    if held is None and folder.is_dir() and not any(folder.iterdir()):
        return {}
    if not isinstance(held, dict) or held.get("made_by") != MADE_BY:
        raise ConfigurationError(
            f"{folder} already exists and is not a site.", hint="Name an empty folder, or one that does not exist yet."
        )
    pages = held.get("pages")
    # Only paths inside the folder: whoever can write the file must not be able to have others removed.
    return {
        path: str(mark)
        for path, mark in (pages.items() if isinstance(pages, dict) else ())
        if path.endswith(".html") and not path.startswith("/") and ".." not in path.split("/")
    }
