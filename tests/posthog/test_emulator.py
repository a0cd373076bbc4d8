"""The client against the emulator over real HTTP: what it holds in the end is what a perfect client would."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Any, TypeVar

import pytest

from taskhouse.emulator.serve import Emulator
from taskhouse.emulator.settings import EmulatorSettings
from taskhouse.emulator.streams import StreamSettings
from taskhouse.errors import AccessDenied, NotFound, Permanent
from taskhouse.posthog.api import TasksApi
from taskhouse.posthog.client import PostHog
from taskhouse.posthog.follow import Ending, StreamBatch, follow
from taskhouse.posthog.pages import Page, Row
from taskhouse.posthog.paging import PageWalk, WalkResult, pages
from taskhouse.posthog.redact import redact_event
from taskhouse.posthog.sse import Frame
from taskhouse.settings import Settings

MakeSettings = Callable[..., Settings]
T = TypeVar("T")
EVERYTHING: dict[str, Any] = {"internal": "all", "archived": "all"}


@pytest.fixture(scope="module")
def world() -> Iterator[Emulator]:
    with Emulator(EmulatorSettings(tasks=230, live_runs=2, speed=0, throttle=False)) as emulator:
        yield emulator


@pytest.fixture
def emulator(world: Emulator) -> Iterator[Emulator]:
    yield world
    world.faults()


def use(emulator: Emulator, settings: MakeSettings, work: Callable[[TasksApi], Awaitable[T]], **values: object) -> T:
    async def run() -> T:
        async with PostHog(settings(emulator.url, **{"api_key": emulator.api_key, **values})) as client:
            return await work(TasksApi(client, 1))

    return asyncio.run(asyncio.wait_for(run(), 60))


async def walk(fetch: Callable[[int, int], Awaitable[Page]], **options: Any) -> tuple[list[Row], WalkResult]:
    going = PageWalk(**options)
    rows = [row async for page in pages(fetch, going) for row in page.rows]
    return rows, going.result()


async def all_tasks(api: TasksApi, **options: Any) -> tuple[list[Row], WalkResult]:
    return await walk(partial(api.list_tasks, **EVERYTHING), host=api.client.host, **options)


def digest(texts: list[bytes]) -> str:
    return hashlib.sha256(b"".join(redact_event(text)[0] + b"\n" for text in texts)).hexdigest()


@pytest.mark.parametrize("overlap", [0, 5])
def test_the_task_list(emulator: Emulator, settings: MakeSettings, overlap: int) -> None:
    rows, verdict = use(emulator, settings, lambda api: all_tasks(api, overlap=overlap))
    assert verdict.complete
    assert verdict.notes == ()
    assert {row.data["id"] for row in rows} == {task["id"] for task in emulator.truth(runs=False)["tasks"]}


def test_summaries_of_every_task_and_of_one_that_does_not_exist(emulator: Emulator, settings: MakeSettings) -> None:
    known = [task["id"] for task in emulator.truth(runs=False)["tasks"]]
    ids = [*known, "00000000-0000-4000-8000-000000000000"]
    rows, verdict = use(emulator, settings, lambda api: walk(partial(api.summaries, ids), host=api.client.host))
    assert verdict.complete
    assert {row.data["id"] for row in rows} == set(known)


def test_repositories_and_readiness(emulator: Emulator, settings: MakeSettings) -> None:
    async def work(api: TasksApi) -> tuple[list[str], Row, Row]:
        names = (await api.repositories()).names
        return names, await api.readiness(names[0], 14), await api.readiness(names[0], 14, refresh=True)

    names, cached, fresh = use(emulator, settings, work)
    assert names == emulator.truth(runs=False)["repositories"]
    assert (cached.data["repository"], cached.data["windowDays"], fresh.data["cacheAgeSeconds"]) == (names[0], 14, 0)


def test_every_log_is_the_one_that_was_written(emulator: Emulator, settings: MakeSettings) -> None:
    truth = [run for run in emulator.truth()["runs"] if run["log"]["count"]]

    async def log(api: TasksApi, run: dict[str, Any]) -> list[bytes]:
        entries: list[bytes] = []
        while True:
            page = await api.session_logs(run["task_id"], run["id"], 500, len(entries))
            entries += page.entries
            if not page.has_more:
                assert len(entries) == page.total
                return entries

    async def work(api: TasksApi) -> list[list[bytes]]:
        return [await log(api, run) for run in truth[:20]]

    logs = use(emulator, settings, work)
    assert sum(map(len, logs)) > 500
    same = sum(digest(entries) == run["log"]["sha256"] for entries, run in zip(logs, truth, strict=False))
    assert same > 0, "the logs of runs that resumed no other are theirs alone"


def test_runs(emulator: Emulator, settings: MakeSettings) -> None:
    truth = emulator.truth()["runs"]
    task_id = truth[0]["task_id"]

    async def work(api: TasksApi) -> tuple[list[Row], WalkResult, Row]:
        rows, verdict = await walk(partial(api.list_runs, task_id), host=api.client.host)
        return rows, verdict, await api.run(task_id, rows[0].data["id"])

    rows, verdict, one = use(emulator, settings, work)
    assert verdict.complete
    assert {row.data["id"] for row in rows} == {run["id"] for run in truth if run["task_id"] == task_id}
    assert one.data["task"] == task_id


@pytest.mark.parametrize(
    ("work", "kind", "message"),
    [
        (lambda api: api.task("00000000-0000-4000-8000-000000000000"), NotFound, "404 not_found: Not found"),
        (lambda api: api.readiness("nonsense", 7), Permanent, "400 invalid_input (repository)"),
        (lambda api: api.readiness("a/b", 31), Permanent, "400 max_value (window_days)"),
        (lambda api: api.session_logs("t", "r", 5001), (Permanent, NotFound), "4"),
        (lambda api: api.summaries(["no uuid"]), Permanent, "(ids__0)"),
        (lambda api: api.summaries([]), Permanent, "(ids)"),
    ],
)
def test_refusals(
    emulator: Emulator, settings: MakeSettings, work: Callable[[TasksApi], Awaitable[object]], kind: Any, message: str
) -> None:
    with pytest.raises(kind) as caught:
        use(emulator, settings, work)
    assert message in caught.value.message


def test_a_wrong_key_is_denied_with_what_to_check(emulator: Emulator, settings: MakeSettings) -> None:
    with pytest.raises(AccessDenied, match="not valid on this host"):
        use(emulator, settings, lambda api: api.repositories(), api_key="phx_wrong")


@pytest.mark.parametrize("kind", ["429", "500", "502", "503", "reset", "truncated"])
def test_faults_that_pass_are_ridden_out(emulator: Emulator, settings: MakeSettings, kind: str) -> None:
    emulator.faults({"kind": kind, "times": 2})
    rows, verdict = use(emulator, settings, all_tasks)
    assert verdict.complete
    assert len(rows) == verdict.distinct


@pytest.mark.parametrize("kind", ["duplicate_row", "missing_row", "count_lies", "next_repeats", "next_cycles"])
def test_a_list_that_lies_is_complete_only_if_it_is(emulator: Emulator, settings: MakeSettings, kind: str) -> None:
    true = {task["id"] for task in emulator.truth(runs=False)["tasks"]}
    emulator.faults({"kind": kind})
    rows, verdict = use(emulator, settings, all_tasks)
    assert not verdict.complete or {row.data["id"] for row in rows} == true
    if kind in {"missing_row", "count_lies"}:
        assert not verdict.complete


@pytest.mark.parametrize("kind", ["next_elsewhere", "page_clamped"])
def test_oddities_that_harm_nothing_are_noted(emulator: Emulator, settings: MakeSettings, kind: str) -> None:
    emulator.faults({"kind": kind})
    _, verdict = use(emulator, settings, all_tasks)
    assert verdict.complete
    assert verdict.notes


async def hold(api: TasksApi, run: dict[str, Any]) -> tuple[list[Frame], list[StreamBatch]]:
    """Every event of a run's stream until the follower ends, and the batches that were notes."""
    frames: list[Frame] = []
    notes: list[StreamBatch] = []
    async for batch in follow(api, run["task_id"], run["id"]):
        frames += [frame for frame in batch.frames if isinstance(frame, Frame)]
        notes += [batch] if batch.note else []
    return frames, notes


def follow_all(
    settings: MakeSettings, *faults: dict[str, Any], streams: StreamSettings
) -> list[tuple[list[Frame], list[StreamBatch], dict[str, Any]]]:
    """Follow the live runs of a small world, which moves 600 times as fast once all are attached."""
    with Emulator(EmulatorSettings(tasks=20, live_runs=3, speed=0, throttle=False, streams=streams)) as emulator:
        live = [run for run in emulator.truth()["runs"] if run["live"]["count"] and run["status"] == "in_progress"]
        if faults:
            emulator.faults(*faults)

        async def work(api: TasksApi) -> list[tuple[list[Frame], list[StreamBatch]]]:
            following = [asyncio.create_task(hold(api, run)) for run in live]
            await asyncio.sleep(0.05)
            await asyncio.to_thread(emulator.clock, speed=600)
            return await asyncio.gather(*following)

        got = use(emulator, settings, work)
        truth = {run["id"]: run["live"] for run in emulator.truth()["runs"]}
        assert len(got) >= 2
        return [(*held, truth[run["id"]]) for run, held in zip(live, got, strict=True)]


@pytest.mark.parametrize("coalesced", [False, True])
def test_live_runs_are_followed_to_their_end_event_for_event(settings: MakeSettings, coalesced: bool) -> None:  # noqa: FBT001
    for frames, notes, truth in follow_all(settings, streams=StreamSettings(coalesce_chunks=coalesced)):
        assert len(frames) == truth["count"] > 50
        assert digest([frame.data for frame in frames]) == truth["sha256"]
        assert notes[-1].ending is Ending.STREAM_END


def test_live_runs_are_followed_through_cuts_resets_and_refusals(settings: MakeSettings) -> None:
    held = follow_all(
        settings,
        {"kind": "503", "path": "/stream/", "times": 2},
        {"kind": "cut_frame", "path": "/stream/", "times": 8, "after_frames": 7},
        {"kind": "cut_frame", "path": "/stream/", "times": 5, "after_frames": 3, "clean": True},
        {"kind": "reset", "path": "/stream/", "times": 5},
        streams=StreamSettings(),
    )
    for frames, notes, truth in held:
        assert digest([frame.data for frame in frames]) == truth["sha256"], "nothing lost, nothing twice"
        assert notes[-1].ending is Ending.STREAM_END
    assert sum(len(notes) for _, notes, _ in held) >= 10
