"""What the object storage of a lake refused, in our words, and which errors are those of a catalogue or a file."""

import re
from pathlib import Path

import duckdb

from taskhouse.errors import ConfigurationError, Retryable, TaskhouseError
from taskhouse.lake.storage import hide
from taskhouse.values import Bucket

_REMOTE = re.compile(r"\bHTTP (?:GET|PUT|POST|HEAD|DELETE|Error|code|\d{3})\b|<Code>")
_KEYS = re.compile(r"\b(InvalidAccessKeyId|SignatureDoesNotMatch|ExpiredToken|InvalidToken|RequestTimeTooSkewed)\b")
_DENIED = re.compile(r"\b(AccessDenied|AllAccessDisabled|AccountProblem|HTTP (?:code )?403)\b")
_ABSENT = re.compile(r"\bNoSuchBucket\b")
_REGION = re.compile(r"\b(AuthorizationHeaderMalformed|PermanentRedirect|IllegalLocation\w+|HTTP (?:code )?301)\b")
_UNSUPPORTED = re.compile(r"\b(NotImplemented|HTTP (?:code )?501)\b")
_UNTRUSTED = re.compile(r"\bSSL\b")
_LOST = re.compile(r"\bNoSuchKey\b|\bHTTP (?:code )?(404|416)\b")


_OF_CATALOGUE = re.compile(
    r"\bFailed to [^\"]*\bDuckLake\b|\bFailed to (?:execute|prepare) (?:query|COPY)\b|\bFailed to copy data: "
    r"|\bUnable to connect to Postgres\b|\bserver closed the connection\b|\bno connection to the server\b"
    r"|\bcould not receive data from server\b|\bConnection reset failure\b|\bdatabase has been invalidated\b"
)
_OF_FILE = re.compile(r"\bducklake-[0-9a-f-]+\.parquet\b")
_QUOTING = (duckdb.ParserException, duckdb.CatalogException, duckdb.BinderException, duckdb.DataError)
"""Errors that quote the statement or its data, so only their first words say what failed."""

_CONNECTION = re.compile(
    r"\bserver closed the connection unexpectedly|\bno connection to the server|\bterminating connection [^\"\n]+"
    r"|\bthe database system is (?:shutting down|starting up|not yet accepting connections|in recovery mode)"
    r"|\bcould not (?:receive data from|send data to) server|\bConnection reset failure"
)
_SQL = re.compile(r'\b(query|COPY) ".*?"(?=: | \(no result)', re.DOTALL)
_DETAILS = re.compile(r"\n\s*(?:LINE \d+:|Stack Trace:).*", re.DOTALL)
_ABORTED = "Current transaction is aborted"


def is_of_lake(problem: duckdb.Error) -> bool:
    """Whether a statement failed because the catalogue did not answer, or a file of the lake could not be read."""
    said = _DETAILS.sub("", str(problem))
    words = said.partition(" Error: ")[2]
    of_catalogue = _OF_CATALOGUE.match(words) if isinstance(problem, _QUOTING) else _OF_CATALOGUE.search(said)
    return bool(of_catalogue or _OF_FILE.search(said))


def lost(problem: duckdb.Error) -> str:
    """How the connection to a catalogue in PostgreSQL was lost; empty if the error does not speak of that."""
    found = _CONNECTION.search(_SQL.sub(r"\1", _DETAILS.sub("", str(problem))))
    return found[0] if found else ""


def is_broken(problem: duckdb.Error) -> bool:
    """Whether it is what DuckDB says if it loses a catalogue in PostgreSQL while it reads rows that have no file."""
    return isinstance(problem, duckdb.InternalException | duckdb.FatalException) or _ABORTED in str(problem)


def in_a_line(said: str) -> str:
    """What DuckDB said, without its stack trace and the SQL of DuckLake; its first line may say too little."""
    return " ".join(_SQL.sub(r"\1", _DETAILS.sub("", said)).split())[:300]


def failed(problem: duckdb.Error, place: Path | Bucket | None = None) -> TaskhouseError | None:
    """One of our errors for what object storage refused; None for anything else, such as an object that is not there.

    Args:
        problem: What DuckDB said.
        place: Where the files of the lake are, for the message.
    """
    said = hide(str(problem)).strip()
    if isinstance(place, Path) or isinstance(problem, duckdb.ProgrammingError) or not _REMOTE.search(said):
        return None
    bucket, first = str(place or "the lake"), said.splitlines()[0][:300]
    if refused := _about_keys(said, bucket, first) or _about_bucket(said, bucket, first):
        return refused
    if _LOST.search(said):
        return None
    return Retryable(
        f"The object storage of {bucket} does not answer: {first}.",
        hint="Check AWS_ENDPOINT_URL and the network, then run the command again. Nothing was half written.",
    )


def _about_keys(said: str, bucket: str, first: str) -> TaskhouseError | None:
    if code := _KEYS.search(said):
        return ConfigurationError(
            f"The object storage does not accept the keys for {bucket}: {code[1]}.",
            hint="Set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and, for temporary keys, AWS_SESSION_TOKEN to keys that"
            " are valid now, and check the clock of this machine. Then run the command again.",
        )
    if _DENIED.search(said):
        return ConfigurationError(
            f"The keys in AWS_ACCESS_KEY_ID may not do this in {bucket}: {first}.",
            hint="Readers need the rights s3:ListBucket and s3:GetObject. Publishers also need s3:PutObject, and"
            " `taskhouse lake compact` and `taskhouse lake rewrite` s3:DeleteObject.",
        )
    return None


def _about_bucket(said: str, bucket: str, first: str) -> TaskhouseError | None:
    if _ABSENT.search(said):
        return ConfigurationError(
            f"The object storage has no bucket for {bucket}.",
            hint="Create it, or correct TASKHOUSE_LAKE_DATA, AWS_ENDPOINT_URL or AWS_REGION.",
        )
    if _REGION.search(said):
        return ConfigurationError(
            f"The bucket of {bucket} is in another region: {first}.", hint="Set AWS_REGION to the region of the bucket."
        )
    if _UNSUPPORTED.search(said):
        return ConfigurationError(
            f"The object storage of {bucket} cannot do this: {first}.",
            hint="DuckDB deletes several objects with one request (DeleteObjects). Use an object storage that has it.",
        )
    if _UNTRUSTED.search(said):
        return ConfigurationError(
            f"The object storage of {bucket} did not prove who it is: {first}.",
            hint="If its certificate is from an authority of your own, set AWS_CA_BUNDLE to the file of that authority."
            " If it speaks no TLS, AWS_ENDPOINT_URL begins with http://.",
        )
    return None
