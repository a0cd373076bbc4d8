"""Reads the lake in every way while its catalogue does not answer: ``outage.py ADDRESS FOLDER RUN_ID``.

For each line that it gets, it tries the ways that the line names, with commas, and prints which error each of them
ended with, or ``read``.
"""

import sys
from collections.abc import Callable
from pathlib import Path

import taskhouse
from taskhouse import digest, report, run_page, site
from taskhouse.export import export
from taskhouse.reading import Snapshot
from taskhouse.warehouse.reading import streamed, to_parquet

RUNS = "FROM runs SELECT run_id, status ORDER BY ALL"


def by_row(lake: Snapshot) -> list[tuple[object, ...]]:
    """As `taskhouse query` reads."""
    with streamed(lake.reader, RUNS) as (_, rows):
        return list(rows)


def in_one_moment(lake: Snapshot) -> object:
    """Within a transaction."""
    with lake.reader.moment():
        return lake.records(RUNS)


def digested(lake: Snapshot) -> object:
    """As `taskhouse digest` reads."""
    with report.gathered(lake) as found:
        return digest.of(found, None)


def ways(folder: Path, run_id: str) -> dict[str, Callable[[Snapshot], object]]:
    """Every way to read."""
    return {
        "records": lambda lake: lake.records(RUNS),
        "frame": lambda lake: lake.frame("runs"),
        "query": by_row,
        "query to a file": lambda lake: to_parquet(lake.reader, RUNS, folder / "runs.parquet"),
        "moment": in_one_moment,
        "run": lambda lake: run_page.render(lake, run_id),
        "report": report.render,
        "digest": digested,
        "site": lambda lake: site.write(lake, folder / "site", weeks=1),
        "export": lambda lake: export(folder / "files", lake),
    }


def tried(way: Callable[[Snapshot], object], lake: Snapshot) -> str:
    """The error that it ended with, or that it read."""
    try:
        way(lake)
    except Exception as problem:  # noqa: BLE001 - which one it is is the question
        return f"{type(problem).__name__}: {problem}"
    return "read"


def say(line: str) -> None:
    """Say it at once."""
    sys.stdout.write(f"{' '.join(line.split())}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    address, into, run = sys.argv[1:]
    with taskhouse.open(lake=address) as opened:
        for line in sys.stdin:
            for name in filter(None, line.strip().split(",")):
                say(f"{name}: {tried(ways(Path(into), run)[name], opened)}")
            say("done")
