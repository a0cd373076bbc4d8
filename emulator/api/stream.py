"""``GET /runs/:id/stream/``: admission, then the frames that :mod:`taskhouse.emulator.sse` yields."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from starlette.responses import StreamingResponse

from taskhouse.emulator import sse
from taskhouse.emulator.api.endpoint import SSE_TYPE
from taskhouse.emulator.api.runs import reachable_run
from taskhouse.emulator.backlog import Backlog
from taskhouse.emulator.connection import close
from taskhouse.emulator.driver import state_text

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import Receive, Scope, Send

    from taskhouse.emulator.api.endpoint import Call
    from taskhouse.emulator.service import Service
    from taskhouse.emulator.world.model import Run

BACKLOG: Final = "emulator.backlog"
"""Where a fault leaves in the scope why a thin-tail run's log cannot be read."""
_HEADERS: Final = {"Cache-Control": "no-cache, no-transform", "X-Accel-Buffering": "no"}


class StreamRun:
    """A run as the stream endpoint sees it."""

    def __init__(self, run: Run) -> None:
        self._run = run

    @property
    def id(self) -> str:
        """The run's id."""
        return self._run.id

    def is_terminal(self) -> bool:
        """Whether the run has ended."""
        return self._run.is_terminal()

    def state_frame(self) -> str:
        """The run's present state as an event."""
        return state_text(self._run)


class CountedStream(StreamingResponse):
    """A stream that holds one of the places, and watches its run, until it ends, however it ends."""

    def __init__(
        self,
        service: Service,
        run: Run,
        *,
        last_event_id: str | None,
        start_latest: bool,
        proxied: bool = False,
        resync: bool = False,
        trouble: str | None = None,
    ) -> None:
        backlog = None
        if run.thin_tail and not proxied:
            backlog = Backlog(
                lambda: service.logs.entry_chain(run),
                lambda: service.logs.entries(run),
                most_bytes=service.settings.backlog_bytes,
                trouble=trouble,
            )
        self._frames = sse.frames(
            service.store,
            StreamRun(run),
            last_event_id=last_event_id,
            start_latest=start_latest,
            clock=service.clock,
            settings=service.settings.streams,
            mode=sse.Mode(backlog=backlog, gated=run.presence_gated, proxied=proxied, resync=resync),
        )
        super().__init__(self._frames, headers=_HEADERS)
        self.headers["Content-Type"] = SSE_TYPE
        self.headers["Date"] = service.clock.http_date()
        self._service = service
        self._proxied = proxied

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the stream; while Redis is down, a body that breaks off before its first frame."""
        if self._service.store.redis == "down":
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            await close(scope)
            return
        self._count(1)
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._count(-1)
            await self._frames.aclose()

    def _count(self, change: int) -> None:
        if self._proxied:
            self._service.open_proxy_streams += change
        else:
            self._service.open_streams += change


def stream(call: Call) -> Response:
    """Open a stream; ``start=latest`` counts only when it is spelled exactly so."""
    run = reachable_run(call)
    refusal = call.service.admission.refusal(call.service.open_streams)
    if refusal is not None:
        return refusal
    return CountedStream(
        call.service,
        run,
        last_event_id=call.request.headers.get("Last-Event-ID"),
        start_latest=call.request.query_params.get("start") == "latest",
        trouble=call.request.scope.get(BACKLOG),
    )
