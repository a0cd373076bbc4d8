"""A lake whose files are in a bucket: what is refused, that keys stay where they are, and what stays in the bucket."""

import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
import trustme

import taskhouse
from taskhouse.errors import ConfigurationError, Retryable, TaskhouseError
from taskhouse.lake import service, upkeep
from taskhouse.lake.engine import Lake, connect
from taskhouse.lake.publish import opened
from taskhouse.lake.service import publish_once
from taskhouse.lake.verify import verify
from taskhouse.settings import Settings
from taskhouse.values import Bucket
from tests.lake.buckets import ObjectStorage
from tests.lake.compared import differs
from tests.lake.homes import Home
from tests.lake.parquet import copy_of_one, files_in, holding
from tests.lake.test_publish import shard_of
from tests.lake.test_upkeep import wrong
from tests.lake.test_world import environment


def with_keys(patch: pytest.MonkeyPatch, given: dict[str, str]) -> None:
    """Let this process have these variables."""
    for name, value in given.items():
        patch.setenv(name, value)


WRONG = {
    "does not accept the keys for s3://.*: InvalidAccessKeyId": {"AWS_ACCESS_KEY_ID": "AKIANOBODYKNOWSTHIS0"},
    "does not accept the keys for s3://.*: SignatureDoesNotMatch": {"AWS_SECRET_ACCESS_KEY": "wr0ng/secret+of"},
    "^The files of the lake are in s3://.*, but AWS_SECRET_ACCESS_KEY is not": {"AWS_SECRET_ACCESS_KEY": ""},
    "^The object storage of s3://.* does not answer: ": {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"},
}
"""What is said, and the variables that bring it about."""


def test_a_bucket_that_cannot_be_used_is_named_without_its_keys(
    bucket: Lake, make_home: Callable[..., Home], monkeypatch: pytest.MonkeyPatch, storage: ObjectStorage
) -> None:
    home = make_home("one", bucket, full=False)
    home.change(rows=300)

    def read(settings: Settings) -> None:
        with taskhouse.open(settings, lake=True) as lake:
            lake.records("SELECT count(payload) FROM raw.run_events")

    def refuse(work: Callable[[Settings], object]) -> None:
        for said, given in WRONG.items():
            with monkeypatch.context() as patch:
                with_keys(patch, given)
                with pytest.raises(TaskhouseError, match=said) as problem:
                    work(home.settings)
            assert isinstance(problem.value, Retryable if "answer" in said else ConfigurationError)
            assert not any(key in str(problem.value) for key in (*storage.keys["owner"], "wr0ng/secret+of"))

    monkeypatch.setattr(service, "TRIES", 2)
    refuse(publish_once)
    publish_once(home.settings)
    for work in (read, verify, upkeep.rebuild):  # no file is called damaged
        refuse(work)
    assert (wrong(home), differs(bucket, home)) == ({}, {})


def test_no_catalogue_names_a_bucket_that_is_not_there(bucket: Lake, make_home: Callable[..., Home]) -> None:
    home = make_home("one", bucket, full=False)
    typo = home.settings.model_copy(update={"lake_data": Bucket("no-such-bucket", "x")})
    with pytest.raises(ConfigurationError, match=r"^The object storage has no bucket for s3://no-such-bucket/x\."):
        publish_once(typo)
    publish_once(home.settings)
    with pytest.raises(ConfigurationError, match=r"^The lake cannot be opened: "):
        publish_once(home.settings.model_copy(update={"lake_data": Bucket(str(bucket.data)[5:].split("/")[0], "y")}))


def test_each_command_needs_its_rights_only(
    bucket: Lake, make_home: Callable[..., Home], monkeypatch: pytest.MonkeyPatch, storage: ObjectStorage
) -> None:
    home = make_home("one", bucket, full=False)
    with_keys(monkeypatch, storage.environment("keeper"))
    for _ in range(3):
        home.change(rows=200)
        publish_once(home.settings)
    assert wrong(home) == {}
    said = r"^The keys in AWS_ACCESS_KEY_ID may not do this in s3://lake-\d+/task/house: .*"
    with pytest.raises(ConfigurationError, match=rf"{said}AccessDenied.* s3:DeleteObject\.$"):
        upkeep.rewrite(home.settings)
    with_keys(monkeypatch, storage.environment("reader"))
    with taskhouse.open(lake=bucket.address) as lake:
        assert lake.records("SELECT count(*) AS rows FROM raw.run_events")[0]["rows"] > 0
    home.change(rows=200)
    with pytest.raises(ConfigurationError, match=rf"{said}403.* s3:PutObject"):
        publish_once(home.settings)
    with_keys(monkeypatch, storage.environment())
    upkeep.rewrite(home.settings)
    publish_once(home.settings)
    assert (wrong(home), differs(bucket, home)) == ({}, {})
    objects = {Path(name).name for name in storage.objects(as_bucket(bucket))}
    assert objects == {path.name for path in files_in(bucket)}


def as_bucket(lake: Lake) -> Bucket:
    """Where the files of a lake in a bucket are."""
    assert isinstance(lake.data, Bucket)
    return lake.data


def test_the_keys_are_in_the_memory_of_the_process_alone(
    bucket: Lake,
    make_home: Callable[..., Home],
    storage: ObjectStorage,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    home = make_home("one", bucket, full=False)
    home.change(rows=300)
    secret = storage.environment()["AWS_SECRET_ACCESS_KEY"]
    monkeypatch.setenv("HOME", str(tmp_path))
    command = [sys.executable, "-m", "taskhouse.pipelines.cli", "--debug", "lake", "publish"]
    given_variables = environment(home.settings)
    done = subprocess.run(command, env=given_variables, capture_output=True, text=True, check=True)
    wrong_key = {**given_variables, "AWS_ACCESS_KEY_ID": "AKIANOBODYKNOWSTHIS0"}
    failed = subprocess.run([*command[:-1], "compact"], env=wrong_key, capture_output=True, text=True, check=False)
    assert failed.returncode == 2
    assert "does not accept the keys for s3://" in failed.stderr
    said = done.stdout + done.stderr + failed.stdout + failed.stderr
    with taskhouse.open(lake=bucket.address) as lake:
        for text in ("FROM duckdb_settings()", "FROM duckdb_secrets()", "FROM duckdb_logs()"):
            said += repr(lake.records(text))
        with pytest.raises(ConfigurationError, match="unredacted secrets is disabled"):
            lake.records("FROM duckdb_secrets(redact=false)")
    assert secret not in said
    kept = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(kept) > 5
    assert [path for path in kept if secret.encode() in path.read_bytes()] == []
    assert not any(secret.encode() in body for body in storage.objects(as_bucket(bucket)).values())


def test_what_a_killed_publication_left_is_removed_when_it_is_old(
    bucket: Lake, make_home: Callable[..., Home], monkeypatch: pytest.MonkeyPatch
) -> None:
    home = make_home("one", bucket, full=False)
    home.change(rows=300)
    publish_once(home.settings)
    copy_of_one(bucket, "left-by-a-kill.parquet")
    upkeep.compact(home.settings)
    assert any(path.name == "left-by-a-kill.parquet" for path in files_in(bucket))
    monkeypatch.setattr(upkeep, "LEFT", timedelta(0))
    assert upkeep.compact(home.settings).removed == 1
    assert not any(path.name == "left-by-a-kill.parquet" for path in files_in(bucket))
    assert (wrong(home), differs(bucket, home)) == ({}, {})


def test_old_versions_of_objects_still_have_what_was_erased(
    bucket: Lake, make_home: Callable[..., Home], storage: ObjectStorage
) -> None:
    lake = Lake(bucket.address, storage.make(versioned=True))
    home = make_home("one", lake, full=False)
    for _ in range(4):
        home.change(rows=200)
    publish_once(home.settings)
    with home.warehouse.reading("a test") as connection:
        run_id = connection.execute("SELECT mode(run_id) FROM raw.run_events").fetchall()[0][0]
    assert holding(lake, run_id)
    before = set(storage.objects(as_bucket(lake)))
    upkeep.rewrite(home.settings, run_id)
    assert holding(lake, run_id) == []
    kept = storage.client.list_object_versions(Bucket=as_bucket(lake).name)
    assert before & {one["Key"] for one in kept["Versions"] if not one["IsLatest"]}


def test_the_server_must_prove_who_it_is(
    bucket: Lake, make_home: Callable[..., Home], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    issued.cert_chain_pems[0].write_to_path(str(tmp_path / "certificate.pem"))
    issued.private_key_pem.write_to_path(str(tmp_path / "key.pem"))
    server = ObjectStorage((tmp_path / "certificate.pem", tmp_path / "key.pem", tmp_path / "authority.pem"))
    try:
        with_keys(monkeypatch, server.environment())
        home = make_home("one", Lake(bucket.address, server.make()), full=False)
        home.change(rows=300)
        with pytest.raises(ConfigurationError, match=r"^The object storage of s3://.* did not prove who it is: "):
            publish_once(home.settings)
        monkeypatch.setenv("AWS_CA_BUNDLE", str(tmp_path / "authority.pem"))
        publish_once(home.settings)
        assert wrong(home) == {}
    finally:
        server.remove()


def test_a_server_that_hangs_delays_a_publication_only(
    bucket: Lake, make_home: Callable[..., Home], storage: ObjectStorage
) -> None:
    home = make_home("one", bucket, full=False)
    publish_once(home.settings)
    home.change(rows=300)
    with opened(shard_of(home, bucket)) as shard:
        connection = shard.connection
        connection.execute("SET http_timeout = 1")
        connection.execute("SET http_retries = 0")
        storage.pause(on=True)
        try:
            with pytest.raises(Exception, match=r"HTTP (GET|PUT)") as problem:
                shard.tick()
        finally:
            storage.pause(on=False)
    assert isinstance(bucket.failed(problem.value, "Publishing"), Retryable)  # type: ignore[arg-type]
    assert publish_once(home.settings).rows
    assert (wrong(home), differs(bucket, home)) == ({}, {})


def test_a_reader_keeps_its_snapshot_while_the_lake_changes(bucket: Lake, make_home: Callable[..., Home]) -> None:
    home = make_home("one", bucket, full=False)
    home.change(rows=300)
    publish_once(home.settings)
    with taskhouse.open(lake=bucket.address) as lake:
        before = lake.records("SELECT count(*) AS rows FROM raw.run_events")
        home.change(rows=300)
        publish_once(home.settings)
        upkeep.compact(home.settings)
        assert lake.records("SELECT count(*) AS rows FROM raw.run_events") == before
    connection = connect(bucket, read_only=True)
    assert connection.execute("SELECT count(*) FROM lake.raw.run_events").fetchall()[0][0] >= before[0]["rows"]
    connection.close()
