"""The follower against every way a stream is served, over real HTTP: it ends up with what was offered, once."""

import asyncio
import hashlib
import json
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import pytest

from taskhouse.clock import LoopClock
from taskhouse.emulator.mutations import mutate
from taskhouse.emulator.script.hostile import HOSTILE
from taskhouse.emulator.service import Service
from taskhouse.emulator.settings import EmulatorSettings
from taskhouse.emulator.versions import at_version
from taskhouse.emulator.virtual import emulated
from taskhouse.emulator.virtual import run as run_in_virtual_time
from taskhouse.posthog.api import TasksApi
from taskhouse.posthog.client import PostHog
from taskhouse.posthog.follow import Ending, StreamBatch, follow
from taskhouse.posthog.reconnect_policy import FollowPolicy
from taskhouse.posthog.redact import redact_event
from taskhouse.posthog.sse import Frame
from taskhouse.settings import Settings

MakeSettings = Callable[..., Settings]
PATIENT = FollowPolicy(transport=100, errors=100, total=1000, proxy=100)


class Held(NamedTuple):
    """What a follower got of one run, and what the emulator says of it."""

    frames: list[Frame]
    batches: list[StreamBatch]
    truth: dict[str, Any]

    @property
    def ending(self) -> Ending | None:
        return self.batches[-1].ending

    def once(self) -> list[Frame]:
        """The first of each id and text, in the order of the stream's own ids."""
        first = {(frame.id, frame.data): frame for frame in self.frames if frame.id}
        return sorted(first.values(), key=lambda frame: tuple(map(int, (frame.id or "").split("-"))))


def digest(frames: Sequence[Frame]) -> str:
    return hashlib.sha256(b"".join(redact_event(frame.data)[0] + b"\n" for frame in frames)).hexdigest()


def hold(
    settings: MakeSettings,
    world: EmulatorSettings,
    *faults: dict[str, Any],
    runs: int = 3,
    modes: dict[str, Any] | None = None,
    before_s: float = 0.0,
    meanwhile: Callable[[Service, list[dict[str, Any]]], object] = lambda _service, _runs: None,
    policy: FollowPolicy | None = None,
    **options: Any,
) -> list[Held]:
    """Start runs, follow them from ``before_s`` on to their ends, in virtual time, and compare."""

    async def story() -> list[Held]:
        async with emulated(world) as (origin, emulator):
            service = emulator.service
            made = [mutate(service, {"action": "new_task", "run": True, **(modes or {})}) for _ in range(runs)]
            await asyncio.sleep(before_s)
            emulator.faults.set(list(faults))
            ours = settings(origin, api_key=service.settings.keys[0].value, **options).with_clock(LoopClock())
            async with PostHog(ours) as client:
                api = TasksApi(client, 1)

                async def one(run: dict[str, Any]) -> list[StreamBatch]:
                    following = follow(api, run["task_id"], run["run_id"], policy=policy, sleep=asyncio.sleep)
                    return [batch async for batch in following]

                following = [asyncio.create_task(one(run)) for run in made]
                await asyncio.sleep(1)
                meanwhile(service, made)
                got = await asyncio.gather(*following)
            whole_truth = await service.truth.of(1, service.settings.keys[0].user_id)
            truth = {run["id"]: run for run in whole_truth["runs"]}
            return [
                Held(
                    [frame for batch in batches for frame in batch.frames if isinstance(frame, Frame)],
                    batches,
                    truth[run["run_id"]],
                )
                for run, batches in zip(made, got, strict=True)
            ]

    return run_in_virtual_time(story())


def world(**changed: Any) -> EmulatorSettings:
    return EmulatorSettings(
        **{
            "tasks": 3,
            "live_runs": 0,
            "throttle": False,
            "late_state": 0.0,
            "events": 0.13,
            "pace": 3.0,
            **changed,
        }
    )


def test_a_gated_run_is_whole_from_the_moment_of_the_first_reader(settings: MakeSettings) -> None:
    for held in hold(settings, world(), modes={"presence_gated": True}, before_s=8):
        live = held.truth["live"]
        assert live["unmirrored"] > 0
        assert (len(held.frames), digest(held.frames)) == (live["count"], live["sha256"])
        assert held.ending is Ending.STREAM_END


def numbered(frame: Frame) -> set[tuple[str, int]]:
    entry = json.loads(frame.data)
    if "event_id" not in entry:
        return set()
    boot, _, last = entry["event_id"].rpartition("-")
    first = int(entry.get("first_event_id", entry["event_id"]).rpartition("-")[2])
    return {(boot, number) for number in range(first, int(last) + 1)}


@pytest.mark.parametrize("faults", [(), ({"kind": "eof", "path": "/stream/", "rate": 0.7, "after_frames": [1, 300]},)])
def test_a_thin_tail_run_is_whole_by_its_agents_own_count(
    settings: MakeSettings, faults: tuple[dict[str, Any], ...]
) -> None:
    for held in hold(settings, world(pace=1.0), *faults, modes={"thin_tail": True}, before_s=45, policy=PATIENT):
        seen = set().union(*map(numbered, held.frames))
        assert seen == {(b, n) for b, last in held.truth["agent"].items() for n in range(1, last + 1)}
        assert any((frame.id or "").startswith("log-") for frame in held.frames)
        assert held.ending is Ending.STREAM_END


def test_a_run_of_the_proxy_is_read_there_to_its_end(settings: MakeSettings) -> None:
    for held in hold(settings, world(), modes={"proxy": True}, stream_leg="auto"):
        assert {batch.leg for batch in held.batches} == {"proxy"}
        expected = held.truth["live"]["proxy"]
        assert (len(held.frames), digest(held.frames)) == (expected["count"], expected["sha256"])
        assert len(held.frames) < held.truth["live"]["count"], "the orchestrator's progress is Django's"
        assert held.ending is Ending.STREAM_END


def test_a_run_of_the_proxy_is_whole_on_django_too(settings: MakeSettings) -> None:
    for held in hold(settings, world(), modes={"proxy": True}):
        assert {batch.leg for batch in held.batches} == {"django"}
        assert digest(held.frames) == held.truth["live"]["sha256"]


def test_tokens_that_expire_and_cuts_lose_nothing_on_the_proxy(settings: MakeSettings) -> None:
    faults = [
        {"kind": "eof", "endpoint": "proxy.stream", "rate": 0.5, "after_frames": [1, 60]},
        {"kind": "cut_character", "endpoint": "proxy.stream", "rate": 0.3, "after_frames": [1, 40]},
        {"kind": "dribble", "endpoint": "proxy.stream", "rate": 0.3, "bytes": 100},
        {"kind": "503", "endpoint": "proxy.stream", "times": 2, "retry_after": 5},
    ]
    short = world(token_s=60.0, proxy_host="localhost")
    for held in hold(settings, short, *faults, modes={"proxy": True}, policy=PATIENT, stream_leg="auto"):
        assert {batch.leg for batch in held.batches} == {"proxy"}
        assert digest(held.frames) == held.truth["live"]["proxy"]["sha256"]
        assert held.ending is Ending.STREAM_END


def test_without_proxy_runs_auto_is_django(settings: MakeSettings) -> None:
    for held in hold(settings, world(), stream_leg="auto"):
        assert {batch.leg for batch in held.batches} == {"django"}
        assert digest(held.frames) == held.truth["live"]["sha256"]


@pytest.mark.parametrize("leg", ["auto", "django"])
@pytest.mark.parametrize("version", ["2026-07", "2026-05"])
def test_on_an_older_server_a_run_is_followed_to_its_end(settings: MakeSettings, version: str, leg: str) -> None:
    old = at_version(version, tasks=3, live_runs=0, throttle=False, late_state=0.0, events=0.13, pace=3.0)
    for held in hold(settings, old, stream_leg=leg):
        assert digest(held.frames) == held.truth["live"]["sha256"]
        assert held.ending is (Ending.STREAM_END if version == "2026-07" else Ending.TERMINAL_WITHOUT_STREAM)


@pytest.mark.parametrize(
    "kinds",
    [
        ("eof", "cut_frame", "cut_character", "error_frame", "duplicate_id", "dribble"),
        ("reordered_id", "duplicate_id", "dribble"),  # a cut between two that changed places does lose one
    ],
)
def test_faults_at_random_lose_nothing(settings: MakeSettings, kinds: tuple[str, ...]) -> None:
    faults: list[dict[str, Any]] = [
        {"kind": kind, "path": "/stream/", "rate": 0.25, "after_frames": [0, 80], "bytes": 50} for kind in kinds
    ]
    faults.append({"kind": "503", "path": "/stream/", "rate": 0.1, "retry_after": 1})
    for held in hold(settings, world(), *faults, policy=PATIENT):
        once = held.once()
        assert (len(once), digest(once)) == (held.truth["live"]["count"], held.truth["live"]["sha256"])
        assert held.ending is Ending.STREAM_END


def test_hostile_and_huge_events_pass_through_and_end_nothing(settings: MakeSettings) -> None:
    def inject(service: Service, runs: list[dict[str, Any]]) -> None:
        for run in runs:
            for what in ({"hostile": True}, {"bytes": 1_000_000, "character": "界"}):
                mutate(service, {"action": "inject", "run_id": run["run_id"], **what})

    for held in hold(settings, world(), runs=2, meanwhile=inject):
        assert digest(held.frames) == held.truth["live"]["sha256"]
        texts = [frame.data.decode() for frame in held.frames]
        assert [text for text in texts if text in HOSTILE.values()] == list(HOSTILE.values())
        assert max(len(frame.data) for frame in held.frames) > 2_000_000
        assert held.ending is Ending.STREAM_END
