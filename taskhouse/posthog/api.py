"""The read side of PostHog Tasks, one method per endpoint: no decisions, no loops."""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import TypeVar
from urllib.parse import quote

from taskhouse.errors import AccessDenied, NoProject, NotFound
from taskhouse.posthog.budget import Priority
from taskhouse.posthog.client import READ_S, Answer, PostHog
from taskhouse.posthog.pages import (
    LogPage,
    Names,
    Page,
    Row,
    read_log,
    read_names,
    read_object,
    read_page,
)
from taskhouse.posthog.request_stats import Meter
from taskhouse.posthog.stream_connection import Connection
from taskhouse.posthog.tokens import StreamToken

READINESS_READ_S = 90.0
"""A fresh readiness answer takes the server up to 45 seconds (API facts 4.5)."""

WATCHDOG_S = 90.0
"""Longest silence of a stream; keepalives come about every 20 seconds (API facts 5.2)."""

EVERYTHING: Mapping[str, str] = {"internal": "all", "archived": "all"}
"""The list hides internal and archived tasks unless it is asked for them (API facts 9.23)."""

Filter = str | int | bool
T = TypeVar("T")


class TasksApi:
    """The tasks endpoints of one project, every request in one class of the budget and counted by one meter.

    ``within_s`` is the longest wait for room in the budget; None waits as long as it takes.
    Every method raises what ``PostHog.ask`` raises, and ``Contract`` for a body that is not as documented. Those about
    runs and usage raise ``Refused`` for what is refused while the key may list the project's tasks.
    """

    def __init__(
        self,
        client: PostHog,
        project_id: int | str,
        *,
        priority: Priority = Priority.CHANGES,
        meter: Meter | None = None,
        within_s: float | None = None,
    ) -> None:
        self.client = client
        self.project_id = project_id
        self.priority = priority
        self.meter = meter if meter is not None else Meter()
        self.within_s = within_s
        self._root = f"/api/projects/{quote(str(project_id), safe='@')}/tasks/"

    def at(self, priority: Priority, meter: Meter | None = None) -> "TasksApi":
        """The same project in another class of the budget, on the same meter unless another is given."""
        return TasksApi(self.client, self.project_id, priority=priority, meter=self.meter if meter is None else meter)

    async def me(self) -> Row:
        """The key's owner: ``uuid``, ``distinct_id``, ``email`` and more."""
        return await self.client.request(
            "GET", "/api/users/@me/", read=read_object, priority=self.priority, meter=self.meter
        )

    async def list_tasks(self, limit: int = 100, offset: int = 0, **filters: Filter) -> Page:
        """Full tasks, newest first unless ``ordering`` says otherwise.

        The server gives at most 100 a page, even if more are requested, and ignores filters that it does not know
        (API facts 1.7, 7.1).

        Raises:
            NoProject: The project does not exist, or this key may not see it.
        """
        try:
            return await self._get(read_page, "", {"limit": limit, "offset": offset, **filters})
        except NotFound as missing:
            raise NoProject(
                missing.message,
                hint=f"Check {self.project_id} in POSTHOG_PROJECT_IDS: {self.client.host} has no such project, or the"
                " owner of this key may not see it. PostHog shows a project's id in the address of its pages.",
            ) from None

    async def task(self, task_id: str) -> Row:
        """One task with its latest run (API facts 7.2)."""
        return await self._get(read_object, f"{_segment(task_id)}/")

    async def summaries(self, ids: Iterable[str], limit: int = 100, offset: int = 0) -> Page:
        """Summaries of up to 5,000 tasks; ids that are unknown or not visible are left out silently.

        The same ids must be sent for every page; one malformed id fails them all (API facts 2).
        """
        return await self.client.request(
            "POST",
            f"{self._root}summaries/",
            read=read_page,
            params={"limit": limit, "offset": offset},
            json={"ids": list(ids)},
            priority=self.priority,
            meter=self.meter,
            within_s=self.within_s,
        )

    async def repositories(self) -> Names:
        """Repositories seen on tasks, archived ones included, internal ones not (API facts 3)."""
        return await self._get(partial(read_names, key="repositories"), "repositories/")

    async def pinned(self) -> Names:
        """Ids of the tasks that the key's owner pinned (API facts 7.7)."""
        return await self._get(partial(read_names, key="task_ids"), "pinned/")

    async def readiness(
        self, repository: str, window_days: int, *, refresh: bool = False, limit_s: float = READINESS_READ_S
    ) -> Row:
        """Readiness of one repository over 1 to 30 days; unknown repositories are answered too (API facts 4).

        Args:
            repository: ``organization/repo``.
            window_days: 1 to 30.
            refresh: Pass over the server's cache of ten minutes, at the price of some 22 GitHub requests.
            limit_s: How long an answer may take, after which it is not asked for again.
        """
        params: dict[str, Filter] = {"repository": repository, "window_days": window_days}
        if refresh:
            params["refresh"] = True
        return await self._get(read_object, "repository_readiness/", params, read_s=limit_s, limit_s=limit_s)

    async def usage(self, task_id: str) -> Row:
        """What a task has cost until now, in US dollars; 502 while the server's metering is down (API facts 7.7)."""
        return await self._get_one(read_object, f"{_segment(task_id)}/usage/")

    async def list_runs(self, task_id: str, limit: int = 100, offset: int = 0) -> Page:
        """Runs of a task, newest first; at most 100 a page (API facts 7.4)."""
        return await self._get_one(read_page, f"{_segment(task_id)}/runs/", {"limit": limit, "offset": offset})

    async def run(self, task_id: str, run_id: str) -> Row:
        """One run (API facts 7.4)."""
        return await self._get_one(read_object, f"{_segment(task_id)}/runs/{_segment(run_id)}/")

    async def session_logs(self, task_id: str, run_id: str, limit: int = 5000, offset: int = 0) -> LogPage:
        """A page of a run's log, its ancestors' entries first (API facts 7.6).

        A page may be short though more follow: go on by the number of entries received while ``has_more``.
        More than 5,000 is refused.
        """
        path = f"{_segment(task_id)}/runs/{_segment(run_id)}/session_logs/"
        return await self._get_one(read_log, path, {"limit": limit, "offset": offset})

    @asynccontextmanager
    async def stream(
        self,
        task_id: str,
        run_id: str,
        *,
        last_event_id: str | None = None,
        read_s: float = WATCHDOG_S,
    ) -> AsyncIterator[Connection]:
        """One connection to a run's stream, resuming strictly after ``last_event_id`` (API facts 5).

        A single attempt: the follower decides what the status means.

        Raises:
            Retryable: No answer came.
        """
        async with self.client.connect(
            f"{self._root}{_segment(task_id)}/runs/{_segment(run_id)}/stream/",
            headers=_resuming(last_event_id),
            priority=self.priority,
            meter=self.meter,
            read_s=read_s,
        ) as response:
            yield Connection(self.client, response, self.meter)

    async def stream_token(self, task_id: str, run_id: str, *, limit_s: float = READ_S) -> StreamToken:
        """What opens a run's stream at the agent proxy, if that is where it is read (API facts 5.7).

        A single attempt: without an answer there is always the other leg. ``resync`` says that this client rebuilds
        from the log what the proxy does not hold.
        """
        path = f"{_segment(task_id)}/runs/{_segment(run_id)}/stream_token/"
        row = await self._get(read_object, path, {"resync": True}, read_s=limit_s, limit_s=limit_s, attempts=1)
        return StreamToken.read(row.data, f"GET {self._root}{path}")

    @asynccontextmanager
    async def proxy_stream(
        self, url: str, token: str, *, last_event_id: str | None = None, read_s: float = WATCHDOG_S
    ) -> AsyncIterator[Connection]:
        """One connection to a run's stream at the agent proxy; otherwise like :meth:`stream`."""
        headers = _resuming(last_event_id)
        async with self.client.connect_proxy(url, token, meter=self.meter, headers=headers, read_s=read_s) as response:
            yield Connection(self.client, response, self.meter, secret=token)

    async def _get_one(self, read: Callable[[Answer], T], path: str, params: Mapping[str, Filter] | None = None) -> T:
        """A route of one task or run, whose 403 may be about that alone.

        Raises:
            Refused: It is.
        """
        try:
            return await self._get(read, path, params)
        except AccessDenied as denied:
            raise await self.client.access.about(denied, self.project_id, lambda: self.list_tasks(1)) from None

    async def _get(
        self,
        read: Callable[[Answer], T],
        path: str,
        params: Mapping[str, Filter] | None = None,
        *,
        read_s: float = READ_S,
        limit_s: float | None = None,
        attempts: int | None = None,
    ) -> T:
        return await self.client.request(
            "GET",
            f"{self._root}{path}",
            read=read,
            params={name: _query(value) for name, value in (params or {}).items()},
            priority=self.priority,
            meter=self.meter,
            read_s=read_s,
            limit_s=limit_s,
            attempts=attempts,
            within_s=self.within_s,
        )


def _resuming(last_event_id: str | None) -> dict[str, str]:
    headers = {"Accept": "text/event-stream", "Accept-Encoding": "identity"}
    return headers if last_event_id is None else {**headers, "Last-Event-ID": last_event_id}


def _segment(part: str) -> str:
    """An id as one segment of a path, unable to climb out of it."""
    return quote(part, safe="").replace(".", "%2E") if set(part) <= {"."} else quote(part, safe="")


def _query(value: Filter) -> str | int:
    return str(value).lower() if isinstance(value, bool) else value
