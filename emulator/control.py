"""The control endpoints under ``/_emulator/``: truth, requests, faults, clock, mutations. They need no credential."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from starlette.responses import Response
from starlette.routing import Route

from taskhouse.emulator.api.endpoint import json_response
from taskhouse.emulator.api.run_rows import object_path
from taskhouse.emulator.faults import FaultError, Faults
from taskhouse.emulator.mutations import MutationError, mutate
from taskhouse.emulator.rendering import compact, hand_built

if TYPE_CHECKING:
    from starlette.requests import Request

    from taskhouse.emulator.service import Service


def control_routes(service: Service, faults: Faults) -> list[Route]:
    """The routes of one emulator's control."""
    control = Control(service, faults)
    return [
        Route("/_emulator/truth", control.truth),
        Route("/_emulator/requests", control.requests),
        Route("/_emulator/faults", control.faults, methods=["GET", "POST", "DELETE"]),
        Route("/_emulator/clock", control.clock, methods=["GET", "POST"]),
        Route("/_emulator/mutate", control.mutate, methods=["POST"]),
        Route("/_emulator/settled", control.settled),
        Route("/_emulator/streams", control.streams),
        Route("/_emulator/objects/{path:path}", control.stored_object),
    ]


def _answer(value: Any, status: int = HTTPStatus.OK) -> Response:
    return json_response(compact(value), status)


def _refusal(error: Exception) -> Response:
    return _answer({"error": str(error)}, HTTPStatus.BAD_REQUEST)


class Control:
    """The handlers. They all run on the event loop of the clock."""

    def __init__(self, service: Service, faults: Faults) -> None:
        self._service = service
        self._faults = faults

    async def truth(self, request: Request) -> Response:
        """What the perfect client of ``key`` (the first one by default) holds of ``project_id`` (the first)."""
        service = self._service
        query = request.query_params
        keys = {key.value: key for key in service.settings.keys}
        key = keys.get(query.get("key", service.settings.keys[0].value))
        project = int(query.get("project_id", service.settings.projects[0]))
        if key is None or project not in service.world.projects:
            return _answer({"error": "no such key or project"}, HTTPStatus.NOT_FOUND)
        asked = {"with_runs": query.get("runs") != "0", "ever": query.get("ever") == "1"}
        return _answer(await service.truth.of(project, key.user_id, **asked))

    async def requests(self, request: Request) -> Response:
        """Requests so far; ``reset=1`` starts the count again after answering."""
        shown = self._service.requests.shown()
        if request.query_params.get("reset") == "1":
            self._service.requests.reset()
        return _answer(shown)

    async def faults(self, request: Request) -> Response:
        """GET shows the active faults, POST adds one or a list, DELETE (or an empty list) clears them."""
        faults = self._faults
        try:
            if request.method == "POST":
                faults.set(await request.json())
        except (FaultError, ValueError) as error:
            return _refusal(error)
        if request.method == "DELETE":
            faults.clear()
        return _answer(faults.shown())

    async def clock(self, request: Request) -> Response:
        """``{"advance_s": n}``, ``{"until": time}`` and ``{"speed": n}``; answers with the moment and the speed."""
        clock = self._service.clock
        if request.method == "POST":
            try:
                asked = await request.json()
                if "speed" in asked:
                    clock.set_speed(float(asked["speed"]))
                if "advance_s" in asked:
                    clock.advance(float(asked["advance_s"]))
                if "until" in asked:
                    left = datetime.fromisoformat(asked["until"]) - clock.now()
                    clock.advance(max(0.0, left.total_seconds()))
            except (TypeError, ValueError) as error:
                return _refusal(error)
            await self._service.driver.catch_up()
        return _answer({"now": hand_built(clock.now()), "speed": clock.speed})

    async def mutate(self, request: Request) -> Response:
        """One ``{"action": …}`` or a list of them, done in order."""
        try:
            asked = await request.json()
            results = [mutate(self._service, item) for item in (asked if isinstance(asked, list) else [asked])]
        except (MutationError, ValueError) as error:
            return _refusal(error)
        return _answer({"results": results})

    async def settled(self, request: Request) -> Response:
        """How much work is left: live runs, and log entries that are not flushed yet."""
        del request
        driver = self._service.driver
        await driver.catch_up()
        return _answer({"live_runs": driver.live_runs(), "pending_log_entries": driver.pending_log_entries()})

    async def streams(self, request: Request) -> Response:
        """How many streams are open now, on each leg."""
        del request
        return _answer({"django": self._service.open_streams, "proxy": self._service.open_proxy_streams})

    async def stored_object(self, request: Request) -> Response:
        """What a ``log_url`` points to: one run's own log as JSON lines; 404 once it has expired."""
        path = request.path_params["path"]
        run = self._service.world.runs.get(path.rpartition("run_")[2].removesuffix(".jsonl"))
        if run is None or object_path(run) != path or self._service.logs.expired(run):
            return Response("<Error><Code>NoSuchKey</Code></Error>", HTTPStatus.NOT_FOUND, media_type="application/xml")
        content = "".join(f"{entry}\n" for entry in self._service.logs.own(run))
        return Response(content.encode("utf-8", "surrogatepass"), media_type="binary/octet-stream")
