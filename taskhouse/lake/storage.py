"""Where the files of a lake are: in a folder that all machines see, or in a bucket of object storage that speaks S3.

DuckDB reads, lists and deletes both alike. So nothing but this module knows which one it is: it gives DuckDB the keys
of a bucket.

The keys come from the variables that the tools of AWS read. They are in the memory of one DuckDB, and nowhere else.
"""

import os
from pathlib import Path
from urllib.parse import urlsplit

import duckdb

from taskhouse.errors import ConfigurationError
from taskhouse.lake import extensions
from taskhouse.values import LOOPBACK, Bucket, folder_or_bucket
from taskhouse.warehouse import sql

KEY_ID, SECRET, TOKEN = "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"
REGIONS = ("AWS_REGION", "AWS_DEFAULT_REGION")
ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
CERTIFICATES = "AWS_CA_BUNDLE"
"""Variables of the environment; the first of several counts."""

AMAZON, REGION = "s3.amazonaws.com", "us-east-1"
"""What counts if they name no endpoint or no region."""


def address(place: Path | Bucket) -> str:
    """What DuckLake calls a place."""
    return f"{place.absolute()}/" if isinstance(place, Path) else f"{place}/"


def known(connection: duckdb.DuckDBPyConnection) -> Path | Bucket | None:
    """The place that the catalogue of an attached lake names; None if it is none of ours."""
    try:
        return folder_or_bucket(sql.run(connection, "lake_storage/place").fetchall()[0][0])
    except ValueError:
        return None


def prepare(connection: duckdb.DuckDBPyConnection, place: Path | Bucket | None, *, over_http: bool = False) -> None:
    """Let a DuckDB read and write the files of a place.

    Args:
        connection: The DuckDB.
        place: The place.
        over_http: Whether object storage on another machine may be reached without TLS.

    Raises:
        ConfigurationError: The environment has no keys, or an endpoint that cannot be used; or DuckDB's extension is
            not installed here.
    """
    if isinstance(place, Bucket):
        secret = secret_of(place, over_http=over_http)
        load(connection)
        sql.run(connection, "lake_storage/secret", **secret)


def load(connection: duckdb.DuckDBPyConnection) -> None:
    """Let a DuckDB speak to object storage; loading twice is harmless.

    Raises:
        ConfigurationError: DuckDB's extension is not installed here.
    """
    if sql.run(connection, "lake_storage/is_loaded").fetchall():
        return
    extensions.load(connection, "httpfs")
    connection.execute(sql.query("lake_storage/settings"))
    if certificates := os.environ.get(CERTIFICATES):
        connection.execute(f"SET ca_cert_file = {sql.literal(certificates)}")


def remains(place: Path | Bucket | None) -> str:
    """What to say of a place after something was erased from it; empty if there is nothing to say."""
    if not isinstance(place, Bucket):
        return ""
    return (
        f"If versioning is on, the bucket of {place} keeps old versions of the files, and what was erased is still in"
        " them: see docs/lake.md."
    )


def look(connection: duckdb.DuckDBPyConnection, place: Path | Bucket | None) -> None:
    """Ask once whether a bucket is there and may be listed.

    Raises:
        duckdb.Error: It is not; `refusals.failed` says why.
    """
    if isinstance(place, Bucket):
        sql.run(connection, "lake_storage/look", pattern=f"{place}/taskhouse*").fetchall()


def hide(text: str) -> str:
    """A text without the keys of the environment."""
    for name in (SECRET, TOKEN, KEY_ID):
        if value := os.environ.get(name):
            text = text.replace(value, "…")
    return text


def secret_of(place: Bucket, *, over_http: bool = False) -> dict[str, object]:
    """What DuckDB must know of a bucket, as the environment has it; raises as :func:`prepare`."""
    key_id, secret = (os.environ.get(name, "") for name in (KEY_ID, SECRET))
    if not key_id or not secret:
        raise ConfigurationError(
            f"The files of the lake are in {place}, but {' and '.join(_unset(KEY_ID, SECRET))} not set.",
            hint="Export the keys of the object storage under these names, with AWS_REGION, and AWS_ENDPOINT_URL if it"
            " is not that of Amazon. They are not read from .env.",
        )
    endpoint, use_ssl = _endpoint(over_http=over_http)
    return {
        "scope": f"s3://{place.name}/",
        "key_id": key_id,
        "secret": secret,
        "session_token": os.environ.get(TOKEN, ""),
        "region": _first(*REGIONS) or REGION,
        "endpoint": endpoint,
        "url_style": "path" if endpoint != AMAZON or "." in place.name else "vhost",
        "use_ssl": use_ssl,
    }


def _endpoint(*, over_http: bool) -> tuple[str, bool]:
    """The host and port of the object storage, and whether it speaks TLS."""
    named = _first(*ENDPOINTS)
    if not named:
        return AMAZON, True
    try:
        parts = urlsplit(named)
        is_origin = bool(parts.hostname) and parts.port != 0 and parts.path in {"", "/"}
    except ValueError:
        is_origin = False
    if not is_origin or parts.scheme not in {"http", "https"} or "@" in parts.netloc or parts.query or parts.fragment:
        raise ConfigurationError(
            "AWS_ENDPOINT_URL is not the address of object storage.",
            hint="Set it to an origin such as https://storage.example.com:9000, or unset it to use Amazon S3.",
        )
    if parts.scheme == "http" and parts.hostname not in LOOPBACK and not over_http:
        raise ConfigurationError(
            f"AWS_ENDPOINT_URL names {parts.hostname} with http, so others could read the lake on the network.",
            hint="Use https. If only you can read the network between these machines, set TASKHOUSE_LAKE_HTTP=true.",
        )
    return parts.netloc, parts.scheme == "https"


def _first(*names: str) -> str:
    return next((value for name in names if (value := os.environ.get(name, "").strip())), "")


def _unset(*names: str) -> list[str]:
    missing = [name for name in names if not os.environ.get(name)]
    return [*missing[:-1], f"{missing[-1]} {'are' if len(missing) > 1 else 'is'}"]
