"""What the settings of a lake must be, and what is said where there is none."""

from pathlib import Path
from typing import Any

import duckdb
import pytest
from pydantic import SecretStr

import taskhouse
from taskhouse.errors import ConfigurationError, Retryable
from taskhouse.lake import refusals, storage
from taskhouse.lake.engine import Lake, connect
from taskhouse.lake.service import shard_of
from taskhouse.settings import Settings
from taskhouse.values import Bucket


def settings(home: Path, **more: Any) -> Settings:
    return Settings(_env_file=None, home=home, **more)


def test_a_home_without_a_lake_or_a_name_in_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"^TASKHOUSE_LAKE is not set, so there is no lake\."):
        taskhouse.open(settings(tmp_path), lake=True)
    with pytest.raises(
        ConfigurationError, match=r"^TASKHOUSE_SHARD is not set, so this home has no name in the lake\."
    ):
        shard_of(settings(tmp_path, lake=SecretStr("ducklake:sqlite:/tmp/x")))
    with pytest.raises(
        ConfigurationError, match=r"^The address of the lake must look like ducklake:postgres:dbname=lake "
    ):
        taskhouse.open(lake="postgres:dbname=lake")


@pytest.mark.parametrize(
    "address", ["lake.ducklake", "ducklake:lake.ducklake", "ducklake:mysql:db=lake", "ducklake:sqlite:"]
)
def test_other_catalogues_are_refused(tmp_path: Path, address: str) -> None:
    with pytest.raises(ValueError, match="must look like ducklake:postgres:dbname=lake or ducklake:sqlite:"):
        settings(tmp_path, lake=SecretStr(address))


@pytest.mark.parametrize("name", ["Eu", "1a", "a-b", "a;b", "a" * 40])
def test_the_name_of_a_shard_can_be_part_of_that_of_a_table(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="TASKHOUSE_SHARD"):
        settings(tmp_path, shard=name)


def test_no_password_is_printed() -> None:
    lake = Lake("ducklake:postgres:host=db user=me password='s3 cret' dbname=lake")
    said = (
        "cannot connect with host=db user=me password='s3 cret' dbname=lake: password=s3cret, postgres://me:s3cret@db"
    )
    assert "cret" not in lake.hide(said)
    assert "cret" not in repr(lake)


def test_without_the_extension_the_error_says_where_it_comes_from(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"^The DuckDB extension ducklake is not installed for DuckDB "):
        connect(Lake(f"ducklake:sqlite:{tmp_path}/x.sqlite"))


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("s3://lake/x/", Bucket("lake", "x")),
        ("s3://eu.lake-1/task/house_2/", Bucket("eu.lake-1", "task/house_2")),
        ("/srv/lake", Path("/srv/lake")),
        ("", None),
    ],
)
def test_the_files_of_a_lake_are_in_a_folder_or_in_a_bucket(tmp_path: Path, text: str, place: Path | Bucket) -> None:
    found = settings(tmp_path, lake_data=text).lake_data
    assert found == place
    assert settings(tmp_path, lake_data=found).lake_data == place


@pytest.mark.parametrize(
    "text",
    [
        *(
            "s3://",
            "s3://a",
            "s3://Lake/x",
            "s3:///x",
            "s3://lake",
            "s3://lake/",
            "s3://lake//x",
            "s3://lake/../x",
            "s3://lake/a*b",
            "s3://lake/a b",
        ),
        *("s3://key:secret@lake/x", "s3://lake/x?versionId=1", "gs://lake/x", "https://lake.s3.amazonaws.com/x"),
    ],
)
def test_no_other_address_is_a_place_for_files(tmp_path: Path, text: str) -> None:
    with pytest.raises(ValueError, match="must be a folder, or a bucket and a prefix of") as refused:
        settings(tmp_path, lake_data=text)
    assert text not in str(refused.value).replace("s3://bucket/prefix", "")


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Keys in the environment, and nothing else of object storage."""
    for name in (*storage.REGIONS, *storage.ENDPOINTS, storage.TOKEN, storage.CERTIFICATES):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(storage.KEY_ID, "AKIAOURS")
    monkeypatch.setenv(storage.SECRET, "s3cret/ours")
    return monkeypatch


@pytest.mark.parametrize(
    ("unset", "said"),
    [
        (("AWS_ACCESS_KEY_ID",), "AWS_ACCESS_KEY_ID is not set"),
        (("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set"),
    ],
)
def test_a_bucket_without_keys_says_which_are_missing(
    keys: pytest.MonkeyPatch, unset: tuple[str, ...], said: str
) -> None:
    for name in unset:
        keys.delenv(name)
    with pytest.raises(ConfigurationError) as refused:
        storage.secret_of(Bucket("lake", "x"))
    assert refused.value.message == f"The files of the lake are in s3://lake/x, but {said}."


@pytest.mark.parametrize(
    ("url", "said"),
    [
        *(
            (url, r"^AWS_ENDPOINT_URL is not the address of object storage\.")
            for url in (
                "storage.example.com",
                "s3://x",
                "https://u:p@x",
                "https://x/path",
                "https://x:port",
                "https://",
            )
        ),
        (
            "http://storage.example.com:9000",
            r"^AWS_ENDPOINT_URL names storage\.example\.com with http, so others could ",
        ),
    ],
)
def test_an_endpoint_that_would_show_the_lake_is_refused(keys: pytest.MonkeyPatch, url: str, said: str) -> None:
    keys.setenv("AWS_ENDPOINT_URL", "https://good.example.com")
    keys.setenv("AWS_ENDPOINT_URL_S3", url)
    with pytest.raises(ConfigurationError, match=said):
        storage.secret_of(Bucket("lake", "x"))


@pytest.mark.parametrize(
    ("given", "over_http", "secret"),
    [
        ({}, "", ("s3.amazonaws.com", "vhost", True, "us-east-1")),
        ({"AWS_REGION": "eu-central-1"}, "", ("s3.amazonaws.com", "vhost", True, "eu-central-1")),
        ({"AWS_DEFAULT_REGION": "eu-west-1"}, "", ("s3.amazonaws.com", "vhost", True, "eu-west-1")),
        ({"AWS_ENDPOINT_URL": "https://s.example:9000/"}, "", ("s.example:9000", "path", True, "us-east-1")),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:9000"}, "", ("127.0.0.1:9000", "path", False, "us-east-1")),
        ({"AWS_ENDPOINT_URL_S3": "http://minio:9000"}, "allowed", ("minio:9000", "path", False, "us-east-1")),
    ],
)
def test_the_environment_says_how_a_bucket_is_reached(
    keys: pytest.MonkeyPatch, given: dict[str, str], over_http: str, secret: tuple[object, ...]
) -> None:
    for name, value in given.items():
        keys.setenv(name, value)
    made = storage.secret_of(Bucket("lake", "x"), over_http=bool(over_http))
    assert (made["endpoint"], made["url_style"], made["use_ssl"], made["region"]) == secret
    assert made["scope"] == "s3://lake/"
    dotted = storage.secret_of(Bucket("a.lake", "x"), over_http=bool(over_http))
    assert dotted["url_style"] == "path", "a certificate for all buckets does not cover such a name"


GET = "HTTP Error: HTTP GET error reading 'http://h/lake/p/x.parquet' in region 'us-east-1' (HTTP"
REMOVE = "IO Error: Failed to remove files:"
SAID = {
    f"{GET} 403 Forbidden)\n\nInvalidAccessKeyId: The AWS Access Key Id": "accept the keys for s3://lake/p: InvalidAc",
    f"{GET} 400 Bad Request)\n\nExpiredToken: The provided token": "accept the keys for s3://lake/p: ExpiredToken.",
    f"{GET} 403 Forbidden)\n\nAccessDenied: Access Denied": "may not do this in s3://lake/p: HTTP Error: HTTP GET",
    f"{REMOVE} <Key>p/x</Key><Code>AccessDenied</Code>": "may not do this in s3://lake/p: IO",
    f"{GET} 404 Not Found)\n\nNoSuchBucket: The specified bucket": "The object storage has no bucket for s3://lake/p.",
    f"{GET} 301 Moved Permanently)\n\nPermanentRedirect: must be": "The bucket of s3://lake/p is in another region",
    f"{REMOVE} HTTP 400 (Bad Request)\n<Code>NotImplemented</Code>": "s3://lake/p cannot do this: ",
    "IO Error: SSL peer certificate or SSH remote key was not OK error for HTTP GET": "did not prove who it is",
    "IO Error: Could not connect to server error for HTTP GET to 'http://h:1/lake/p'": "s3://lake/p does not answer: ",
    f"{GET} 503 Slow Down)\n\nSlowDown: Please reduce your request rate.": "s3://lake/p does not answer: ",
}


@pytest.mark.parametrize("said", SAID)
def test_what_object_storage_refuses_is_said_with_the_way_out(keys: pytest.MonkeyPatch, said: str) -> None:
    assert keys
    problem = Lake("ducklake:sqlite:x", Bucket("lake", "p")).failed(
        duckdb.IOException(f"{said} AKIAOURS s3cret/ours"), "X"
    )
    assert SAID[said] in problem.message
    assert problem.hint
    assert "ours" not in str(problem).lower()
    assert isinstance(problem, Retryable if "does not answer" in problem.message else ConfigurationError)


@pytest.mark.parametrize(
    "said",
    [
        f"{GET} 404 Not Found)\n\nNoSuchKey: The specified key does not exist.",
        "Invalid Input Error: No magic bytes found at end of file 's3://lake/p/x.parquet'",
        'IO Error: Cannot open file "/srv/lake/x.parquet": No such file or directory',
    ],
)
def test_an_object_that_is_lost_or_damaged_is_no_refusal(said: str) -> None:
    assert refusals.failed(duckdb.IOException(said)) is None


def test_only_of_a_bucket_it_is_said_that_old_versions_may_remain() -> None:
    assert "the bucket of s3://lake/x keeps old versions" in storage.remains(Bucket("lake", "x"))
    assert [storage.remains(place) for place in (None, Path("/srv/lake"))] == ["", ""]


def test_what_a_folder_or_a_statement_says_is_no_refusal() -> None:
    said = f"{GET} 403 Forbidden)"
    assert refusals.failed(duckdb.IOException(said), Bucket("lake", "x"))
    assert refusals.failed(duckdb.IOException(said), Path("/srv/lake")) is None
    assert refusals.failed(duckdb.BinderException(f'column "{said}" not found'), Bucket("lake", "x")) is None


QUERY = """Failed to prepare query "SELECT data_file_id, value_count, max_value, min_value
     FROM "public".ducklake_file_column_stats
     WHERE column_id = 13 AND table_id = 40\""""
LOST = {
    f"""Binder Error: Failed to get data file list from DuckLake: {QUERY}: server closed the connection unexpectedly
\tThis probably means the server terminated abnormally


LINE 2:   SELECT * FROM postgres_query('__ducklake_metadata_lake',
                        ^""": (duckdb.BinderException, "was lost (server closed the connection unexpectedly)"),
    f"""Binder Error: Failed to get data file list from DuckLake: {QUERY} (no result): no connection to the server""": (
        duckdb.BinderException,
        "was lost (no connection to the server)",
    ),
    """INTERNAL Error: Attempted to access index 0 within vector of size 0

Stack Trace:

/lib/ducklake.duckdb_extension(+0xd7f00b) [0x7f62e6d7f00b]""": (
        duckdb.InternalException,
        "(INTERNAL Error: Attempted to access index 0 within vector of size 0)",
    ),
    """FATAL Error: Failed: database has been invalidated because of a previous fatal error.
Original error: "Attempted to access index 0 within vector of size 0\"""": (
        duckdb.FatalException,
        'because of a previous fatal error. Original error: "Attempted to access index 0 within vector of size 0")',
    ),
    """Invalid Input Error: Attempting to fetch from an unsuccessful query result
Error: TransactionContext Error: Current transaction is aborted (please ROLLBACK)""": (
        duckdb.InvalidInputException,
        "Error: TransactionContext Error: Current transaction is aborted (please ROLLBACK))",
    ),
    'IO Error: Failed to prepare COPY "COPY (SELECT 1) TO STDOUT (FORMAT "binary");": FATAL:  terminating connection'
    " due to administrator command\n": (
        duckdb.IOException,
        "was lost (terminating connection due to administrator command)",
    ),
}


@pytest.mark.parametrize("said", LOST)
def test_a_catalogue_that_is_lost_is_no_fault_of_the_statement(said: str) -> None:
    kind, words = LOST[said]
    problem = Lake("ducklake:postgres:dbname=lake").explain(kind(said))
    assert isinstance(problem, Retryable)
    assert problem.message.startswith("Reading the lake failed: ")
    assert "the connection to the catalogue " in problem.message
    assert problem.message.endswith(f"{words}.")


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (duckdb.BinderException, 'Binder Error: Referenced column "no connection to the server" not found'),
        (duckdb.BinderException, "Binder Error: No column x\n\nLINE 1: SELECT x, 'Failed to read from DuckLake'"),
        (duckdb.CatalogException, "Catalog Error: Table with name terminating connection does not exist!"),
        (duckdb.ParserException, 'Parser Error: syntax error at or near "Failed to get a file from DuckLake"'),
        (
            duckdb.ConversionException,
            "Conversion Error: Could not convert string 'no connection to the server' to INT32",
        ),
    ],
)
def test_a_statement_that_quotes_such_words_is_still_wrong(kind: type[duckdb.Error], said: str) -> None:
    assert Lake("ducklake:postgres:dbname=lake").explain(kind(said)) is None
