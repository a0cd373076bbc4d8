"""The routes of the Tasks API."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from tests.worlds import rows
from tests.worlds.stream import Reader
from tests.worlds.texts import compact
from tests.worlds.wire import Request, Response

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from random import Random

    from tests.worlds.state import Piece, Run, Task, World

UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
PATHS = [
    (name, re.compile(pattern + "/?"))
    for name, pattern in (
        ("me", r"/api/users/@me"),
        ("tasks", r"/api/projects/(?P<project>[^/]+)/tasks"),
        ("summaries", r"/api/projects/(?P<project>[^/]+)/tasks/summaries"),
        ("repositories", r"/api/projects/(?P<project>[^/]+)/tasks/repositories"),
        ("readiness", r"/api/projects/(?P<project>[^/]+)/tasks/repository_readiness"),
        ("detail", rf"/api/projects/(?P<project>[^/]+)/tasks/(?P<task>{UUID})"),
        ("usage", rf"/api/projects/(?P<project>[^/]+)/tasks/(?P<task>{UUID})/usage"),
        ("runs", rf"/api/projects/(?P<project>[^/]+)/tasks/(?P<task>{UUID})/runs"),
        ("run", rf"/api/projects/(?P<project>[^/]+)/tasks/(?P<task>{UUID})/runs/(?P<run>[^/]+)"),
        ("session_logs", rf"/api/projects/(?P<project>[^/]+)/tasks/(?P<task>{UUID})/runs/(?P<run>[^/]+)/session_logs"),
        ("logs", rf"/api/projects/(?P<project>[^/]+)/tasks/(?P<task>{UUID})/runs/(?P<run>[^/]+)/logs"),
        ("stream", rf"/api/projects/(?P<project>[^/]+)/tasks/(?P<task>{UUID})/runs/(?P<run>[^/]+)/stream"),
        ("stream_token", rf"/api/projects/(?P<project>[^/]+)/tasks/(?P<task>{UUID})/runs/(?P<run>[^/]+)/stream_token"),
    )
]


def answer(value: Any, status: int = 200, **headers: str) -> Response:
    """An answer in JSON."""
    return Response(status, compact(value).encode(), {name.replace("_", "-"): text for name, text in headers.items()})


def problem(status: int, kind: str, code: str, detail: str, attr: str | None = None) -> Response:
    """An error as the API writes it."""
    return answer({"type": kind, "code": code, "detail": detail, "attr": attr}, status)


def missing(detail: str = "Not found.") -> Response:
    """What is not there, or not for this key."""
    return problem(404, "invalid_request", "not_found", detail)


def denied(
    detail: str = "You do not have permission to perform this action.", code: str = "permission_denied"
) -> Response:
    """What this key may not."""
    return problem(403, "authentication_error", code, detail)


def whole(text: str | None, fallback: int, least: int) -> int:
    """A number of a query, as leniently as the server reads it."""
    try:
        found = int(text or "")
    except ValueError:
        return fallback
    return found if found >= least else fallback


class Routes:
    """What each route answers about a world."""

    def __init__(self, world: World, rng: Random, clock: Callable[[], float]) -> None:
        self.world, self.rng, self.clock = world, rng, clock
        self.lie = False

    def page(self, request: Request, found: Sequence[Any], write: Callable[[Any], Any]) -> Response:
        """One page of a list."""
        limit = min(whole(request.query.get("limit"), 50, 1), 100, self.world.nature.page)
        offset = whole(request.query.get("offset"), 0, 0)
        count = len(found) + (self.rng.choice((-1, 1, 3)) if self.lie else 0)
        more = f"http://{request.headers.get('host', 'x')}{request.path}?limit={limit}&offset={offset + limit}"
        results = [write(one) for one in found[offset : offset + limit]]
        following = more if offset + limit < len(found) else None
        return answer({"count": max(0, count), "next": following, "previous": None, "results": results})

    def me(self, _request: Request) -> Response:
        """Whose key it is."""
        if self.world.nature.me_refused:
            return denied("API key missing required scope 'user:read'")
        return answer(rows.me(self.world))

    def tasks(self, request: Request) -> Response:
        """The list of tasks."""
        query, found = request.query, self.world.visible()
        for name in ("internal", "archived"):
            wanted = query.get(name, "false")
            found = [task for task in found if wanted == "all" or task.row[name] == (wanted == "true")]
        if query.get("ordering") == "-last_activity_at" and self.world.nature.order_known:
            found = sorted(found, key=lambda task: (task.active, task.id), reverse=True)
        basic = query.get("basic") == "true" and self.world.nature.basic_known
        return self.page(request, found, lambda task: rows.task_row(self.world, task, self.rng, basic=basic))

    def summaries(self, request: Request) -> Response:
        """The tasks that were asked for by id."""
        if request.method != "POST":
            return problem(405, "invalid_request", "method_not_allowed", f'Method "{request.method}" not allowed.')
        try:
            ids = json.loads(request.body)["ids"]
        except (ValueError, TypeError, KeyError):
            return problem(400, "validation_error", "required", "This field is required.", "ids")
        if not isinstance(ids, list) or not 1 <= len(ids) <= 5000:
            return problem(400, "validation_error", "invalid_input", "Between 1 and 5000 ids.", "ids")
        for number, one in enumerate(ids):
            if not (isinstance(one, str) and re.fullmatch(UUID, one.lower())):
                return problem(400, "validation_error", "invalid_input", "Must be a valid UUID.", f"ids__{number}")
        wanted = {one.lower() for one in ids}
        found = [task for task in self.world.visible() if task.id in wanted]
        found.sort(key=lambda task: task.id)
        found.sort(key=lambda task: task.created, reverse=True)
        return self.page(request, found, lambda task: rows.summary_row(self.world, task, self.rng))

    def repositories(self, _request: Request) -> Response:
        """Every repository that a task names."""
        return answer({"repositories": self.world.repositories()})

    def readiness(self, request: Request) -> Response:
        """What is known of one repository."""
        name = request.query.get("repository", "").strip().lower()
        window = request.query.get("window_days", "7")
        if len([part for part in name.split("/") if part]) != 2:
            return problem(400, "validation_error", "invalid_input", "Must be organization/repository", "repository")
        if not window.isdigit() or not 1 <= int(window) <= 30:
            return problem(400, "validation_error", "max_value", "Between 1 and 30.", "window_days")
        return answer(rows.readiness_row(self.world, name, int(window), self.clock(), self.rng))

    def detail(self, _request: Request, task: Task) -> Response:
        """One task."""
        return answer(rows.task_row(self.world, task, self.rng))

    def usage(self, _request: Request, task: Task) -> Response:
        """What a task cost."""
        cost = round(len(task.runs) * 0.125, 3)
        return answer({"token_cost_usd": cost, "compute_cost_usd": 0.0, "total_cost_usd": cost})

    def runs(self, request: Request, task: Task) -> Response:
        """The runs of a task, the newest first."""
        if any(run.refused.now() for run in task.runs):
            return denied()
        found = sorted(task.runs, key=lambda run: (run.created, self.rng.random()), reverse=True)
        return self.page(request, found, lambda run: rows.run_row(self.world, run, self.rng))

    def run(self, _request: Request, run: Run) -> Response:
        """One run."""
        return answer(rows.run_row(self.world, run, self.rng))

    def stream_token(self, _request: Request, _run: Run) -> Response:
        """No proxy here: the stream is read where it is."""
        return answer({"token": "eyJhbGciOiJSUzI1NiJ9.e30.c2ln", "stream_base_url": None})

    def log(self, run: Run) -> list[Piece]:
        """The entries of a log, those of the runs before it first."""
        chain = run.chain() if self.world.nature.log_chain else [run]
        now = self.clock()
        return [piece for each in chain for piece in each.entries if piece.until > now]

    def logs(self, _request: Request, run: Run) -> Response:
        """The whole log, a line an entry."""
        text = "".join(piece.text + "\n" for piece in self.log(run))
        return Response(200, text.encode(), {"content-type": "application/jsonl", "cache-control": "no-cache"})

    def session_logs(self, request: Request, run: Run) -> Response:
        """A page of the log."""
        limit = request.query.get("limit", "1000")
        if not limit.isdigit() or not 1 <= int(limit) <= 5000:
            return problem(400, "validation_error", "max_value", "Between 1 and 5000.", "limit")
        found, offset = self.log(run), whole(request.query.get("offset"), 0, 0)
        chosen: list[str] = []
        budget = self.world.nature.log_bytes
        for piece in found[offset : offset + min(int(limit), self.world.nature.log_page)]:
            budget -= len(piece.text.encode())
            if chosen and budget < 0:
                break
            chosen.append(piece.text)
        total = str(max(0, len(found) + (self.rng.choice((-2, -1, 1, 5)) if self.lie else 0)))
        more = "true" if offset + len(chosen) < len(found) else "false"
        headers = {"X-Total-Count": total, "X-Filtered-Count": total, "X-Matching-Count": total, "X-Has-More": more}
        return Response(200, ("[" + ",".join(chosen) + "]").encode(), {**headers, "cache-control": "no-cache"})

    def stream(self, request: Request, run: Run) -> Response:
        """The stream."""
        accepted = request.headers.get("accept", "*/*")
        if "text/event-stream" not in accepted and "*/*" not in accepted:
            return Response(406, b"typecodedetailattr", {"content-type": "text/event-stream; charset=utf-8"})
        cursor = request.headers.get("last-event-id")
        latest = request.query.get("start") == "latest" and cursor is None
        reader = Reader(self.world, run, self.rng, self.clock, cursor, latest)
        headers = {
            "content-type": "text/event-stream",
            "cache-control": "no-cache, no-transform",
            "x-accel-buffering": "no",
        }
        return Response(200, reader.frames(), headers)
