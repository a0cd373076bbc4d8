"""The error bodies of the API: ``{"type","code","detail","attr"}``, one error at a time.

Missing and wrong credentials are 403, never 401, because the first authentication class names no challenge.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

_TYPES: Final = {
    "validation": "validation_error",
    "authentication": "authentication_error",
    "request": "invalid_request",
    "throttled": "throttled_error",
    "server": "server_error",
}


class ApiError(Exception):
    """An answer with an error status. ``headers`` go out with it."""

    def __init__(
        self,
        status: int,
        kind: str,
        code: str,
        detail: str,
        *,
        attr: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.body: dict[str, Any] = {"type": _TYPES[kind], "code": code, "detail": detail, "attr": attr}
        self.headers = headers or {}


class PlainError(Exception):
    """The other shape: some actions answer ``{"error": "…"}`` instead."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        super().__init__(str(body.get("error")))
        self.status = status
        self.body = body


def invalid(attr: str | None, detail: str, code: str = "invalid_input") -> ApiError:
    """A field that does not validate: 400."""
    return ApiError(HTTPStatus.BAD_REQUEST, "validation", code, detail, attr=attr)


def denied(detail: str, code: str = "permission_denied") -> ApiError:
    """A refusal: 403, for credentials too."""
    return ApiError(HTTPStatus.FORBIDDEN, "authentication", code, detail)


def not_found(detail: str = "Not found.") -> ApiError:
    """Missing, or not visible to the caller: 404."""
    return ApiError(HTTPStatus.NOT_FOUND, "request", "not_found", detail)


def parse_error(detail: str) -> ApiError:
    """A body that is not what its content type says: 400."""
    return ApiError(HTTPStatus.BAD_REQUEST, "request", "parse_error", detail)


def wrong_method(method: str, allowed: str) -> ApiError:
    """405, with the methods that exist."""
    detail = f'Method "{method}" not allowed.'
    return ApiError(HTTPStatus.METHOD_NOT_ALLOWED, "request", "method_not_allowed", detail, headers={"Allow": allowed})


def wrong_media_type(media_type: str) -> ApiError:
    """415."""
    detail = f'Unsupported media type "{media_type}" in request.'
    return ApiError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "request", "unsupported_media_type", detail)


def not_acceptable() -> ApiError:
    """406: nothing that the endpoint renders is accepted."""
    detail = "Could not satisfy the request Accept header."
    return ApiError(HTTPStatus.NOT_ACCEPTABLE, "request", "not_acceptable", detail)


def throttled(seconds: int) -> ApiError:
    """429 with an integer Retry-After."""
    unit = "second" if seconds == 1 else "seconds"
    detail = f"Request was throttled. Expected available in {seconds} {unit}."
    return ApiError(
        HTTPStatus.TOO_MANY_REQUESTS, "throttled", "throttled", detail, headers={"Retry-After": str(seconds)}
    )


def server_error() -> ApiError:
    """500, as an unhandled exception answers."""
    return ApiError(HTTPStatus.INTERNAL_SERVER_ERROR, "server", "error", "A server error occurred.")
