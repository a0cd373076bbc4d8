"""Whom a 403 is about: the key, or one run for what it holds."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from taskhouse.clock import Clock
from taskhouse.emulator.serve import Emulator
from taskhouse.emulator.settings import EmulatorSettings, Key
from taskhouse.errors import AccessDenied, NotFound, Refused, Retryable, TaskhouseError
from taskhouse.posthog import access, retry
from taskhouse.posthog.api import TasksApi
from taskhouse.posthog.client import PostHog
from taskhouse.posthog.follow import Ending, StreamBatch, follow

from .conftest import MakeSettings

NO_SCOPE = "phx_insights"


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    keys = (Key(), Key(NO_SCOPE, 1, (), ("insight:read",)))
    with Emulator(EmulatorSettings(tasks=20, live_runs=0, speed=0, events=0.2, throttle=False, keys=keys)) as world:
        yield world


def protect(world: Emulator) -> tuple[str, str]:
    run = world.truth()["runs"][0]
    world.mutate("protected", run_id=run["id"])
    world.requests(reset=True)
    return run["task_id"], run["id"]


def ask(world: Emulator, settings: MakeSettings, work: Any, key: str | None = None) -> Any:
    async def run() -> Any:
        with retry.instant():
            async with PostHog(
                settings(world.url, **({"api_key": key} if key else {"api_key": world.api_key}))
            ) as client:
                return await work(TasksApi(client, 1))

    return asyncio.run(run())


async def every_route(api: TasksApi, task_id: str, run_id: str) -> list[TaskhouseError]:
    calls = (
        api.run(task_id, run_id),
        api.session_logs(task_id, run_id),
        api.list_runs(task_id),
        api.run(task_id, run_id),
    )
    return [
        found for found in await asyncio.gather(*calls, return_exceptions=True) if isinstance(found, TaskhouseError)
    ]


async def followed(api: TasksApi, task_id: str, run_id: str) -> list[StreamBatch]:
    return [batch async for batch in follow(api, task_id, run_id)]


def test_a_protected_run_is_refused_alone_and_one_row_vouches_for_the_key(
    emulator: Emulator, settings: MakeSettings
) -> None:
    task_id, run_id = protect(emulator)
    found = ask(emulator, settings, lambda api: every_route(api, task_id, run_id))
    assert [type(one) for one in found] == [Refused] * 4
    assert "403 permission_denied" in found[0].message
    assert emulator.requests()["by_endpoint"]["tasks.list"] == 1


def test_the_stream_of_a_protected_run_ends_as_refused(emulator: Emulator, settings: MakeSettings) -> None:
    task_id, run_id = protect(emulator)
    batches = ask(emulator, settings, lambda api: followed(api, task_id, run_id))
    assert [batch.ending for batch in batches] == [Ending.REFUSED]
    assert emulator.requests()["by_endpoint"] == {"runs.stream": 1, "runs.detail": 1, "tasks.list": 1}


@pytest.mark.parametrize("key", ["phx_wrong", NO_SCOPE])
def test_a_refused_key_is_not_taken_for_a_refused_run(emulator: Emulator, settings: MakeSettings, key: str) -> None:
    task_id, run_id = protect(emulator)
    found = ask(emulator, settings, lambda api: every_route(api, task_id, run_id), key)
    assert [type(one) for one in found] == [AccessDenied] * 4
    with pytest.raises(AccessDenied):
        ask(emulator, settings, lambda api: followed(api, task_id, run_id), key)


def test_while_the_list_cannot_be_asked_for_nothing_is_decided(emulator: Emulator, settings: MakeSettings) -> None:
    task_id, run_id = protect(emulator)
    emulator.faults({"kind": "500", "endpoint": "tasks.list"})
    with pytest.raises(Retryable, match="403 permission_denied"):
        ask(emulator, settings, lambda api: api.run(task_id, run_id))


def test_a_list_vouches_for_the_key_for_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, asked = Clock(), 0
    known = access.Access(clock)

    async def one(answer: TaskhouseError | None) -> object:
        nonlocal asked

        async def list_tasks() -> None:
            nonlocal asked
            asked += 1
            if answer is not None:
                raise answer

        return await known.about(AccessDenied("403"), 1, list_tasks)

    async def story() -> list[tuple[type, int]]:
        reported = []
        for at, answer in (
            (0.0, None),
            (59.0, AccessDenied("no")),
            (61.0, AccessDenied("no")),
            (62.0, NotFound("gone")),
        ):
            monkeypatch.setattr(clock, "monotonic", lambda at=at: at)
            reported.append((type(await one(answer)), asked))
        return reported

    assert asyncio.run(story()) == [(Refused, 1), (Refused, 1), (AccessDenied, 2), (AccessDenied, 3)]
