"""Every setting, read from the environment (and ``.env``), in one place."""

import functools
import math
import os
from collections.abc import Mapping
from datetime import tzinfo
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import AliasGenerator, Field, PrivateAttr, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    InitSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from taskhouse import cron
from taskhouse.clock import REAL, Clock
from taskhouse.errors import ConfigurationError
from taskhouse.resources.registry import RESOURCES
from taskhouse.variables import DEFAULT_HOST, look_for_broken_lines, look_for_strays, numbers, pairs, variable, wrong

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
FILE = ".env"
HOURLY = 10
"""How many times as many requests PostHog allows a key per hour as per minute: 4,800 and 480."""

CLOUD = frozenset({"https://us.posthog.com", "https://eu.posthog.com"})
"""The regions of PostHog Cloud."""


CRONS: Mapping[str, str] = {
    **{name: resource.cron for name, resource in RESOURCES.items()},
    "published": "4-59/5 * * * *",
    "views": "13 * * * *",
    "maintenance": "41 3 * * *",
}
"""When each schedule runs by default: of the frequent ones, tasks come first, then runs, run events and the copy."""

CRONS_ALLOWED = "must be cron expressions by schedule, such as tasks=*/15 * * * *;views=0 6 * * *"

_LISTS = {
    "project_ids": "ids, such as 1,2",
    "readiness_windows": "days, each 1 to 30",
    "stream_windows": "numbers of events, such as 5000",
}
"""What the settings hold that are lists of numbers."""


class Settings(BaseSettings):
    """What to fetch, from where, at what pace, and where its state lives.

    ``POSTHOG_HOST``, ``POSTHOG_PERSONAL_API_KEY`` and ``POSTHOG_PROJECT_IDS`` say where from; every other field is
    read from ``TASKHOUSE_<FIELD>``. A field has no other name in the environment: what other programs call ``HOST`` or
    ``API_KEY`` must not decide where the key goes.
    """

    model_config = SettingsConfigDict(
        env_file=FILE,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
        case_sensitive=True,
        alias_generator=AliasGenerator(validation_alias=variable),
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Let callers name the fields, and the environment its variables."""
        del file_secret_settings
        given = init_settings.init_kwargs if isinstance(init_settings, InitSettingsSource) else {}
        named = {variable(name) if name in cls.model_fields else name: value for name, value in given.items()}
        return InitSettingsSource(settings_cls, named), env_settings, dotenv_settings

    host: str = Field(
        DEFAULT_HOST,
        description="Origin of the PostHog server. It must be https, except on this machine.",
    )
    api_key: SecretStr | None = Field(
        None,
        description="Personal API key with the scope task:read.",
    )
    project_ids: Annotated[tuple[int, ...], NoDecode] = Field(
        (),
        description="Ids of the projects to sync, separated by commas.",
    )
    home: Path = Field(
        Path(".taskhouse"), description="Folder for all data. A relative path is below the current folder."
    )
    readers_group: str = Field(
        "", description="Group that may read the published copies. If unset, only the owner of the home can."
    )
    asset_prefix: str = Field(
        "",
        pattern=r"^([a-z][a-z0-9_]*)?$",
        description="Prefix of all asset, pool and job names, for several taskhouses in one Dagster instance.",
    )
    schedules: bool = Field(
        default=False, description="Turn all schedules and sensors on at the start of the Dagster daemon."
    )
    crons: Annotated[Mapping[str, str], NoDecode] = Field(
        default_factory=dict,
        description="Other times for some schedules, each a cron expression in the time zone TASKHOUSE_TIMEZONE.",
    )
    keep_runs_days: int = Field(
        3, ge=1, description="How long Dagster keeps successful runs. Other runs stay six times as long."
    )

    sweep_hours: float = Field(
        24.0,
        gt=0,
        description="Time in which every task is seen at least once, by id if nothing else shows it. The whole list is"
        " read every seven times that.",
    )
    first_load_tasks: int = Field(
        1000, ge=1, description="How many tasks never listed, and logs never read, one pass of a first load reads."
    )
    first_load_days: int | None = Field(
        None, ge=1, description="A first load skips runs and logs that are inactive for longer. Unset skips none."
    )

    task_usage: bool = Field(default=False, description="Fetch what each task cost: one request per changed task.")
    pinned: bool = Field(default=False, description="Keep which tasks the owner of the key pinned: 2 requests a pass.")

    readiness_windows: Annotated[tuple[int, ...], NoDecode] = Field(
        (7, 14, 30), description="Readiness windows in days, each from 1 to 30."
    )
    readiness_overrides: Annotated[Mapping[str, tuple[int, ...]], NoDecode] = Field(
        default_factory=dict,
        description="Other windows for some repositories: org/a=7,30;org/b=30. Nothing after = skips a repository.",
    )
    readiness_refresh: Literal["never", "daily"] = Field(
        "never", description="daily: bypass the server's cache, which costs about 22 GitHub requests for each answer."
    )
    timezone: str = Field("UTC", description="Time zone that decides when a day begins.")

    requests_per_hour: int = Field(
        4800,
        ge=0,
        description="Most requests per hour. A tenth of that is the most per minute, as in PostHog's own limits. `0`"
        " means no limit.",
    )

    capture_seconds: float = Field(60.0, ge=0, description="How long one sync keeps streams of active runs open.")
    log_final_s: float = Field(
        default=600.0,
        ge=0,
        description="Time after a run's end in which its log may still grow, because the server retries a failed"
        " flush. If a log was read before that, a later pass reads it once more.",
    )
    max_streams: int = Field(500, ge=1, description="How many streams of a project may be open at once.")
    stream_leg: Literal["auto", "django"] = Field(
        "django", description="Where streams are read. django: the API. auto: the agent proxy, if the run names it."
    )
    stream_windows: Annotated[tuple[int, ...] | None, NoDecode] = Field(
        None,
        description="How many events the server keeps of a stream, such as 5000. If unset, the search for gaps"
        " tries the values of all known servers.",
    )
    tail_poll_s: float = Field(5.0, gt=0, description="How often `taskhouse tail` looks for new runs.")
    capture_text: Literal["full", "none"] = Field(
        "full", description="none: write no prompts, messages or tool texts to disk, only structure and sizes."
    )
    spool_free_gb: float = Field(1.0, ge=0, description="Capture stops if less disk space than this is free.")
    accept: Annotated[tuple[Literal["viewer", "absences"], ...], NoDecode] = Field(
        (),
        description="What one sync may accept. viewer: the key now belongs to somebody with another view of the"
        " project. absences: many tasks or repositories disappeared at once. Unset it again afterwards.",
    )
    lock_wait_s: float = Field(
        60.0,
        gt=0,
        description="How long a pass waits for another pass of the same resource, and a commit for the warehouse.",
    )

    _clock: Clock = PrivateAttr(default_factory=lambda: REAL)

    @field_validator("project_ids", "readiness_windows", "stream_windows", mode="before")
    @classmethod
    def _split(cls, value: object, info: ValidationInfo) -> object:
        what = _LISTS[info.field_name or ""]
        return numbers(value, f"must be comma-separated {what}") if isinstance(value, str) else value

    @field_validator("accept", mode="before")
    @classmethod
    def _named(cls, value: object) -> object:
        return tuple(filter(None, map(str.strip, value.split(",")))) if isinstance(value, str) else value

    @field_validator("project_ids")
    @classmethod
    def _once(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(dict.fromkeys(value))

    @field_validator("home", mode="before")
    @classmethod
    def _folder(cls, value: object) -> object:
        found = os.path.expanduser(str(value).strip())  # noqa: PTH111 - Path makes the current folder of no name
        if not found or (found.startswith("~") and isinstance(value, str)):
            raise ValueError("must name a folder; leave it unset to use .taskhouse")
        return Path(found)

    @field_validator("stream_windows")
    @classmethod
    def _kept(cls, value: tuple[int, ...] | None) -> tuple[int, ...] | None:
        if value is not None and (not value or min(value) < 1):
            raise ValueError(f"must be comma-separated {_LISTS['stream_windows']}")
        return value

    @field_validator("readiness_overrides", mode="before")
    @classmethod
    def _overrides(cls, value: object) -> object:
        if isinstance(value, str):
            allowed = "must be windows by repository, such as org/a=7,30;org/b="
            value = {name: numbers(days, allowed) for name, days in pairs(value, allowed).items()}
        return {str(name).lower(): days for name, days in value.items()} if isinstance(value, dict) else value

    @field_validator("readiness_overrides")
    @classmethod
    def _other_windows(cls, value: Mapping[str, tuple[int, ...]]) -> Mapping[str, tuple[int, ...]]:
        return {name: cls._bounded(days) for name, days in value.items()}

    @field_validator("host")
    @classmethod
    def _origin(cls, value: str) -> str:
        try:
            parts = urlsplit(value)
            _ = parts.port
        except ValueError:
            raise ValueError("must be an origin such as https://eu.posthog.com") from None
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("must be an origin such as https://eu.posthog.com")
        if parts.scheme == "http" and parts.hostname not in LOOPBACK:
            raise ValueError("must use https, because others could read a key that is sent over http")
        if parts.username or parts.password:
            raise ValueError("must not contain credentials")
        return f"{parts.scheme}://{parts.netloc}"

    @field_validator("readiness_windows")
    @classmethod
    def _windows(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if not value:
            raise ValueError("must contain at least one window")
        return cls._bounded(value)

    @staticmethod
    def _bounded(value: tuple[int, ...]) -> tuple[int, ...]:
        if any(not 1 <= days <= 30 for days in value):  # noqa: PLR2004 - the server's own bounds
            raise ValueError("must contain only windows of 1 to 30 days")
        return tuple(sorted(set(value)))

    @field_validator("crons", mode="before")
    @classmethod
    def _times(cls, value: object) -> object:
        return pairs(value, CRONS_ALLOWED) if isinstance(value, str) else value

    @field_validator("crons")
    @classmethod
    def _known_times(cls, value: Mapping[str, str]) -> Mapping[str, str]:
        if value.keys() - CRONS.keys():
            raise ValueError(f"must name only the schedules {', '.join(CRONS)}")
        for name, expression in value.items():
            if wrong := cron.wrong(expression):
                raise ValueError(f"has a time for {name} that {wrong}")
        return value

    @field_validator("timezone")
    @classmethod
    def _zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (OSError, ValueError, KeyError):  # a folder of zones, a path, or nothing of that name
            raise ValueError("must be the name of a time zone, such as UTC or Europe/Berlin") from None
        return value

    @property
    def clock(self) -> Clock:
        """What everything that these settings are handed to asks for the time."""
        return self._clock

    def with_clock(self, clock: Clock) -> Self:
        """The same settings on another clock; the environment names none."""
        other = self.model_copy()
        other._clock = clock  # noqa: SLF001 - a copy of ours
        return other

    @property
    def requests_per_minute(self) -> int:
        """Most requests per minute, from the limit per hour; 0 means no limit."""
        return math.ceil(self.requests_per_hour / HOURLY)

    @property
    def zone(self) -> tzinfo:
        """The time zone in which a day begins."""
        return ZoneInfo(self.timezone)

    @property
    def warehouse(self) -> Path:
        """The DuckDB file that this process writes."""
        return self.home / "warehouse.duckdb"

    @property
    def spool(self) -> Path:
        """Captured events that are not yet in the warehouse."""
        return self.home / "spool"

    @property
    def published(self) -> Path:
        """Read-only copies of the warehouse, and the pointer to the current one."""
        return self.home / "published"

    @property
    def budget(self) -> Path:
        """The request budget that every process on this machine shares."""
        return self.home / "budget.sqlite"

    def wants(self, resource: str) -> bool:
        """Whether a resource is synced at all."""
        return not RESOURCES[resource].optional or bool(getattr(self, resource))

    def cron(self, name: str) -> str:
        """When something is synced or published, in cron's five fields."""
        return self.crons.get(name, CRONS[name])

    def key(self) -> str:
        """The API key in clear, for the Authorization header alone.

        Raises:
            ConfigurationError: No key is set.
        """
        if self.api_key is None or not self.api_key.get_secret_value():
            raise ConfigurationError(
                "POSTHOG_PERSONAL_API_KEY is not set.",
                hint="Create a personal API key with the scope task:read and export it, or run `taskhouse demo`.",
            )
        return self.api_key.get_secret_value()

    def projects(self) -> tuple[int, ...]:
        """The projects to keep.

        Raises:
            ConfigurationError: No project is set.
        """
        if not self.project_ids:
            raise ConfigurationError(
                "POSTHOG_PROJECT_IDS is not set.",
                hint="Export the numeric ids of your projects, for example `export POSTHOG_PROJECT_IDS=1,2`.",
            )
        return self.project_ids


@functools.cache
def load() -> Settings:
    """Settings of this process, read once.

    Raises:
        ConfigurationError: A value makes no sense, or a name is misspelt; names the variable and never its value. Or a
            file in this folder sends the key of the environment elsewhere.
    """
    try:
        look_for_broken_lines(Path(FILE))
        filed = DotEnvSettingsSource(Settings, env_file=FILE, case_sensitive=True).env_vars
        look_for_strays(filed, [variable(field) for field in Settings.model_fields], FILE)
        made = Settings()
        _guard_key(made, filed)
    except ValidationError as problem:
        raise ConfigurationError(
            "\n".join(f"{name} {said}." for name, said in wrong(problem).items()),
            hint="Fix the value, then run `taskhouse check`. docs/settings.md lists every setting.",
        ) from None
    except (OSError, UnicodeDecodeError) as problem:
        raise ConfigurationError(
            f"The file {Path(FILE).resolve()} cannot be read ({type(problem).__name__}).",
            hint="Make it a readable text file in UTF-8, or remove it.",
        ) from None
    return made


def _guard_key(settings: Settings, filed: Mapping[str, str | None]) -> None:
    """Refuse to send a key of the environment to a host that a folder chose, unless it is PostHog's own."""
    host, key = variable("host"), variable("api_key")
    if key in os.environ and host in filed and host not in os.environ and settings.host not in CLOUD:
        raise ConfigurationError(
            f"{key} is set in the environment, and {host} in {Path(FILE).resolve()}: the key would go to"
            f" {settings.host}, which this folder chose.",
            hint=f"If that is right, export {host} too, or keep the key in the same file; otherwise remove it there.",
        )
