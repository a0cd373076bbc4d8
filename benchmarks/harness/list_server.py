"""A server of canned lists: what an emulator's project looks like, rendered once, over real HTTP in its own process.

The emulator itself signs an address in each row anew, which takes more time than to send the row.
"""

import json
import socket
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

import httpx
import orjson
import uvicorn

from benchmarks.harness import server
from taskhouse.emulator.serve import Emulator
from taskhouse.emulator.settings import EmulatorSettings

PAGE = 100
LISTED = "/api/projects/1/tasks/"
SUMMARY = ("id", "title", "repository", "created_at", "updated_at", "origin_product")
OF_RUN = ("id", "status", "environment")


class Canned:
    """The application: every list of one project; ``POST /show`` says which part of it is there, see :func:`show`.

    Attributes:
        tasks: Rows of tasks, newest first, as JSON.
        answered: How many requests it has answered, but for those of the benchmark.
    """

    def __init__(self, tasks: list[bytes], me: bytes) -> None:
        self.tasks, self.me = tasks, me
        self.answered = 0
        read = [orjson.loads(row) for row in tasks]
        self.summaries = {row["id"]: orjson.dumps(summary(row)) for row in read}
        self.runs = {row["id"]: orjson.dumps(row["latest_run"]) for row in read if row["latest_run"]}
        self._active = [datetime.fromisoformat(row["last_activity_at"]) for row in read]
        self._show(step=1, changed=0)
        self._asked: tuple[bytes, list[bytes]] = (b"", [])

    def answer(self, path: str, query: dict[str, list[str]], body: bytes) -> bytes:
        """The body of an answer."""
        if path == "/show":
            self._show(**json.loads(body))
            return b"{}"
        if path == "/answered":
            return b"%d" % self.answered
        self.answered += 1
        if path == "/api/users/@me/":
            return self.me
        if path == LISTED:
            by_activity = query.get("ordering") == ["-last_activity_at"]
            return page(self._by_activity if by_activity else self._shown, path, query)
        if path == f"{LISTED}summaries/":
            if self._asked[0] != body:
                ids = orjson.loads(body)["ids"]
                self._asked = body, [self.summaries[name] for name in ids if name in self.summaries]
            return page(self._asked[1], path, query)
        run = self.runs.get(path.removeprefix(LISTED).removesuffix("/runs/"))
        return page([run] if run else [], path, query)

    def _show(self, step: int, changed: int) -> None:
        every = max(1, len(self.tasks) // changed) if changed else 0
        places = set(range(0, len(self.tasks), every)[:changed]) if changed else set()
        now = datetime.now(UTC)
        rows = [edited(row, now.isoformat()) if number in places else row for number, row in enumerate(self.tasks)]
        moments = [now if number in places else at for number, at in enumerate(self._active)]
        order = sorted(range(0, len(rows), step), key=lambda number: moments[number], reverse=True)
        self._shown, self._by_activity = rows[::step], [rows[number] for number in order]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            return
        parts, more = [], True
        while more:
            message = await receive()
            parts.append(message.get("body", b""))
            more = message.get("more_body", False)
        body = self.answer(scope["path"], parse_qs(scope["query_string"].decode()), b"".join(parts))
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def edited(row: bytes, now: str) -> bytes:
    """The task with another title, which changed at this moment."""
    read = orjson.loads(row)
    title = f"Changed: {read['title']}"
    return orjson.dumps({**read, "title": title, "updated_at": now, "last_activity_at": now})


def summary(row: dict[str, Any]) -> dict[str, Any]:
    """A task as the summaries show it."""
    run = row["latest_run"]
    latest = run and {**{name: run[name] for name in OF_RUN}, "mode": None, "pr_url": None, "pr_state": None}
    return {**{name: row[name] for name in SUMMARY}, "created_by_id": 1, "latest_run": latest}


def page(rows: list[bytes], path: str, query: dict[str, list[str]]) -> bytes:
    """A page of a list, as the API makes it."""
    limit, offset = min(PAGE, int(query.get("limit", ["50"])[0])), int(query.get("offset", ["0"])[0])
    end = offset + limit
    following = f'"http://127.0.0.1{path}?limit={limit}&offset={end}"' if end < len(rows) else "null"
    head = f'{{"count":{len(rows)},"next":{following},"previous":null,"results":['
    return head.encode() + b",".join(rows[offset:end]) + b"]}"


def rendered(tasks: int) -> tuple[list[bytes], bytes]:
    """The rows of an emulator's project, and the owner of its key."""
    settings = EmulatorSettings(tasks=tasks, repositories=50, live_runs=0, throttle=False)
    with Emulator(settings) as emulator, httpx.Client(base_url=emulator.url, timeout=60) as client:
        client.headers["Authorization"] = f"Bearer {emulator.api_key}"
        found: dict[str, bytes] = {}
        count = 1
        while len(found) < count:
            query = f"?limit={PAGE}&offset={len(found)}&internal=all&archived=all"
            body = orjson.loads(client.get(LISTED + query).raise_for_status().content)
            count = body["count"]
            found |= {row["id"]: orjson.dumps(row) for row in body["results"]}
        return list(found.values()), client.get("/api/users/@me/").content


def serve(listener: socket.socket, tasks: int) -> None:
    """Serve until the process is ended."""
    app = Canned(*rendered(tasks))
    config = uvicorn.Config(
        app, loop="asyncio", http="httptools", lifespan="off", log_level="warning", access_log=False
    )
    uvicorn.Server(config).run(sockets=[listener])


def serving(tasks: int) -> AbstractContextManager[str]:
    """A server in a process of its own; early requests wait until its rows are made."""
    return server.serving(serve, tasks, answered)


def show(url: str, *, step: int = 1, changed: int = 0) -> None:
    """Let the server show every ``step``-th task; ``changed`` of all, evenly spread, changed just now."""
    httpx.post(f"{url}/show", json={"step": step, "changed": changed}, timeout=600).raise_for_status()


def answered(url: str) -> int:
    """How many requests it has answered; early ones wait until its rows are made."""
    return int(httpx.get(f"{url}/answered", timeout=1200).content)
