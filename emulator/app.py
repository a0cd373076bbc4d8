"""The Starlette application: routes with and without a final slash, no redirects, and the running driver."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final

from starlette.applications import Starlette
from starlette.routing import Route

from taskhouse.emulator.api import agent_proxy, readiness, runs, stream, tasks, users
from taskhouse.emulator.api.endpoint import SSE_TYPE, Endpoint
from taskhouse.emulator.api.errors import not_found
from taskhouse.emulator.connection import TRANSPORT
from taskhouse.emulator.control import control_routes
from taskhouse.emulator.faults import Faults
from taskhouse.emulator.service import Service
from taskhouse.emulator.workload import Workload

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.responses import Response
    from starlette.types import ASGIApp, Receive, Scope, Send

    from taskhouse.emulator.api.endpoint import Call
    from taskhouse.emulator.clock import Clock
    from taskhouse.emulator.settings import EmulatorSettings

_PROJECT: Final = "/api/projects/{project_id}/tasks"
_RUNS: Final = f"{_PROJECT}/{{task_id}}/runs"


class EmulatorApp(Starlette):
    """The application. ``service`` is its state, ``faults`` are the faults to inject, ``workload`` works with it."""

    service: Service
    faults: Faults
    workload: Workload

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve; faults need the connection itself, which the server's ``send`` belongs to."""
        scope[TRANSPORT] = getattr(getattr(send, "__self__", None), "transport", None)
        await super().__call__(scope, receive, send)


class Observed:
    """An endpoint as it is reached: each request is counted, and meets the faults that match it.

    ``name`` is how faults and request counts call it.
    """

    def __init__(self, name: str, answer: ASGIApp, service: Service, faults: Faults) -> None:
        self._name = name
        self._answer = answer
        self._service = service
        self._faults = faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count the request, apply the faults that match it and answer."""
        counted = self._service.requests.counted(self._name, send)
        app = self._faults.around(self._name, scope, self._answer)
        await app(scope, receive, counted)


def _endpoints(service: Service) -> list[tuple[str, Endpoint]]:
    return [
        (_PROJECT, Endpoint("tasks.list", service, {"GET": tasks.list_tasks})),
        (f"{_PROJECT}/summaries", Endpoint("tasks.summaries", service, {"POST": tasks.summaries})),
        (f"{_PROJECT}/repositories", Endpoint("tasks.repositories", service, {"GET": tasks.repositories})),
        (
            f"{_PROJECT}/repository_readiness",
            Endpoint("tasks.readiness", service, {"GET": readiness.repository_readiness}),
        ),
        (f"{_PROJECT}/pinned", Endpoint("tasks.pinned", service, {"GET": tasks.pinned})),
        (f"{_PROJECT}/{{task_id}}", Endpoint("tasks.detail", service, {"GET": tasks.retrieve_task})),
        (f"{_PROJECT}/{{task_id}}/usage", Endpoint("tasks.usage", service, {"GET": tasks.usage})),
        (_RUNS, Endpoint("runs.list", service, {"GET": runs.list_runs})),
        (f"{_RUNS}/{{run_id}}", Endpoint("runs.detail", service, {"GET": runs.retrieve_run})),
        (f"{_RUNS}/{{run_id}}/logs", Endpoint("runs.logs", service, {"GET": runs.logs})),
        (f"{_RUNS}/{{run_id}}/session_logs", Endpoint("runs.session_logs", service, {"GET": runs.session_logs})),
        (f"{_RUNS}/{{run_id}}/stream_token", Endpoint("runs.stream_token", service, {"GET": agent_proxy.stream_token})),
        (
            f"{_RUNS}/{{run_id}}/stream",
            Endpoint("runs.stream", service, {"GET": stream.stream}, media_type=SSE_TYPE),
        ),
        ("/api/users/@me", Endpoint("users.me", service, {"GET": users.me}, scope="user:read")),
    ]


def _missing(call: Call) -> Response:
    del call
    raise not_found("Endpoint not found.")


def build_app(settings: EmulatorSettings, clock: Clock | None = None) -> EmulatorApp:
    """Make a world and the application that serves it; no run moves until the application starts."""
    service = Service(settings, clock)
    faults = Faults(service.clock)
    workload = Workload(service, faults)

    def observed(name: str, answer: ASGIApp) -> Observed:
        return Observed(name, answer, service, faults)

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        del app
        playing = [asyncio.create_task(each.run_forever()) for each in (service.driver, workload)]
        try:
            yield
        finally:
            for each in playing:
                each.cancel()
            await asyncio.gather(*playing, return_exceptions=True)

    routes = [
        Route(path + slash, observed(endpoint.name, endpoint), name=endpoint.name)
        for path, endpoint in _endpoints(service)
        for slash in ("/", "")
    ]
    methods = dict.fromkeys(("GET", "POST", "PUT", "PATCH", "DELETE"), _missing)
    proxy = observed(agent_proxy.NAME, agent_proxy.AgentProxy(service))
    routes.append(Route(agent_proxy.PATH, proxy, methods=["GET"], name=agent_proxy.NAME))
    routes.append(Route("/api/{rest:path}", observed("unknown", Endpoint("unknown", service, methods))))
    app = EmulatorApp(routes=[*control_routes(service, faults), *routes], lifespan=lifespan)
    app.router.redirect_slashes = False
    app.service = service
    app.faults = faults
    app.workload = workload
    return app
