"""What ``taskhouse dev`` takes with every schedule on: processor time, memory, and the growth of Dagster's folder.

    python benchmarks/dagster_rest.py [--minutes 20] [--tasks 300] [--live 0]

An emulator in a process of its own serves a project; after a first sync, ``taskhouse dev`` runs on it at the cadence of
the settings. Processor time is that of all its processes, runs included; memory is what they share counted once (PSS)
beside the sum that ``top`` shows (RSS). With ``--after 22`` it has come to rest: nothing moved for 20 minutes.
"""

import argparse
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.harness.emulator import serving
from taskhouse.emulator.settings import EmulatorSettings

LOOK_S = 5
TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


def family(pid: int) -> Iterator[int]:
    """A process and every process below it."""
    yield pid
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text("utf-8").split()
    except OSError:
        return
    for child in children:
        yield from family(int(child))


def role(pid: int) -> str:
    """What a process is there for."""
    words = Path(f"/proc/{pid}/cmdline").read_text("utf-8").replace("\0", " ")
    known = {
        "dagster_webserver": "webserver",
        "daemon run": "daemon",
        "api grpc": "code server",
        " dev ": "dev",
    }
    return next((name for mark, name in known.items() if mark in words), "runs")


def busy_s(pid: int) -> tuple[float, float]:
    """Processor time of a process, and of its children that ended."""
    fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    own, ended = sum(map(int, fields[11:13])), sum(map(int, fields[13:15]))
    return own / TICKS_A_SECOND, ended / TICKS_A_SECOND


def memory(pid: int) -> tuple[int, int]:
    """Bytes that a process has: its share, and all that it maps."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text("utf-8")
    sizes = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in text.splitlines()[1:]}
    return sizes["Pss"], sizes["Rss"]


def look(pid: int) -> tuple[dict[str, float], dict[str, int], int]:
    """Processor time by role, shares of memory by role, and all that is mapped."""
    spent: dict[str, float] = {}
    shares: dict[str, int] = {}
    whole = 0
    for one in family(pid):
        try:
            name, (own, ended), (pss, rss) = role(one), busy_s(one), memory(one)
        except (OSError, KeyError):
            continue
        spent[name] = spent.get(name, 0.0) + own
        spent["runs"] = spent.get("runs", 0.0) + ended
        shares[name] = shares.get(name, 0) + pss
        whole += rss
    return spent, shares, whole


def on_disk(folder: Path) -> dict[str, int]:
    """Bytes of Dagster's folder: of each table of its databases, of runs' own databases, and of what else is there."""
    found: dict[str, int] = {}
    for path in sorted(file for file in folder.rglob("*") if file.is_file()):
        size = path.stat().st_blocks * 512
        name = str(path.relative_to(folder))
        if ".db-" in path.name:
            continue  # write-ahead logs are emptied again
        if path.suffix != ".db":
            name = name.split("/", maxsplit=1)[0]
        elif path.parent.name == "runs" and path.stem != "index":
            name = "databases of runs"
        else:
            found |= {f"{name}: {table}": bytes_ for table, bytes_ in tables(path)}
            continue
        found[name] = found.get(name, 0) + size
    return found


def tables(path: Path) -> list[tuple[str, int]]:
    """Bytes of each table of a database, with its indexes."""
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as opened:
        return opened.execute(
            "SELECT s.tbl_name, sum(d.pgsize) FROM dbstat AS d JOIN sqlite_schema AS s ON s.name = d.name"
            " GROUP BY s.tbl_name"
        ).fetchall()


def main() -> int:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--after", type=float, default=2, help="minutes before, in which it starts and comes to rest")
    parser.add_argument("--tasks", type=int, default=300)
    parser.add_argument("--live", type=int, default=0)
    asked = parser.parse_args()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in a shell's background
    world = EmulatorSettings(tasks=asked.tasks, repositories=20, live_runs=asked.live, events=0.1, throttle=False)
    with serving(world) as url, tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        environment = {
            **os.environ, "POSTHOG_HOST": url, "POSTHOG_PERSONAL_API_KEY": "phx_emulator", "POSTHOG_PROJECT_IDS": "1",
            "TASKHOUSE_HOME": str(folder / "home"), "TASKHOUSE_SCHEDULES": "true",
        }  # fmt: skip
        subprocess.run(
            [sys.executable, "-m", "taskhouse.pipelines.cli", "sync"], cwd=folder, env=environment, check=False
        )
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        command = [sys.executable, "-m", "taskhouse.pipelines.cli", "dev", "--port", str(port)]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                command, cwd=folder, env=environment, stdout=log, stderr=log, start_new_session=True
            )
        try:
            time.sleep(asked.after * 60)
            before, _, _ = look(process.pid)
            disk = on_disk(folder / "home" / "dagster")
            began, shares, wholes = time.monotonic(), [], []
            while time.monotonic() - began < asked.minutes * 60:
                time.sleep(LOOK_S)
                after, by_role, whole = look(process.pid)
                shares.append(sum(by_role.values()))
                wholes.append(whole)
            took = time.monotonic() - began
            grown = on_disk(folder / "home" / "dagster")
        finally:
            os.kill(process.pid, signal.SIGTERM)
            process.wait(120)
        lines = (folder / "log").read_text("utf-8", "replace").splitlines()
    for name, spent in after.items():
        share = by_role.get(name, 0) / 1e6
        print(f"{100 * (spent - before.get(name, 0)) / took:6.2f} % of a core, {share:4.0f} MB at the end: {name}")
    print(f"{100 * (sum(after.values()) - sum(before.values())) / took:6.2f} % of a core in all")
    for name, found in (("share", sorted(shares)), ("RSS", sorted(wholes))):
        print(f"{name}: least {found[0] / 1e6:.0f} MB, median {found[len(found) // 2] / 1e6:.0f} MB,"
              f" most {found[-1] / 1e6:.0f} MB")  # fmt: skip
    a_day = 86400 / took
    for name, size in sorted(grown.items(), key=lambda item: disk.get(item[0], 0) - item[1]):
        if size - disk.get(name, 0):
            print(f"{(size - disk.get(name, 0)) / 1e3:9.1f} kB more, {size / 1e3:9.1f} in all: {name}")
    print(f"{(sum(grown.values()) - sum(disk.values())) * a_day / 1e6:.1f} MB a day; {len(lines)} lines printed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
