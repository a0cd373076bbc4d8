"""A server that speaks S3, in a process of its own: it checks signatures and rights, as a real one does."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from taskhouse.values import Bucket
from tests.scale.servers import free_port
from tests.tied import tied

PLACES = pytest.mark.parametrize("lake", ["bucket", "sqlite"], indirect=True)
"""A test of how files are written, read or deleted: in a bucket with PostgreSQL, and in a folder with SQLite."""

RIGHTS = {
    "owner": ("s3:*",),
    "keeper": ("s3:ListBucket", "s3:GetObject", "s3:PutObject"),
    "reader": ("s3:ListBucket", "s3:GetObject"),
}
"""Users, and what each of them may do."""


class ObjectStorage:
    """The server, with a user for each kind of rights.

    Args:
        tls: Files with its certificate, the key of it, and the authority that issued it; None for http.
    """

    def __init__(self, tls: tuple[Path, Path, Path] | None = None) -> None:
        self.port, self.number = free_port(), 0
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        words = ["-c", str(tls[0]), "-k", str(tls[1])] if tls else []
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port), *words]
        calls = {"INITIAL_NO_AUTH_ACTION_COUNT": str(3 * len(RIGHTS))}  # then it asks for keys
        self.process = subprocess.Popen(
            tied(command), env={**os.environ, **calls}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self._wait()
        self._authority = str(tls[2]) if tls else None
        iam = self._client("iam", "setup", "setup")
        self.keys = {name: _user(iam, name, rights) for name, rights in RIGHTS.items()}
        self.client = self._client("s3", *self.keys["owner"])

    def make(self, *, versioned: bool = False) -> Bucket:
        """A new bucket, and a prefix in it."""
        self.number += 1
        made = Bucket(f"lake-{self.number}", "task/house")
        self.client.create_bucket(Bucket=made.name)
        if versioned:
            self.client.put_bucket_versioning(Bucket=made.name, VersioningConfiguration={"Status": "Enabled"})
        return made

    def environment(self, user: str = "owner") -> dict[str, str]:
        """The environment of a process with the keys of a user."""
        key_id, secret = self.keys[user]
        return {
            "AWS_ACCESS_KEY_ID": key_id,
            "AWS_SECRET_ACCESS_KEY": secret,
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": self.url,
        }

    def objects(self, bucket: Bucket) -> dict[str, bytes]:
        """All objects of a bucket, also outside its prefix, by their names."""
        found = self.client.list_objects_v2(Bucket=bucket.name).get("Contents", [])
        return {one["Key"]: self.read(f"s3://{bucket.name}/{one['Key']}") for one in found}

    def read(self, path: Path | str) -> bytes:
        """The bytes of an object."""
        body: bytes = self.client.get_object(**_named(str(path)))["Body"].read()
        return body

    def write(self, path: Path, body: bytes) -> None:
        """Replace an object."""
        self.client.put_object(**_named(str(path)), Body=body)

    def delete(self, path: Path) -> None:
        """Delete an object."""
        self.client.delete_object(**_named(str(path)))

    def has(self, path: Path) -> bool:
        """Whether an object is there."""
        named = _named(str(path))
        found = self.client.list_objects_v2(Bucket=named["Bucket"], Prefix=named["Key"]).get("Contents", [])
        return named["Key"] in [one["Key"] for one in found]

    def pause(self, *, on: bool) -> None:
        """Let it hang, or go on."""
        self.process.send_signal(signal.SIGSTOP if on else signal.SIGCONT)

    def remove(self) -> None:
        """End it; it kept nothing on the disk."""
        self.process.kill()
        self.process.wait(20)

    def _wait(self) -> None:
        until = time.monotonic() + 120
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                assert time.monotonic() < until, "the server did not start"
                time.sleep(0.1)
            else:
                return

    def _client(self, service: str, key_id: str, secret: str) -> Any:
        """A client that shares no code with DuckDB."""
        import boto3  # noqa: PLC0415 - only the environment of the lake has it

        given = {"aws_access_key_id": key_id, "aws_secret_access_key": secret, "verify": self._authority}
        return boto3.client(service, endpoint_url=self.url, region_name="us-east-1", **given)


class Folder:
    """The same for files."""

    def read(self, path: Path) -> bytes:
        """The bytes of a file."""
        return path.read_bytes()

    def write(self, path: Path, body: bytes) -> None:
        """Replace a file."""
        path.write_bytes(body)

    def delete(self, path: Path) -> None:
        """Delete a file."""
        path.unlink()

    def has(self, path: Path) -> bool:
        """Whether a file is there."""
        return path.exists()


def _user(iam: Any, name: str, rights: tuple[str, ...]) -> tuple[str, str]:
    """A user with a key."""
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": list(rights), "Resource": "*"}]}
    iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName="rights", PolicyDocument=json.dumps(policy))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return key["AccessKeyId"], key["SecretAccessKey"]


def _named(path: str) -> dict[str, str]:
    bucket, _, key = path.removeprefix("s3:").lstrip("/").partition("/")
    return {"Bucket": bucket, "Key": key}


def keys_here() -> dict[str, str]:
    """The variables of this process that name object storage and its keys."""
    return {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
