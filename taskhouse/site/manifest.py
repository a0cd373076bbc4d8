"""What a folder holds of a site, in ``site.json``: each page with fingerprints of what it was made from and its text.

The file is there before the first page, with the names of all that are to come: a writing that was stopped goes on, and
what it left can be removed.
"""

import contextlib
import hashlib
import importlib.resources
import json
import stat
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from taskhouse.atomic import update, write
from taskhouse.errors import ConfigurationError, Locked

NAME = "site.json"
LOCK = ".site.lock"
OURS = ".site."
"""How the names begin of what a writing has in the folder before there is a ``site.json``."""

SAVED = 100
"""After how many new pages they are noted: the most that are made again if the process is killed."""

PAGE, BADGE = ".html", ".svg"

MADE_BY = "taskhouse site"
PAGES = ("report", "run_page", "pages", "site")
"""The packages that decide how a page looks."""


class Manifest:
    """The pages of a folder: writes those that changed, and removes those that are no longer part of the site.

    Attributes:
        written: How many pages were written.
        kept: How many pages stayed as they were.
    """

    def __init__(self, folder: Path, home: str = "") -> None:
        """Open a folder that holds a site, or nothing; ``home`` is the id of the home that the site shows.

        Raises:
            ConfigurationError: The folder holds something else or the site of another home, or its ``site.json`` is
                damaged.
        """
        self.folder, self._home = folder, home
        self._before = _read(folder, home)
        self._now: dict[str, str] = {}
        self.written = self.kept = 0

    @contextlib.contextmanager
    def alone(self, pages: Iterable[str]) -> Iterator[None]:
        """Write in the folder, which is made if it is not there, while nobody else does.

        Args:
            pages: The pages and badges that the site will have.

        Raises:
            ConfigurationError: As for the manifest.
            Locked: Another process is writing there.
        """
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            with FileLock(self.folder / LOCK, thread_local=False).acquire(timeout=0):
                self._before = dict.fromkeys(pages, "") | _read(self.folder, self._home)
                self._save(self._before)
                yield
        except Timeout:
            raise Locked(f"Another process is writing {self.folder}.", hint="Wait for it to finish.") from None

    def fresh(self, path: str, *basis: object) -> bool:
        """Whether a page is there as it was written, and was made from the same; if so, it stays."""
        mark, file = self._before.get(path, ""), self.folder / path
        if not mark.startswith(f"{fingerprint(*basis)}.") or not file.is_file():
            return False
        if mark != _mark(file.read_bytes(), *basis):
            return False
        self._now[path] = mark
        self.kept += 1
        return True

    def put(self, path: str, text: str, *basis: object) -> None:
        """Write a page or a badge; a file that has this text already is not touched."""
        target = self.folder / path
        self._now[path] = _mark(text.encode(), *basis)
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        is_new, is_page = update(target, text), path.endswith(PAGE)
        self.written += is_page and is_new
        self.kept += is_page and not is_new
        if is_page and is_new and self.written % SAVED == 0:
            self._save(self._before | self._now)

    def close(self) -> int:
        """Remove what is no longer part of the site, and write the manifest; returns how many pages are gone."""
        gone = [file for path in self._before if path not in self._now and (file := self.folder / path).exists()]
        for file in gone:
            file.unlink(missing_ok=True)
        self._save(self._now)
        self._share()
        return sum(file.suffix == PAGE for file in gone)

    def _save(self, pages: dict[str, str]) -> None:
        text = json.dumps({"made_by": MADE_BY, "home": self._home, "pages": dict(sorted(pages.items()))}, indent=1)
        write(self.folder / NAME, text)

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


def _mark(data: bytes, *basis: object) -> str:
    """What is noted of a page: what it was made from, and its text."""
    return f"{fingerprint(*basis)}.{hashlib.sha256(data).hexdigest()[:24]}"


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


def _read(folder: Path, home: str) -> dict[str, str]:
    if not folder.exists():
        return {}
    try:
        held: Any = json.loads((folder / NAME).read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        if folder.is_dir() and all(path.name.startswith(OURS) for path in folder.iterdir()):
            return {}
        held = {}
    except ValueError:
        held = None
    if isinstance(held, dict) and held.get("made_by") != MADE_BY:
        raise ConfigurationError(
            f"{folder} already exists and is not a site.", hint="Name an empty folder, or one that does not exist yet."
        )
    if isinstance(held, dict) and held.get("home", home) != home:
        raise ConfigurationError(
            f"{folder} holds the site of another home.", hint="Give each home a folder of its own for its site."
        )
    pages = held.get("pages") if isinstance(held, dict) else None
    if not isinstance(pages, dict):
        raise ConfigurationError(
            f"{folder / NAME} is damaged.",
            hint="Remove the folder if it holds nothing but the site, and run the command again: it makes every page.",
        )
    # Only paths inside the folder: a person who can write the file must not be able to have others removed.
    return {
        path: str(mark)
        for path, mark in pages.items()
        if path.endswith((PAGE, BADGE)) and not path.startswith("/") and ".." not in path.split("/")
    }
