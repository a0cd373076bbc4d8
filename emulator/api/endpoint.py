"""One endpoint as an ASGI app: what happens to every request before its handler sees it.

The order is the framework's: content negotiation, authentication, scope and membership, throttles, then the method.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import Response

from taskhouse.emulator.api import auth, errors
from taskhouse.emulator.rendering import compact

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from starlette.types import Receive, Scope, Send

    from taskhouse.emulator.service import Service
    from taskhouse.emulator.world.model import Project

JSON_TYPE: Final = "application/json"
SSE_TYPE: Final = "text/event-stream"
_FORM_TYPE: Final = "application/x-www-form-urlencoded"


@dataclass(slots=True)
class Call:
    """A request that passed every check."""

    request: Request
    service: Service
    caller: auth.Caller
    project: Project | None
    content: bytes

    @property
    def in_project(self) -> Project:
        """The project of the path."""
        if self.project is None:
            raise errors.not_found("Project not found.")
        return self.project

    @property
    def path(self) -> Mapping[str, str]:
        """The parameters of the path."""
        return self.request.path_params

    def body(self) -> Any:
        """The parsed body; no body at all is an empty object.

        Raises:
            ApiError: 415 for a content type that is not read here, 400 for malformed JSON.
        """
        return parse_body(self.request, self.content)


def json_response(content: bytes, status: int = HTTPStatus.OK, headers: Mapping[str, str] | None = None) -> Response:
    """An answer whose body is JSON already."""
    return Response(content, status, headers=headers, media_type=JSON_TYPE)


def parse_body(request: Request, content: bytes) -> Any:
    """Read JSON or a form, by the content type."""
    if not content:
        return {}
    given = request.headers.get("Content-Type", "")
    media_type = given.partition(";")[0].strip().lower()
    if media_type == _FORM_TYPE:
        fields = parse_qs(content.decode("utf-8", "replace"), keep_blank_values=True)
        return {name: values if name == "ids" else values[-1] for name, values in fields.items()}
    if media_type != JSON_TYPE:
        raise errors.wrong_media_type(given)
    try:
        return json.loads(content.decode(), parse_constant=_refuse_constant)
    except ValueError as error:
        raise errors.parse_error(f"JSON parse error - {error}") from None


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"Out of range float values are not JSON compliant: {name!r}")


def accepts(header: str, media_type: str) -> bool:
    """Whether an Accept header allows the media type."""
    main = media_type.partition("/")[0]
    ranges = [item.partition(";")[0].strip().lower() for item in header.split(",")]
    return not header.strip() or any(item in {"*/*", f"{main}/*", media_type, "*"} for item in ranges)


class Endpoint:
    """The methods of one path. ``name`` is how faults and request counts call it; ``media_type`` is all it renders."""

    def __init__(
        self,
        name: str,
        service: Service,
        handlers: Mapping[str, Callable[[Call], Response | Awaitable[Response]]],
        *,
        scope: str = "task:read",
        media_type: str = JSON_TYPE,
    ) -> None:
        self.name = name
        self._service = service
        self._handlers: dict[str, Callable[[Call], Response | Awaitable[Response]]] = dict(handlers)
        if "GET" in handlers:
            self._handlers["HEAD"] = handlers["GET"]
        self._scope = scope
        self._media_type = media_type
        self.allow = ", ".join([*self._handlers, "OPTIONS"])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request."""
        request = Request(scope, receive)
        try:
            response = await self._handle(request)
        except errors.ApiError as error:
            response = self._error(error.status, error.body, error.headers)
        except errors.PlainError as error:
            response = self._error(error.status, error.body, {})
        response.headers.setdefault("Allow", self.allow)
        response.headers.setdefault("Date", self._service.clock.http_date())
        await response(scope, receive, send)

    def _error(self, status: int, body: dict[str, Any], headers: dict[str, str]) -> Response:
        if self._media_type == SSE_TYPE:
            # The endpoint's only renderer hands the dict itself to the response, which writes the keys one by one.
            return Response("".join(body), status, headers=headers, media_type=f"{SSE_TYPE}; charset=utf-8")
        return json_response(compact(body), status, headers)

    async def _handle(self, request: Request) -> Response:
        service = self._service
        if not accepts(request.headers.get("Accept", ""), self._media_type):
            raise errors.not_acceptable()
        content = await request.body() if request.method in {"POST", "PUT", "PATCH"} else b""
        caller = auth.authenticate(request, _as_object(request, content), service.world)
        project = None
        name = request.path_params.get("project_id")
        if name is not None:
            project = auth.project_of(caller, name, service.world)
            if service.settings.flag_gate:
                raise errors.denied("You do not have permission to perform this action.")
        auth.require_scope(caller, self._scope)
        if caller.personal and service.settings.throttle:
            wait = service.throttle.wait_s(caller.key.value)
            if wait is not None:
                raise errors.throttled(wait)
        if request.method == "OPTIONS":
            return json_response(compact({"name": self.name, "description": "", "renders": [self._media_type]}))
        handler = self._handlers.get(request.method)
        if handler is None:
            raise errors.wrong_method(request.method, self.allow)
        answer = handler(Call(request, service, caller, project, content))
        return answer if isinstance(answer, Response) else await answer


def _as_object(request: Request, content: bytes) -> dict[str, Any] | None:
    if not content or "Authorization" in request.headers:
        return None
    try:
        body = parse_body(request, content)
    except errors.ApiError:
        return None
    return body if isinstance(body, dict) else None
