"""``taskhouse lake``: publish this shard to the lake, and look after the lake."""

from typing import TYPE_CHECKING, Annotated

import typer

from taskhouse.pipelines.cli.exits import Exit, code_of, complain, guarded, say
from taskhouse.plural import counted

if TYPE_CHECKING:
    from taskhouse.lake.results import Kept

lake = typer.Typer(
    no_args_is_help=True,
    help="Publish this home as a shard of a lake that everyone reads, and look after the lake. See docs/lake.md.",
)


@lake.command()
@guarded
def publish(
    *,
    every: Annotated[
        float | None,
        typer.Option(
            min=1, metavar="SECONDS", help="Publish repeatedly, with this many seconds between, until stopped."
        ),
    ] = None,
) -> None:
    """Publish what is new in the published copy of this home to the lake, exactly once.

    TASKHOUSE_SHARD names this home in the lake, and only one process publishes a shard. You can stop or kill it at any
    time: what it publishes is committed in one transaction or not at all. With --every it waits while another process
    has the shard, goes on when the catalogue does not answer for a while, and starts again if DuckDB ends it.
    """
    from taskhouse.home import ready
    from taskhouse.lake import service
    from taskhouse.settings import load

    settings = load()
    shard = service.shard_of(settings)
    ready(settings)
    if every is None:
        done = service.publish_once(settings)
        news = [counted(done.rows, "row")] + [counted(done.gone, "tombstone")] * bool(done.gone)
        say(f"Shard {shard} is published up to commit {done.generation}: {', '.join(news)} in {done.seconds:.1f} s.")
        return
    say(f"Publishing shard {shard} every {every:g} s. Press Ctrl-C to stop.")
    raise typer.Exit(service.publish_for_ever(settings, every, say, _complain))


@lake.command()
@guarded
def verify() -> None:
    """Compare the lake with this shard, row for row.

    It compares all rows that the lake has of this shard with the published copy of the same commit. Exit code 0: they
    are the same; 1: they differ, or files of the lake cannot be read, which are all listed; 3: this home has no copy of
    that commit any more, so publish first.
    """
    from taskhouse.lake.verify import verify as compare
    from taskhouse.pipelines.cli import screen
    from taskhouse.settings import load

    generation, found = compare(load())
    wrong = [one for one in found if one.differs]
    for path, one in {each.path: each for table in wrong for each in table.damaged}.items():
        say(f"{one.table}: cannot read {path}: {one.problem}", style="red")
    for table in wrong:
        if not table.damaged:
            say(f"{table.table}: {counted(table.lacks, 'row')} missing, {table.extra:,} too many", style="red")
    if wrong:
        say("Hint:  `taskhouse lake rebuild` publishes this shard anew.")
        raise typer.Exit(Exit.FAILED)
    screen.notes().print(
        f"The lake has all of commit {generation}: {counted(sum(one.rows for one in found), 'row')}"
        f" in {counted(len(found), 'table')}."
    )


@lake.command()
@guarded
def rebuild() -> None:
    """Delete what the lake has of this shard, and publish the newest copy anew.

    It is one transaction, so readers see the shard as it was until the new rows are there. Use it after a restore of an
    older backup, or if `taskhouse lake verify` finds a difference or a file that it cannot read. Such files are no
    longer part of the lake afterwards; other shards that had rows in them publish these again by themselves. Publishers
    of other shards wait meanwhile. The files with the old rows are removed by `taskhouse lake rewrite`.
    """
    from taskhouse.home import ready
    from taskhouse.lake import upkeep
    from taskhouse.settings import load

    settings = load()
    ready(settings)
    done = upkeep.rebuild(settings)
    for one in done.damaged:
        say(f"{one.path} cannot be read, and is no longer part of the lake.")
    if done.others:
        say(f"It may have had rows of {', '.join(done.others)}, which publish them again with their next copy.")
    tick = done.tick
    say(f"Shard {settings.shard} is published anew up to commit {tick.generation}: {counted(tick.rows, 'row')}.")


@lake.command()
@guarded
def compact() -> None:
    """Merge the small files of the lake, and remove what is older than an hour and not needed any more.

    A publication that was killed may leave files that the lake does not know: they are removed after a day.

    Each publication writes small files, and many of them make reading slow: run this once an hour, on one machine.
    Publishers wait only for a moment, and readers do not notice.
    """
    from taskhouse.lake import upkeep
    from taskhouse.settings import load

    done = upkeep.compact(load())
    say(f"{_files(done)}, with {counted(done.moved, 'row')} that the catalogue held; {_removed(done)}.")


@lake.command()
@guarded
def rewrite(
    *,
    erase: Annotated[
        str | None, typer.Option(metavar="ID", help="Also delete everything of this run or task from every file.")
    ] = None,
) -> None:
    """Delete rows that newer ones replaced from the files of the lake, and with --erase a run or a task.

    Publishers wait meanwhile. All older snapshots and their files are removed at once, so a reader that has the lake
    open may fail, and has to open it again. What was erased stays out of the lake: no publication and no rebuild brings
    it back, even if the warehouse of its shard still has it.
    """
    from taskhouse.lake import storage, upkeep
    from taskhouse.settings import load

    settings = load()
    done = upkeep.rewrite(settings, erase)
    say(f"{counted(done.rows, 'row')} deleted; {_files(done)}; {_removed(done)}.")
    if erase and (remains := storage.remains(settings.lake_data)):
        say(remains)


@lake.command()
@guarded
def drop(shard: Annotated[str, typer.Argument(metavar="SHARD", help="The name of the shard.")]) -> None:
    """Delete all that the lake has of a shard that is no longer needed.

    Its projects are free for another shard then. Stop its publisher first: a shard that publishes again comes back with
    all its rows. Their files go with the next `taskhouse lake rewrite`.
    """
    from taskhouse.lake import upkeep
    from taskhouse.settings import load

    say(f"Shard {shard} is dropped: {counted(upkeep.drop(load(), shard), 'row')} deleted.")


def _files(done: "Kept") -> str:
    before, after = done.before, done.after
    sizes = [f"{one.size / 1e6:,.1f} MB" for one in (before, after)]
    return f"{counted(after.count, 'file')} of {sizes[1]}, where {before.count:,} of {sizes[0]} were before"


def _removed(done: "Kept") -> str:
    return f"{counted(done.removed, 'file')} removed from the disk"


def _complain(problem: Exception) -> int:
    complain(problem)
    return code_of(problem)
