"""Arguments that several commands have."""

from pathlib import Path
from typing import Annotated

import typer

InLake = Annotated[
    bool, typer.Option("--lake", help="Read the lake of TASKHOUSE_LAKE, with all shards, and not the published copy.")
]
"""Whether to read the lake."""


def named_path(text: str) -> Path:
    """A path from the command line. An empty one, for example from an unset variable, is refused."""
    if not text:
        raise typer.BadParameter("it is empty. Name a file or a folder, `.` for this one.")
    return Path(text)
