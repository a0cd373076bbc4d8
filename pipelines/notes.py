"""What ``taskhouse sync`` leaves for Dagster: notes about the passes that it made, the copy, and what failed.

To import Dagster and to write its records takes as long as all else that an idle sync does. So a sync leaves a note of
each asset, and Dagster's sensor ``synced`` reports it (:mod:`taskhouse.pipelines.reports`). A new note takes the place
of the one before that nobody has read, so notes take no more room where no Dagster runs.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from taskhouse.atomic import write
from taskhouse.errors import TaskhouseError
from taskhouse.passes.verdict import PassReport, reason_code

if TYPE_CHECKING:
    from taskhouse.settings import Settings

READ = ".read"
"""How the name of a note ends that is being reported."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an asset could not be made.

    Attributes:
        message: What is shown. Of an error that is not ours, only its type: its text may quote anything.
        error: The type of the error.
        hint: What to do; empty if nobody knows.
        code: The reason as a code, as the ledger has it.
    """

    message: str
    error: str
    hint: str = ""
    code: str = "failed"

    @classmethod
    def of(cls, problem: Exception) -> "Failure":
        """The failure that an error is."""
        kind = type(problem).__name__
        if not isinstance(problem, TaskhouseError):
            return cls(kind, kind)
        return cls(problem.message, kind, problem.hint, reason_code(problem))


@dataclass(frozen=True, slots=True)
class Note:
    """One asset that was made, or could not be made.

    Attributes:
        name: The resource, or the copy.
        project_id: The project; None for the copy.
        began: When it began.
        ended: When it ended.
        report: How the pass ended, if it did.
        failure: Why it did not.
        figures: What else is known of a copy.
    """

    name: str
    project_id: int | None
    began: datetime
    ended: datetime
    report: PassReport | None = None
    failure: Failure | None = None
    figures: dict[str, int | str] = field(default_factory=dict)


def leave(settings: "Settings", note: Note) -> None:
    """Write a note, in the place of the one before about the same."""
    kind = "failed" if note.failure else "made"
    of = "" if note.project_id is None else f"-{note.project_id}"
    write(_folder(settings) / f"{note.name}{of}.{kind}.json", json.dumps(asdict(note), default=str))


def waiting(settings: "Settings") -> bool:
    """Whether there are notes that nobody has read."""
    folder = _folder(settings)
    return any(map(Path.is_file, folder.glob("[!.]*")))


def read(settings: "Settings") -> Iterator[Note]:
    """The notes, oldest first; each is removed when the next one is asked for, and read again if that never happens."""
    from pydantic import TypeAdapter

    folder, form = _folder(settings), TypeAdapter(Note)
    for path in filter(Path.is_file, folder.glob("[!.]*.json")):
        path.replace(path.with_name(f"{path.name}{READ}"))
    found: list[tuple[Note, Path]] = []
    for path in filter(Path.is_file, folder.glob(f"[!.]*{READ}")):
        try:
            found.append((form.validate_json(path.read_bytes()), path))
        except ValueError:  # of another version
            path.unlink()
    for note, path in sorted(found, key=lambda each: each[0].ended):
        yield note
        path.unlink()


def _folder(settings: "Settings") -> Path:
    return settings.home / "dagster" / "synced"
