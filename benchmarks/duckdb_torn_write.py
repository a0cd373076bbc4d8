"""What a write that is cut short does to a DuckDB file: needs duckdb, a C compiler and Linux, and nothing of taskhouse.

    python benchmarks/duckdb_torn_write.py [--kills 200] [--storage v1.5.0]

A child opens a copy of one database, inserts rows and runs CHECKPOINT. In the first part, a shim in front of pwrite
lets one write to the database file stop in its middle and kills the child: once for each write that the child makes.
In the second part, the child is killed at a random moment, with no shim. After each, the file is opened and read.
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import duckdb

HEADERS, BLOCK, TABLES = 3 * 4096, 262_144, 40
SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
static ssize_t (*real)(int, const void *, size_t, off_t);
static int count;
static ssize_t cut(int fd, const void *buffer, size_t size, off_t offset) {
    struct stat here, there;
    const char *path = getenv("TEAR_FILE"), *at = getenv("TEAR_AT");
    if (!real) real = dlsym(RTLD_NEXT, "pwrite");
    if (!path || !at || fstat(fd, &here) || stat(path, &there) || here.st_ino != there.st_ino)
        return real(fd, buffer, size, offset);
    if (++count == atoi(at)) {
        size_t part = atol(getenv("TEAR_BYTES"));
        real(fd, buffer, part ? part : size / 2, offset);
        fprintf(stderr, "%zu %lld\n", size, (long long)offset);
        kill(getpid(), SIGKILL);
    }
    return real(fd, buffer, size, offset);
}
ssize_t pwrite(int fd, const void *buffer, size_t size, off_t offset) { return cut(fd, buffer, size, offset); }
ssize_t pwrite64(int fd, const void *buffer, size_t size, off_t offset) { return cut(fd, buffer, size, offset); }
"""
CHILD = """
import sys, duckdb
with duckdb.connect(sys.argv[1]) as c:
    for number in range(24):
        c.execute(f"INSERT INTO t{number} BY NAME SELECT range AS id, 'x' || range AS text FROM range(1000)")
        if number % 6 == 5:
            c.execute("CHECKPOINT")
"""


def main() -> None:
    """Make a database, then try every write and some kills."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--kills", type=int, default=200, help="children killed at a random moment")
    arguments.add_argument("--storage", default="v1.5.0", help="storage_compatibility_version of the file")
    chosen = arguments.parse_args()
    print(f"DuckDB {duckdb.__version__}, storage {chosen.storage}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        base = folder / "base.duckdb"
        with duckdb.connect(str(base), config={"storage_compatibility_version": chosen.storage}) as connection:
            for number in range(TABLES):
                columns = ", ".join(f"c{each} VARCHAR" for each in range(20))
                connection.execute(f"CREATE TABLE t{number} (id BIGINT, text VARCHAR, {columns})")
                rows = "SELECT range AS id, 'y' || range AS text FROM range(1000)"
                connection.execute(f"INSERT INTO t{number} BY NAME {rows}")
        cut(folder, base, 0)
        cut(folder, base, 4096)
        kills(folder, base, chosen.kills)


def cut(folder: Path, base: Path, part: int) -> None:
    """Cut each write of the child after ``part`` bytes, or in half if that is 0, one child a write."""
    (folder / "shim.c").write_text(SHIM, encoding="utf-8")
    shim = folder / "shim.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", shim, folder / "shim.c", "-ldl"], check=True)
    found: Counter[str] = Counter()
    number = 1
    while True:
        path = copy(folder, base)
        tearing = {"LD_PRELOAD": str(shim), "TEAR_FILE": str(path), "TEAR_AT": str(number), "TEAR_BYTES": str(part)}
        child = subprocess.run(
            [sys.executable, "-c", CHILD, path],
            env={**os.environ, **tearing},
            capture_output=True,
            text=True,
            check=False,
        )
        if child.returncode == 0:
            break
        size, offset = map(int, child.stderr.split()[-2:])
        problem = opened(path)
        found["destroyed" if problem else "opens"] += 1
        if problem:
            place = f"block {(offset - HEADERS) // BLOCK}" if offset >= HEADERS else f"header at {offset}"
            print(f"  write {number}: {size} bytes, {place}: {problem}")
        number += 1
    where = f"after {part} bytes" if part else "in half"
    print(f"writes cut {where}: {found.total()}, files that cannot be read afterwards: {found['destroyed']}")


def kills(folder: Path, base: Path, count: int) -> None:
    """Kill the child at random moments of its life."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", CHILD, copy(folder, base)], check=True)
    life = time.perf_counter() - began
    found: Counter[str] = Counter()
    for _ in range(count):
        path = copy(folder, base)
        child = subprocess.Popen([sys.executable, "-c", CHILD, path])
        try:
            child.wait(random.uniform(0, life))
        except subprocess.TimeoutExpired:
            child.send_signal(signal.SIGKILL)
            child.wait()
        problem = opened(path)
        found["destroyed" if problem else "opens"] += 1
        if problem:
            print(f"  killed: {problem}")
    print(f"children killed at random moments: {count}, files that cannot be read afterwards: {found['destroyed']}")


def copy(folder: Path, base: Path) -> Path:
    """The database anew, with no log."""
    path = folder / "torn.duckdb"
    Path(f"{path}.wal").unlink(missing_ok=True)
    shutil.copy(base, path)
    return path


def opened(path: Path) -> str:
    """What DuckDB says of the file; nothing if all of it can be read."""
    try:
        with duckdb.connect(str(path)) as connection:
            for number in range(TABLES):
                connection.execute(f"SELECT count(*), max(text) FROM t{number}").fetchall()  # noqa: S608 - our own names
    except duckdb.Error as problem:
        return str(problem).splitlines()[0][:120]
    return ""


if __name__ == "__main__":
    main()
