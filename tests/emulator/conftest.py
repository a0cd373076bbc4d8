"""One emulator with a standing clock for all that only read, and a way to start others."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest

from taskhouse.emulator.serve import Emulator
from taskhouse.emulator.settings import EmulatorSettings, Key

START = datetime(2026, 9, 14, 10, 0, tzinfo=UTC)
PROJECT = "/api/projects/1/tasks"
SCHEMAS = json.loads((Path(__file__).parent / "openapi" / "schemas.json").read_text(encoding="utf-8"))
KEYS = (
    Key(),
    Key("phx_second_user", 2, (), ("task:read", "user:read")),
    Key("phx_writer", 1, (), ("task:write",)),
    Key("phx_star", 1, (), ("*",)),
    Key("phx_insights", 1, (), ("insight:read",)),
    Key("phx_project_2", 1, (2,), ("task:read",)),
    Key("phx_outsider", 8, (), ("task:read",)),
    Key("pha_oauth", 1, (), ("task:read",)),
)


def standing(**changed: Any) -> EmulatorSettings:
    """Settings with a clock that only tests move."""
    values: dict[str, Any] = {"start": START, "speed": 0.0, "throttle": False, "tasks": 240, "keys": KEYS}
    return EmulatorSettings(**{**values, **changed})


def client_of(emulator: Emulator, key: str | None = None) -> httpx.Client:
    """An HTTP client with a key of the emulator; an empty key sends none."""
    token = emulator.api_key if key is None else key
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return httpx.Client(base_url=emulator.url, headers=headers, timeout=60)


def truth_of(emulator: Emulator, made: dict[str, Any]) -> dict[str, Any]:
    """What is true of a run that a mutation made."""
    found: dict[str, Any] = next(run for run in emulator.truth()["runs"] if run["id"] == made["run_id"])
    return found


def _check(value: Any, schema: str) -> None:
    jsonschema.validate(value, {"$ref": f"#/$defs/{schema}", "$defs": SCHEMAS["$defs"]})


def _every(client: httpx.Client, path: str = f"{PROJECT}/", **query: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    answer = client.get(path, params={"limit": 100, **query}).json()
    rows += answer["results"]
    while answer["next"]:
        answer = client.get(answer["next"]).json()
        rows += answer["results"]
    return rows


@pytest.fixture(scope="session")
def check() -> Callable[[Any, str], None]:
    """Validate a value against a component schema, named ``group/Component``."""
    return _check


@pytest.fixture(scope="session")
def every() -> Callable[..., list[dict[str, Any]]]:
    """All rows of a paged list of a client; the task list by default."""
    return _every


@pytest.fixture(scope="session")
def emulator() -> Iterator[Emulator]:
    """The shared emulator; tests that change the world start their own."""
    settings = standing(projects=(1, 2), members={8: (2,)}, live_runs=6)
    with Emulator(settings) as running:
        yield running


@pytest.fixture(scope="session")
def client(emulator: Emulator) -> Iterator[httpx.Client]:
    """User 1 with the default key."""
    with client_of(emulator) as made:
        yield made


@pytest.fixture
def as_key(emulator: Emulator) -> Iterator[Callable[[str], httpx.Client]]:
    """A client of the shared emulator with another key."""
    with ExitStack() as stack:
        yield lambda key: stack.enter_context(client_of(emulator, key))


@pytest.fixture
def own() -> Iterator[Callable[..., tuple[Emulator, httpx.Client]]]:
    """Start an emulator of one's own: ``own(tasks=5)`` gives it and a client."""
    with ExitStack() as stack:

        def start(**changed: Any) -> tuple[Emulator, httpx.Client]:
            running = stack.enter_context(Emulator(standing(**changed)))
            return running, stack.enter_context(client_of(running))

        yield start
