"""Read the streams of runs with httpx and httpx-sse, fifty at once, as the peers do it."""

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
from httpx_sse import aconnect_sse

AT_ONCE = 50
KEY = {"Authorization": "Bearer phx_emulator"}

Row = dict[str, Any]


def runs(given: Path) -> list[Row]:
    """The runs to read: ``id``, ``task_id`` and how many events each has."""
    found: list[Row] = json.loads((given / "runs.json").read_text("utf-8"))
    return found


def path_of(run: Row) -> str:
    """Where a run's stream is."""
    return f"/api/projects/1/tasks/{run['task_id']}/runs/{run['id']}/stream/"


async def events(url: str, wanted: list[Row]) -> list[Row]:
    """Every event of these runs as a row."""
    gate, rows = asyncio.Semaphore(AT_ONCE), list[Row]()
    async with httpx.AsyncClient(base_url=url, headers=KEY, timeout=60) as client:

        async def read(run: Row) -> None:
            async with gate, aconnect_sse(client, "GET", path_of(run)) as source:
                async for event in source.aiter_sse():
                    if event.event == "message":
                        rows.append(row(run, event.id, event.data))

        await asyncio.gather(*[read(run) for run in wanted])
    return rows


def row(run: Row, stream_id: str, data: str) -> Row:
    """The columns that a person would take from an event, and its text."""
    event = json.loads(data)
    notification = event.get("notification") or {}
    update = (notification.get("params") or {}).get("update") or {}
    ms, _, seq = stream_id.partition("-")
    return {
        "project_id": 1,
        "task_id": run["task_id"],
        "run_id": run["id"],
        "stream_id": stream_id,
        "stream_ms": int(ms),
        "stream_seq": int(seq),
        "event_id": event.get("event_id"),
        "kind": event.get("type"),
        "method": notification.get("method"),
        "session_update": update.get("sessionUpdate"),
        "tool_call_id": update.get("toolCallId"),
        "occurred_at": event.get("timestamp"),
        "payload": data,
    }
