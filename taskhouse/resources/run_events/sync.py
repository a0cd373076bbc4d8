"""Run events: the live layer and the log layer of every active run, through the spool into the warehouse."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from taskhouse.capture import open_runs, tail
from taskhouse.capture.capture_schedule import plan_capture
from taskhouse.capture.session import capturing
from taskhouse.capture.streams import Ended
from taskhouse.passes import refusals
from taskhouse.passes.lifecycle import Context, PassReport, running
from taskhouse.passes.sync_pass import Pass, Proof
from taskhouse.plural import counted, plural
from taskhouse.resources.runs.sync import left_out

RESOURCE = "run_events"


def looked_at(the_pass: Pass, rested: Mapping[str, datetime | None], endings: Mapping[str, Ended]) -> Proof:
    """What a verdict is based on: the oldest reading of the stream of a run at rest.

    Args:
        the_pass: The pass; it gets a doubt if such a stream was never read.
        rested: The runs at rest, with their last reading before this pass.
        endings: How the streams that this pass read ended.
    """
    looks = {run_id: endings[run_id].at if run_id in endings else at for run_id, at in rested.items()}
    if never := sum(at is None for at in looks.values()):
        left = counted(never, "stream of a run at rest was", "streams of runs at rest were")
        the_pass.doubt("unfinished", f"{left} not read yet; run it again")
    return Proof("listed", min([the_pass.started_at, *filter(None, looks.values())]))


async def sync(context: Context) -> PassReport:
    """One pass over the runs of a project, for at most ``capture_seconds`` where runs are live.

    If a run is still live when the time is over, the next pass resumes it after the last stored event. Every other run
    is read to its end in both layers. While ``taskhouse tail`` follows the project's streams, only logs are read here.

    Raises:
        TaskhouseError: The server refuses the key, or the warehouse failed; captured events stay in the spool.
    """
    async with running(context, RESOURCE) as the_pass:
        async with capturing(the_pass) as capture:
            await capture.loader.load()
            settings = context.settings
            now, days = context.now(), settings.first_load_days
            known = context.read(open_runs.ask, context.project_id, now, days=days)
            found = plan_capture(
                known.rows,
                now,
                parents=known.parents,
                most=settings.first_load_tasks,
                days=days,
                final=timedelta(seconds=settings.log_final_s),
                passed_over=known.passed_over,
            )
            capture.lost("live", found.lost_streams)
            capture.lost("log", found.lost_logs)
            for run in found.logs:
                capture.drain(run)
            capture.begin(found.first)
            followed = tail.follower(context)
            streams, looks = ((), ()) if followed else (found.streams, found.looks)
            waiting = await capture.follow_all(streams, looks, settings.capture_seconds)
            live = len(capture.live)
            await capture.close()
        await refusals.tell(the_pass, ("run_stream", "run_log"), "run")
        begun = len(found.first) - len(capture.waiting)
        the_pass.stats.server_count = the_pass.stats.server_count_end = len(found.streams) + len(found.logs) + begun
        read = f"{capture.read_to_their_end}, {live} not yet"
        if found.failing and not followed:
            failing = counted(found.failing, "stream")
            them = plural(found.failing, "it", "them")
            the_pass.doubt("no_answer", f"{failing} failed repeatedly; a later pass tries {them} again")
        proof = looked_at(the_pass, found.rested, capture.endings)
        if waiting:
            waits = counted(waiting, "stream was not opened", "streams were not opened")
            full = f"because {settings.max_streams:,} are open already; raise TASKHOUSE_MAX_STREAMS"
            the_pass.doubt("unfinished", f"{waits}, {full}")
        if left := found.left + len(capture.waiting):
            logs = f"the logs of {counted(left, 'run')}"
            the_pass.doubt("unfinished", f"first load: {logs} are still to be read; run it again")
        the_pass.complete(
            f"{followed or read}; "
            f"{counted(len(found.logs) + begun, 'run was read from its log', 'runs were read from their log')}, "
            f"{counted(found.resting, 'log was', 'logs were')} not due"
            + left_out(found.passed_over, "log of a run", "logs of runs", days),
            proof,
        )
    return the_pass.report()
