"""Every setting, read from the environment (and ``.env``), in one place."""

import functools
import math
import os
from collections.abc import Mapping
from datetime import tzinfo
from pathlib import Path
from typing import Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AliasGenerator, Field, PrivateAttr, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from taskhouse.clock import REAL, Clock
from taskhouse.errors import ConfigurationError
from taskhouse.resources.registry import RESOURCES
from taskhouse.values import (
    CLOUD,
    CRONS,
    PREFIX,
    SHARD,
    Accepted,
    Addresses,
    BudgetAddress,
    Crons,
    File,
    Folder,
    Ids,
    LakeAddress,
    OptionalFolder,
    OptionalFolderOrBucket,
    Origin,
    Overrides,
    Page,
    StreamWindows,
    Windows,
    Zone,
)
from taskhouse.variables import DEFAULT_HOST, look_for_broken_lines, look_for_strays, variable, wrong

FILE = ".env"
HOURLY = 10
"""How many times as many requests PostHog allows a key per hour as per minute: 4,800 and 480."""


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
        """Let callers name the fields, and the environment its variables.

        Raises:
            TypeError: A caller names something else; what the environment has besides is not ours.
        """
        del file_secret_settings
        given = init_settings.init_kwargs if isinstance(init_settings, InitSettingsSource) else {}
        if strange := given.keys() - cls.model_fields.keys() - {variable(name) for name in cls.model_fields}:
            raise TypeError(f"There is no setting {', '.join(sorted(strange))}.")
        named = {variable(name) if name in cls.model_fields else name: value for name, value in given.items()}
        return InitSettingsSource(settings_cls, named), env_settings, dotenv_settings

    host: Origin = Field(
        DEFAULT_HOST,
        description="Origin of the PostHog server: a region of PostHog Cloud, or your own server. It must use https,"
        " except on this machine.",
    )
    api_key: SecretStr | None = Field(
        None,
        description="Personal API key with the scope `task:read`.",
    )
    project_ids: Ids = Field(
        (),
        description="Ids of the projects to sync.",
    )
    home: Folder = Field(
        Path(".taskhouse"), description="Folder for all data. A relative path starts in the current folder."
    )
    directory: File = Field(
        Path("taskhouse.toml"),
        description="File with what PostHog does not tell: names of projects, owners of repositories and campaigns."
        " One in the home comes before the default. See [report.md](report.md).",
    )
    notify: Addresses = Field(
        None,
        description="Where the weekly digest goes: addresses of chats and mailboxes as Apprise writes them, separated"
        " by spaces. See [digest.md](digest.md).",
    )
    report_url: Page = Field("", description="Where the newest report is served. The lines of a digest link to it.")
    site: OptionalFolder = Field(
        None, description="Folder that the asset `site` writes the site of static files into. See [site.md](site.md)."
    )
    readers_group: str = Field(
        "", description="Group that may read the published copies. If unset, only the owner of the home can read them."
    )
    asset_prefix: str = Field(
        "",
        pattern=PREFIX,
        description="Prefix for the names of all assets, pools and jobs, so that several taskhouses can share one "
        "Dagster instance.",
    )
    schedules: bool = Field(
        default=False,
        description="Turns all schedules and sensors on when the Dagster daemon starts. Takes precedence over "
        "`taskhouse schedule`.",
    )
    crons: Crons = Field(
        default_factory=dict,
        description="Schedules that run at other times than by default, each with a cron expression.",
    )
    keep_runs_days: int = Field(
        3, ge=1, description="How long Dagster keeps successful runs. It keeps other runs six times as long."
    )

    sweep_hours: float = Field(
        24.0,
        gt=0,
        description="Every task is read at least once in this time, even if nothing suggests that it changed. The "
        "whole list of tasks is read every seven times as long.",
    )
    first_load_tasks: int = Field(
        1000, ge=1, description="Most new tasks, and most unread logs, that one pass reads during a first load."
    )
    first_load_days: int | None = Field(
        None,
        ge=1,
        description="A first load skips runs and logs that have been inactive for longer. If unset, it skips none.",
    )

    task_usage: bool = Field(
        default=False, description="Fetch what each task cost, with one request for each task that changed."
    )
    pinned: bool = Field(
        default=False, description="Record which tasks the owner of the key pinned, with two requests for each pass."
    )

    readiness_windows: Windows = Field(
        (7, 14, 30), description="Windows over which readiness is fetched, each from 1 to 30 days."
    )
    readiness_overrides: Overrides = Field(
        default_factory=dict,
        description="Other windows for some repositories. A repository without windows is skipped.",
    )
    readiness_refresh: Literal["never", "daily"] = Field(
        "never",
        description="`daily` bypasses the server's cache, which costs about 22 GitHub requests for each answer.",
    )
    timezone: Zone = Field("UTC", description="Time zone in which days begin and schedules run.")

    requests_per_hour: int = Field(
        4800,
        ge=0,
        description="Limit of requests per hour. The limit per minute is a tenth of it, as it is at PostHog. "
        "`0` means no limit.",
    )

    budget: BudgetAddress = Field(
        None,
        description="PostgreSQL or Redis in which machines that use the same key share its request limit. If unset,"
        " only the processes of this home share it. See [scale.md](scale.md#one-key-many-machines).",
    )
    budget_shards: int = Field(
        10,
        ge=1,
        description="How many machines share `TASKHOUSE_BUDGET` at most. If one of them cannot reach it, that machine"
        " uses its part of a tenth of the limits.",
    )

    capture_seconds: float = Field(60.0, ge=0, description="How long one sync keeps the streams of active runs open.")
    log_final_s: float = Field(
        default=600.0,
        ge=0,
        description="How long after a run's end its log may still grow, because the server retries a failed flush. "
        "If a log was read earlier, a later pass reads it once more.",
    )
    max_streams: int = Field(500, ge=1, description="How many streams of a project may be open at once.")
    stream_leg: Literal["auto", "django"] = Field(
        "django",
        description="Where streams are read. `django`: from the API. `auto`: from the agent proxy, if a run names one.",
    )
    stream_windows: StreamWindows = Field(
        None,
        description="How many events the server keeps of a stream. If unset, the search for gaps tries the values of"
        " all known servers.",
    )
    tail_poll_s: float = Field(5.0, gt=0, description="How often `taskhouse tail` looks for new runs.")
    capture_text: Literal["full", "none"] = Field(
        "full",
        description="`none` keeps prompts, messages and tool texts off the disk, and stores only their structure and"
        " sizes.",
    )
    spool_free_gb: float = Field(1.0, ge=0, description="Capture stops if less disk space than this is free.")
    accept: Accepted = Field(
        (),
        description="What the next sync accepts. `viewer`: the key belongs to somebody with another view of the "
        "project. `absences`: many tasks or repositories disappeared at once. Unset it after one sync.",
    )
    shard: str = Field(
        "",
        pattern=SHARD,
        description="Name of this home among those that share a lake. If unset, it publishes to none."
        " See [lake.md](lake.md).",
    )
    lake: LakeAddress = Field(
        None,
        description="Catalogue of the lake: `ducklake:postgres:` and a connection string of PostgreSQL, or"
        " `ducklake:sqlite:` and a path.",
    )
    lake_data: OptionalFolderOrBucket = Field(
        None,
        description="Where the files of the lake are: a folder, which all its machines see under the same path, or"
        " a bucket of object storage, `s3://BUCKET/PREFIX`.",
    )
    lake_http: bool = Field(
        default=False,
        description="`true` lets `AWS_ENDPOINT_URL` begin with `http://`, though it names another machine: everyone who"
        " can read the network between them can read the lake.",
    )

    lock_wait_s: float = Field(
        60.0,
        gt=0,
        description="How long a pass waits for another pass of the same resource, and a commit for the warehouse.",
    )

    _clock: Clock = PrivateAttr(default_factory=lambda: REAL)

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
    def budget_file(self) -> Path:
        """The request budget that every process of this home shares, or its part of a shared one."""
        return self.home / "budget.sqlite"

    def wants(self, resource: str) -> bool:
        """Whether a resource is synced at all."""
        return not RESOURCES[resource].optional or bool(getattr(self, resource))

    def cron(self, name: str) -> str:
        """When something is synced or published, in cron's five fields."""
        return self.crons.get(name, CRONS[name])

    @property
    def addresses(self) -> tuple[str, ...]:
        """Where the digest goes, in clear."""
        return tuple(self.notify.get_secret_value().split()) if self.notify else ()

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
                hint="Set POSTHOG_PROJECT_IDS to the numeric ids of your projects, such as 1,2.",
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
