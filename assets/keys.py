"""The names in Dagster, with a prefix if several taskhouses share a code location or an instance."""

import dagster as dg


def key(prefix: str, *path: str) -> dg.AssetKey:
    """The key of an asset."""
    return dg.AssetKey([*filter(None, [prefix]), *path])


def label(prefix: str, name: str) -> str:
    """The name of a pool, job, schedule, sensor, step or resource."""
    return f"{prefix}_{name}" if prefix else name
