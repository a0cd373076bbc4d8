"""The token of a run's stream, and the agent proxy that reads it: ``GET {stream_base_url}/v1/runs/:run/stream``.

The proxy is a program of its own in PostHog's cloud, here under a path of the same server. It knows no keys, no
throttle and no visibility; its refusals are ``{"error": …}``.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from starlette.requests import Request

from taskhouse.emulator.api import errors, fields
from taskhouse.emulator.api.endpoint import json_response
from taskhouse.emulator.api.runs import reachable_run
from taskhouse.emulator.api.stream import CountedStream
from taskhouse.emulator.rendering import compact
from taskhouse.emulator.state.tokens import TokenError

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import Receive, Scope, Send

    from taskhouse.emulator.api.endpoint import Call
    from taskhouse.emulator.service import Service

ROOT: Final = "/agent-proxy"
PATH: Final = f"{ROOT}/v1/runs/{{run_id}}/stream"
NAME: Final = "proxy.stream"
_RETRY_AFTER: Final = "5"


def base_url(call: Call) -> str:
    """Where the proxy stands, for ``stream_base_url``."""
    base = str(call.request.base_url).rstrip("/")
    host = call.service.settings.proxy_host
    if host:
        parts = urlsplit(base)
        base = parts._replace(netloc=f"{host}:{parts.port}" if parts.port else host).geturl()
    return base + ROOT


def stream_token(call: Call) -> Response:
    """``GET /runs/:id/stream_token/``: the URL is null unless the run is read through the agent proxy.

    Thin-tail runs are read there only by clients that ask with ``resync=true``.
    """
    service = call.service
    if not service.settings.stream_tokens:
        raise errors.not_found("Endpoint not found.")
    run = reachable_run(call)
    resync = service.settings.resync and fields.boolean(call.request.query_params, "resync", default=False)
    token = service.tokens.made(run, now_s=service.clock.now_us() / 1e6, life_s=service.token_s)
    base = base_url(call) if run.proxied or (resync and run.via_proxy) else None
    return json_response(compact({"token": token, "stream_base_url": base}))


def _refused(status: int, body: dict[str, Any], headers: dict[str, str] | None = None) -> Response:
    return json_response(compact(body), status, headers)


class AgentProxy:
    """The endpoint as an ASGI app."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request."""
        await self._response(Request(scope, receive))(scope, receive, send)

    def _response(self, request: Request) -> Response:
        service = self._service
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            return _refused(HTTPStatus.UNAUTHORIZED, {"error": "Missing stream read token"})
        try:
            claims = service.tokens.read(token.strip(), now_s=service.clock.now_us() / 1e6)
        except TokenError as wrong:
            return _refused(HTTPStatus.UNAUTHORIZED, {"error": "Invalid stream read token", "code": str(wrong)})
        if claims["run_id"] != request.path_params["run_id"]:
            return _refused(HTTPStatus.FORBIDDEN, {"error": "Stream read token does not match the run"})
        if service.open_proxy_streams >= service.proxy_streams:
            body = {"error": "Too many concurrent stream connections"}
            return _refused(HTTPStatus.SERVICE_UNAVAILABLE, body, {"Retry-After": _RETRY_AFTER})
        return CountedStream(
            service,
            service.world.runs[claims["run_id"]],
            last_event_id=request.headers.get("Last-Event-ID"),
            start_latest=request.query_params.get("start") == "latest",
            proxied=True,
            resync=service.settings.resync and request.query_params.get("resync") == "1",
        )
