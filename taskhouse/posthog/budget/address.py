"""The store that an address of ``TASKHOUSE_BUDGET`` names, and how it may be shown."""

import importlib.util
from urllib.parse import urlsplit

from taskhouse.errors import ConfigurationError
from taskhouse.posthog.budget.limits import Limits
from taskhouse.posthog.budget.postgres_windows import PostgresWindows
from taskhouse.posthog.budget.redis_windows import RedisWindows
from taskhouse.posthog.budget.store import SharedStore


def shared_store(address: str, name: str, limits: Limits) -> SharedStore:
    """The windows at an address that the settings accepted; nothing is asked yet.

    Args:
        address: ``postgresql://…`` or ``redis://…``, with user and password.
        name: Of the key's table or set.
        limits: What it gives out.

    Raises:
        ConfigurationError: The client for it is not installed.
    """
    redis = urlsplit(address).scheme.startswith("redis")
    package, extra, made = ("redis", "redis", RedisWindows) if redis else ("psycopg", "postgres", PostgresWindows)
    if importlib.util.find_spec(package) is None:
        raise ConfigurationError(
            f"TASKHOUSE_BUDGET needs the Python package {package}, which is not installed.",
            hint=f'Run `pip install "taskhouse[{extra}]"`.',
        )
    return made(address, shown(address), name, limits)


def shown(address: str) -> str:
    """An address without its user, password and options."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
