"""What is known of DuckDB's blocks, held against files that DuckDB wrote."""

import gzip
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taskhouse.warehouse import blocks
from taskhouse.warehouse.blocks import BLOCK, HEADERS, intact, offset, same_in_use
from taskhouse.warehouse.engine import COMPATIBILITY

OLDER = Path(__file__).parent / "duckdb_1.5.duckdb.gz"
"""Written by DuckDB 1.5.1."""


def made(path: Path, storage: str = COMPATIBILITY) -> bytes:
    with duckdb.connect(str(path), config={"storage_compatibility_version": storage}) as connection:
        for number in range(3):
            connection.execute(f"CREATE TABLE t{number} AS SELECT range FROM range(3000)")
            connection.execute("CHECKPOINT")
    return path.read_bytes()


def split(content: bytes) -> list[bytes]:
    return [content[start : start + BLOCK] for start in range(HEADERS, len(content), BLOCK)]


@pytest.fixture(scope="module", params=["this version", "1.5"])
def content(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    if request.param == "1.5":
        return gzip.decompress(OLDER.read_bytes())
    return made(tmp_path_factory.mktemp("made") / "made.duckdb")


def test_every_block_of_a_real_file_is_intact_and_its_version_is_a_tested_one(content: bytes) -> None:
    found = split(content)
    assert len(found) > 1
    assert all(map(intact, found))
    assert blocks.tested(content[:HEADERS])


def test_a_block_of_which_any_byte_differs_is_not(content: bytes) -> None:
    block = split(content)[0]

    @settings(max_examples=50)
    @given(st.integers(0, BLOCK - 1), st.integers(1, 255))
    def differs(place: int, by: int) -> None:
        assert not intact(block[:place] + bytes([block[place] ^ by]) + block[place + 1 :])

    differs()
    assert not intact(block[:-1])
    assert not intact(b"")


def test_parts_in_use_are_those_that_duckdb_says(content: bytes, tmp_path: Path) -> None:
    """Zeroing what is free changes nothing that DuckDB reads but the checksum."""
    path = tmp_path / "copy.duckdb"
    path.write_bytes(content)
    with duckdb.connect(str(path)) as connection:
        found = connection.execute("SELECT block_id, free_list FROM pragma_metadata_info()").fetchall()
    for number, free in found:
        block = bytearray(content[offset(number) :][:BLOCK])
        used = (1 << 64) - 1 & ~sum(1 << part for part in free)
        assert 0 < used < (1 << 64) - 1
        for part in free:
            block[8 + part * 4088 : 8 + (part + 1) * 4088] = bytes(4088)
        assert same_in_use(bytes(block), content[offset(number) :][:BLOCK], used)
        first = min(set(range(64)) - set(free))
        block[8 + first * 4088] ^= 1
        assert not same_in_use(bytes(block), content[offset(number) :][:BLOCK], used)


def test_blocks_in_use_are_those_that_duckdb_counts(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "copy.duckdb"
    path.write_bytes(content)
    with duckdb.connect(str(path), read_only=True) as connection:
        total, used = connection.execute("SELECT total_blocks, used_blocks FROM pragma_database_size()").fetchall()[0]
        named = connection.execute("SELECT DISTINCT block_id FROM pragma_storage_info('t2') WHERE persistent")
        data = {number for (number,) in named.fetchall() if number >= 0}
    found = blocks.in_use(content[:HEADERS], lambda number: content[offset(number) :][:BLOCK])
    assert data
    assert data <= set(found) <= set(range(total))
    assert len(found) == used
    with pytest.raises(ValueError, match="cannot be read"):
        blocks.in_use(content[:HEADERS], lambda _: b"")


def test_versions_that_were_not_tested_are_not_known(content: bytes, tmp_path: Path) -> None:
    headers = content[:HEADERS]
    for place in (8, 12, 20, *range(124, 125)):
        changed = bytearray(headers)
        changed[place : place + 1] = b"\x2a"
        assert blocks.tested(bytes(changed)) is (place == 124)
    assert not blocks.tested(headers[:124] + bytes(16) + headers[140:])
    assert not blocks.tested(headers[:-1])
    assert not blocks.tested(made(tmp_path / "old.duckdb", "v1.0.0")[:HEADERS])
