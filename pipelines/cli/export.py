"""``taskhouse export``: the views as Parquet, for other tools."""

from pathlib import Path
from typing import Annotated

import typer

from taskhouse.pipelines.cli.arguments import InLake
from taskhouse.pipelines.cli.exits import guarded, say
from taskhouse.plural import counted


@guarded
def export(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder to write; an earlier export there is updated.")],
    *,
    lake: InLake = False,
) -> None:
    """Write every view as Parquet, split by project, from one consistent snapshot.

    If the folder has an earlier export, only files that changed are written. The others keep their time, so `rsync` and
    other copies transfer only what is new. Read the files with DuckDB, pandas, Spark or a BI tool. `manifest.json`
    lists the row count and SHA-256 of every file, and `views.sql` recreates the views. Only you can read the files,
    because they contain what people and agents wrote; use `chmod` to share them.
    """
    import taskhouse
    from taskhouse.export import export as write
    from taskhouse.home import writing
    from taskhouse.settings import load

    with taskhouse.open(load(), lake=lake) as snapshot, writing(folder, "folder"):
        done = write(folder, snapshot)
    kept, gone = len(done.files) - len(done.written), len(done.removed)
    counts = [counted(len(done.written), "file")]
    counts += [f"{count:,} {what}" for count, what in ((kept, "unchanged"), (gone, "removed")) if count]
    say(f"Written: {done.folder} ({', '.join(counts)}, {counted(sum(done.rows.values()), 'row')} in all)")
