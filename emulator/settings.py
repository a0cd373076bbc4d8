"""The settings of one emulator: size, seed, keys and switches."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from taskhouse.emulator.origins import ORIGINS
from taskhouse.emulator.streams import StreamSettings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

DEFAULT_KEY = "phx_emulator"


@dataclass(frozen=True, slots=True)
class Key:
    """A credential: ``phx_…`` is a personal API key (throttled), ``pha_…`` an OAuth token (not throttled).

    ``projects`` limits the key to those projects; empty means every project of its user.
    """

    value: str = DEFAULT_KEY
    user_id: int = 1
    projects: tuple[int, ...] = (1,)
    scopes: tuple[str, ...] = ("task:read", "user:read")

    @classmethod
    def parse(cls, text: str) -> Key:
        """Read ``KEY:USER:PROJECTS:SCOPES``; PROJECTS and SCOPES are comma lists, ``*`` is every project.

        Raises:
            ValueError: The text has another form.
        """
        try:
            value, user, projects, scopes = text.split(":", 3)
            limit = () if projects in {"", "*"} else tuple(int(item) for item in projects.split(","))
            return cls(value, int(user), limit, tuple(scopes.split(",")))
        except ValueError:
            raise ValueError(f"not KEY:USER:PROJECTS:SCOPES: {text!r}") from None


@dataclass(frozen=True, slots=True)
class Surprise:
    """What makes a world surprising: its seed, and which of :data:`taskhouse.emulator.world.surprise.ASPECTS`."""

    seed: int
    aspects: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class EmulatorSettings:
    """Everything that shapes an emulator. Equal settings with the same ``start`` make equal worlds.

    Attributes:
        seed: The seed of everything that is made up.
        tasks: Tasks in each project.
        repositories: Repositories in each project.
        live_runs: Runs of the first project that run at the start.
        start: The simulated moment of the start; None is now.
        speed: Simulated seconds per real second; 0 stands still until it is advanced.
        pace: How much faster than real agents the live runs emit, in simulated time.
        events: Scales the events of a run; 1 gives some hundreds, 20 tens of thousands.
        late_state: Share of the finished runs that publish one more state after the end marker of their stream.
        projects: The ids of the projects that exist.
        members: Projects of a user; a user who is not named is a member of all.
        keys: The credentials that are accepted.
        throttle: Whether 480 requests a minute and 4,800 an hour are enforced on a personal API key.
        flag_gate: Whether every tasks endpoint answers 403, as before the feature flag was on.
        max_streams: Streams open at once; one more gets 503. 0 rejects all.
        session_logs_bytes: The byte budget of a page of session_logs; 0 is none.
        activity_moves: Whether runs move ``Task.last_activity_at``.
        older_runs_move: Whether runs that are not the latest of their task move it too.
        saves_move: Whether saving a task moves its ``updated_at``.
        ignored_parameters: Query parameters of the task list that are ignored, as an older server does.
        github_integration: Whether the projects have a GitHub integration.
        github_token: Whether that integration has a usable token.
        event_ids: Whether agents number their events, as those since autumn 2026 do.
        log_chains: Whether a resumed run's log is read with its ancestors'.
        omitted: Fields that an older server does not have, by kind of row: ``task``, ``run``, ``summary``,
            ``latest_run`` (of a summary).
        public_state: Whether of a run's ``state`` only the public keys are served; off, all of it is.
        borrowed_output: Whether a run inside its task shows the pull request of an earlier run if it has none, as on
            servers of October 2026.
        private_channels: Whether some tasks stand in private channels, and some scouts' tasks are trials.
        october_agents: Whether agents are those of October 2026: boots of any text, new kinds of event, ``[REDACTED]``.
        origins: What tasks come from, each with its weight.
        uuid_routes: Whether a task id that is no UUID fits no route (404); off, it is an error of the server.
        thin_tail: Share of new runs whose stream is a short tail behind their log.
        thin_tail_origins: Origins all of whose runs are so.
        presence_gated: Share of new runs whose stream gets events only while somebody reads it.
        presence_gated_origins: Origins all of whose runs are so.
        backlog_bytes: The largest log that a thin-tail stream replays.
        proxy: Share of new runs whose stream token names the agent proxy.
        proxy_host: The host name in the proxy's URL; empty is the host that was asked. The port is the same.
        proxy_streams: Proxy streams open at once; one more gets 503.
        stream_tokens: Whether there are stream tokens; off, the endpoint is 404, as before summer 2026.
        resync: Whether the agent proxy tells of a trimmed cursor to those who ask, and serves thin-tail runs to them.
        token_s: How long a stream token is valid, in simulated seconds.
        streams: The constants of the stream server.
        page_most: Rows on a page of a list at most, regardless of what was asked.
        surprise: What is drawn that the API leaves open; None is the ordinary world.
        busy_days: Days from the start on which people work with the first project; 0 leaves it alone.
    """

    seed: int = 1
    tasks: int = 200
    repositories: int = 12
    live_runs: int = 4
    start: datetime | None = None
    speed: float = 1.0
    pace: float = 1.0
    events: float = 1.0
    late_state: float = 0.25
    projects: tuple[int, ...] = (1,)
    members: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    keys: tuple[Key, ...] = (Key(),)
    throttle: bool = True
    flag_gate: bool = False
    max_streams: int = 500
    session_logs_bytes: int = 16 * 1024 * 1024
    activity_moves: bool = True
    older_runs_move: bool = True
    saves_move: bool = True
    ignored_parameters: frozenset[str] = frozenset()
    github_integration: bool = True
    github_token: bool = True
    event_ids: bool = True
    log_chains: bool = True
    omitted: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    public_state: bool = True
    borrowed_output: bool = True
    uuid_routes: bool = True
    private_channels: bool = True
    october_agents: bool = True
    origins: tuple[tuple[str, int], ...] = ORIGINS
    thin_tail: float = 0.0
    thin_tail_origins: tuple[str, ...] = ()
    presence_gated: float = 0.0
    presence_gated_origins: tuple[str, ...] = ()
    backlog_bytes: int = 16 * 1024 * 1024
    proxy: float = 0.0
    proxy_host: str = ""
    proxy_streams: int = 500
    stream_tokens: bool = True
    resync: bool = True
    token_s: float = 3600.0
    streams: StreamSettings = field(default_factory=StreamSettings)
    page_most: int = 100
    surprise: Surprise | None = None
    busy_days: int = 0
