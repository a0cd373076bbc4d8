"""What assets, pools and jobs are called in Dagster: with a prefix where several taskhouses share one instance."""

import dagster as dg


def key(prefix: str, *path: str) -> dg.AssetKey:
    """The key of an asset."""
    return dg.AssetKey([*filter(None, [prefix]), *path])


def label(prefix: str, name: str) -> str:
    """The name of a pool or a job."""
    return f"{prefix}_{name}" if prefix else name
