"""What the settings of a lake must be, and what is said where there is none."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

import taskhouse
from taskhouse.errors import ConfigurationError
from taskhouse.lake.engine import Lake, connect
from taskhouse.lake.service import shard_of
from taskhouse.settings import Settings


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
